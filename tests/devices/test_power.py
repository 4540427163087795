"""PZEM-004T and NUT, byte by byte."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.facts import NoReading
from agent.devices.base import (
    CommandDone,
    CommandFailed,
    Event,
    Facts,
    Login,
    LoginRefused,
    ProtocolError,
)
from agent.devices.lines import LINE_BYTES_MAX
from agent.devices.modbus import BUFFER_BYTES_MAX, crc16
from agent.devices.power.nut import KEYS, Nut, facts_of, quoted
from agent.devices.power.pzem004t import GENERAL_ADDRESS, Pzem, keys
from agent.devices.power.sdm120 import Sdm120
from tests.devices.kit import RECORDINGS, load

# 230.1 V, 1.234 A, 283.9 W, 70000 Wh, 50.0 Hz, 0.99, no alarm
WORDS = (2301, 1234, 0, 2839, 0, 70000 & 0xFFFF, 70000 >> 16, 500, 99, 0)


def framed(address: int, body: bytes) -> bytes:
    frame = bytes((address,)) + body
    return frame + crc16(frame)


def answer(address: int = 1, words: tuple[int, ...] = WORDS) -> bytes:
    return framed(address, bytes((4, 20)) + b"".join(word.to_bytes(2, "big") for word in words))


def facts(events: list[Event]) -> list[Facts]:
    return [event for event in events if isinstance(event, Facts)]


def test_the_published_checksum_example() -> None:
    """Modbus over serial line V1.02, appendix B: CRC of 02 07 is 41 12."""
    assert crc16(b"\x02\x07") == b"\x41\x12"


def test_request() -> None:
    assert Pzem("room").request()[:6] == bytes((0xF8, 4, 0, 0, 0, 10))


def test_an_answer_cut_at_every_byte() -> None:
    for cut in range(26):
        meter = Pzem("room", 1)
        meter.request()
        found = facts(meter.receive(answer()[:cut]) + meter.receive(answer()[cut:]))
        assert [found_one.readings for found_one in found] == [
            {"room.draw_w": 283.9, "mains.voltage_v": 230.1, "mains.frequency_hz": 50.0}
        ]


def test_power_above_one_word() -> None:
    words = (2301, 0, 0, 100_000 & 0xFFFF, 100_000 >> 16, *WORDS[5:])
    assert facts(Pzem("room").receive(answer(1, words)))[0].readings["room.draw_w"] == 10_000.0


@pytest.mark.parametrize(
    ("answer", "ended"),
    [
        (b"OK\n", CommandDone("ups_self_test")),
        (b"ERR CMD-NOT-SUPPORTED\n", CommandFailed("ups_self_test", "absent")),
        (b"ERR ACCESS-DENIED\n", CommandFailed("ups_self_test", "denied")),
        (b"ERR INSTCMD-FAILED\n", CommandFailed("ups_self_test", "failed")),
    ],
)
def test_an_order_to_the_ups_is_told_from_the_login(answer: bytes, ended: Event) -> None:
    device = Nut("ups", Login("tester", "right"))
    assert device.hello() + device.order("ups_self_test") == (
        b'USERNAME "tester"\nPASSWORD "right"\nINSTCMD "ups" test.battery.start.quick\n'
    )
    assert device.receive(b"OK\nOK\n") == []
    assert device.receive(answer) == [ended]


def test_the_role_names_the_fact() -> None:
    assert facts(Pzem("codec").receive(answer()))[0].readings == {"codec.draw_w": 283.9}
    assert keys("display") == ("display.draw_w",)


def test_another_meter_on_the_line_is_not_ours() -> None:
    events = Pzem("room", 2).receive(answer(1))
    assert facts(events) == []
    assert isinstance(events[0], ProtocolError)


def test_an_exception_reply() -> None:
    events = Pzem("display", 1).receive(framed(1, b"\x84\x02"))
    assert facts(events)[0].readings == {"display.draw_w": NoReading("refused")}


def floats(voltage_v: float, power_w: float) -> bytes:
    """An SDM120's fourteen registers: voltage at 0x00, current at 0x06, power at 0x0C."""
    return framed(1, bytes((4, 28)) + struct.pack(">7f", voltage_v, 0, 0, 1.25, 0, 0, power_w))


