"""A Yealink VC800: its control protocol on TCP 6024 or a USB serial line.

Sources: device facts, "Yealink VC", and the maker's "API Commands Introduction" as public catalogues give it. Nobody
logs in; nothing restarts it. An answer repeats the question; what is not known is answered with an error. How
`callinfo all` ends is not known: here nothing follows its last line. The power button wakes it, and puts it to sleep
when it is awake.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.physics import Hang, RoomPhysics
from sim.servers.base import Lines

VERSION = 'version "model:VC800" "firmware:63.345.0.30" "hardware:63.0.0.0.2.0.0" "productId:VC800" "cc_version:1.0"'
CALL = '"callid:1" "RemoteStr:192.0.2.1" "direction:outgoing" "protocol:h323"'


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
        return b"" if self._serial or self._mute() else f"{VERSION}\r\n".encode()

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
        return f"sysstatus get {self._told}\r\n".encode()

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
                return [f"sysstatus get {self._told}" + (f' "dialstr:192.0.2.1" {CALL}' if codec.in_call else "")]
            case ["version"]:
                return [VERSION]
            case ["callinfo", "all"]:
                return [self._call()] if codec.in_call else []
            case ["mute", "near", "get"]:
                return [f"mute near get {'on' if codec.mic_muted else 'off'}"]
            case ["mute", "near", ("on" | "off") as word]:
                codec.mic_muted = word == "on"
                return [f"mute near get {word}"]
            case ["volume", "get"]:
                return [f"volume get {codec.volume_pct // 10}"]
            case ["volume", "set", level] if level.isdigit() and int(level) <= 10:
                codec.volume_pct = int(level) * 10
                return [f"volume get {int(level)}"]
            case ["donotdisturb", ("global" | "talk") as which, word]:
                name = f"donotdisturb {which}"
                codec.named[name] = codec.named[name] if word == "get" else word
                return [f"{name} get {codec.named[name]}"]
            case ["button", "power"]:
                if codec.standby:
                    self._room.command("codec_wake", self._clock())
                else:
                    codec.standby = not codec.in_call
                return ["button power"]
            case _:
                return ["error: command not found"]

    def _call(self) -> str:
        lost, loss_pct = int(self._room.call_lost), self._room.line_loss_pct
        way = f'"VJrRecv:{5 + round(3 * loss_pct)}ms" "VtplRecv:{lost}" "VtplpRecv:{loss_pct:.1f}%"'
        return f'callinfo video {CALL} {way} "VtplSend:0" "VtplpSend:0.0%" "AtplRecv:0" "AtplpRecv:0%"'
