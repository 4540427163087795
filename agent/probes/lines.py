"""Transport URIs: `tcp://HOST:PORT` and `serial:///dev/x?baud=115200,38400`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.probes.names import Resolver, split_host_port
from agent.transports.serial import SerialStream
from agent.transports.stream import Stream
from agent.transports.tcp import TcpStream

CONNECT_S = 3.0
BAUDS_KNOWN = frozenset({1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400})


@dataclass(frozen=True, slots=True)
class Line:
    """A parsed URI: a TCP endpoint (`host` is set) or a serial device (`path` is set)."""

    host: str = ""
    port: int = 0
    path: str = ""
    bauds: tuple[int, ...] = ()

    @property
    def is_serial(self) -> bool:
        """Whether it is a serial line."""
        return bool(self.path)

    def open(self, baud: int, resolver: Resolver, timeout_s: float = CONNECT_S) -> Stream:
        """Open it. Raises LinkFault. `baud` counts on a serial line only."""
        if self.is_serial:
            return SerialStream.open(self.path, baud)
        return TcpStream.connect(resolver.address(self.host), self.port, timeout_s)


def parse_line(uri: str, port: int = 0, bauds: Sequence[int] = (9600,)) -> Line:
    """A line out of its URI, with the device's defaults. Raises ValueError with one sentence for the technician."""
    scheme, found, rest = uri.partition("://")
    if not found or scheme not in ("tcp", "serial"):
        raise ValueError(f"line {uri!r} must be tcp://HOST:PORT or serial:///dev/NAME?baud=9600")
    if scheme == "tcp":
        host, number = split_host_port(rest.rstrip("/"), port)
        if not number:
            raise ValueError(f"line {uri!r} needs a port")
        return Line(host=host, port=number)
    path, _, query = rest.partition("?")
    wanted = tuple(bauds)
    if query:
        key, _, value = query.partition("=")
        words = value.split(",")
        if key != "baud" or not all(word.isdigit() and int(word) in BAUDS_KNOWN for word in words):
            raise ValueError(f"line {uri!r}: after ? only baud=9600 or a list of usual speeds may stand")
        wanted = tuple(int(word) for word in words)
    if not path.startswith("/") or not wanted:
        raise ValueError(f"line {uri!r} needs the full path of a device file")
    return Line(path=path, bauds=wanted)