def test_an_sdm120_cut_at_every_byte() -> None:
    assert Sdm120("room", 1).request()[:6] == bytes((1, 4, 0, 0, 0, 14))
    wire = floats(230.1, 283.94)
    for cut in range(len(wire)):
        meter = Sdm120("room", 1)
        found = facts(meter.receive(wire[:cut]) + meter.receive(wire[cut:]))
        assert [one.readings for one in found] == [{"room.draw_w": 283.9, "mains.voltage_v": 230.1}]


@pytest.mark.parametrize("power_w", [float("nan"), float("inf"), 1e30])
def test_an_sdm120_that_sends_no_number(power_w: float) -> None:
    assert facts(Sdm120("codec", 1).receive(floats(230, power_w)))[0].readings == {"codec.draw_w": NoReading("garbled")}


def test_an_sdm120_that_refuses_or_is_another() -> None:
    refused = framed(1, b"\x84\x02")
    assert facts(Sdm120("codec", 1).receive(refused))[0].readings == {"codec.draw_w": NoReading("refused")}
    assert isinstance(Sdm120("codec", 2).receive(floats(230, 1))[0], ProtocolError)


def test_impossible_values_are_garbled() -> None:
    events = Pzem("room", 1).receive(answer(1, (9999, *WORDS[1:])))
    assert facts(events)[0].readings["mains.voltage_v"] == NoReading("garbled")


@given(before=st.binary(max_size=60), chunk=st.integers(1, 30))
def test_noise_before_an_answer(before: bytes, chunk: int) -> None:
    """A good frame is found behind noise, also behind noise that looks like the head of a frame."""
    meter = Pzem("room", 1)
    events: list[Event] = []
    wire = before + b"\x01\x04\x14" + answer()
    for at in range(0, len(wire), chunk):
        events += meter.receive(wire[at : at + chunk])
    assert facts(events)[-1].readings["room.draw_w"] == 283.9


@given(st.binary(max_size=4000))
def test_pure_noise(noise: bytes) -> None:
    meter = Pzem("room", 1)
    meter.receive(noise)
    assert meter.buffered <= BUFFER_BYTES_MAX


@pytest.mark.parametrize("address", [GENERAL_ADDRESS, 1])
@pytest.mark.parametrize("cut", [0, 25, 30, 50])
def test_two_meters_that_answer_one_question_are_told(address: int, cut: int) -> None:
    """Both left at their general address, or both at 1: whose draw it is nobody can say."""
    meter = Pzem("room", address)
    meter.request()
    wire = answer() + answer(words=(2290, *WORDS[1:]))
    found = facts(meter.receive(wire[:cut]) + meter.receive(wire[cut:]))
    assert found[-1] == Facts(dict.fromkeys(keys("room"), NoReading("two_answer")))
    meter.request()
    assert facts(meter.receive(answer()))[0].readings["room.draw_w"] == 283.9, "each question begins anew"


def test_two_meters_of_another_kind_are_told_too() -> None:
    meter = Sdm120("codec", 1)
    meter.request()
    frame = framed(1, bytes((4, 28)) + bytes(28))
    assert facts(meter.receive(frame + frame))[-1].readings == {"codec.draw_w": NoReading("two_answer")}


@given(st.integers(0, 24), st.integers(1, 255))
def test_a_wrong_byte_is_never_a_reading(place: int, flip: int) -> None:
    wire = bytearray(answer())
    wire[place] ^= flip
    assert facts(Pzem("room", 1).receive(bytes(wire))) == []


LISTED = load(RECORDINGS / "nut/list_var.txt").answers["LIST VAR ups"]


