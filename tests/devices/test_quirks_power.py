"""What plugs, strips, meters and UPSes do otherwise than their papers. The sources stand in docs/devices.md."""

from __future__ import annotations

import json
import struct

import pytest

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading
from agent.devices.base import Event, Facts
from agent.devices.modbus import crc16
from agent.devices.power import apc_rpdu, apc_rpdu2
from agent.devices.power._outlets import OutletState
from agent.devices.power.nut import facts_of
from agent.devices.power.pzem004t import Pzem
from agent.devices.power.sdm120 import Sdm120
from agent.devices.power.shelly import Shelly
from agent.devices.power.tasmota import Tasmota
from agent.devices.snmp import Value

ABSENT = NoReading("absent")
WEBLOG = {"WARNING": "Enable weblog 2 if response expected"}
THROTTLED = {"code": 429, "message": "Too many failed authentication attempts"}


def reply(body: object, status: int = 200) -> HttpReply:
    return HttpReply(status, body=json.dumps(body).encode())


# -- Tasmota


def test_a_warning_about_the_answer_is_no_refused_password() -> None:
    """The cut was carried out; held to be "denied", the plug was let alone for a minute and more."""
    assert Tasmota(1).refusal(reply(WEBLOG)) == ""
    assert Tasmota(1).refusal(reply({"WARNING": "Need user=<username>&password=<password>"})) == "denied"
    assert Tasmota(1).refusal(reply({"WARNING": "something new"})) == "denied", "what is not known is not tried again"


def test_a_warning_about_the_answer_is_no_state() -> None:
    assert Tasmota(1).state((reply(WEBLOG),)) == NoReading("garbled")


@pytest.mark.parametrize("word", ["1", "0", "BẬT", "on", "Toggle", 1, True, None, ["ON"]])
def test_other_words_for_on_and_off_are_neither(word: object) -> None:
    assert Tasmota(1).state((reply({"POWER1": word}),)) == NoReading("garbled")


@pytest.mark.parametrize(
    ("number", "said", "on"),
    [(1, {"POWER": "ON"}, True), (1, {"POWER1": "OFF"}, False), (2, {"POWER1": "ON", "POWER2": "OFF"}, False)],
)
def test_the_word_has_the_relays_number_or_has_not(number: int, said: object, on: bool) -> None:
    """`SetOption26` decides for a plug with one relay."""
    assert Tasmota(number).state((reply(said),)) == OutletState(on)


def test_blanks_before_the_answer() -> None:
    padded = HttpReply(200, body=b" \r\n " + json.dumps({"POWER": "ON"}).encode() + b"\r\n")
    assert Tasmota(1).state((padded,)) == OutletState(True)


# -- Shelly


@pytest.mark.parametrize("body", [json.dumps(THROTTLED).encode(), b"", b"<html>"])
def test_a_throttled_shelly_is_busy(body: bytes) -> None:
    throttled = HttpReply(429, body=body)
    assert Shelly(0).refusal(throttled) == "busy"
    assert Shelly(0).state((throttled,)) == NoReading("busy")


def test_a_shelly_wired_the_other_way_round_draws_all_the_same() -> None:
    assert Shelly(0).state((reply({"output": True, "apower": -8.9}),)) == OutletState(True, 8.9)


def test_a_shelly_without_a_meter_or_with_another_component() -> None:
    bare = {"id": 0, "source": "init", "output": False, "temperature": {"tC": 40.3, "tF": 104.6}}
    assert Shelly(0).state((reply(bare),)) == OutletState(False)
    roller = {"code": 404, "message": "No handler for Switch.GetStatus"}
    assert Shelly(0).state((reply(roller, 404),)) == NoReading("refused")
    assert Shelly(0).state((reply({"output": None}),)) == NoReading("garbled")
    assert Shelly(0).state((reply({"output": True, "apower": None}),)) == OutletState(True)


# -- APC


@pytest.mark.parametrize(
    "value", [0, 3, -1, 4, "1", "2", "On", "", ABSENT, NoReading("garbled")], ids=[str(n) for n in range(10)]
)
def test_a_state_that_is_neither_on_nor_off_is_unknown(value: Value) -> None:
    """0 stood for "off" in a public mapping; a number as text is another agent's."""
    for module in (apc_rpdu, apc_rpdu2):
        assert isinstance(module.outlet(1).state(value), NoReading)


def test_the_two_generations_count_the_other_way_round() -> None:
    assert [apc_rpdu.outlet(1).state(value) for value in (1, 2)] == [OutletState(True), OutletState(False)]
    assert [apc_rpdu2.outlet(1).state(value) for value in (1, 2)] == [OutletState(False), OutletState(True)]


# -- meters


def framed(frame: bytes) -> bytes:
    return frame + crc16(frame)


def draw(events: list[Event]) -> list[Reading]:
    return [event.readings["codec.draw_w"] for event in events if isinstance(event, Facts)]


def sdm(power_w: float) -> bytes:
    return framed(bytes((1, 4, 28)) + struct.pack(">7f", 230, 0, 0, 1.25, 0, 0, power_w))


