"""Transport URIs: `tcp://HOST:PORT`, `serial:///dev/x?baud=115200,38400`, `ssh://HOST[:22]`, `ws(s)://HOST[/PATH]`,
`udp://HOST:PORT`, `cec:///dev/cec0`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.devices.base import Login
from agent.probes.families import WEB_SCHEMES
from agent.probes.names import Resolver, split_host_port
from agent.transports.datagram import UdpStream
from agent.transports.errors import LinkFault
from agent.transports.serial import SerialStream
from agent.transports.stream import Stream
from agent.transports.tcp import TcpStream
from agent.transports.trust import Trust

CONNECT_S = 3.0
BAUDS_KNOWN = frozenset({1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400})
PORTS = {"ssh": 22, "ws": 80, "wss": 443, "http": 80, "https": 443}
LOGGING_IN = frozenset({"ssh", "ws", "wss"})
"""Schemes that log in by themselves, before the device's own conversation begins."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who we are, and which device we believe: for lines that log in by themselves."""

    login: Login = field(default_factory=Login)
    trust: Trust = field(default_factory=Trust)
    """Which certificate the device may show."""
    folder: Path | None = None
    """Where SSH keys seen first are kept; None: SSH is not possible."""


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed URI: an endpoint in the network (`host` is set) or a serial device (`path` is set)."""

    host: str = ""
    port: int = 0
    path: str = ""
    bauds: tuple[int, ...] = ()
    scheme: str = "tcp"
    target: str = ""
    """Of a WebSocket: the path of its URL."""

    @property
    def is_serial(self) -> bool:
        """Whether it is a device file, in most cases a serial line: nobody else can have it meanwhile."""
        return bool(self.path)

    @property
    def opening_proves(self) -> bool:
        """Whether somebody is there when it opens. Of datagrams only an answer shows it."""
        return self.scheme != "udp"

    @property
    def logs_in(self) -> bool:
        """Whether opening it sends name and password."""
        return self.scheme in LOGGING_IN

    @property
    def is_web(self) -> bool:
        """Whether requests and replies go over it instead of a stream of bytes (`agent.probes.weblink`)."""
        return self.scheme in WEB_SCHEMES

    @property
    def url(self) -> str:
        """Of a web interface."""
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def open(self, baud: int, resolver: Resolver, timeout_s: float = CONNECT_S, access: Access | None = None) -> Stream:
        """Open it. Raises LinkFault. `baud` counts on a serial line only."""
        if self.scheme == "cec":
            from agent.transports.cec import CecStream

            return CecStream.open(self.path)
        if self.is_serial:
            return SerialStream.open(self.path, baud)
        address, access = resolver.address(self.host), access or Access()
        if self.scheme == "udp":
            return UdpStream.open(address, self.port)
        if self.scheme == "tcp":
            return TcpStream.connect(address, self.port, timeout_s)
        if self.scheme == "ssh":
            return self._ssh(address, timeout_s, access)
        return self._websocket(address, timeout_s, access)

    def _ssh(self, address: str, timeout_s: float, access: Access) -> Stream:
        from agent.transports.ssh import KNOWN_HOSTS, SshPeer, SshStream

        if access.folder is None:
            raise LinkFault("link", "SSH needs a folder for the keys it knows")
        name = f"{self.host}:{self.port}"
        peer = SshPeer(address, self.port, access.login.user, name, access.folder / KNOWN_HOSTS)
        return SshStream.open(peer, access.login.password, timeout_s)

    def _websocket(self, address: str, timeout_s: float, access: Access) -> Stream:
        from agent.transports.websocket import WebSocketStream

        inner: Stream
        if self.scheme == "wss":
            from agent.transports.tls import TlsStream

            inner = TlsStream.connect(address, self.port, timeout_s, access.trust, self.host)
        else:
            inner = TcpStream.connect(address, self.port, timeout_s)
        host = f"[{self.host}]" if ":" in self.host else self.host
        named = host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"
        return WebSocketStream.open(
            inner, named, self.target or "/ws", access.login.user, access.login.password, timeout_s
        )


def parse_line(
    uri: str, port: int = 0, bauds: Sequence[int] = (9600,), schemes: Sequence[str] = ("tcp", "serial")
) -> Line:
    """A line out of its URI, with the device's defaults. Raises ValueError with one sentence for the technician."""
    scheme, found, rest = uri.partition("://")
    if not found or scheme not in schemes:
        shapes = {"tcp": "tcp://HOST:PORT", "serial": "serial:///dev/NAME?baud=9600", "cec": "cec:///dev/cec0"}
        wanted = " or ".join(shapes.get(known, f"{known}://HOST") for known in schemes)
        raise ValueError(f"line {uri!r} must be {wanted}")
    if scheme in PORTS:
        authority, slash, target = rest.partition("/")
        if target and scheme not in ("ws", "wss"):
            raise ValueError(f"line {uri!r}: no path may stand after the host")
        host, number = split_host_port(authority, PORTS[scheme])
        return Line(host=host, port=number, scheme=scheme, target=slash + target if target else "")
    if scheme in ("tcp", "udp"):
        host, number = split_host_port(rest.rstrip("/"), port)
        if not number:
            raise ValueError(f"line {uri!r} needs a port")
        return Line(host=host, port=number, scheme=scheme)
    if scheme == "cec":
        if not rest.startswith("/"):
            raise ValueError(f"line {uri!r} needs the full path of a device file, e.g. cec:///dev/cec0")
        return Line(path=rest, scheme=scheme)
    path, _, query = rest.partition("?")
    wanted_bauds = tuple(bauds)
    if query:
        key, _, value = query.partition("=")
        words = value.split(",")
        if key != "baud" or not all(word.isdigit() and int(word) in BAUDS_KNOWN for word in words):
            raise ValueError(f"line {uri!r}: after ? only baud=9600 or a list of usual speeds may stand")
        wanted_bauds = tuple(int(word) for word in words)
    if not path.startswith("/") or not wanted_bauds:
        raise ValueError(f"line {uri!r} needs the full path of a device file")
    return Line(path=path, bauds=wanted_bauds, scheme="serial")
