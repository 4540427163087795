"""Devices that were called dead by their slowness, and ones that are dead though they say something."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping

import pytest

from agent.core.facts import SLOW, NoReading, Reading
from agent.devices.inquiry import Query
from agent.probes.link import BARREN_LOOKS_MAX
from agent.probes.settings_pause import SettingsPause
from agent.probes.turns import OutOfTime
from tests.devices.kit import RECORDINGS, Conversation, Recording, conversation, load
from tests.devices.slow import LOOK_S, Device, Pace, SlowStream

ROOM_BAR_BYTES = 10_500
"""JSON of one look at a Room Bar, in twelve answers and one of `SystemUnit`'s 2.2 kB."""
TALL = {"xStatus SystemUnit": 2000, "xStatus Video Output": 1900, "xStatus Cameras": 1800, "xStatus SIP": 1100}
"""Bytes that a real codec says beyond what the recording keeps."""


def recording(name: str) -> Recording:
    return load(RECORDINGS / f"{name}.txt")


def room_bar() -> Recording:
    """The recording, as tall as the real device's tree."""
    told = recording("cisco_xapi/json_idle")
    for question, size in TALL.items():
        tree = json.loads(told.answers[question].replace(b"$ID", b"ID"))
        top = tree.get("StatusResponse", tree)["Status"]
        inner = top[question.split()[1]]
        (inner[0] if isinstance(inner, list) else inner)["Notes"] = {"Value": "n" * size}
        told.answers[question] = json.dumps(tree).replace('"ID"', '"$ID"').encode() + b"\r\n"
    return told


def values(look: Mapping[str, Reading]) -> dict[str, Reading]:
    return {key: said for key, said in look.items() if not isinstance(said, NoReading)}


def test_a_codec_with_a_real_tree_at_9600_baud() -> None:
    device = Device("codec", room_bar(), Pace(bytes_per_s=960), serial=True)
    at_once = Device("codec", room_bar(), Pace(), serial=True)
    plain = [at_once.looked() for _ in range(2)][-1]
    device.looked()
    looks = [device.looked() for _ in range(6)]
    assert sum(device.said) / 7 > ROOM_BAR_BYTES * LOOK_S["codec"] / 12, "this test is about a slow line"
    for look in looks:
        assert look["codec.api"] is True
        assert look["codec.in_call"] is False, "what is asked of calls comes first at every look"
        assert all(plain[key] == said for key, said in values(look).items())
    for first, second in itertools.pairwise(looks):
        assert set(values(first)) | set(values(second)) == set(values(plain)), "every second look at the latest"
    assert len(device.streams) == 1, "the conversation goes on"


@pytest.mark.parametrize("thinks_s", [1.4, 2.0])
def test_a_projector_that_takes_its_time_keeps_its_power_state(thinks_s: float) -> None:
    """1.4 s for each answer were reported of a Hitachi; the specification allows 2 s."""
    device = Device("display", recording("pjlink/class1_on"), Pace(thinks_s))
    looks = [device.looked() for _ in range(8)]
    assert {(look["display.api"], look["display.power"]) for look in looks} == {(True, "on")}
    assert {said for look in looks for said in [look["display.input"], look["display.lamp_h"]]} > {SLOW}
    assert not device.link.is_open(), "between two looks somebody else may have it"


def test_a_projector_whose_log_in_takes_a_look_is_asked_on_the_same_line() -> None:
    """Slower than the specification allows. What was kept, and was ended meanwhile, is no refusal."""
    device = Device("display", recording("pjlink/class1_on"), Pace(3.5))
    looks = [device.looked() for _ in range(6)]
    assert [(look["display.api"], look["display.power"]) for look in looks] == [(SLOW, SLOW), (True, "on")] * 3
    device.looked()
    assert device.link.is_open()
    device.streams[-1].ended = True
    assert device.looked()["display.api"] == SLOW


class Babbling(SlowStream):
    """Says something all the time, and never an answer."""

    def recv(self, timeout_s: float) -> bytes:
        super().recv(min(timeout_s, 0.1))
        return b"."


@pytest.mark.parametrize("name", ["cisco_xapi/json_idle", "poly_cli/hdx_idle"])
def test_who_babbles_hangs_all_the_same(name: str) -> None:
    device = Device("codec", recording(name), Pace())
    device.looked()
    device.link._stream = Babbling(device.recording, device.time, Pace())  # type: ignore[attr-defined]
    device.stream = Babbling
    seen = [device.looked()["codec.api"] for _ in range(BARREN_LOOKS_MAX + 1)]
    assert seen == [SLOW] * (BARREN_LOOKS_MAX - 1) + [False] * 2