PZEM = framed(bytes((1, 4, 20)) + b"".join(n.to_bytes(2, "big") for n in (2301, 200, 0, 450, 0, 7, 0, 500, 98, 0)))


@pytest.mark.parametrize("chunk", [1, 2, 8, 99])
def test_an_adapter_that_hears_itself(chunk: int) -> None:
    """Half duplex: what we ask comes back before the answer."""
    for meter, answer in ((Pzem("codec", 1), PZEM), (Sdm120("codec", 1), sdm(45.0))):
        wire = meter.request() + answer
        found = [one for at in range(0, len(wire), chunk) for one in draw(meter.receive(wire[at : at + chunk]))]
        assert found == [45.0]


@pytest.mark.parametrize("before", [b"\x00", b"\xff\xff", b"\x01", b"\x01\x04", b"\xf8\x04\x14"])
def test_bytes_that_an_adapter_makes_when_it_turns_round(before: bytes) -> None:
    meter = Sdm120("codec", 1)
    meter.request()
    assert draw(meter.receive(before + sdm(45.0) + b"\x00")) == [45.0]


@pytest.mark.parametrize(
    ("power_w", "reading"), [(-45.0, 45.0), (-0.0, 0.0), (45.04, 45.0), (-9e9, NoReading("garbled"))]
)
def test_an_sdm120_with_its_sides_swapped(power_w: float, reading: Reading) -> None:
    meter = Sdm120("codec", 1)
    meter.request()
    assert draw(meter.receive(sdm(power_w))) == [reading]


# -- NUT


@pytest.mark.parametrize(
    ("status", "mains_v", "on_battery", "output_on"),
    [
        ("OL DISCHRG", "232.0", False, True), ("OL DISCHRG", "0.0", True, True), ("OL DISCHRG LB", "3.5", True, True),
        ("OL DISCHRG", None, ABSENT, ABSENT), ("OL DISCHRG", "NA", ABSENT, ABSENT),
        ("CAL OL DISCHRG", "228", False, True),
        ("OL CHRG", None, False, True), ("OL", "0.0", False, True), ("OB DISCHRG", "230.0", True, True),
        ("FSD OB OFF OB", "0.0", True, False), ("OB OFF OB", None, True, False), ("OL BOOST", "190.1", False, True),
        ("OL ECO TEST", "229", False, True),
    ],
)  # fmt: skip
def test_a_ups_that_discharges_on_the_mains(
    status: str, mains_v: str | None, on_battery: Reading, output_on: Reading
) -> None:
    said = {"ups.status": status} | ({} if mains_v is None else {"input.voltage": mains_v})
    facts = facts_of(said)
    assert (facts["ups.on_battery"], facts["ups.output_on"]) == (on_battery, output_on)


@pytest.mark.parametrize(
    ("status", "runtime", "reading"),
    [
        ("OL", "0", ABSENT), ("OL CHRG", "0.0", ABSENT), ("OB DISCHRG LB", "0", 0.0), ("OB", "969", 969.0),
        ("OL", "3618", 3618.0), ("OB", "4294967295", ABSENT), ("OL", "-1", ABSENT), ("OL", "NA", NoReading("garbled")),
        ("OB", "65535", NoReading("end_of_range")), ("OB", "-1", NoReading("garbled")),
    ],
)  # fmt: skip
def test_a_runtime_that_cannot_be_is_none(status: str, runtime: str, reading: Reading) -> None:
    assert facts_of({"ups.status": status, "battery.runtime": runtime})["ups.runtime_s"] == reading


def test_a_battery_that_is_called_low_at_once_is_as_full_as_it_says() -> None:
    """Eaton Ellipse and Protection Station: LB as soon as the mains fail, with 95 % and 1600 s left."""
    facts = facts_of({"ups.status": "OB DISCHRG LB", "battery.charge": "95", "battery.runtime": "1600"})
    assert (facts["ups.on_battery"], facts["ups.charge_pct"], facts["ups.runtime_s"]) == (True, 95.0, 1600.0)


def test_an_alarm_beside_every_state() -> None:
    """2.8.3 puts ALARM before the others, where 2.8.0 had none."""
    facts = facts_of({"ups.status": "ALARM OB DISCHRG", "ups.alarm": "Battery low!", "battery.charge": "4"})
    assert (facts["ups.on_battery"], facts["ups.fault"], facts["ups.charge_pct"]) == (True, "Battery low!", 4.0)


@pytest.mark.parametrize("volts", ["2.25", "2.28"])
def test_the_voltage_of_one_cell_is_no_charge(volts: str) -> None:
    """Powerman Online 1000, Intelbras DNB1500: the limits beside it are those of the whole battery."""
    limits = {"battery.voltage.low": "20.80", "battery.voltage.high": "26.00", "battery.voltage.nominal": "24"}
    said = {"ups.status": "OB DISCHRG", "battery.voltage": volts, "battery.packs": "12"} | limits
    assert facts_of(said)["ups.charge_pct"] == ABSENT
