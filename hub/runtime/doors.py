"""The console's connections: each one ends that is not used, and all together leave the hub what it needs itself.

uvicorn ends a connection that waits for a further request; one that never finishes its first, or does not read its
answer, it keeps for ever. The connection to the broker and the database need descriptors of the same process.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from hub.access.limits import is_somebody, network

REQUEST_S = 20.0
"""For one whole request, head and body: 64 kB at most, also over a village's line."""
STALL_S = 30.0
"""How long a browser may leave an answer unread, and a line that is dead goes unnoticed."""
CONNECTIONS_MAX = 1000
ADDRESS_MAX = 120
"""Connections from one address, behind which a whole office may sit: twenty people with six each. An IPv6 /64 is one
address; a proxy on this machine is none."""
OWN_DESCRIPTORS = 448
"""What is kept back: 48 threads with three connections to the database, of two descriptors each, the broker, files, and
what is accepted and not yet counted."""
BACKLOG = 64
HEAD_MAX_BYTES = 32 * 1024
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)  # fmt: skip


def connections_max() -> int:
    """How many connections the console takes: fewer where the process may open few descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # a unit that forbids it has said how many there are
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, min(CONNECTIONS_MAX, soft - OWN_DESCRIPTORS))


class Door(H11Protocol):
    """One connection, with an end to everything that its other side may leave undone."""

    most = CONNECTIONS_MAX
    """Connections of the console; set for a process by `config`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unfinished: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it in, or say at once that there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most or self._same() > ADDRESS_MAX:
            transport.write(_FULL)
            transport.close()
            return
        _notice_dead_lines(transport.get_extra_info("socket"))
        self._unfinished = self.loop.call_later(REQUEST_S, self._end)

    def _same(self) -> int:
        """Connections from this one's address, itself included."""
        if self.client is None or not is_somebody(self.client[0]):
            return 0
        place = network(self.client[0])
        others: Any = self.connections
        return sum(one.client is not None and network(one.client[0]) == place for one in others)

    def data_received(self, data: bytes) -> None:
        """A piece of a request: it has until `REQUEST_S` after its first piece to be whole."""
        super().data_received(data)
        whole = self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)
        if whole:
            self._unfinished = _off(self._unfinished)
        elif self._unfinished is None and not self.transport.is_closing():
            self._unfinished = self.loop.call_later(REQUEST_S, self._end)

    def pause_writing(self) -> None:
        """More waits to be read than the system takes."""
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(STALL_S, self._end)

    def resume_writing(self) -> None:
        """It is read again."""
        super().resume_writing()
        self._unread = _off(self._unread)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._unfinished, self._unread = _off(self._unfinished), _off(self._unread)
        super().connection_lost(exc)

    def _end(self) -> None:
        self.transport.abort()  # to close it would wait until everything is read


def _off(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Nothing, in place of a timer that does not go off any more."""
    if timer is not None:
        timer.cancel()
    return None


def _notice_dead_lines(sock: Any) -> None:
    """Let the system end a connection whose other side has gone without a word."""
    with contextlib.suppress(OSError, AttributeError):  # a Unix socket has no such options
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALL_S * 1000))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def config(app: Any, host: str, port: int) -> uvicorn.Config:
    """How the console is served."""
    most = connections_max()
    return uvicorn.Config(
        app, host, port, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3,
        http=type("ConsoleDoor", (Door,), {"most": most}), ws="none", backlog=BACKLOG,
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
    )  # fmt: skip