def test_a_list_cut_at_every_byte() -> None:
    for cut in range(len(LISTED)):
        device = Nut("ups", Login())
        device.request()
        found = facts(device.receive(LISTED[:cut]) + device.receive(LISTED[cut:]))
        assert [one.readings for one in found] == [
            {
                "ups.on_battery": True,
                "ups.low_battery": True,
                "ups.replace_battery": False,
                "ups.output_on": True,
                "ups.fault": "none",
                "ups.charge_pct": 42,
                "ups.runtime_s": 360,
                "ups.input_v": NoReading("absent"),
            }
        ]


@pytest.mark.parametrize(
    ("status", "on_battery", "low", "replace"),
    [
        ("OL CHRG", False, False, False),
        ("OL RB", False, False, True),
        ("OB DISCHRG LB", True, True, False),
        ("OL LB", False, True, False),
        ("OFF", NoReading("absent"), NoReading("absent"), NoReading("absent")),
        ("WAIT", NoReading("stale"), NoReading("absent"), NoReading("absent")),
        ("", NoReading("absent"), NoReading("absent"), NoReading("absent")),
        ("ALARM RB", NoReading("absent"), NoReading("absent"), True),
    ],
)
def test_status_flags(status: str, on_battery: object, low: object, replace: object) -> None:
    readings = facts_of({"ups.status": status})
    assert (readings["ups.on_battery"], readings["ups.low_battery"], readings["ups.replace_battery"]) == (
        on_battery,
        low,
        replace,
    )


@pytest.mark.parametrize(
    ("status", "on_battery", "output_on"),
    [
        ("OL OFF", False, False), ("OFF OL CHRG", False, False), ("OL OFF TRIM", False, False),
        ("OFF", NoReading("absent"), False), ("OB OFF", True, False), ("OL", False, True), ("OB DISCHRG", True, True),
        ("BYPASS", False, True), ("WAIT", NoReading("stale"), NoReading("stale")),
        ("", NoReading("absent"), NoReading("absent")),
    ],
)  # fmt: skip
def test_an_output_that_is_off(status: str, on_battery: object, output_on: object) -> None:
    """The mains is there, and the room is dark by the UPS."""
    readings = facts_of({"ups.status": status})
    assert (readings["ups.on_battery"], readings["ups.output_on"]) == (on_battery, output_on)


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"ups.status": "ALARM OL", "ups.alarm": "Battery voltage too low!"}, "Battery voltage too low!"),
        ({"ups.status": "ALARM OL"}, "alarm"),
        ({"ups.status": "ALARM OB RB", "ups.alarm": "No battery installed!"}, "No battery installed!"),
        ({"ups.status": "OL CHRG", "ups.alarm": "|CHARGER ON|"}, "none"),
        ({"ups.status": "ALARM OL", "ups.alarm": ""}, "alarm"),
        ({"ups.status": "OL OVER"}, "overload"),
        ({"ups.status": "ALARM OL", "ups.alarm": "  A \n" + "x" * 300}, "A " + "x" * 78),
        ({"ups.status": "OL", "ups.alarm": " "}, "none"),
        ({"ups.status": "OB LB"}, "none"),
        ({"ups.status": ""}, NoReading("absent")),
        ({}, NoReading("absent")),
    ],
)
def test_an_alarm_is_told_in_its_own_words(variables: dict[str, str], fault: object) -> None:
    assert facts_of(variables)["ups.fault"] == fault


@pytest.mark.parametrize(
    ("runtime", "status", "read"),
    [
        ("65535", "OL", NoReading("end_of_range")), ("65534", "OL DISCHRG", NoReading("end_of_range")),
        ("65533", "OL", 65533), ("0", "OL", NoReading("absent")), ("0", "OB DISCHRG", NoReading("absent")),
        ("0", "OB LB", 0), ("-1", "OL", NoReading("absent")), ("599940", "OL", 599940),
        ("", "OL", NoReading("garbled")),
    ],
)  # fmt: skip
def test_a_time_that_a_ups_does_not_know(runtime: str, status: str, read: object) -> None:
    assert facts_of({"ups.status": status, "battery.runtime": runtime})["ups.runtime_s"] == read


