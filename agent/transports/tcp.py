"""A TCP connection with finite time-outs that notices a peer which vanished without saying so."""

from __future__ import annotations

import contextlib
import select
import socket
import time

from agent.transports.errors import LinkFault, fault_of

CHUNK_BYTES = 4096
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT = 15, 5, 3
USER_TIMEOUT_MS = 10_000
"""Sent bytes unacknowledged for this long mean a half-open connection: without it Linux retries for 15 minutes."""


def connected_socket(address: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to a numeric address with keep-alive and a bound on unacknowledged bytes. Raises LinkFault."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.connect((address, port))
    except OSError as error:
        sock.close()
        raise fault_of(error) from error
    return sock


class TcpStream:
    """An open connection; make one with `connect`."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._closed = False

    @classmethod
    def connect(cls, address: str, port: int, timeout_s: float) -> TcpStream:
        """Connect to a numeric address. Raises LinkFault."""
        return cls(connected_socket(address, port, timeout_s))

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of it within `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        rest = memoryview(data)
        while rest:
            self._await(write=True, timeout_s=deadline_s - time.monotonic())
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise fault_of(error) from error

    def recv(self, timeout_s: float) -> bytes:
        """Whatever arrived; empty when nothing did."""
        try:
            self._await(write=False, timeout_s=timeout_s)
            data = self._sock.recv(CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except LinkFault as fault:
            if fault.kind == "timeout" and not self._closed:
                return b""
            raise
        except OSError as error:
            raise fault_of(error) from error
        if not data:
            raise LinkFault("link" if self._closed else "refused", "the peer closed the connection")
        return data

    def _await(self, *, write: bool, timeout_s: float) -> None:
        try:
            poller = select.poll()
            poller.register(self._sock, select.POLLOUT if write else select.POLLIN)
            ready = poller.poll(max(0.0, timeout_s) * 1000)
        except (OSError, ValueError) as error:
            raise LinkFault("link", "closed by us") from error
        if self._closed:
            raise LinkFault("link", "closed by us")
        if not ready:
            raise LinkFault("timeout", "the peer takes nothing" if write else "nothing arrived")

    def close(self) -> None:
        """Let go, and wake whoever waits."""
        self._closed = True
        with contextlib.suppress(OSError):
            # close() alone does not wake a poll in another thread.
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
