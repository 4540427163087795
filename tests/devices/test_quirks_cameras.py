"""What cameras do otherwise than their makers' papers. The sources stand in docs/devices.md, "Quirks of the field"."""

from __future__ import annotations

import pytest

from agent.core.facts import NoReading, Reading
from agent.devices.base import CommandDone, CommandFailed, Event, Facts, Ready
from agent.devices.camera.visca import NUMBER_YOURSELVES, ViscaSession
from agent.devices.camera.visca_ip import ViscaIpSession
from agent.devices.setup import Setup

VERSION = "90 50 00 20 05 11 01 00 02 FF"
MODEL = "0020:0511"


def told(events: list[Event]) -> dict[str, Reading]:
    return {key: reading for event in events if isinstance(event, Facts) for key, reading in event.readings.items()}


def camera(number: int = 1) -> ViscaSession:
    session = ViscaSession(Setup(number=number))
    session.open()
    session.output()
    return session


def looked_at(power: str, version: str = VERSION, number: int = 1) -> dict[str, Reading]:
    """A look that is answered with these messages; the first question was answered by the camera of this number."""
    session = camera(number)
    assert Ready() in session.receive(bytes((0x80 | number << 4,)) + bytes.fromhex("50 02 FF"))
    session.poll()
    session.output()
    session.receive(bytes.fromhex(power))
    session.output()
    return told(session.receive(bytes.fromhex(version)))


def test_a_camera_that_is_alone_may_answer_as_the_second() -> None:
    facts = looked_at("A0 50 03 FF", VERSION.replace("90", "A0", 1))
    assert facts == {"camera.api": True, "camera.power": "off", "camera.model": MODEL}


def test_of_a_chain_only_ours_counts() -> None:
    session = camera(2)
    assert Ready() not in session.receive(bytes.fromhex("90 50 02 FF"))
    assert session.receive(bytes.fromhex("A0 50 02 FF")) == [Ready()]


@pytest.mark.parametrize("refusal", ["90 61 41 FF", "90 60 41 FF", "90 62 41 FF"])
def test_a_camera_that_turns_down_the_question_for_its_power_sleeps(refusal: str) -> None:
    facts = looked_at(refusal, "90 61 41 FF")
    assert facts == {"camera.api": True, "camera.power": "off", "camera.model": NoReading("absent")}


@pytest.mark.parametrize(
    ("refusal", "reason"), [("02", "absent"), ("01", "absent"), ("03", "busy"), ("04", "refused"), ("05", "refused")]
)
def test_a_camera_that_is_busy_is_not_one_that_does_not_know(refusal: str, reason: str) -> None:
    assert looked_at(f"90 60 {refusal} FF")["camera.power"] == NoReading(reason)


def test_what_is_left_of_earlier_orders_answers_no_question() -> None:
    facts = looked_at("90 51 FF 90 42 FF 90 52 FF 90 50 02 FF")
    assert (facts["camera.power"], facts["camera.model"]) == ("on", MODEL)


def test_an_order_is_taken_when_it_is_acknowledged() -> None:
    """A camera that wakes has done it half a minute later, or says nothing more of it."""
    session = camera()
    session.receive(bytes.fromhex("90 50 03 FF"))
    session.command("camera_on")
    session.output()
    assert session.receive(bytes.fromhex("90 41 FF")) == [CommandDone("camera_on", "90 41")]
    session.poll()
    session.output()
    assert session.receive(bytes.fromhex("90 51 FF")) == []
    assert session.question == "power", "the late word is none to the question"


@pytest.mark.parametrize("words", ["90 51 FF", "90 50 FF"])
def test_an_order_that_is_only_said_to_be_done(words: str) -> None:
    session = camera()
    session.receive(bytes.fromhex("90 50 03 FF"))
    session.command("camera_on")
    session.output()
    assert [type(event) for event in session.receive(bytes.fromhex(words))] == [CommandDone]


def test_an_order_that_comes_too_early() -> None:
    session = camera()
    session.receive(bytes.fromhex("90 50 03 FF"))
    session.command("camera_on")
    session.output()
    assert session.receive(bytes.fromhex("90 60 03 FF")) == [CommandFailed("camera_on", "refused", "90 60 03")]


@pytest.mark.parametrize("news", ["80 38 FF", "90 38 FF", "A0 38 FF"])
def test_a_chain_that_has_changed_is_numbered_anew(news: str) -> None:
    session = camera()
    assert session.receive(bytes.fromhex(news)) == [], "no noise either"
    assert session.receive(bytes.fromhex("90 50 02 FF")) == [Ready()]
    session.poll()
    assert session.output() == NUMBER_YOURSELVES + bytes.fromhex("81 09 04 00 FF")
    session.receive(bytes.fromhex("88 30 02 FF 90 50 02 FF"))
    assert session.output() == bytes.fromhex("81 09 00 02 FF"), "once"


# -- VISCA over IP


def answered(number: int, message: str) -> bytes:
    payload = bytes.fromhex(message)
    return b"\x01\x11" + len(payload).to_bytes(2, "big") + number.to_bytes(4, "big") + payload


def over_ip() -> ViscaIpSession:
    session = ViscaIpSession(Setup())
    session.open()
    session.output()
    assert session.receive(bytes.fromhex("02 01 00 01 00 00 00 00 01")) == [Ready()]
    return session


def numbered(sent: bytes) -> int:
    return int.from_bytes(sent[4:8], "big")


def test_a_camera_that_cannot_count_is_asked_without_a_number() -> None:
    session = over_ip()
    session.poll()
    assert numbered(session.output()) == 1
    session.receive(answered(1, "90 50 02 FF"))
    assert numbered(session.output()) == 2
    session.receive(answered(1, VERSION))
    assert session.silence() == []
    assert numbered(session.output()) == 2, "asked again: the answer may have been a late one"
    assert told(session.receive(answered(1, VERSION))) == {
        "camera.api": True, "camera.power": "on", "camera.model": MODEL}  # fmt: skip
    session.poll()
    assert numbered(session.output()) == 0
    session.receive(answered(1, "90 50 03 FF"))
    assert numbered(session.output()) == 0
    assert told(session.receive(answered(0, VERSION)))["camera.power"] == "off"


def test_one_late_answer_is_none_to_a_later_question() -> None:
    session = over_ip()
    session.poll()
    session.output()
    session.silence()
    session.output()
    session.receive(answered(1, "90 50 02 FF"))
    session.output()
    session.receive(answered(1, "90 50 03 FF"))
    session.silence()
    session.output()
    assert told(session.receive(answered(1, "90 50 03 FF"))) == {}, "it is none to the question for the model"
    assert told(session.receive(answered(2, VERSION)))["camera.power"] == "on"


def test_other_numbers_stay_somebody_elses() -> None:
    session = over_ip()
    session.poll()
    session.output()
    for _ in range(3):
        session.receive(answered(7, "90 50 03 FF"))
    session.silence()
    session.output()
    assert session.receive(answered(7, "90 50 03 FF")) != []
    session.receive(answered(1, "90 50 02 FF"))
    session.output()
    assert told(session.receive(answered(2, VERSION)))["camera.power"] == "on"
