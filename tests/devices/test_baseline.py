"""Settings of a codec against its baseline: read in every tongue, told, written, and read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed
from agent.devices.codec._baseline import EVERY, HEAD, REMEDY, SETTINGS_MAX, Baseline, problem
from agent.devices.codec._xapi_replies import Values
from tests.devices.kit import Recording, recordings
from tests.devices.test_conformance import conversation
from tests.devices.webkit import WebConversation, web_recordings

ASKED = ("xConfiguration Audio DefaultVolume", "xGet Configuration/Audio/DefaultVolume")
STREAMS = [
    recording
    for family in ("cisco_xapi", "cisco_ws")
    for recording in recordings(family)
    if any(asked in recording.answers for asked in ASKED)
]
WANTED = {"Audio DefaultVolume": "70"}
DIFFERS = (False, "Audio DefaultVolume = 50 (70)")


def told(facts: dict[str, Reading]) -> tuple[Reading, Reading]:
    return facts["codec.settings_ok"], facts["codec.settings_off"]


def test_every_tongue_is_here() -> None:
    assert {"ce_text_idle", "json_idle", "idle"} <= {recording.name for recording in STREAMS}


@pytest.mark.parametrize("recording", STREAMS, ids=lambda r: f"{r.family}/{r.name}")
def test_a_stream_tells_what_differs_and_writes_it(recording: Recording) -> None:
    talk = conversation(recording)
    talk.session.wanted = WANTED
    talk.start()
    assert told(talk.poll()) == DIFFERS
    talk.session.command(REMEDY)
    talk.run(lambda event: isinstance(event, CommandDone | CommandFailed))
    assert [type(event) for event in talk.events if isinstance(event, CommandDone | CommandFailed)] == [CommandDone]


@pytest.mark.parametrize("recording", web_recordings("cisco_http"), ids=lambda r: r.name)
def test_a_web_interface_tells_what_differs_and_writes_it(recording: Recording) -> None:
    talk = WebConversation(recording)
    talk.session.wanted = WANTED
    talk.start()
    assert told(talk.poll()) == DIFFERS
    assert [type(event) for event in talk.command(REMEDY)] == [CommandDone]
    assert talk.asked[-1].endswith("<Configuration><Audio><DefaultVolume>70</DefaultVolume></Audio></Configuration>")


def answers(**said: str | NoReading) -> dict[str, Values | NoReading]:
    made: dict[str, Values | NoReading] = {}
    for name, value in said.items():
        values = Values()
        if isinstance(value, str):
            values.put((HEAD, name), value)
        made[f"{HEAD} {name}"] = value if isinstance(value, NoReading) else values
    return made


def test_it_is_read_seldom_and_at_once_after_it_was_written() -> None:
    baseline = Baseline()
    wanted = {"Delay": "480"}
    looks = []
    for look in range(EVERY + 2):
        if baseline.due(wanted):
            looks.append(look)
            baseline.completed(wanted, answers(Delay="480"))
    assert looks == [0, EVERY]
    baseline.written()
    assert baseline.due(wanted) == ["Delay"]


def test_between_two_readings_it_says_what_it_knew() -> None:
    baseline = Baseline()
    assert set(baseline.completed({}, {}).values()) == {NoReading("absent")}
    assert told(baseline.completed({"Delay": "480"}, answers(Delay="10"))) == (False, "Delay = 10 (480)")
    assert told(baseline.completed({"Delay": "480"}, {})) == (False, "Delay = 10 (480)")
    assert baseline.differing == {"Delay": "480"}
    assert told(baseline.completed({"Delay": "480"}, answers(Delay=" 480"))) == (True, "none")
    assert baseline.differing == {}


def test_one_that_differs_outweighs_one_that_is_silent_and_silence_is_asked_again() -> None:
    baseline, wanted = Baseline(), {"Delay": "480", "Control": "On"}
    baseline.due(wanted)
    found = baseline.completed(wanted, answers(Delay=NoReading("timeout"), Control="on"))
    assert set(found.values()) == {NoReading("timeout")}
    assert baseline.due(wanted) == ["Delay", "Control"], "at once"
    found = baseline.completed(wanted, answers(Delay=NoReading("timeout"), Control="Off"))
    assert told(found) == (False, "Control = Off (On)")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"Audio DefaultVolume": "70", "Standby Delay": "480"}, ""),
        ({"audio/volume": "70"}, "must be a path"),
        ({"Audio DefaultVolume: 3\nxCommand Boot": "x"}, "must be a path"),
        ({"SIP Authentication Password": "x"}, "a secret does not belong here"),
        ({"SystemUnit Name": 'a"b'}, "plain text"),
        ({"SystemUnit Name": "a\nxCommand SystemUnit Boot"}, "plain text"),
        ({"SystemUnit Name": "a | resultId"}, "plain text"),
        ({f"Audio Input{n}": "1" for n in range(SETTINGS_MAX + 1)}, "at most"),
    ],
)
def test_a_baseline_that_cannot_be_is_one_sentence(wanted: dict[str, str], words: str) -> None:
    said = problem(wanted)
    assert (words in said) if words else said == ""


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=30), max_size=5))
def test_nothing_that_passes_ends_a_line_or_a_tag(wanted: dict[str, str]) -> None:
    if problem(wanted) == "":
        text = "".join([*wanted, *wanted.values()])
        assert not set(text) & set('\r\n"<>&|')
