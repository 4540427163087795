"""A Poly HDX or Group: the command line on TCP 24 or a serial port in mode Control.

Source: device facts, "Poly / Polycom HDX and Group"; for a Group that also asks for a name, and for its calls without
one, ICD.Connect.Conferencing. What is typed is echoed with LF CR at its end, invalid commands
too; acknowledgements end CR LF. The line drops at restart. A softly hung one still logs in and obeys `reboot now`.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.physics import Hang, RoomPhysics
from sim.servers.base import Lines

CALL = "callinfo:43:Điểm cầu trung tâm:192.0.2.1:2048:connected:notmuted:outgoing:videocall"
CALL_WITHOUT_NAME = "callinfo:43:192.0.2.1:2048:connected:notmuted:outgoing:videocall"
SETTINGS = ("autoanswer", "maxtimeincall", "ntpserver", "sleeptime")


class PolyConversation:
    """See the module. `clock` gives the monotonic time of the physics."""

    def __init__(
        self,
        room: RoomPhysics,
        clock: Callable[[], float],
        *,
        user: str = "",
        password: str = "",
        serial: bool = False,
    ) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._user = user
        self._password = password
        self._asks_name = bool(user)
        self._named = ""
        self._serial = serial
        self._logged_in = not password
        self._lines = Lines()
        self._asleep = room.codec.standby
        self._registered = False

    def opened(self) -> bytes:
        """A prompt, or the `whoami` block."""
        if self._mute() or self._serial:
            return b""
        return self._whoami() if self._logged_in else self._prompt()

    def _prompt(self) -> bytes:
        return b"Username: " if self._asks_name else b"Password: "

    def _told(self, word: str) -> bytes:
        """Name or password was typed."""
        if self._asks_name:
            self._named, self._asks_name = word, False
        else:
            self._logged_in = (self._named, word) == (self._user, self._password)
            self._asks_name = bool(self._user)
        return b"\r\n" + (self._whoami() if self._logged_in else self._prompt())

    def receive(self, data: bytes) -> bytes:
        """Answer."""
        if self._mute():
            return b""
        out = b""
        for line in self._lines.feed(data):
            command = line.strip()
            if not self._logged_in:
                out += self._told(command)
            elif command:
                out += command.encode() + b"\n\r" + self._answer(command.lower())
        return out

    def tick(self) -> bytes:
        """Falling asleep and waking, once registered for."""
        if self._mute() or not self._registered or self._room.codec.standby == self._asleep:
            return b""
        self._asleep = self._room.codec.standby
        return b"listen going to sleep\r\n" if self._asleep else b"listen waking up\r\n"

    def _mute(self) -> bool:
        now_s = self._clock()
        self._room.advance(now_s)
        codec = self._room.codec
        return codec.hang is Hang.HARD or not codec.running() or codec.booting(now_s)

    def _whoami(self) -> bytes:
        rows = (
            f"Hi, my name is : {self._room.room}",
            "Here is what I know about myself:",
            "Model: RealPresence Group 500" if self._user else "Model: HDX 7000 HD",
            "Serial Number: MOPHONG0002",
            "Software Version: Release - 3.1.14",
            "Time In Last Call: 0:00:00",
            "Corporate Directory: Disabled",
            "SNMP Enabled: False",
        )
        return "".join(row + "\r\n" for row in rows).encode()

    def _answer(self, command: str) -> bytes:
        now_s, codec = self._clock(), self._room.codec
        if command == "reboot now":
            self.closing = self._room.command("codec_restart", now_s) and not self._serial
            return b""
        if codec.hang is Hang.SOFT:
            return b""
        if command == "whoami":
            return self._whoami()
        return "".join(line + "\r\n" for line in self._rows(command)).encode()

    def _rows(self, command: str) -> list[str]:
        now_s, codec = self._clock(), self._room.codec
        registered = "online" if codec.registered(now_s) else "offline"
        match command.split():
            case ["callinfo", "all"]:
                call = CALL_WITHOUT_NAME if self._user else CALL
                return ["callinfo begin", call, "callinfo end"] if codec.in_call else ["system is not in a call"]
            case ["getcallstate"]:
                if codec.in_call:
                    return ["cs: call[43] speed[2048] dialstr[192.0.2.1] state[connected]"]
                return ["cs: call[0] inactive"]
            case ["status"]:
                in_call = "online" if codec.in_call else "offline"
                microphones = "online" if self._room.microphone.plugged else "offline"
                return [
                    f"inacall {in_call}", "autoanswerp2p offline", f"microphones {microphones}", "gatekeeper offline",
                    f"sipserver {registered}", "ipnetwork online", "status end",
                ]  # fmt: skip
            case ["mute", "near", "get"]:
                return [f"mute near {'on' if codec.mic_muted else 'off'}"]
            case ["mute", "near", ("on" | "off") as word]:
                codec.mic_muted = word == "on"
                return [f"mute near {word}"]
            case ["volume", "get"]:
                return [f"volume {codec.volume_pct // 2}"]
            case ["volume", "set", level] if level.isdigit() and int(level) <= 50:
                codec.volume_pct = int(level) * 2
                return [f"volume {int(level)}"]
            case ["netstats"]:
                loss = f"{self._room.line_loss_pct:.1f}"
                lost = int(self._room.call_lost)
                said = f"call:0 txrate:1920 K rxrate:1920 K pktloss:{lost} %pktloss:{loss} % tvp:H.264"
                return [said] if codec.in_call else ["error: system is not in a call"]
            case ["advnetstats"]:
                jitter = round(self._room.call_jitter_ms())
                said = f"call:0 tapl:0 rapl:0 taj:3 ms raj:3 ms tvpl:0 rvpl:0 tvj:4 ms rvj:{jitter} ms dc:---"
                return [said] if codec.in_call else ["error: system is not in a call"]
            case ["sleep", "register"]:
                self._registered, self._asleep = True, codec.standby
                return ["sleep registered"]
            case ["sleep"]:
                codec.standby = not codec.in_call
                return ["sleep"]
            case ["wake"]:
                self._room.command("codec_wake", now_s)
                return ["wake"]
            case [name, "get"] if name in SETTINGS:
                return [f"{name} {codec.named[name]}"]
            case [name, value] | [name, "set", value] if name in SETTINGS:
                codec.named[name] = value
                return [f"{name} {value}"]
            case ["notify", what]:
                return [f"notify {what} success"]
            case _:
                return ["error: command not found"]
