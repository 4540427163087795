"""Every family of displays and cameras, over every recording, on every kind of bad line. See `tests.devices.kit`."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.facts import FACTS, NoReading, Reading
from agent.core.remedies import REMEDIES
from agent.devices.base import BLOCK_BYTES_MAX, CommandDone, CommandFailed, LoginNeeded, MisuseError, Session
from agent.devices.setup import Setup
from agent.probes.families import load, names
from tests.devices.kit import Channel, Conversation, OneByte, Player, Recording, screens, untouched
from tests.effort import examples

KINDS = ("display", "camera")
FAMILIES = [(kind, name) for kind in KINDS for name in names(kind)]
ALL = [(kind, recording) for kind in KINDS for recording in screens(kind)]
FLOOD_BYTES = BLOCK_BYTES_MAX * 5 // 4
"""More than is ever kept, so that a buffer without a bound is noticed."""
PROVEN_BY_POWER = ("cec",)
"""Their orders have no answer: they ask for the power in the same breath, and whoever answers has heard both."""
every_recording = pytest.mark.parametrize(
    ("kind", "recording"), ALL, ids=[f"{recording.family}/{recording.name}" for _, recording in ALL]
)


def fresh(kind: str, recording: Recording) -> Session:
    setup = Setup(recording.login, recording.number, recording.wanted)
    session = importlib.import_module(f"agent.devices.{kind}.{recording.family}").session(setup, "t")
    assert isinstance(session, Session)
    return session


def conversation(kind: str, recording: Recording, channel: Channel = untouched, chunk: int = 0) -> Conversation:
    return Conversation(fresh(kind, recording), Player(recording), channel, chunk)


def polled(talk: Conversation) -> dict[str, Reading]:
    talk.start()
    return talk.poll()


@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_family_attributes(kind: str, family: str) -> None:
    found = load(family, kind)
    assert set(found.keys) <= set(FACTS)
    assert {key.partition(".")[0] for key in found.keys} == {kind}
    assert f"{kind}.api" in found.keys
    assert found.remedies <= set(REMEDIES)
    assert screens(kind, family), "a family without recordings"


@every_recording
@pytest.mark.parametrize("chunk", [0, 1, 2, 3, 7])
def test_facts_whatever_the_cuts(kind: str, recording: Recording, chunk: int) -> None:
    assert polled(conversation(kind, recording, chunk=chunk)) == recording.expected


@every_recording
def test_facts_with_something_unasked_between(kind: str, recording: Recording) -> None:
    assert polled(conversation(kind, recording, lambda data: recording.event + data)) == recording.expected


def power_is_true_or_unknown(kind: str, recording: Recording, facts: dict[str, Reading]) -> None:
    power = f"{kind}.power"
    if facts and isinstance(facts[power], str):
        assert facts[power] == recording.expected[power]


@every_recording
def test_truncated_anywhere(kind: str, recording: Recording) -> None:
    """The line goes dead after any byte: it ends, nothing raises, and what is reported is complete."""
    total = sum(map(len, recording.answers.values()))
    for cut in range(total):
        left = cut

        def cut_off(data: bytes) -> bytes:
            nonlocal left
            passed, left = data[:left], max(0, left - len(data))
            return passed

        facts = polled(conversation(kind, recording, cut_off))
        assert set(facts) in (set(), set(load(recording.family, kind).keys))
        power_is_true_or_unknown(kind, recording, facts)


@every_recording
@pytest.mark.parametrize("noise", [None, b" ", b"\r\n", b"0", b"1", b"\xff"])
def test_one_byte_lost_or_added_never_invents_a_state(kind: str, recording: Recording, noise: bytes | None) -> None:
    """At every byte that the device sends; None: the byte is lost, as a serial line loses them."""
    whole = OneByte()
    polled(conversation(kind, recording, whole.strike))
    assert len(whole.said) > 5
    for place in range(len(whole.said)):
        facts = polled(conversation(kind, recording, OneByte(place, noise).strike))
        power_is_true_or_unknown(kind, recording, facts)


@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(noise=st.lists(st.binary(max_size=300), max_size=20), silences=st.integers(0, 4))
@every_recording
def test_pure_noise_never_raises(kind: str, recording: Recording, noise: list[bytes], silences: int) -> None:
    session = fresh(kind, recording)
    session.open()
    for part in noise:
        session.receive(part)
        session.output()
    for _ in range(silences):
        session.silence()
        session.output()


@every_recording
@pytest.mark.parametrize("filler", [b"A", b"\r", b"%1", b"\xaa\xff\x01\xff", b"\x90\x50", b"\xff", b"a 01 OK"])
def test_a_flood_fills_no_memory(kind: str, recording: Recording, filler: bytes) -> None:
    talk = conversation(kind, recording)
    talk.start()
    talk.session.poll()
    flood = filler * (4096 // len(filler))
    for _ in range(FLOOD_BYTES // len(flood)):
        talk.session.receive(flood)
        talk.session.output()
        assert talk.session.buffered <= BLOCK_BYTES_MAX


@every_recording
def test_a_dead_device_ends_the_conversation(kind: str, recording: Recording) -> None:
    talk = conversation(kind, recording, lambda _: b"")
    talk.start()
    facts = talk.poll()
    assert facts.get(f"{kind}.api") is not True
    assert not talk.session.ready


@every_recording
def test_dies_in_the_middle_of_a_poll(kind: str, recording: Recording) -> None:
    """At every question: it says nothing more. Nothing after that question is known, and nothing is asked for ever."""
    whole = conversation(kind, recording)
    polled(whole)
    for question in range(1, len(whole.player.heard)):
        talk = conversation(kind, recording)
        left = question

        def dies(data: bytes) -> bytes:
            nonlocal left
            left -= 1
            return data if left >= 0 else b""

        talk.channel = dies
        talk.start()
        facts = talk.poll()
        assert set(facts) in (set(), set(load(recording.family, kind).keys))
        power_is_true_or_unknown(kind, recording, facts)
        if not talk.session.ready:
            with pytest.raises(MisuseError):
                talk.session.poll()


@every_recording
def test_answers_one_silence_late(kind: str, recording: Recording) -> None:
    """Nothing is taken for the answer to another question."""
    held = b""

    def late(data: bytes) -> bytes:
        nonlocal held
        passed, held = held, data
        return passed

    talk = conversation(kind, recording, late)
    talk.start()
    for _ in range(3):
        for key, reading in talk.poll().items():
            if key != f"{kind}.api" and not isinstance(reading, NoReading):
                assert reading == recording.expected[key], key


@every_recording
def test_orders(kind: str, recording: Recording) -> None:
    for remedy in sorted(load(recording.family, kind).remedies):
        if remedy == "display_input" and not recording.wanted:
            continue
        talk = conversation(kind, recording, chunk=1)
        talk.start()
        talk.session.command(remedy)
        talk.run(lambda event: isinstance(event, CommandDone | CommandFailed))
        ends = [event for event in talk.events if isinstance(event, CommandDone | CommandFailed)]
        assert [(type(event), event.remedy) for event in ends] == [
            (CommandFailed if remedy in recording.refuses else CommandDone, remedy)
        ]


@pytest.mark.parametrize(
    ("kind", "recording"), [(kind, recording) for kind, recording in ALL if recording.family not in PROVEN_BY_POWER]
)
def test_an_older_answer_is_none_to_an_order(kind: str, recording: Recording) -> None:
    """The answer to the question for power comes late, after the order: it must not count as obedience."""
    older = recording_of_power(kind, recording)
    talk = conversation(kind, recording)
    talk.start()
    talk.session.command(f"{kind}_on")
    talk.session.output()
    assert not [event for event in talk.session.receive(older) if isinstance(event, CommandDone)]


def recording_of_power(kind: str, recording: Recording) -> bytes:
    """What the device answers to the first question of a poll."""
    talk = conversation(kind, recording)
    talk.start()
    talk.session.poll()
    return talk.player.feed(talk.session.output())


@pytest.mark.parametrize(
    ("kind", "recording"), [(kind, recording) for kind, recording in ALL if recording.login.password]
)
def test_no_password_is_said(kind: str, recording: Recording) -> None:
    recording.login = type(recording.login)()
    talk = conversation(kind, recording)
    talk.start()
    assert any(isinstance(event, LoginNeeded) for event in talk.events)
    assert not talk.session.ready
