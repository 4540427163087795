"""PZEM-004T v3 power meter: Modbus RTU, 9600 8N1, no parity.

Sources: device facts, "Power"; Modbus over serial line V1.02 (CRC-16 poly 0xA001, low byte first; exception = function
code with its top bit set). One read of ten input registers from 0x0000 (FC04): voltage 0.1 V; current 0.001 A, power
0.1 W, energy 1 Wh, each low word first; frequency 0.1 Hz; power factor 0.01; alarm 0xFFFF. The meter answers only while
mains is present: silence may mean a power cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import Event, Facts, ProtocolError, checked

FAMILY = "pzem004t"
ABOUT = About(
    "Peacefair PZEM-004T v3 power meter",
    (
        Tested(
            "serial 9600, or TCP to a transparent serial server",
            "pymodbus' server over a pty",
            "tests/probes/test_power.py",
        ),
    ),
    facts=("ROLE.draw_w", "mains.voltage_v", "mains.frequency_hz"),
)
BAUDS = (9600,)
GENERAL_ADDRESS = 0xF8

READ_INPUT = 0x04
REGISTERS = 10
ANSWER_BYTES = 5 + 2 * REGISTERS
EXCEPTION_BYTES = 5
BUFFER_BYTES_MAX = 512


@dataclass(frozen=True, slots=True)
class Measured:
    """One complete reading of the meter."""

    voltage_v: float
    current_a: float
    power_w: float
    energy_wh: int
    frequency_hz: float
    power_factor: float


def crc16(data: bytes) -> bytes:
    """Modbus CRC, as its two bytes stand on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def keys(role: str) -> tuple[str, ...]:
    """The facts a meter of this role reports: its draw, and the mains when it measures the whole room."""
    mains = ("mains.voltage_v", "mains.frequency_hz") if role == "room" else ()
    return (f"{role}.draw_w", *mains)


class Pzem:
    """One meter on one line. Ask with `request`, feed what arrives to `receive`."""

    def __init__(self, role: str, address: int = GENERAL_ADDRESS) -> None:
        self.role = role
        self.address = address
        self._buffer = bytearray()

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._buffer)

    def request(self) -> bytes:
        """The question. Forgets what came before: a late answer to an earlier question is none to this one."""
        self._buffer.clear()
        frame = bytes((self.address, READ_INPUT, 0, 0, 0, REGISTERS))
        return frame + crc16(frame)

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived, cut anywhere, with noise around it. A frame counts only with a good CRC."""
        self._buffer += data
        events: list[Event] = []
        while len(self._buffer) >= EXCEPTION_BYTES:
            size = self._frame_bytes()
            if size > len(self._buffer):
                # It may be noise that only looks like a head: a good frame further on is preferred.
                if not self._skip_to_good():
                    break
                continue
            if size == 0 or not _is_good(self._buffer[:size]):
                del self._buffer[0]
                continue
            frame = bytes(self._buffer[:size])
            del self._buffer[:size]
            events.append(self._frame(frame))
        if len(self._buffer) > BUFFER_BYTES_MAX:
            del self._buffer[:-ANSWER_BYTES]
            events.append(ProtocolError("noise on the meter's line"))
        return events

    def _frame_bytes(self) -> int:
        """Length of the frame that may begin at the buffer's start, 0 when none can."""
        return _frame_bytes(self._buffer, 0)

    def _skip_to_good(self) -> bool:
        for at in range(1, len(self._buffer) - EXCEPTION_BYTES + 1):
            size = _frame_bytes(self._buffer, at)
            if size and at + size <= len(self._buffer) and _is_good(self._buffer[at : at + size]):
                del self._buffer[:at]
                return True
        return False

    def _frame(self, frame: bytes) -> Event:
        if self.address not in (GENERAL_ADDRESS, frame[0]):
            return ProtocolError(f"answer from meter {frame[0]} instead of {self.address}")
        if frame[1] & 0x80:
            return Facts(dict.fromkeys(keys(self.role), NoReading("refused")))
        return Facts(facts_of(self.role, decoded(frame)))


def _frame_bytes(buffer: bytes | bytearray, at: int) -> int:
    if buffer[at + 1] == READ_INPUT and buffer[at + 2] == 2 * REGISTERS:
        return ANSWER_BYTES
    return EXCEPTION_BYTES if buffer[at + 1] == READ_INPUT | 0x80 else 0


def _is_good(frame: bytes | bytearray) -> bool:
    return crc16(bytes(frame[:-2])) == bytes(frame[-2:])


def decoded(frame: bytes) -> Measured:
    """The quantities of a good answer frame."""
    words = [int.from_bytes(frame[at : at + 2], "big") for at in range(3, 3 + 2 * REGISTERS, 2)]
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
