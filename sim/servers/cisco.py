"""A Cisco codec's xAPI: login, terminal and JSON mode, feedback, on a TCP connection or a serial line.

Judged by Cisco's own client: npm `jsxapi` drives it in the tests. Sources: device facts, "Cisco / Tandberg xAPI".

A softly hung codec still takes a login, echoes, says how it stands by, and obeys `Boot`; everything else it swallows. A
hard one says nothing at all.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable
from typing import Any

from sim.physics import Hang, RoomPhysics
from sim.servers.base import Lines
from sim.servers.cisco_config import write
from sim.servers.cisco_status import RELEASE, Flavour, as_json, as_lines, find, leaves, status

RESULT_ID = re.compile(r'\s*\|\s*resultId="([^"]*)"\s*$', re.IGNORECASE)
BODY = re.compile(r"^\{(\d+)\}\s*$")
PARAMETER = re.compile(r'([A-Za-z0-9.]+):\s*("(?:[^"\\]|\\.)*"|\S+)')
EXPRESSIONS_MAX = 38
"""Feedback expressions per connection."""


class Stage(enum.Enum):
    """How far a client has come."""

    NAME = "waits for a name"
    PASSWORD = "waits for a password"
    IN = "logged in"


class CiscoConversation:
    """See the module. `clock` gives the monotonic time of the physics."""

    def __init__(
        self,
        room: RoomPhysics,
        clock: Callable[[], float],
        *,
        user: str = "admin",
        password: str = "",
        flavour: Flavour = "ce",
        serial: bool = False,
    ) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._login = (user, password)
        self._flavour: Flavour = flavour
        self._serial = serial
        self._stage = Stage.NAME if password else Stage.IN
        self._name = ""
        self._echo = True
        self._json = False
        self._lines = Lines()
        self._body_left = 0
        self._body_command = ""
        self._expressions: dict[str, dict[tuple[str, ...], str]] = {}
        self._boots = room.codec.boots

    # -- the line

    def opened(self) -> bytes:
        """A prompt, or the greeting where no login is asked for; a serial line waits for a key."""
        if self._serial or self._mute():
            return b""
        return (self._greeting() if self._stage is Stage.IN else "\r\nlogin: ").encode()

    def receive(self, data: bytes) -> bytes:
        """Answer."""
        if self._mute():
            return b""
        self._renew()
        out = data if self._echo and self._stage is Stage.IN else b""
        for line in self._lines.feed(data):
            out += self._line(line).encode()
        return out

    def tick(self) -> bytes:
        """Feedback: what has changed below the registered expressions."""
        if self._mute() or self._softly_hung():
            return b""
        if self._renew():
            return b"\r\nlogin: "
        if not self._expressions:
            return b""
        self._room.advance(self._clock())
        tree = {"Status": status(self._room, self._flavour)}
        out = ""
        for expression, before in self._expressions.items():
            path = [part for part in re.split(r"[/\[\]]+", expression) if part]
            now = dict(leaves(find(tree, path) or {}))
            changed = {leaf: value for leaf, value in now.items() if before.get(leaf) != value}
            gone = {leaf for leaf in before if leaf not in now}
            self._expressions[expression] = now
            if changed or gone:
                out += self._event(changed, gone)
        return out.encode()

    def _event(self, changed: dict[tuple[str, ...], str], gone: set[tuple[str, ...]]) -> str:
        if self._json:
            out = ""
            for leaf, value in changed.items():
                tree: Any = {"Value": value}
                for name in reversed(leaf):
                    tree = [{"id": name, **tree}] if name.isdigit() else {name: tree}
                out += json.dumps(tree, ensure_ascii=False) + "\r\n"
            for number in {leaf[2] for leaf in gone if leaf[1] == "Call"}:
                out += json.dumps({"Status": {"Call": [{"id": number, "ghost": "True"}]}}) + "\r\n"
            return out
        lines = [f"*s {' '.join(leaf[1:])}: {value}" for leaf, value in changed.items()]
        lines += [f"*s Call {number} (ghost=True):" for number in {leaf[2] for leaf in gone if leaf[1] == "Call"}]
        return "\r\n".join([*lines, "** end", ""])

    def _mute(self) -> bool:
        codec = self._room.codec
        now_s = self._clock()
        self._room.advance(now_s)
        return codec.hang is Hang.HARD or not codec.running() or codec.booting(now_s)

    def _softly_hung(self) -> bool:
        return self._room.codec.hang is Hang.SOFT

    def _renew(self) -> bool:
        """The codec has started anew since: whoever is on a serial line has to log in again."""
        if self._room.codec.boots == self._boots:
            return False
        self._boots = self._room.codec.boots
        self._stage = Stage.NAME if self._login[1] else Stage.IN
        self._echo, self._json = True, False
        self._expressions.clear()
        self._lines = Lines()
        return self._serial

    # -- login

    def _greeting(self) -> str:
        return (
            f"Welcome to {self._room.room}\r\nCisco Codec Release {RELEASE[self._flavour]}\r\n"
            "SW Release Date: 2022-04-28\r\n*r Login successful\r\n\r\nOK\r\n\r\n"
        )

    def _line(self, line: str) -> str:
        if self._stage is Stage.NAME:
            if not line.strip():
                return "\r\nlogin: "
            self._name = line.strip()
            self._stage = Stage.PASSWORD
            return "Password: "
        if self._stage is Stage.PASSWORD:
            if (self._name, line.strip()) == self._login:
                self._stage = Stage.IN
                return "\r\n" + self._greeting()
            self._stage = Stage.NAME
            return "\r\nLogin incorrect\r\n\r\nlogin: "
        return self._command(line)

    # -- commands

    def _command(self, line: str) -> str:
        if self._body_left > 0:
            return self._body(line)
        text = line.strip()
        if not text:
            return ""
        if match := BODY.match(text):
            self._body_left = min(int(match[1]), 64 * 1024)
            return ""
        result_id = None
        if match := RESULT_ID.search(text):
            result_id, text = match[1], text[: match.start()]
        return self._obey(text, result_id) if text.strip() else ""

    def _body(self, line: str) -> str:
        """A command with a body: the announced bytes hold the command's line and the body's lines."""
        self._body_left -= len(line.encode()) + 1
        self._body_command = self._body_command or line
        if self._body_left > 0:
            return ""
        command, self._body_command = self._body_command, ""
        return self._command(command)

    def _obey(self, text: str, result_id: str | None) -> str:
        words = text.split()
        head = words[0].lower()
        if head == "echo" and len(words) == 2:
            self._echo = words[1].lower() == "on"
            return "\r\nOK\r\n\r\n"
        if head == "xpreferences":
            return self._preferences(words)
        if head.startswith("xcom"):
            return self._xcommand(text, words[1:], result_id)
        if self._softly_hung() and [word.lower() for word in words[:2]] != ["xstatus", "standby"]:
            return ""
        if head.startswith("xstat"):
            return self._xstatus(words[1:], result_id)
        if head.startswith("xfeed"):
            return self._xfeedback(words[1:], result_id)
        if head.startswith("xconf"):
            return self._xconfiguration(text.partition(" ")[2], result_id)
        if head == "bye":
            self.closing = True
            return ""
        return "Command not recognized.\r\n"

    def _preferences(self, words: list[str]) -> str:
        if self._flavour == "tc" and words[-1].lower() == "json":
            return "\r\nERROR\r\n\r\n"
        if len(words) == 3 and words[1].lower() == "outputmode":
            self._json = words[2].lower() == "json"
        # In JSON mode nothing follows: a client that waits here for OK waits for ever.
        return "" if self._json else "\r\nOK\r\n\r\n"

    def _xstatus(self, words: list[str], result_id: str | None) -> str:
        path = [part for word in words for part in word.strip("/").split("/") if part]
        self._room.advance(self._clock())
        found = find(status(self._room, self._flavour), path)
        if found is None:
            reason = "No match on address expression."
            lines = ["*s Status (status=Error):", f'*s Status Reason: "{reason}"']
            error = {"status": "Error", "Reason": {"Value": reason}, "XPath": {"Value": "/Status/" + "/".join(path)}}
            return self._reply({"CommandResponse": {"Status": error}}, lines, result_id)
        empty = list(found.values()) == [[]]
        return self._reply({"Status": {} if empty else as_json(found)}, as_lines(found), result_id)

    def _xconfiguration(self, text: str, result_id: str | None) -> str:
        name, colon, value = text.partition(":")
        path = name.split()
        found = find(self._room.codec.settings, path)
        if colon and write(self._room, path, value.strip().strip('"')):
            return self._reply({}, [], result_id)
        if found is None or colon:
            reason = "No match on address expression."
            error = {"status": "Error", "Reason": {"Value": reason}}
            lines = ["*r ConfigurationResult (status=Error):", f'*r ConfigurationResult Reason: "{reason}"']
            return self._reply({"CommandResponse": {"Configuration": error}}, lines, result_id)
        return self._reply({"Configuration": as_json(found)}, as_lines(found, "*c xConfiguration"), result_id)

    def _xfeedback(self, words: list[str], result_id: str | None) -> str:
        action = words[0].lower() if words else ""
        expression = words[1].strip('"') if len(words) > 1 else ""
        if action == "register" and len(self._expressions) < EXPRESSIONS_MAX:
            path = [part for part in re.split(r"[/\[\]]+", expression) if part]
            self._room.advance(self._clock())
            tree = {"Status": status(self._room, self._flavour)}
            self._expressions[expression] = dict(leaves(find(tree, path) or {}))
        elif action == "deregister":
            self._expressions.pop(expression, None)
        else:
            return "\r\nERROR\r\n\r\n" if not self._json else self._reply({}, [], result_id)
        return self._reply({}, [], result_id)

    def _xcommand(self, text: str, words: list[str], result_id: str | None) -> str:
        path = []
        for word in words:
            if word.endswith(":") or ":" in word:
                break
            path += [part for part in word.split("/") if part]
        parameters = {name.lower(): value.strip('"') for name, value in PARAMETER.findall(text)}
        name = " ".join(path).lower()
        boots = name == ("systemunit boot" if self._flavour == "ce" else "boot")
        if self._softly_hung() and not boots:
            return ""
        if boots:
            taken = self._room.command("codec_restart", self._clock())
            self.closing = taken and not self._serial
            return self._result("Boot", "OK" if taken else "Error", result_id)
        if name not in COMMANDS:
            xpath = "/" + "/".join(path)
            body = {"status": "Error", "Reason": {"Value": "Unknown command"}, "XPath": {"Value": xpath}}
            lines = ["*r Result (status=Error):", '*r Result Reason: "Unknown command"', f'*r Result XPath: "{xpath}"']
            return self._reply({"CommandResponse": {"Result": body}}, lines, result_id)
        taken = COMMANDS[name](self._room, self._clock(), parameters)
        # Result names carry the last two words: `StandbyDeactivate`, `AudioVolumeSet`.
        return self._result("".join(path), "OK" if taken else "Error", result_id)

    def _result(self, name: str, outcome: str, result_id: str | None) -> str:
        body = {"status": outcome}
        return self._reply(
            {"CommandResponse": {f"{name}Result": body}}, [f"*r {name}Result (status={outcome}):"], result_id
        )

    def _reply(self, tree: dict[str, Any], lines: list[str], result_id: str | None) -> str:
        if self._json:
            if result_id is not None:
                tree = {**tree, "ResultId": result_id}
            return json.dumps(tree, ensure_ascii=False) + "\r\n"
        return "\r\n".join(["", *lines, "** end", "", "OK", "", ""])


Obey = Callable[[RoomPhysics, float, dict[str, str]], bool]


def _wake(room: RoomPhysics, now_s: float, parameters: dict[str, str]) -> bool:  # noqa: ARG001
    return room.command("codec_wake", now_s)


def _sleep(room: RoomPhysics, now_s: float, parameters: dict[str, str]) -> bool:  # noqa: ARG001
    room.advance(now_s)
    if room.codec.in_call:
        return False
    room.codec.standby = True
    return True


def _volume(room: RoomPhysics, now_s: float, parameters: dict[str, str]) -> bool:
    level = parameters.get("level", "")
    if not level.isdigit() or int(level) > 100:
        return False
    room.advance(now_s)
    room.codec.volume_pct = int(level)
    return True


def _mute(room: RoomPhysics, now_s: float, muted: bool) -> bool:
    room.advance(now_s)
    room.codec.mic_muted = muted
    return True


def _silence(room: RoomPhysics, now_s: float, muted: bool) -> bool:
    room.advance(now_s)
    room.codec.output_muted = muted
    return True


def _hang_up(room: RoomPhysics, now_s: float, parameters: dict[str, str]) -> bool:  # noqa: ARG001
    room.advance(now_s)
    was, room.codec.in_call = room.codec.in_call, False
    return was


COMMANDS: dict[str, Obey] = {
    "standby deactivate": _wake,
    "standby activate": _sleep,
    "audio volume set": _volume,
    "audio volume mute": lambda room, now_s, _: _silence(room, now_s, True),
    "audio volume unmute": lambda room, now_s, _: _silence(room, now_s, False),
    "audio microphones mute": lambda room, now_s, _: _mute(room, now_s, True),
    "audio microphones unmute": lambda room, now_s, _: _mute(room, now_s, False),
    "dial": lambda room, now_s, _: room.start_call(3600.0, now_s),
    "call disconnect": _hang_up,
    "peripherals connect": lambda *_: True,
    "peripherals heartbeat": lambda *_: True,
}
"""What the codec obeys besides `Boot`. A name that is not here is `Unknown command`."""