MEGATEC = {"ups.status": "OB DISCHRG", "battery.voltage": "21.4", "battery.voltage.nominal": "24.0"}
"""A UPS with Megatec's tongue on its battery: neither charge nor time left."""


@pytest.mark.parametrize(
    ("changed", "charge_pct"),
    [
        ({}, 12), ({"battery.voltage": "26.5"}, 100), ({"battery.voltage": "20.5"}, 0), ({"battery.charge": "55"}, 55),
        ({"battery.voltage.low": "20.0", "battery.voltage.high": "27.0"}, 20),
        ({"battery.voltage.low": "-0.87", "battery.voltage.high": "-1.08"}, 12),
        ({"battery.voltage": "2.28"}, NoReading("absent")), ({"battery.voltage": "-"}, NoReading("absent")),
        ({"battery.voltage.nominal": "0"}, NoReading("absent")),
        ({"ups.status": "OL CHRG", "battery.voltage": "27.3"}, NoReading("absent")),
        ({"battery.charge": "NA"}, NoReading("garbled")),
    ],
)  # fmt: skip
def test_a_charge_that_is_not_told_is_estimated_from_the_voltage(changed: dict[str, str], charge_pct: object) -> None:
    """Only from the battery: while it is charged the voltage is the charger's. A Castle tells that of one cell."""
    assert facts_of(MEGATEC | changed)["ups.charge_pct"] == charge_pct


def test_a_castle_c1k_on_the_mains() -> None:
    """Variables of nut-ddl's dump of a Santak Castle C1K."""
    castle = {"battery.voltage": "2.28", "battery.voltage.high": "-1.08", "battery.voltage.low": "-0.87"}
    readings = facts_of(castle | {"input.voltage": "231.3", "ups.load": "0", "ups.status": "OL"})
    assert readings["ups.charge_pct"] == readings["ups.runtime_s"] == NoReading("absent")
    assert (readings["ups.on_battery"], readings["ups.output_on"], readings["ups.input_v"]) == (False, True, 231.3)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("DATA-STALE", "stale"),
        ("DRIVER-NOT-CONNECTED", "link"),
        ("UNKNOWN-UPS", "absent"),
        ("VAR-NOT-SUPPORTED", "absent"),
        ("ACCESS-DENIED", "denied"),
        ("FEATURE-NOT-SUPPORTED", "refused"),
    ],
)
def test_error_kinds(kind: str, reason: str) -> None:
    events = Nut("ups", Login()).receive(f"ERR {kind}\n".encode())
    assert facts(events)[0].readings == dict.fromkeys(KEYS, NoReading(reason))


def test_a_refused_login() -> None:
    device = Nut("ups", Login("monitor", "wrong"))
    assert device.hello() == b'USERNAME "monitor"\nPASSWORD "wrong"\n'
    assert device.receive(b"OK\nERR INVALID-PASSWORD\n") == [LoginRefused()]


def test_quoting() -> None:
    assert quoted('a"b\\c') == '"a\\"b\\\\c"'
    device = Nut("ups", Login())
    device.receive(b'BEGIN LIST VAR ups\nVAR ups ups.status "OL \\"x\\\\"\n')
    assert facts(device.receive(b"END LIST VAR ups\n"))[0].readings["ups.on_battery"] is False


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_nut_noise(noise: list[bytes]) -> None:
    device = Nut("ups", Login())
    for part in noise:
        device.receive(part)


def test_a_flood_fills_no_memory() -> None:
    device = Nut("ups", Login())
    device.receive(b"BEGIN LIST VAR ups\n")
    for i in range(5000):
        device.receive(f'VAR ups v{i} "{"x" * 300}"\n'.encode() + b"y" * 100)
    assert device.buffered < 500 * 300 + LINE_BYTES_MAX
