"""An MH-Z19 carbon dioxide sensor on a serial line, fed by the USB adapter it hangs on.

Source: device facts, "Environment"; the data sheet's frame of nine bytes. While it warms up it says 410 ppm [M]. Beyond
its range it says where that ends (UedaTakeyuki/mh-z19#19).
"""

from __future__ import annotations

from collections.abc import Callable

from sim.physics import RoomPhysics

FRAME_BYTES = 9
READ = 0x86
WARM_UP_S = 180.0
WARMING_PPM = 410
RANGE_PPM = 5000


class Mhz19Conversation:
    """One sensor. It warms up from when it is made."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float]) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._on_s = clock()
        self._buffer = b""

    def opened(self) -> bytes:
        """It speaks when asked."""
        return b""

    def tick(self) -> bytes:
        """It speaks when asked."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer the complete requests for the concentration; other orders of its data sheet have no answer."""
        self._buffer = (self._buffer + data)[-4 * FRAME_BYTES :]
        out = b""
        while len(self._buffer) >= FRAME_BYTES:
            frame = self._buffer[:FRAME_BYTES]
            if frame[:2] != b"\xff\x01" or frame[8] != _check(frame):
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[FRAME_BYTES:]
            out += self._answer() if frame[2] == READ else b""
        return out

    def _answer(self) -> bytes:
        self._room.advance(self._clock())
        warm = self._clock() - self._on_s >= WARM_UP_S
        ppm = min(RANGE_PPM, round(self._room.climate.co2_ppm)) if warm else WARMING_PPM
        body = bytes((0xFF, READ, ppm >> 8, ppm & 0xFF, 0x41, 0, 0, 0))
        return body + bytes((_check(body),))


def _check(frame: bytes) -> int:
    """The data sheet's words: add bytes 1 to 7, invert, add one."""
    return ((0xFF - sum(frame[1:8]) % 256) + 1) % 256
