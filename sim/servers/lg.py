"""An LG display on a serial line. Source: device facts, "Displays and cameras"; LG's manuals [M]."""

from __future__ import annotations

from collections.abc import Callable

from agent.devices.display.lg_serial import INPUT_CODES
from sim.physics import RoomPhysics
from sim.physics.display import CODEC_INPUT
from sim.servers.base import Lines
from sim.servers.mdc import NAMES

CODES = {name: INPUT_CODES["rgb" if word == "vga" else word][0] for name, word in NAMES.items()}
ASK = 0xFF


class LgConversation:
    """One line to one display."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float], number: int = 1) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._number = number
        self._lines = Lines()

    def opened(self) -> bytes:
        """It waits to be asked."""
        return b""

    def tick(self) -> bytes:
        """It says nothing by itself."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer what is for us."""
        self._room.advance(self._clock())
        lines = self._lines.feed(data)
        if not self._room.display.serving(self._clock()):
            return b""
        return b"".join(self._line(line.split()) for line in lines)

    def _line(self, words: list[str]) -> bytes:
        try:
            command, number, value = words[0].lower(), int(words[1], 16), int(words[2], 16)
        except (IndexError, ValueError):
            return b""
        if number != self._number or len(command) != 2:
            return b""
        said = self._value(command, value)
        word = "NG" + words[2] if said is None else f"OK{said:02x}"
        return f"{command[1]} {number:02x} {word}x".encode()

    def _value(self, command: str, value: int) -> int | None:
        """The value of the answer; None: it refuses."""
        display, now_s = self._room.display, self._clock()
        on = display.lit(now_s)
        match command, value:
            case "ka", 0xFF:
                return int(on)
            case "ka", 0 | 1:
                if value:
                    self._room.command("display_on", now_s)
                else:
                    display.switch(False, now_s)
                return value
            case "dn", 0xFF:
                return round(self._room.climate.temp_c + (12 if on else 2))
            case "dp", 0xFF:
                return int(display.complaint != "lamp") if on else 2
            case (("xb" | "kd"), _) if on:
                return self._picture(command, value)
            case _:
                return None

    def _picture(self, command: str, value: int) -> int | None:
        display = self._room.display
        if command == "kd":
            display.picture_muted = bool(value) if value in (0, 1) else display.picture_muted
            return int(display.picture_muted)
        name = next((name for name, code in CODES.items() if value == code), "")
        if name == CODEC_INPUT:
            self._room.command("display_input", self._clock())
        display.input = name or display.input
        return CODES[display.input] if name or value == ASK else None
