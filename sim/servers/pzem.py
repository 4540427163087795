"""A PZEM-004T v3 meter: Modbus RTU on a serial line. It is fed by the line it measures, and silent without it.

Source: device facts, "Power": FC04 from 0x0000, ten registers, doubled words low word first; address 1 or 0xF8.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

from agent.devices.modbus import crc16
from sim.physics import RoomPhysics

ADDRESSES = (1, 0xF8)
REGISTERS = 10
REQUEST_BYTES = 8

Role = Literal["room", "codec", "display", "amp"]


class PzemConversation:
    """One meter; `role` says what it measures. The codec's hangs behind the UPS, the others on the grid.

    `meters` on one line answer one after the other; real ones may also spoil each other's answers.
    """

    def __init__(
        self, room: RoomPhysics, clock: Callable[[], float], role: Role, seed: int = 0, *, meters: int = 1
    ) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._role = role
        self._meters = meters
        self._chance = random.Random(seed)
        self._buffer = b""
        self._wh = 0.0

    def opened(self) -> bytes:
        """A slave speaks when asked."""
        return b""

    def tick(self) -> bytes:
        """A slave speaks when asked."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer the complete requests that are for us; without supply, nothing."""
        self._room.advance(self._clock())
        fed = self._room.backed() if self._role == "codec" else self._room.mains.present
        self._buffer = (self._buffer + data)[-4 * REQUEST_BYTES :] if fed else b""
        out = b""
        while len(self._buffer) >= REQUEST_BYTES:
            frame = self._buffer[:REQUEST_BYTES]
            if frame[0] not in ADDRESSES or crc16(frame[:-2]) != frame[-2:]:
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[REQUEST_BYTES:]
            out += b"".join(self._answer(frame) for _ in range(self._meters))
        return out

    def _answer(self, frame: bytes) -> bytes:
        start, count = int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        if frame[1] != 4 or not 0 < count <= REGISTERS - start:
            # Wrong function (1) or wrong register (2).
            body = bytes((frame[0], frame[1] | 0x80, 1 if frame[1] != 4 else 2))
            return body + crc16(body)
        words = self._registers()[start : start + count]
        body = bytes((frame[0], 4, 2 * count)) + b"".join(word.to_bytes(2, "big") for word in words)
        return body + crc16(body)

    def _registers(self) -> list[int]:
        volts = self._room.mains.volts if self._role != "codec" or self._room.mains.present else 230.0
        volts = max(0.0, volts + self._chance.gauss(0, 0.5))
        watts = self._watts() * (1 + self._chance.gauss(0, 0.01))
        factor = 0.92 if watts > 1 else 0.0
        milliamps = round(watts / max(volts, 1.0) / (factor or 1.0) * 1000)
        tenths = round(watts * 10)
        return [
            round(volts * 10), milliamps & 0xFFFF, milliamps >> 16, tenths & 0xFFFF, tenths >> 16,
            0, 0, round(self._room.mains.hertz * 10), round(factor * 100), 0,
        ]  # fmt: skip

    def _watts(self) -> float:
        room = self._room
        match self._role:
            case "room":
                return room.draw_w()
            case "display":
                return room.display_w()
            case "amp":
                return room.amplifier_w()
            case _:
                return room.codec.draw_w(room.now_s)
