"""MH-Z19, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.facts import NoReading
from agent.devices.base import Event, Facts, ProtocolError
from agent.devices.sensor.mhz19 import BUFFER_BYTES_MAX, REQUEST, Mhz19, checksum

ANSWER = bytes.fromhex("FF 86 02 60 47 00 00 00 D1")
"""The data sheet's example: 0x0260 is 608 ppm."""


def heard(events: list[Event]) -> list[object]:
    return [event.readings["env.co2_ppm"] for event in events if isinstance(event, Facts)]


def with_checksum(body: bytes) -> bytes:
    return body + bytes((checksum(body),))


def test_the_request_obeys_its_own_checksum() -> None:
    assert Mhz19().request() == bytes.fromhex("FF 01 86 00 00 00 00 00 79")
    assert checksum(REQUEST) == REQUEST[8]


@pytest.mark.parametrize("cut", range(len(ANSWER) + 1))
def test_an_answer_cut_at_every_byte(cut: int) -> None:
    sensor = Mhz19()
    sensor.request()
    assert heard(sensor.receive(ANSWER[:cut]) + sensor.receive(ANSWER[cut:])) == [608]
    assert sensor.buffered == 0


@pytest.mark.parametrize("at", range(len(ANSWER)))
def test_one_wrong_byte_is_no_reading(at: int) -> None:
    wrong = bytearray(ANSWER)
    wrong[at] ^= 0x10
    assert heard(Mhz19().receive(bytes(wrong))) == []


def test_our_own_request_coming_back_is_no_reading() -> None:
    assert heard(Mhz19().receive(REQUEST)) == []


def test_a_late_answer_belongs_to_no_new_question() -> None:
    sensor = Mhz19()
    sensor.receive(ANSWER[:5])
    sensor.request()
    assert heard(sensor.receive(ANSWER[5:])) == []


def test_a_value_beyond_the_sensor_is_garbled() -> None:
    assert heard(Mhz19().receive(with_checksum(bytes.fromhex("FF 86 FF FF 00 00 00 00")))) == [NoReading("garbled")]


@pytest.mark.parametrize(
    ("wire", "reading"),
    [
        ("FF 86 00 00 3E 00 00 00 3C", NoReading("garbled")), ("FF 86 01 2B 00 00 00 00 4E", NoReading("garbled")),
        ("FF 86 01 2C 00 00 00 00 4D", 300), ("FF 86 13 88 00 00 00 00 DF", NoReading("end_of_range")),
        ("FF 86 07 D0 00 00 00 00 A3", NoReading("end_of_range")),
        ("FF 86 27 10 00 00 00 00 43", NoReading("end_of_range")),
        ("FF 86 13 87 00 00 00 00 E0", 4999), ("FF 86 27 11 00 00 00 00 42", NoReading("garbled")),
    ],
)  # fmt: skip
def test_what_no_air_has_and_what_the_sensor_cannot_show_are_no_measurements(wire: str, reading: object) -> None:
    frame = bytes.fromhex(wire)
    assert frame[8] == checksum(frame)
    assert heard(Mhz19().receive(frame)) == [reading]


@given(before=st.binary(max_size=60), chunk=st.integers(1, 20))
def test_noise_before_an_answer(before: bytes, chunk: int) -> None:
    """A good frame is found behind noise, also behind noise that looks like the head of a frame."""
    sensor, events = Mhz19(), []
    wire = before + b"\xff\x86\x02" + ANSWER
    for at in range(0, len(wire), chunk):
        events += sensor.receive(wire[at : at + chunk])
    assert heard(events)[-1] == 608


@given(st.lists(st.binary(max_size=500), max_size=10))
def test_pure_noise(parts: list[bytes]) -> None:
    sensor = Mhz19()
    for part in parts:
        sensor.receive(part)
        assert sensor.buffered <= BUFFER_BYTES_MAX


def test_endless_noise_is_said() -> None:
    assert [type(event) for event in Mhz19().receive(b"\xff" * 2000)] == [ProtocolError]
