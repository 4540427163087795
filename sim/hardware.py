"""The hardware of a real room: everything a `diemcau-agent` touches. Several stand in a rack (`sim.rack`).

One kind of room for every way to a codec (`KINDS`), and `generic`, a codec that is watched by ping, TCP and SIP alone.
All have meters on room and codec, a UPS, sensors, and relays for
codec, switch, converter, display, light and fan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from sim.physics import Fitting, Hang, RoomPhysics
from sim.physics.display import CODEC_INPUT
from sim.physics.room import profiles
from sim.servers.apc import ApcPort
from sim.servers.cisco import CiscoConversation
from sim.servers.cisco_web import CiscoWebConversation
from sim.servers.huawei import HuaweiConversation
from sim.servers.json_web import JsonWebConversation, Sessions
from sim.servers.mdc import MdcConversation
from sim.servers.nut import NutConversation
from sim.servers.outlets import Plug, plug_port
from sim.servers.path import PathPort
from sim.servers.pjlink import PjlinkConversation
from sim.servers.poly import PolyConversation
from sim.servers.pzem import PzemConversation
from sim.servers.shell import SerialPort, SipPort, TcpPort
from sim.servers.ssh import SshPort
from sim.servers.sysfs import SysfsTree
from sim.servers.tls import DeviceCertificate
from sim.servers.videoos import VideoOsConversation

Kind = Literal[
    "cisco_serial", "cisco_tcp", "poly_tcp", "generic", "cisco_ssh", "cisco_http", "cisco_ws", "poly_videoos",
    "huawei_te",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
FAMILIES: dict[Kind, str] = {
    "cisco_serial": "cisco_xapi", "cisco_tcp": "cisco_xapi", "cisco_ssh": "cisco_xapi", "poly_tcp": "poly_cli",
    "generic": "generic", "cisco_http": "cisco_http", "cisco_ws": "cisco_ws",
    "poly_videoos": "poly_videoos", "huawei_te": "huawei_te",
}  # fmt: skip
WEB: dict[Kind, str] = {"cisco_http": "http", "cisco_ws": "ws", "poly_videoos": "https", "huawei_te": "https"}
"""Kinds of rooms whose codec is reached through its web interface, and by which scheme."""
DISPLAYS: dict[Kind, tuple[str, str]] = {"cisco_tcp": ("pjlink", CODEC_INPUT), "generic": ("samsung_mdc", "hdmi1")}
"""Kinds of rooms whose display has a control line, and its family and input; in the others only the meter sees it."""
LAMP_S = 8.0
"""How long a projector's lamp warms up or cools, before scaling [J]."""
PASSWORD = "mo-phong"
RELAYS: dict[str, tuple[int, str]] = {
    "codec": (17, "nc"), "switch": (18, "nc"), "converter": (22, "nc"), "display": (23, "nc"),
    "light": (24, "no"), "fan": (25, "no"),
}  # fmt: skip
"""Pin and contact of each load."""
OUTLETS: dict[Kind, str] = {"cisco_ws": "shelly", "cisco_http": "tasmota", "cisco_ssh": "apc_rpdu2"}
"""Kinds of rooms whose codec hangs on a smart plug instead of a relay of the board, and the plug's family."""

CHRONY = "7F7F0101,127.127.1.1,3,1795390000.0,0.000012,0.00001,0.00002,1.0,0.0,0.1,0.01,0.001,64.0,Normal"
"""What `chronyc -c tracking` says of a clock that is disciplined."""


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """One real room to simulate."""

    room: str
    kind: Kind
    scale: float = 1.0
    seed: int = 0
    root_key: str = ""
    """Whose list of keys the room believes; empty: it obeys orders that nobody has signed."""


