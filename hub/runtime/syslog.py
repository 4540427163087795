"""Rows of the log of who did what as RFC 5424, and the way to a collector: a local socket, TCP, or TLS (RFC 5425).

Streams are framed by octet counts (RFC 6587, 3.4.1). Syslog knows no acknowledgement: what the far side's kernel has
taken counts as sent, so a collector that is killed may lose what it had not yet read.
"""

from __future__ import annotations

import errno
import fcntl
import json
import re
import socket
import ssl
import struct
import termios
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

_FACILITY_AUDIT = 13
_SEVERITY_NOTICE = 5
ANSWER_S = 10.0
"""For a connection, a write, and until the far side has taken everything."""
_LOOK_S = 0.02
DATAGRAM_MAX_BYTES = 8192
"""To this a row is cut that a local socket does not take whole; RFC 5424 has receivers take 2,048 octets."""
MEND = "viết unix:/ĐƯỜNG/DẪN, tcp://MÁY:CỔNG hoặc tls://MÁY:CỔNG"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a collector is."""

    scheme: str
    """`unix`, `tcp` or `tls`."""
    host: str = ""
    port: int = 0
    path: str = ""


def target_of(text: str) -> Target:
    """Read `unix:/dev/log`, `tcp://host:port` or `tls://host:port`. Raises ValueError, which names the three."""
    wrong = ValueError("unix:/PATH, tcp://HOST:PORT or tls://HOST:PORT")
    try:
        parts = urlsplit(text)
        if parts.scheme == "unix" and parts.path.startswith("/") and not parts.netloc:
            return Target("unix", path=parts.path)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or not port or parts.path.strip("/") or parts.username:
        raise wrong
    return Target(parts.scheme, parts.hostname, port)


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for `tls://`; without `ca` the system's authorities count."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    def context(self) -> ssl.SSLContext:
        """Raises OSError (ssl.SSLError too) when a file cannot be used."""
        made = ssl.create_default_context(cafile=self.ca or None)
        made.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 9662
        if self.cert:
            made.load_cert_chain(self.cert, self.key or None)
        return made


class Channel:
    """One open way to a collector. Its functions raise OSError, and then it is of no more use."""

    def __init__(self, target: Target, tls: Tls) -> None:
        self._stream = target.scheme != "unix"
        self._channel = _connected(target, tls)

    def send(self, lines: Sequence[bytes]) -> None:
        """Returns when the far side's kernel has taken them all."""
        if not self._stream:
            for line in lines:
                self._datagram(line)
            return
        if self._hung_up():
            raise ConnectionResetError(errno.ECONNRESET, "the collector has hung up")
        for line in lines:
            self._channel.sendall(b"%d %s" % (len(line), line))
        self._taken()
        # Who hangs up after reading all has got it; who leaves something unread resets the line, which raises.
        self._hung_up()

    def _datagram(self, line: bytes) -> None:
        try:
            self._channel.send(line)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            self._channel.send(line[:DATAGRAM_MAX_BYTES])

    def _taken(self) -> None:
        """Wait until nothing is left to be acknowledged; writes on a line that is dead succeed for a while."""
        end_s = time.monotonic() + ANSWER_S
        while struct.unpack("i", fcntl.ioctl(self._channel, termios.TIOCOUTQ, b"\0\0\0\0"))[0]:
            if time.monotonic() > end_s:
                raise TimeoutError(errno.ETIMEDOUT, "the collector takes nothing")
            time.sleep(_LOOK_S)
        if reason := self._channel.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(reason, errno.errorcode.get(reason, "?"))

    def _hung_up(self) -> bool:
        """Whether the far side has ended the line in good order. Raises OSError when it was cut."""
        self._channel.settimeout(0)
        try:
            return self._channel.recv(4096) == b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return False  # it has nothing to say, as it should
        finally:
            self._channel.settimeout(ANSWER_S)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()


def _connected(target: Target, tls: Tls) -> socket.socket:
    if target.scheme == "unix":
        local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        local.settimeout(ANSWER_S)
        try:
            local.connect(target.path)
        except OSError:
            local.close()
            raise
        return local
    context = tls.context() if target.scheme == "tls" else None
    plain = socket.create_connection((target.host, target.port), ANSWER_S)
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname=target.host)
    except (OSError, ValueError):
        plain.close()
        raise


def own_host() -> str:
    """This machine's name as RFC 5424 takes it."""
    return re.sub(r"[^\x21-\x7e]", "_", socket.gethostname())[:255] or "-"


def moment(at_s: object) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(float(str(at_s)), UTC).isoformat(timespec="milliseconds")


def line_of(row: Iterable[object], host: str) -> bytes:
    """One row by RFC 5424: facility 13 (log audit), severity notice, the row's number and hashes as structured data."""
    number, at_s, by, what, detail, prev, own = row
    name = re.sub(r"[^\x21-\x7e]", "_", str(what))[:32] or "-"
    data = "".join(
        f' {key}="{_escape(str(value))}"'
        for key, value in (("number", number), ("by", by), ("prev", prev), ("hash", own))
    )
    priority = _FACILITY_AUDIT * 8 + _SEVERITY_NOTICE
    head = f"<{priority}>1 {moment(at_s).replace('+00:00', 'Z')} {host} diemcau-hub - {name}"
    # 32473 is the number that RFC 5612 keeps for examples and private use in documentation.
    return f"{head} [audit@32473{data}] ".encode() + b"\xef\xbb\xbf" + json.dumps(
        json.loads(str(detail)), ensure_ascii=False).encode()  # fmt: skip


def _escape(text: str) -> str:
    # A line feed would begin a line of its own in a collector's file.
    return re.sub(r'(["\\\]])', r"\\\1", re.sub(r"[\x00-\x1f\x7f]", " ", text))
