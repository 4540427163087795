"""A projector that speaks PJLink, class 1 or 2. Source: device facts; JBMIA's specification 2.10, chapters 4 and 5."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sim.physics import RoomPhysics
from sim.servers.base import Lines

POWERS = {"off": "0", "on": "1", "cooling": "2", "warming": "3"}
KINDS = {"rgb": "1", "video": "2", "digital": "3"}
PARTS = ("fan", "lamp", "temperature", "cover", "filter", "other")
MODEL = ("SIMULATED", "MO PHONG PJ-1")
TOKEN = "498e4a67"


class PjlinkConversation:
    """One client's talk. Answers what `display` of the room is."""

    def __init__(
        self,
        room: RoomPhysics,
        clock: Callable[[], float],
        *,
        password: str = "",
        pjlink_class: int = 2,
        class_word: str = "",
    ) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._password = password
        self._class = pjlink_class
        self._class_word = class_word
        """What it writes before the digit of its class: `Class ` (Optoma), `Version` (BenQ), by OpenLP."""
        self._known = not password
        self._lines = Lines()

    def opened(self) -> bytes:
        """The greeting; a hung one only takes the connection."""
        if self._room.display.hung:
            return b""
        return f"PJLINK 1 {TOKEN}\r".encode() if self._password else b"PJLINK 0\r"

    def tick(self) -> bytes:
        """It says nothing by itself."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer."""
        if self._room.display.hung or self.closing:
            return b""
        out = ""
        for line in self._lines.feed(data):
            if not self._known:
                digest = hashlib.md5((TOKEN + self._password).encode(), usedforsecurity=False).hexdigest()
                self._known = line.lower().startswith(digest)
                if not self._known:
                    self.closing = True
                    return f"{out}PJLINK ERRA\r".encode()
                line = line[len(digest) :]
            if line:
                out += self._answer(line)
        return out.encode()

    def _answer(self, line: str) -> str:
        head, command, value = line[:2], line[2:6].upper(), line[7:]
        if head not in ("%1", "%2") or line[6:7] != " " or int(head[1]) > self._class:
            return f"{head}{command}=ERR1\r" if head in ("%1", "%2") else ""
        self._room.advance(self._clock())
        return f"{head}{command}={self._value(command, value)}\r"

    def _value(self, command: str, value: str) -> str:
        display, now_s = self._room.display, self._clock()
        state = display.state(now_s)
        match command, value:
            case "POWR", "?":
                return POWERS[state]
            case "POWR", "0" | "1":
                if state in ("warming", "cooling"):
                    return "ERR3"
                if value == "1":
                    self._room.command("display_on", now_s)
                else:
                    display.switch(False, now_s)
                return "OK"
            case "CLSS", "?":
                return f"{self._class_word}{self._class}"
            case "INF1", "?":
                return MODEL[0]
            case "INF2", "?":
                return MODEL[1]
            case "NAME", "?":
                return self._room.room
            case "LAMP", "?":
                return f"{display.lamp_h} {int(state == 'on')}"
            case "ERST", "?":
                return "".join("2" if part == display.complaint else "0" for part in PARTS)
            case (("INPT" | "AVMT" | "INST" | "IRES" | "RRES" | "INNM"), _):
                return self._picture(command, value) if state == "on" else "ERR3"
            case (("POWR" | "CLSS" | "INF1" | "INF2" | "NAME" | "LAMP" | "ERST"), _):
                return "ERR2"
            case _:
                return "ERR1"

    def _picture(self, command: str, value: str) -> str:
        """What a projector answers only while it is on."""
        display, now_s = self._room.display, self._clock()
        codes = {KINDS[name[:-1]] + name[-1]: name for name in ("rgb1", "digital1", "digital2")}
        by_name = {name: code for code, name in codes.items()}
        match command, value:
            case "INPT", "?":
                return by_name[display.input]
            case "INPT", code if code in codes:
                if codes[code] == "digital1":
                    self._room.command("display_input", now_s)
                display.input = codes[code]
                return "OK"
            case "INST", "?":
                return " ".join(codes)
            case "INNM", _ if value[1:] in codes:
                return codes[value[1:]].upper()
            case "AVMT", "?":
                return "31" if display.picture_muted else "30"
            case "AVMT", "10" | "11" | "30" | "31":
                display.picture_muted = value.endswith("1")
                return "OK"
            case "RRES", "?":
                return "1920x1080"
            case "IRES", "?":
                return "1920x1080" if self._room.picture_arrives() else "-"
            case _:
                return "ERR2"
