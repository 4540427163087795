"""Modbus RTU, as far as meters need it: one question for input registers (FC04), and its answer found among noise.

Source: Modbus over serial line V1.02. CRC-16 with poly 0xA001, low byte first; an exception has the top bit set, and
5 (acknowledge) and 6 (server device busy) among its codes ask for patience.
"""

from __future__ import annotations

import abc

from agent.core.facts import BUSY, NoReading
from agent.devices.base import Event, Facts, ProtocolError

READ_INPUT = 0x04
EXCEPTION_BYTES = 5
BUSY_CODES = (5, 6)
BUFFER_BYTES_MAX = 512
ADDRESS_MAX = 247
"""The highest address of one device on a line."""


def crc16(data: bytes) -> bytes:
    """Modbus CRC, as its two bytes stand on the wire."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


class InputRegisters(abc.ABC):
    """One device on one line, asked always for the same registers from 0. Ask with `request`, feed `receive`."""

    registers: int
    """How many are read at once, 1..125."""
    general_address: int | None = None
    """An address that every device of this kind answers to, under its own."""
    listens_on_s = 0.15
    """How long the line is listened to after an answer [J]: a second device answers in the same moment, or never."""

    def __init__(self, address: int) -> None:
        self.address = address
        self._buffer = bytearray()
        self._frames = 0
        """Good ones since the question."""

    @property
    def buffered(self) -> int:
        """Bytes kept of what arrived."""
        return len(self._buffer)

    @abc.abstractmethod
    def _answered(self, words: bytes) -> Event:
        """What the registers say."""

    def _refused(self, code: int) -> Event:
        """The device answered that it will not, or not now."""
        return Facts(dict.fromkeys(self._keys(), BUSY if code in BUSY_CODES else NoReading("refused")))

    @abc.abstractmethod
    def _keys(self) -> tuple[str, ...]:
        """The facts that it tells."""

    def request(self) -> bytes:
        """The question. Forgets what came before: a late answer to an earlier question is none to this one."""
        self._buffer.clear()
        self._frames = 0
        frame = bytes((self.address, READ_INPUT, 0, 0, 0, self.registers))
        return frame + crc16(frame)

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived, cut anywhere, with noise around it. A frame counts only with a good CRC."""
        self._buffer += data
        events: list[Event] = []
        while len(self._buffer) >= EXCEPTION_BYTES:
            size = self._frame_bytes(0)
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
            del self._buffer[: -self._answer_bytes]
            events.append(ProtocolError("noise on the meter's line"))
        return events

    @property
    def _answer_bytes(self) -> int:
        return 5 + 2 * self.registers

    def _frame_bytes(self, at: int) -> int:
        """Length of the frame that may begin there, 0 when none can."""
        if self._buffer[at + 1] == READ_INPUT and self._buffer[at + 2] == 2 * self.registers:
            return self._answer_bytes
        return EXCEPTION_BYTES if self._buffer[at + 1] == READ_INPUT | 0x80 else 0

    def _skip_to_good(self) -> bool:
        for at in range(1, len(self._buffer) - EXCEPTION_BYTES + 1):
            size = self._frame_bytes(at)
            if size and at + size <= len(self._buffer) and _is_good(self._buffer[at : at + size]):
                del self._buffer[:at]
                return True
        return False

    def _frame(self, frame: bytes) -> Event:
        if self.address not in (self.general_address, frame[0]):
            return ProtocolError(f"answer from meter {frame[0]} instead of {self.address}")
        self._frames += 1
        if self._frames > 1:
            # Two on one line, as on the PZEM's general address: whose measurements these are nobody can tell.
            return Facts(dict.fromkeys(self._keys(), NoReading("two_answer")))
        return self._refused(frame[2]) if frame[1] & 0x80 else self._answered(frame[3:-2])


def _is_good(frame: bytes | bytearray) -> bool:
    return crc16(bytes(frame[:-2])) == bytes(frame[-2:])
