"""A Samsung display: MDC on TCP 1515 and on a serial line. Source: device facts; Samsung's MDC protocol 15.0."""

from __future__ import annotations

from collections.abc import Callable

from agent.devices.display.samsung_mdc import ACK, ANSWERS, HEAD, INPUT_CODES, NAK
from sim.physics import RoomPhysics
from sim.physics.display import CODEC_INPUT

NAMES = {"digital1": "hdmi1", "digital2": "hdmi2", "rgb1": "vga"}
"""Inputs of the physics by Samsung's words."""
CODES = {name: INPUT_CODES[word][0] for name, word in NAMES.items()}
MODEL, SERIAL, SOFTWARE = b"QM55B-MO-PHONG", b"MOPHONG00000001", b"S-MOPHONG-1.0"
ERROR = 0x01
FRAME_BYTES_MIN = 5


class MdcConversation:
    """One client's talk, or a serial line's for ever."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float], number: int = 1) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._number = number
        self._buffer = b""

    def opened(self) -> bytes:
        """It waits to be asked."""
        return b""

    def tick(self) -> bytes:
        """It says nothing by itself."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer the good frames that are for us."""
        self._room.advance(self._clock())
        awake = self._room.display.serving(self._clock())
        self._buffer = (self._buffer + data)[-4096:] if awake else b""
        out = b""
        while len(self._buffer) >= FRAME_BYTES_MIN:
            size = FRAME_BYTES_MIN + self._buffer[3]
            if self._buffer[0] == HEAD and size > len(self._buffer):
                break
            frame = self._buffer[:size]
            if frame[0] != HEAD or sum(frame[1:-1]) % 256 != frame[-1]:
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[size:]
            if frame[2] in (self._number, 0xFE):
                out += self._answer(frame[1], frame[4:-1])
        return out

    def _answer(self, command: int, data: bytes) -> bytes:
        value = self._value(command, data)
        said = bytes((NAK, command, ERROR)) if value is None else bytes((ACK, command)) + value
        body = bytes((ANSWERS, self._number, len(said))) + said
        return bytes((HEAD,)) + body + bytes((sum(body) % 256,))

    def _value(self, command: int, data: bytes) -> bytes | None:
        """The data of the answer; None: it refuses."""
        display, now_s = self._room.display, self._clock()
        on = display.lit(now_s)
        match command, data:
            case 0x00, b"":
                return bytes((on, 30, 0, CODES[display.input], 0x31, 0, 0))
            case 0x0B, b"":
                return SERIAL
            case 0x0D, b"":
                lamp, hot = display.complaint == "lamp", display.complaint == "temperature"
                warm_c = round(self._room.climate.temp_c + (12 if on else 2))
                return bytes((lamp, hot, 0, not (on and self._room.picture_arrives()), warm_c, 2))
            case 0x0E, b"":
                return SOFTWARE
            case 0x8A, b"":
                return MODEL
            case 0x11, b"":
                return bytes((on,))
            case 0x11, b"\x00" | b"\x01":
                if data == b"\x01":
                    self._room.command("display_on", now_s)
                else:
                    display.switch(False, now_s)
                return data
            case ((0x14 | 0xF9), _):
                return self._picture(command, data) if on else None
            case _:
                return None

    def _picture(self, command: int, data: bytes) -> bytes | None:
        display = self._room.display
        if command == 0x14:
            name = next((name for name, code in CODES.items() if data == bytes((code,))), "")
            if name == CODEC_INPUT:
                self._room.command("display_input", self._clock())
            display.input = name or display.input
            return None if data and not name else bytes((CODES[display.input],))
        if data in (b"\x00", b"\x01"):
            display.picture_muted = data == b"\x01"
        return bytes((display.picture_muted,)) if len(data) <= 1 else None
