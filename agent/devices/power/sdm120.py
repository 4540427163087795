"""Eastron SDM120 power meter: Modbus RTU, 2400 8N1 as it is delivered.

Source: device facts, "Power": input registers (FC04), each quantity a big-endian float32 of two registers: voltage V at
0x00, current A at 0x06, power W at 0x0C. One read of the fourteen registers from 0x00 holds all three, and at 2400 baud
its answer takes 0.14 s on the line. The frequency (0x46) would make the answer 149 bytes, 0.6 s: it is not asked for.
The meter is fed by the line it measures: silence may mean a power cut. Its power has a sign, which is a minus where its
two sides are swapped (reaper7/SDM_Energy_Meter#52): a load gives nothing back, so the sign is dropped.
"""

from __future__ import annotations

import struct

from agent.core.facts import Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, Facts, checked
from agent.devices.modbus import InputRegisters

FAMILY = "sdm120"
ABOUT = About(
    "Eastron SDM120 power meter",
    (
        Tested(
            "serial 2400, or TCP to a transparent serial server",
            "pymodbus' server over a pty",
            "tests/probes/test_power.py",
        ),
    ),
    facts=("ROLE.draw_w", "mains.voltage_v"),
    unseen="Whether every firmware answers one read across registers that it does not name has not been seen",
)
BAUDS = (2400,)
VOLTAGE_AT = 0x00
POWER_AT = 0x0C


def keys(role: str) -> tuple[str, ...]:
    """The facts a meter of this role reports: its draw, and the voltage when it measures the whole room."""
    return (f"{role}.draw_w", *(("mains.voltage_v",) if role == "room" else ()))


class Sdm120(InputRegisters):
    """One meter on one line; `address` 1..247. Ask with `request`, feed what arrives to `receive`."""

    registers = 14

    def __init__(self, role: str, address: int) -> None:
        super().__init__(address)
        self.role = role

    def _answered(self, words: bytes) -> Event:
        values: dict[str, Reading] = {f"{self.role}.draw_w": abs(_float(words, POWER_AT))}
        if self.role == "room":
            values["mains.voltage_v"] = _float(words, VOLTAGE_AT)
        return Facts(checked(values))

    def _keys(self) -> tuple[str, ...]:
        return keys(self.role)


def _float(words: bytes, register: int) -> float:
    """Tenths are all that the meter's class 1 can promise."""
    value: float = struct.unpack_from(">f", words, 2 * register)[0]
    return round(value, 1)
