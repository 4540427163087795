"""A TCP connection inside TLS, as a `Stream`. `agent.transports.trust` tells the device by its certificate.

Codecs are old: RSA keys of 1024 bits and SHA-1 signatures are taken (OpenSSL's level 1). TLS 1.0 and 1.1, all that some
of them speak (Huawei TE20, Cisco TC), are taken where the room's settings say so: whoever stands between could make any
device fall back to them.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from typing import TYPE_CHECKING

from agent.transports.errors import Kind, LinkFault, fault_of
from agent.transports.tcp import CHUNK_BYTES, connected_socket

if TYPE_CHECKING:
    from agent.transports.trust import Trust

CIPHERS = "DEFAULT:@SECLEVEL=1"
OLD_CIPHERS = "DEFAULT:@SECLEVEL=0"
"""OpenSSL 3 allows TLS below 1.2 at level 0 only."""


def _context(*, old: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Nobody signs the certificate of a codec in a commune: the fingerprint is checked instead, before anything is sent.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(OLD_CIPHERS if old else CIPHERS)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED if old else ssl.TLSVersion.TLSv1_2
    return context


def _speaks_old(address: str, port: int, timeout_s: float) -> bool:
    """Whether a device that turned a handshake down takes one with TLS below 1.2; nothing is sent inside.

    Some say so in an alert and some just hang up, so it is tried.
    """
    context = _context(old=True)
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        sock = connected_socket(address, port, max(0.1, timeout_s))
        with sock:
            sock.settimeout(max(0.1, timeout_s))
            context.wrap_socket(sock).close()
    except (LinkFault, OSError, ValueError):
        return False
    return True


class TlsStream:
    """An open connection; make one with `connect`."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._closed = False

    @classmethod
    def connect(cls, address: str, port: int, timeout_s: float, trust: Trust, name: str = "") -> TlsStream:
        """Connect to a numeric address; `name` is the device's own, as the settings give it. Raises LinkFault."""
        deadline_s = time.monotonic() + timeout_s
        sock = connected_socket(address, port, timeout_s)
        try:
            sock.settimeout(max(0.1, deadline_s - time.monotonic()))
            inside = _context(old=trust.old_tls).wrap_socket(sock, server_hostname=name or address)
        except ssl.SSLError as error:
            sock.close()
            old = not trust.old_tls and _speaks_old(address, port, deadline_s - time.monotonic())
            kind: Kind = "old_tls" if old else "garbled"
            raise LinkFault(kind, f"no TLS with {name or address}: {error}") from error
        except (OSError, ValueError) as error:
            sock.close()
            raise (fault_of(error) if isinstance(error, OSError) else LinkFault("link", str(error))) from error
        try:
            trust.check(f"{name or address}:{port}", inside.getpeercert(binary_form=True) or b"")
        except LinkFault:
            inside.close()
            raise
        return cls(inside)

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of it within `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        rest = memoryview(data)
        while rest:
            want = select.POLLOUT
            try:
                rest = rest[self._sock.send(rest) :]
                continue
            except ssl.SSLWantReadError:
                want = select.POLLIN
            except ssl.SSLWantWriteError:
                pass
            except (OSError, ValueError) as error:
                raise self._fault(error) from error
            if not self._await(want, deadline_s - time.monotonic()):
                raise LinkFault("timeout", "the peer takes nothing")

    def recv(self, timeout_s: float) -> bytes:
        """Whatever arrived; empty when nothing did."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                data = self._sock.recv(CHUNK_BYTES)
            except ssl.SSLWantReadError:
                want = select.POLLIN
            except ssl.SSLWantWriteError:
                want = select.POLLOUT
            except (OSError, ValueError) as error:
                raise self._fault(error) from error
            else:
                if not data:
                    raise LinkFault("link" if self._closed else "refused", "the peer closed the connection")
                return data
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not self._await(want, left_s):
                return b""

    def _await(self, want: int, timeout_s: float) -> bool:
        try:
            poller = select.poll()
            poller.register(self._sock, want)
            ready = poller.poll(max(0.0, timeout_s) * 1000)
        except (OSError, ValueError) as error:
            raise LinkFault("link", "closed by us") from error
        if self._closed:
            raise LinkFault("link", "closed by us")
        return bool(ready)

    def _fault(self, error: Exception) -> LinkFault:
        if self._closed:
            return LinkFault("link", "closed by us")
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return LinkFault("refused", "the peer closed the connection")
        if isinstance(error, ssl.SSLError):
            return LinkFault("garbled", str(error))
        return fault_of(error) if isinstance(error, OSError) else LinkFault("link", str(error))

    def close(self) -> None:
        """Let go, and wake whoever waits."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