def test_who_has_gone_silent_when_the_time_is_up_is_dead() -> None:
    """What it has answered before counts all the same."""
    device = Device("codec", recording("cisco_xapi/json_idle"), Pace())
    assert device.looked()["codec.api"] is True
    told = device.recording
    told.answers = {"xStatus SystemUnit": told.answers["xStatus SystemUnit"]}
    told.unknown = b""
    device.streams[-1].pace = Pace(bytes_per_s=len(told.answers["xStatus SystemUnit"]) / 5.0)
    dying = device.looked()
    assert (dying["codec.api"], dying["codec.model"]) == (False, "Cisco Room Kit")
    assert dying["codec.in_call"] == dying["codec.standby"] == NoReading("timeout")
    told.answers = {}
    assert device.looked()["codec.api"] is False


@pytest.mark.parametrize(
    ("name", "mute", "fact"),
    [
        ("cisco_http/ce_idle", "/Status/SIP", "codec.registered"),
        ("poly_videoos/x30_idle", "/rest/audio", "codec.volume_pct"),
        ("huawei_te/te20_idle", "WEB_IsSystemSleepAPI", "codec.standby"),
    ],
)
def test_one_silent_page_is_no_silent_codec(name: str, mute: str, fact: str) -> None:
    """As on any other line: that question is given up, and asked again at the next look."""
    device = Device("codec", recording(name), Pace())
    assert device.web is not None
    plain = device.looked()
    device.web.mute = (mute,)
    for _ in range(3):
        look = device.looked()
        assert look == plain | {fact: NoReading("timeout")} | {k: v for k, v in look.items() if k in UNSURE}
    device.web.mute = ("",)
    dead = device.looked()
    assert dead["codec.api"] is False
    assert isinstance(dead["codec.in_call"], NoReading)
    device.web.mute = ()
    assert device.looked()["codec.in_call"] is False


UNSURE = frozenset({"codec.mic_muted", "codec.mic_connected"})
"""Other facts of the pages that are silent there."""


def test_what_is_answered_after_the_end_is_as_old_as_its_question() -> None:
    """The answer that a look did not wait for counts in the next: it is not asked again, and no younger than it was."""
    device = Device("codec", room_bar(), Pace(bytes_per_s=960))
    link = device.link
    overtaken = 0
    for _ in range(6):
        link.observe(LOOK_S["codec"])
        (late, *_), asked = link._late or ("",), len(device.heard)
        facts = [fact for fact, keys in link._session.decided_by.items() if keys == (late,)]  # type: ignore[union-attr]
        sent_s = link._sent_s.get(late, 0.0)
        found = link.observe(LOOK_S["codec"])
        if facts and f"xStatus {late}" not in device.heard[asked:]:
            overtaken += 1
            assert {found.asked_s[fact] for fact in facts} == {sent_s}
            assert all(not isinstance(found[fact], NoReading) for fact in facts)
    assert overtaken


def lagging(told: Recording) -> Conversation:
    """Each answer of a poll comes one silence late, and names its question."""
    talk = conversation(told)
    talk.start()
    talk.poll()
    held = [b""]

    def late(data: bytes) -> bytes:
        held.append(data)
        return held.pop(0)

    talk.channel = late
    return talk


@pytest.mark.parametrize(
    "name", ["cisco_xapi/json_in_call", "cisco_xapi/json_idle", "cisco_ws/in_call", "cisco_ws/idle"]
)
def test_an_answer_that_names_its_question_counts_when_it_comes_late(name: str) -> None:
    told = recording(name)
    facts = lagging(told).poll()
    plain = conversation(told)
    plain.start()
    plain.poll()
    wanted = plain.poll()
    assert facts["codec.api"] is True
    assert facts["codec.in_call"] is wanted["codec.in_call"]
    assert all(wanted[key] == said for key, said in values(facts).items())
    assert len(values(facts)) > len(values(wanted)) / 2


def test_settings_are_not_given_up_for_a_look_that_had_no_time_for_them() -> None:
    pause, talk = SettingsPause(), conversation(recording("poly_cli/hdx_idle"))
    talk.start()
    talk.session.poll()
    talk.session._queue.clear()  # type: ignore[attr-defined]
    talk.session._asked = Query("autoanswer", "autoanswer get", optional=True)  # type: ignore[attr-defined]
    assert talk.session.waits_for_optional
    with pytest.raises(OutOfTime):
        run_out_in(pause, talk)
    with pause.asked_of(talk.session, lambda: 1.0):
        assert talk.session.asks_settings


def run_out_in(pause: SettingsPause, talk: Conversation) -> None:
    with pause.asked_of(talk.session, lambda: 0.0):
        raise OutOfTime(lives=True)
