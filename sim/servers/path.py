"""What lies behind the room's network: the gateway, the hub, the broker. A broken path swallows, it never refuses.

A refusal would itself be an answer from the far end, and a sign that the path works. On loopback a port swallows when
its queue of unaccepted connections is full: Linux then drops further SYNs without a word (listen(2), `backlog`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

FILLERS = 4
"""Connections that try to fill a queue of length 0; the kernel lets one or two of them in."""


class PathPort:
    """One port at the far end of a path. With a `target` its connections go on to that local port."""

    def __init__(self, up: Callable[[], bool], target: int = 0) -> None:
        self._up = up
        self.target = target
        """A port on loopback, e.g. the broker's; 0: connections are accepted, and nothing is said."""
        self._keeper = _bound(0)
        self.port: int = self._keeper.getsockname()[1]
        self._listener: asyncio.Server | None = None
        self._wall: list[socket.socket] = []
        self._whole = asyncio.Event()
        self._talks: set[asyncio.Task[None]] = set()

    async def tick(self) -> None:
        """Let the port follow its path."""
        up = self._up()
        if up and self._listener is None:
            self._listener = await asyncio.start_server(self._talk, sock=_bound(self.port))
            self._tear_down()
            self._whole.set()
        elif not up and (self._listener is not None or not self._wall):
            self._whole.clear()
            # Two listeners on one port share its connections: the wall's own fillers would go to the other.
            self._stop_listening()
            self._build()

    def _build(self) -> None:
        """A listener whose queue is full from the beginning."""
        wall = _bound(self.port)
        wall.listen(0)
        self._wall.append(wall)
        for _ in range(FILLERS):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(("127.0.0.1", self.port))
            self._wall.append(filler)

    def _tear_down(self) -> None:
        for sock in self._wall:
            sock.close()
        self._wall.clear()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._talks.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.target:
            while await reader.read(4096):
                pass
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        ways = [
            asyncio.create_task(self._flow(reader, far_writer)),
            asyncio.create_task(self._flow(far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            far_writer.close()

    async def _flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction. While the path is broken everything waits, an end of the connection too, as TCP has it."""
        try:
            while data := await reader.read(65536):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
            await self._whole.wait()
        except OSError:
            await self._whole.wait()

    def close(self) -> None:
        """Let go of everything."""
        self._stop_listening()
        for task in list(self._talks):
            task.cancel()
        self._tear_down()
        self._keeper.close()


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    sock.setblocking(False)
    return sock