class RoomHardware:
    """One room: physics, servers, pins, and the `room.toml` that fits them."""

    def __init__(self, plan: RoomPlan, folder: Path, clock: Callable[[], float]) -> None:
        self.plan = plan
        self.folder = folder
        self._clock = clock
        self.physics = RoomPhysics(plan.room, fitting(plan.scale), clock())
        self.levels: dict[int, int] = {}
        """Pin levels, kept whatever becomes of the agent."""
        self._parts: list[TcpPort | PathPort | SerialPort | SipPort | SshPort | ApcPort] = []
        self._pins: asyncio.Server | None = None
        self._sysfs = SysfsTree(folder / "sys", plan.seed)
        self._codec_uri = ""
        self.plug: Plug | None = None
        self.plug_uri = ""
        """The smart plug that feeds the codec; empty: a relay does."""
        self.display_uri = ""
        """Its control line; empty: it has none."""

    @property
    def pins_socket(self) -> Path:
        """For DIEMCAU_SIM_PINS."""
        return self.folder / "pins"

    def describe(self) -> list[str]:
        """Where everything is, a line each."""
        return [
            f"codec: {self._codec_uri or 'no control interface'}, user admin, password {PASSWORD}",
            f"codec, alive: tcp:127.0.0.1:{self._alive.port}; SIP: udp 127.0.0.1:{self._sip.port}",
            f"meters: {self.folder / 'meter-room'}, {self.folder / 'meter-codec'}",
            f"UPS (NUT): 127.0.0.1:{self._nut.port}; sysfs: {self.folder / 'sys'}",
            f"display: {self._display_words()}",
            f"gateway: tcp:127.0.0.1:{self._gateway.port}; way to the hub: tcp:127.0.0.1:{self._hub.port}",
            f"beyond the converter: node tcp:127.0.0.1:{self._node.port}, MCU tcp:127.0.0.1:{self._mcu.port}",
            "relays: " + ", ".join(self._relay_words(load) for load in RELAYS),
        ]

    @property
    def config(self) -> Path:
        """The agent's configuration, once written."""
        return self.folder / "room.toml"

    async def open(self) -> None:
        """Start everything."""
        self.folder.mkdir(parents=True, exist_ok=True)
        room, clock = self.physics, self._clock
        self._alive = TcpPort(lambda: room.gateway_up() and room.codec.reachable(clock()))
        self._sip = await SipPort(self._sip_up).open()
        self._gateway = PathPort(room.gateway_up)
        self._hub = PathPort(room.hub_up)
        self._node, self._mcu = PathPort(room.node_up), PathPort(room.mcu_up)
        self._broker = PathPort(room.hub_up)
        self._nut = TcpPort(room.board_on, lambda: NutConversation(room, clock))
        meters = [
            SerialPort(self.folder / f"meter-{role}", PzemConversation(room, clock, role, self.plan.seed))
            for role in ("room", "codec")
        ]
        self._parts = [
            self._alive, self._sip, self._gateway, self._hub, self._node, self._mcu, self._broker, self._nut, *meters,
            *self._codec_ports(), *self._display_ports(), *await self._plug_ports(),
        ]  # fmt: skip
        self.pins_socket.unlink(missing_ok=True)
        self._pins = await asyncio.start_unix_server(self._pin_client, str(self.pins_socket))
        await self.tick()

    def _codec_ports(self) -> list[TcpPort | SerialPort | SshPort]:
        room, clock = self.physics, self._clock
        if self.plan.kind == "cisco_serial":
            path = self.folder / "codec"
            self._codec_uri = f"serial://{path}?baud=115200"
            return [SerialPort(path, CiscoConversation(room, clock, password=PASSWORD, serial=True))]
        if self.plan.kind == "generic":
            return []
        if self.plan.kind == "cisco_ssh":
            ssh = SshPort(self._port_up, lambda: CiscoConversation(room, clock), "admin", PASSWORD)
            self._codec_uri = f"ssh://127.0.0.1:{ssh.port}"
            return [ssh]

        if WEB.get(self.plan.kind) == "https":
            return [self._json_web_port()]

        sessions: list[str] = []

        def make() -> CiscoConversation | CiscoWebConversation | PolyConversation:
            if self.plan.kind == "poly_tcp":
                return PolyConversation(room, clock, password=PASSWORD)
            if self.plan.kind in WEB:
                return CiscoWebConversation(room, clock, sessions, password=PASSWORD)
            return CiscoConversation(room, clock, password=PASSWORD)

        port = TcpPort(self._port_up, make)
        self._codec_uri = f"{WEB.get(self.plan.kind, 'tcp')}://127.0.0.1:{port.port}"
        return [port]

    def _json_web_port(self) -> TcpPort:
        """A web interface over TLS, with a certificate of the codec's own."""
        room, clock = self.physics, self._clock
        self.sessions = Sessions(room, "admin", PASSWORD)
        self.certificate = DeviceCertificate(self.folder / "tls")

        def make() -> JsonWebConversation:
            kind = VideoOsConversation if self.plan.kind == "poly_videoos" else HuaweiConversation
            return kind(room, clock, self.sessions)

        port = TcpPort(self._port_up, make, tls=self.certificate.context)
        self._codec_uri = f"https://127.0.0.1:{port.port}"
        return port

    def _display_ports(self) -> list[TcpPort]:
        room, clock = self.physics, self._clock
        family, _ = DISPLAYS.get(self.plan.kind, ("", ""))
        if not family:
            return []

        def make() -> PjlinkConversation | MdcConversation:
            if family == "pjlink":
                return PjlinkConversation(room, clock, password=PASSWORD)
            return MdcConversation(room, clock)

        if family == "pjlink":
            room.display.settle_s = LAMP_S * self.plan.scale
        port = TcpPort(lambda: room.gateway_up() and room.display.running(), make)
        self.display_uri = f"tcp://127.0.0.1:{port.port}"
        return [port]

    async def _plug_ports(self) -> list[TcpPort | ApcPort]:
        room, family = self.physics, OUTLETS.get(self.plan.kind)
        if family is None:
            return []
        self.plug = Plug(room, self._clock, "codec", PASSWORD)
        if family == "apc_rpdu2":
            strip = await ApcPort(self.plug, self._plug_up).open()
            self.plug_uri = f"snmp://127.0.0.1:{strip.port}"
            return [strip]
        port = plug_port(family, self.plug, self._plug_up)
        self.plug_uri = f"http://127.0.0.1:{port.port}"
        return [port]

    def _plug_up(self) -> bool:
        return self.physics.gateway_up() and self.physics.backed()

    def _port_up(self) -> bool:
        now_s = self._clock()
        return self.physics.gateway_up() and self.physics.codec.running() and now_s >= self.physics.codec.ready_at_s

    def _sip_up(self) -> bool:
        return self._port_up() and self.physics.codec.hang is not Hang.HARD

    async def tick(self) -> None:
        """Let time pass, a few times a second."""
        self.physics.advance(self._clock())
        self._sysfs.update(self.physics)
        for part in self._parts:
            await part.tick()

    def close(self) -> None:
        """Let go of sockets and lines."""
        for part in self._parts:
            part.close()
        if self._pins is not None:
            self._pins.close()
        self.pins_socket.unlink(missing_ok=True)

    # -- the board's pins

    async def _pin_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(self._pin(line.decode("ascii", "replace").split()).encode() + b"\n")
                await writer.drain()
        except OSError:
            pass
        finally:
            # The levels stay: the kernel keeps a dead program's outputs.
            writer.close()

    def _pin(self, words: list[str]) -> str:
        match words:
            case ["G", pin] if pin.isdigit():
                return str(self.levels.get(int(pin), 0))
            case ["S", pin, ("0" | "1") as level] if pin.isdigit():
                self._set(int(pin), int(level))
                return level
            case ["I", pin] if pin.isdigit():
                # An input is pulled down from outside: the relay falls off.
                self._set(int(pin), 0)
                return "0"
            case _:
                return "?"

    def _set(self, pin: int, level: int) -> None:
        self.levels[pin] = level
        for load, (number, contact) in RELAYS.items():
            if number == pin and not (load == "codec" and self.plug_uri):
                self.physics.relay(load, bool(level) == (contact == "no"), self._clock())

    # -- the agent's configuration

    def write_config(self, broker_port: int = 0, user: str = "", password: str = "") -> Path:
        """Write the agent's `room.toml` and its secrets; without a broker the room keeps to itself.

        The agent is told a port of the room's own, which leads to the broker while the line is whole.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._broker.target = broker_port
        text = self._toml(
            self._broker.port if broker_port else 0,
            user,
            _secret(self.folder / "broker.secret", password) if password else "",
        )
        self.config.write_text(text, "utf-8")
        return self.config

    def _toml(self, broker_port: int, user: str, password_file: str) -> str:
        kind = self.plan.kind
        family = FAMILIES[kind]
        codec: dict[str, Any] = {
            "family": family,
            "ping": f"tcp:127.0.0.1:{self._alive.port}",
            "tcp": f"tcp:127.0.0.1:{self._alive.port}",
            "sip": f"sip:127.0.0.1:{self._sip.port}",
            "api_timeout_s": 6.0,
        }
        # Reaching out must not take longer than the compressed freshness of what was seen before.
        codec["reach_timeout_s"] = max(0.5, min(2.0, 10 * self.plan.scale))
        if self._codec_uri:
            codec |= {"uri": self._codec_uri, "user": "admin", "password_file": _secret(self.folder / "codec.secret")}
        sections: list[tuple[str, dict[str, Any]]] = [
            ("[room]", {"id": self.plan.room, "state_dir": str(self.folder / "state")}),
            ("[policy]", {"time_scale": float(self.plan.scale)}),
            ("[commands]", {"root_key": self.plan.root_key} if self.plan.root_key else {"accept_unsigned": True}),
            ("[phones]", {"centre": "0000 000 001", "carrier": "0000 000 002", "power": "0000 000 003"}),
            ("[thresholds]", {"call_draw_w": 40.0}),
            ("[codec]", codec),
            *(("[[meters]]", {"role": role, "uri": f"serial://{self.folder / f'meter-{role}'}", "timeout_s": 0.5})
              for role in ("room", "codec")),
            *self._display_section(),
            ("[ups]", {"name": "ups", "host": "127.0.0.1", "port": self._nut.port}),
            ("[network]", {
                "interface": SysfsTree.INTERFACE, "gateway": f"tcp:127.0.0.1:{self._gateway.port}",
                "hub": [f"tcp:127.0.0.1:{self._hub.port}"],
                "beyond": [f"tcp:127.0.0.1:{port.port}" for port in (self._node, self._mcu)],
                "clock_command": ["echo", CHRONY],
                "timeout_s": codec["reach_timeout_s"], "sysfs_root": str(self.folder / "sys"),
            }),
            *(("[[sensors]]", {"chip": chip, "place": place, "sysfs_root": str(self.folder / "sys")})
              for chip, place in (("bme280", "room"), ("bh1750", "room"), ("ds18b20", "rack"))),
            ("[board]", {"vcgencmd": [], "sysfs_root": str(self.folder / "sys")}),
            *((f"[relays.{load}]", self._relay(load)) for load in RELAYS),
        ]  # fmt: skip
        if broker_port:
            broker: dict[str, Any] = {"host": "127.0.0.1", "port": broker_port}
            if user:
                broker |= {"user": user, "password_file": password_file}
            sections.append(("[broker]", broker))
        return "\n".join(
            head + "\n" + "".join(f"{key} = {_toml_value(value)}\n" for key, value in values.items())
            for head, values in sections
        )

    def _relay_words(self, load: str) -> str:
        if load == "codec" and self.plug_uri:
            return f"codec {OUTLETS[self.plan.kind]} {self.plug_uri}, password {PASSWORD}"
        pin, contact = RELAYS[load]
        return f"{load} GPIO{pin} ({contact})"

    def _relay(self, load: str) -> dict[str, Any]:
        if load == "codec" and self.plug_uri:
            family = OUTLETS[self.plan.kind]
            return {"family": family, "uri": self.plug_uri, "password_file": _secret(self.folder / "plug.secret")}
        pin, contact = RELAYS[load]
        return {"pin": pin, "contact": contact}

    def _display_words(self) -> str:
        if not self.display_uri:
            return "no control interface"
        family, _ = DISPLAYS[self.plan.kind]
        return f"{family} {self.display_uri}" + (f", password {PASSWORD}" if family == "pjlink" else "")

    def _display_section(self) -> list[tuple[str, dict[str, Any]]]:
        if not self.display_uri:
            return []
        family, shown = DISPLAYS[self.plan.kind]
        section: dict[str, Any] = {"family": family, "uri": self.display_uri, "input": shown, "timeout_s": 3.0}
        if family == "pjlink":
            section["password_file"] = _secret(self.folder / "display.secret")
        return [("[display]", section)]


def fitting(scale: float) -> Fitting:
    """A room with every duration multiplied, but for the battery: what it says is compared with unscaled limits."""
    return Fitting(profiles(scale), ups_runtime_s=900.0, climate_tau_s=1200 * scale, board_boot_s=20 * scale)


def _secret(path: Path, text: str = PASSWORD) -> str:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text + "\n", "utf-8")
    return str(path)


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_toml_value(part) for part in value) + "]"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)
