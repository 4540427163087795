"""Smart plugs: a Shelly of the second generation, and one with Tasmota. Each feeds one load of the room.

Sources: device facts, "Power", and the makers' public lists of methods and commands. A plug's relay, its timer and its
backlog live in the plug, whatever becomes of who gave the order.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from sim.physics import RoomPhysics
from sim.servers.shell import TcpPort
from sim.servers.web import Answer, Asked, WebConversation, json_answer

VOLTAGE_V = 227.9
REALM = "shellyplugs-mo"
SHELLY: dict[str, object] = {
    "name": None, "id": REALM, "model": "SNPL-00112EU", "gen": 2, "ver": "1.4.4", "app": "PlugS", "auth_domain": REALM,
}  # fmt: skip
"""What `/shelly` says, but for whether it wants a password."""
DIGEST = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class Plug:
    """The plug itself: one relay over one load, and what it will do by itself."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float], load: str, password: str = "") -> None:
        self.password = password
        self._room = room
        self._clock = clock
        self._load = load
        self._later: tuple[float, bool, float] | None = None
        """When it moves by itself, where to, and how long it was told to wait."""
        self.deaf = False
        """It takes connections, and says nothing: its web server hangs; its timer goes on."""
        self.pulse_s = 0.0
        """After every move to on it moves back after so long, whoever moved it; 0: never. Tasmota's `PulseTime`."""
        self.power_on_state = 1
        """What it does when its own power comes back, in Tasmota's numbers."""
        self.others_w: tuple[float, ...] = ()
        """What the further relays' own meters show, where there are any."""
        self.lag_s = 0.0
        """Its word is this much older than its relay."""
        self.moves: list[tuple[float, bool]] = []
        """When its relay moved last, and where to."""

    @property
    def on(self) -> bool:
        """Whether the load gets power."""
        return self._room.closed[self._load]

    @property
    def says_on(self) -> bool:
        """What it says of that."""
        if not self.lag_s or not self.moves:
            return self.on
        known = [on for at_s, on in self.moves if at_s <= self._clock() - self.lag_s]
        return known[-1] if known else not self.moves[0][1]

    @property
    def draw_w(self) -> float:
        """What its meter shows."""
        device = self._room.devices[self._load]
        return round(device.draw_w(self._clock()), 1) if self.on else 0.0

    @property
    def timer(self) -> tuple[float, float] | None:
        """When the running timer was begun, and how long it runs; None: none."""
        return None if self._later is None else (self._later[0] - self._later[2], self._later[2])

    def move(self, on: bool, flip_after_s: float | None = None) -> None:
        """Move the relay; after `flip_after_s` it moves back by itself. An earlier timer ends."""
        now_s = self._clock()
        flip_after_s = (self.pulse_s or None) if on and flip_after_s is None else flip_after_s
        self._later = None if flip_after_s is None else (now_s + flip_after_s, not on, flip_after_s)
        if on != self.on:
            self.moves = [*self.moves[-9:], (now_s, on)]
        self._room.relay(self._load, on, now_s)

    def hurry(self, within_s: float) -> None:
        """A running timer ends so soon: what any command does to Tasmota's `Delay` (arendst/Tasmota#7772)."""
        if self._later is not None and self._later[1]:
            at_s = min(self._later[0], self._clock() + within_s)
            self._later = (at_s, self._later[1], self._later[2])

    def pass_time(self) -> None:
        """What it does by itself."""
        if self._later is not None and self._clock() >= self._later[0]:
            self.move(self._later[1])


class PlugPort(TcpPort):
    """The plug's web port, and the plug's own time."""

    def __init__(self, plug: Plug, up: Callable[[], bool], make: Callable[[], WebConversation]) -> None:
        super().__init__(up, make)
        self.plug = plug

    async def tick(self) -> None:
        """Let the plug act by itself, also while nobody can reach it."""
        self.plug.pass_time()
        await super().tick()


