"""PZEM-004T v3 power meter: Modbus RTU, 9600 8N1, no parity.

Source: device facts, "Power"; the framing is that of `agent.devices.modbus`. One read of ten input registers from 0
(FC04): voltage 0.1 V; current 0.001 A, power 0.1 W, energy 1 Wh, each low word first; frequency 0.1 Hz; power factor
0.01; alarm 0xFFFF. The meter answers only while mains is present: silence may mean a power cut. To the general address
0xF8 all meters on a line answer at once (mandulaj/PZEM-004T-v30#17): then it is "two_answer", or "garbled" where their
answers spoil each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.facts import Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, Facts, checked
from agent.devices.modbus import InputRegisters

FAMILY = "pzem004t"
ABOUT = About(
    "Peacefair PZEM-004T v3 power meter",
    (
        Tested(
            "serial 9600, or TCP to a transparent serial server",
            "pymodbus' server over a pty; its client judges our simulator",
            "tests/probes/test_power.py",
        ),
    ),
    facts=("ROLE.draw_w", "mains.voltage_v", "mains.frequency_hz"),
)
BAUDS = (9600,)
GENERAL_ADDRESS = 0xF8


@dataclass(frozen=True, slots=True)
class Measured:
    """One complete reading of the meter."""

    voltage_v: float
    current_a: float
    power_w: float
    energy_wh: int
    frequency_hz: float
    power_factor: float


def keys(role: str) -> tuple[str, ...]:
    """The facts a meter of this role reports: its draw, and the mains when it measures the whole room."""
    mains = ("mains.voltage_v", "mains.frequency_hz") if role == "room" else ()
    return (f"{role}.draw_w", *mains)


class Pzem(InputRegisters):
    """One meter on one line. Ask with `request`, feed what arrives to `receive`."""

    registers = 10
    general_address = GENERAL_ADDRESS

    def __init__(self, role: str, address: int = GENERAL_ADDRESS) -> None:
        super().__init__(address)
        self.role = role

    def _answered(self, words: bytes) -> Event:
        return Facts(facts_of(self.role, decoded(words)))

    def _keys(self) -> tuple[str, ...]:
        return keys(self.role)


def decoded(registers: bytes) -> Measured:
    """The quantities of the ten registers."""
    words = [int.from_bytes(registers[at : at + 2], "big") for at in range(0, len(registers), 2)]
    return Measured(
        voltage_v=words[0] / 10,
        current_a=(words[1] | words[2] << 16) / 1000,
        power_w=(words[3] | words[4] << 16) / 10,
        energy_wh=words[5] | words[6] << 16,
        frequency_hz=words[7] / 10,
        power_factor=words[8] / 100,
    )


def facts_of(role: str, measured: Measured) -> Mapping[str, Reading]:
    """The readings of a meter of this role."""
    values: dict[str, Reading] = {f"{role}.draw_w": measured.power_w}
    if role == "room":
        values |= {"mains.voltage_v": measured.voltage_v, "mains.frequency_hz": measured.frequency_hz}
    return checked(values)
