"""A Yealink VC800: its control protocol on TCP 6024 or a USB serial line.

Source: device facts, "Yealink VC", second-hand. Nobody logs in; nothing restarts it. What is not known is answered with
an error. The power button wakes it, and puts it to sleep when it is awake.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.physics import Hang, RoomPhysics
from sim.servers.base import Lines

GREETING = b'version "model:VC800" "firmware:63.345.0.30" "hardware:63.0.0.0.2.0.0"\r\n'
CALL = "callinfo:1:Điểm cầu trung tâm:192.0.2.1:2048:connected:notmuted:outgoing:videocall"


class YealinkConversation:
    """See the module. `clock` gives the monotonic time of the physics."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float], *, serial: bool = False) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._serial = serial
        self._lines = Lines()
        self._told = self._status()

    def opened(self) -> bytes:
        """The greeting, on a network line."""
        return b"" if self._serial or self._mute() else GREETING

    def receive(self, data: bytes) -> bytes:
        """Answer."""
        if self._mute():
            return b""
        rows = [row for line in self._lines.feed(data) if line.strip() for row in self._rows(line.strip())]
        return "".join(row + "\r\n" for row in rows).encode()

    def tick(self) -> bytes:
        """A change of its state is told unasked."""
        if self._mute() or self._room.codec.hang is Hang.SOFT or self._status() == self._told:
            return b""
        self._told = self._status()
        return f"sysstatus {self._told}\r\n".encode()

    def _mute(self) -> bool:
        now_s = self._clock()
        self._room.advance(now_s)
        codec = self._room.codec
        return codec.hang is Hang.HARD or not codec.running() or codec.booting(now_s)

    def _status(self) -> str:
        codec = self._room.codec
        return "talking" if codec.in_call else "sleeping" if codec.standby else "idle"

    def _rows(self, command: str) -> list[str]:
        codec = self._room.codec
        if codec.hang is Hang.SOFT:
            return []
        match command.split():
            case ["sysstatus", "get"]:
                self._told = self._status()
                return [f"sysstatus {self._told}"]
            case ["callinfo", "all"]:
                return ["callinfo begin", CALL, "callinfo end"] if codec.in_call else ["system is not in a call"]
            case ["mute", "near", "get"]:
                return [f"mute near {'on' if codec.mic_muted else 'off'}"]
            case ["mute", "near", ("on" | "off") as word]:
                codec.mic_muted = word == "on"
                return [f"mute near {word}"]
            case ["volume", "get"]:
                return [f"volume {codec.volume_pct // 10}"]
            case ["volume", "set", level] if level.isdigit() and int(level) <= 10:
                codec.volume_pct = int(level) * 10
                return [f"volume {int(level)}"]
            case ["button", "power"]:
                if codec.standby:
                    self._room.command("codec_wake", self._clock())
                else:
                    codec.standby = not codec.in_call
                return ["button power"]
            case _:
                return ["error: command not found"]