class ShellyConversation(WebConversation):
    """RPC over HTTP: `GET /rpc/METHOD?…`, or a frame by `POST /rpc`; with a password Digest with SHA-256, user `admin`.

    `GET /shelly` says what it is, to everybody. Unverified [M]: that a frame's fault is answered with status 200.
    """

    def __init__(self, plug: Plug) -> None:
        super().__init__()
        self._plug = plug
        self._nonce = secrets.token_hex(8)

    def alive(self) -> bool:
        return not self._plug.deaf

    def answer(self, asked: Asked) -> Answer | None:
        if asked.path == "/shelly":
            return json_answer(SHELLY | {"auth_en": bool(self._plug.password)})
        if self._plug.password and not self._proven(asked):
            challenge = f'Digest qop="auth", realm="{REALM}", nonce="{self._nonce}", algorithm=SHA-256'
            return 401, [("WWW-Authenticate", challenge)], b""
        if asked.path == "/rpc":
            return self._frame(asked.json())
        given = {key: values[0] for key, values in parse_qs(asked.query).items()}
        said, failed = self._called(asked.path.removeprefix("/rpc/"), given)
        return json_answer(said, (404 if said["code"] == 404 else 500) if failed else 200)

    def _frame(self, frame: object) -> Answer:
        if not isinstance(frame, dict):
            return json_answer({"code": 400, "message": "Invalid or missing argument"}, 400)
        given = frame.get("params") or {}
        said, failed = self._called(
            str(frame.get("method")),
            {name: json.dumps(value) if isinstance(value, bool) else str(value) for name, value in given.items()},
        )
        return json_answer({"id": frame.get("id"), "src": REALM, "error" if failed else "result": said})

    def _called(self, name: str, given: dict[str, str]) -> tuple[dict[str, Any], bool]:
        """What a method says, and whether it has failed."""
        if name not in ("Switch.Set", "Switch.GetStatus", "Switch.GetConfig"):
            return {"code": 404, "message": f"No handler for {name}"}, True
        if given.get("id") != "0":
            return {"code": -105, "message": f"Argument 'id', value {given.get('id')} not found!"}, True
        return getattr(self, "_" + name.partition(".")[2])(given), False

    def _Set(self, given: dict[str, str]) -> dict[str, object]:  # noqa: N802 - the method's own name
        was_on = self._plug.on
        after = given.get("toggle_after")
        self._plug.move(given.get("on") == "true", float(after) if after else None)
        return {"was_on": was_on}

    def _GetStatus(self, given: dict[str, str]) -> dict[str, object]:  # noqa: ARG002, N802
        draw_w = self._plug.draw_w
        said: dict[str, object] = {
            "id": 0, "source": "HTTP_in", "output": self._plug.says_on, "apower": draw_w, "voltage": VOLTAGE_V,
            "freq": 50.0, "current": round(draw_w / VOLTAGE_V, 3), "temperature": {"tC": 41.2, "tF": 106.2},
        }  # fmt: skip
        if (timer := self._plug.timer) is not None:
            said |= {"timer_started_at": round(timer[0], 2), "timer_duration": timer[1]}
        return said

    def _GetConfig(self, given: dict[str, str]) -> dict[str, object]:  # noqa: ARG002, N802
        after_s = self._plug.pulse_s
        return {"id": 0, "name": None, "initial_state": "on", "auto_on": False, "auto_off": after_s > 0}

    def _proven(self, asked: Asked) -> bool:
        """RFC 7616 with `qop=auth`."""
        said = {key: quoted or bare for key, quoted, bare in DIGEST.findall(asked.headers.get("authorization", ""))}

        def digest(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        account = digest(f"admin:{REALM}:{self._plug.password}")
        request = digest(f"{asked.method}:{asked.target}")
        words = [account, self._nonce, said.get("nc", ""), said.get("cnonce", ""), "auth", request]
        return said.get("nonce") == self._nonce and said.get("response") == digest(":".join(words))


COMMAND_PAUSE_S = 0.2
"""Between two commands of a backlog (`SetOption34`)."""
MOVES: dict[str, Callable[[bool], bool]] = {
    **dict.fromkeys(("ON", "1", "TRUE"), lambda _: True),
    **dict.fromkeys(("OFF", "0", "FALSE"), lambda _: False),
    **dict.fromkeys(("TOGGLE", "2"), lambda on: not on),
}
"""Where Tasmota's words for a relay move it; with any other it only says how it is [the firmware's commands]."""


class TasmotaConversation(WebConversation):
    """The web commands of a plug with one relay."""

    def __init__(self, plug: Plug) -> None:
        super().__init__()
        self._plug = plug

    def alive(self) -> bool:
        return not self._plug.deaf

    def answer(self, asked: Asked) -> Answer | None:
        given = dict(word.partition("=")[::2] for word in asked.query.split("&"))
        if asked.path != "/cm":
            return 404, [], b"File Not Found"
        if self._plug.password and unquote(given.get("password", "")) != self._plug.password:
            return json_answer({"WARNING": "Need user=<username>&password=<password>"})
        return json_answer(self._run(unquote(given.get("cmnd", "").replace("+", " ")).strip()))

    def _run(self, command: str) -> dict[str, object]:
        word, _, value = command.partition(" ")
        self._plug.hurry(COMMAND_PAUSE_S)
        if word.lower() == "backlog":
            return self._backlog([part.strip() for part in value.split(";")])
        several = bool(self._plug.others_w)
        if word.lower() in ("power", "power1"):
            if value.upper() in MOVES:
                self._plug.move(MOVES[value.upper()](self._plug.on))
            return {"POWER1" if several else "POWER": "ON" if self._plug.says_on else "OFF"}
        if command.lower() == "status":
            return {"Status": {"Module": 1, "FriendlyName": ["MO PHONG"], "Power": int(self._plug.says_on)}}
        if command.lower() == "status 8":
            draw_w, volts = self._plug.draw_w, VOLTAGE_V if self._plug.on or several else 0  # `SetOption21 0`
            said = {"Power": [draw_w, *self._plug.others_w] if several else draw_w, "Voltage": volts}
            return {"StatusSNS": {"Time": "2026-11-23T08:00:00", "ENERGY": said}}
        if command.lower() == "poweronstate":
            return {"PowerOnState": self._plug.power_on_state}
        if command.lower() == "pulsetime1":
            return {"PulseTime1": {"Set": _pulse_steps(self._plug.pulse_s), "Remaining": 0}}
        return {"Command": "Unknown"}

    def _backlog(self, parts: list[str]) -> dict[str, object]:
        """Only what a cycle needs: off, a delay in tenths, and on again."""
        match [part.split(" ") for part in parts]:
            case [[power, off], ["Delay", tenths], [again, on]] if power == again and (off, on) == ("OFF", "ON"):
                self._plug.move(False, int(tenths) / 10)
                return {}
            case _:
                return {"Command": "Unknown"}


def _pulse_steps(pulse_s: float) -> int:
    """The firmware's count: tenths of a second up to 111, from 112 on seconds and 100 [the firmware's commands]."""
    return round(pulse_s * 10) if pulse_s <= 11.1 else round(pulse_s) + 100


def plug_port(family: str, plug: Plug, up: Callable[[], bool]) -> PlugPort:
    """A plug of a family, `shelly` or `tasmota`, on a port of its own."""
    speaks: dict[str, Callable[[Plug], WebConversation]] = {
        "shelly": ShellyConversation,
        "tasmota": TasmotaConversation,
    }
    return PlugPort(plug, up, lambda: speaks[family](plug))
