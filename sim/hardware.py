"""The hardware of a real room: everything a `diemcau-agent` touches. Several stand in a rack (`sim.rack`).

All kinds (`sim.kinds`) have meters on room, codec and amplifier, a UPS, sensors, and relays for codec, switch,
converter, display, splitter, light, fan and amplifier. One kind has a conference PC beside its codec.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from sim import room_toml
from sim.kinds import (
    CHRONY,
    DISPLAYS,
    LAMP_S,
    METERS,
    NO_CHRONY,
    OUTLETS,
    PASSWORD,
    RELAYS,
    WEB,
    RoomPlan,
    fitting,
)
from sim.physics import Hang, RoomPhysics
from sim.servers.apc import ApcPort
from sim.servers.cisco import CiscoConversation
from sim.servers.cisco_web import CiscoWebConversation
from sim.servers.huawei import HuaweiConversation
from sim.servers.json_web import JsonWebConversation, Sessions
from sim.servers.mdc import MdcConversation
from sim.servers.nut import NutConversation
from sim.servers.outlets import Plug, plug_port
from sim.servers.path import PathPort
from sim.servers.pc import PcOfRoom, WindowsConversation
from sim.servers.pjlink import PjlinkConversation
from sim.servers.poly import PolyConversation
from sim.servers.pzem import PzemConversation
from sim.servers.shell import SerialPort, SipPort, TcpPort
from sim.servers.ssh import SshPort
from sim.servers.sysfs import SysfsTree
from sim.servers.tls import DeviceCertificate
from sim.servers.videoos import VideoOsConversation


class RoomHardware:
    """One room: physics, servers, pins, and the `room.toml` that fits them."""

    def __init__(self, plan: RoomPlan, folder: Path, clock: Callable[[], float]) -> None:
        self.plan = plan
        self.folder = folder
        self._clock = clock
        self.physics = RoomPhysics(plan.room, fitting(plan), clock())
        self.levels: dict[int, int] = {}
        """Pin levels, kept whatever becomes of the agent."""
        self._parts: list[TcpPort | PathPort | SerialPort | SipPort | SshPort | ApcPort] = []
        self._pins: asyncio.Server | None = None
        self._sysfs = SysfsTree(folder / "sys", plan.seed)
        self._time_said = ""
        self.codec_uri = ""
        self.plug: Plug | None = None
        self.plug_uri = ""
        """The smart plug that feeds the codec; empty: a relay does."""
        self.display_uri = ""
        """Its control line; empty: it has none."""
        self.pc_uri = ""
        """The conference PC's; empty: there is none."""

    @property
    def pins_socket(self) -> Path:
        """For DIEMCAU_SIM_PINS."""
        return self.folder / "pins"

    def describe(self) -> list[str]:
        """Where everything is, a line each."""
        return [
            f"codec: {self.codec_uri or 'no control interface'}, user admin, password {PASSWORD}",
            f"codec, alive: tcp:127.0.0.1:{self._alive.port}; SIP: udp 127.0.0.1:{self._sip.port}",
            "meters: " + ", ".join(str(self.folder / f"meter-{role}") for role in METERS),
            f"UPS (NUT): 127.0.0.1:{self.nut.port}; sysfs: {self.folder / 'sys'}",
            f"display: {self._display_words()}",
            f"PC: {self.pc_uri or 'none'}",
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
        self.nut = TcpPort(room.board_on, lambda: NutConversation(room, clock))
        meters = [
            SerialPort(self.folder / f"meter-{role}", PzemConversation(room, clock, role, self.plan.seed))
            for role in METERS
        ]
        self._parts = [
            self._alive, self._sip, self._gateway, self._hub, self._node, self._mcu, self._broker, self.nut, *meters,
            *self._codec_ports(), *self._display_ports(), *self._pc_ports(), *await self._plug_ports(),
        ]  # fmt: skip
        self.pins_socket.unlink(missing_ok=True)
        self._pins = await asyncio.start_unix_server(self._pin_client, str(self.pins_socket))
        await self.tick()

    def _codec_ports(self) -> list[TcpPort | SerialPort | SshPort]:
        room, clock = self.physics, self._clock
        if self.plan.kind == "cisco_serial":
            path = self.folder / "codec"
            self.codec_uri = f"serial://{path}?baud=115200"
            return [SerialPort(path, CiscoConversation(room, clock, password=PASSWORD, serial=True))]
        if self.plan.kind == "generic":
            return []
        if self.plan.kind == "cisco_ssh":
            ssh = SshPort(self._port_up, lambda: CiscoConversation(room, clock), "admin", PASSWORD)
            self.codec_uri = f"ssh://127.0.0.1:{ssh.port}"
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
        self.codec_uri = f"{WEB.get(self.plan.kind, 'tcp')}://127.0.0.1:{port.port}"
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
        self.codec_uri = f"https://127.0.0.1:{port.port}"
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

    def _pc_ports(self) -> list[SshPort]:
        room, pc = self.physics, self.physics.pc
        if pc is None:
            return []
        machine = PcOfRoom(room, self._clock)
        port = SshPort(
            lambda: room.gateway_up() and pc.serving(self._clock()), lambda: WindowsConversation(machine), "admin",
            PASSWORD,
        )  # fmt: skip
        self.pc_uri = f"ssh://127.0.0.1:{port.port}"
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
        self._tell_time()
        for part in self._parts:
            await part.tick()

    def _tell_time(self) -> None:
        """What chrony would say. The board's own clock is this machine's, and stays right."""
        said = CHRONY if self.physics.clock.synced else NO_CHRONY
        if said != self._time_said:
            self._time_said = said
            fresh = self._time_file.with_suffix(".new")
            fresh.write_text(said + "\n", "ascii")
            fresh.replace(self._time_file)

    @property
    def _time_file(self) -> Path:
        return self.folder / "chrony"

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

    # -- words

    def _relay_words(self, load: str) -> str:
        if load == "codec" and self.plug_uri:
            return f"codec {OUTLETS[self.plan.kind]} {self.plug_uri}, password {PASSWORD}"
        pin, contact = RELAYS[load]
        return f"{load} GPIO{pin} ({contact})"

    def _display_words(self) -> str:
        if not self.display_uri:
            return "no control interface"
        family, _ = DISPLAYS[self.plan.kind]
        return f"{family} {self.display_uri}" + (f", password {PASSWORD}" if family == "pjlink" else "")

    # -- the agent's configuration

    def write_config(self, broker_port: int = 0, user: str = "", password: str = "") -> Path:
        """Write the agent's `room.toml` and its secrets; without a broker the room keeps to itself.

        The agent is told a port of the room's own, which leads to the broker while the line is whole.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._broker.target = broker_port
        at = room_toml.Addresses(
            codec=self.codec_uri, display=self.display_uri, pc=self.pc_uri, plug=self.plug_uri,
            alive=self._alive.port, sip=self._sip.port, nut=self.nut.port, gateway=self._gateway.port,
            hub=self._hub.port, beyond=(self._node.port, self._mcu.port), time_file=self._time_file,
        )  # fmt: skip
        text = room_toml.text(self.plan, self.folder, at, self._broker.port if broker_port else 0, user, password)
        self.config.write_text(text, "utf-8")
        return self.config
