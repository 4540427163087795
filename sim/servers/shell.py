"""The sockets and pseudo-terminals around the conversations, in one asyncio loop.

A TCP port is held by a second, silent socket while its device is off: connections are refused, and nobody else gets the
number meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import tty
from collections.abc import Callable
from pathlib import Path

from sim.servers import sip
from sim.servers.base import Conversation

TICK_S = 0.1
"""How soon a port follows its device's power, and how soon feedback goes out."""


class TcpPort:
    """One port of a device: it listens while `up` says so. `make` None: it only accepts, which is all a target does.

    `tls` gives the certificate that it serves with, asked whenever it begins to listen.
    """

    def __init__(
        self,
        up: Callable[[], bool],
        make: Callable[[], Conversation] | None = None,
        port: int = 0,
        tls: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._up = up
        self._make = make
        self._tls = tls
        self._keeper = bound(port)
        self.port: int = self._keeper.getsockname()[1]
        self._listener: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, Conversation | None] = {}

    async def tick(self) -> None:
        """Open or close as the device's state wants it, and let conversations speak by themselves."""
        up = self._up()
        if up and self._listener is None:
            sock = bound(self.port)
            self._listener = await asyncio.start_server(self._talk, sock=sock, ssl=self._tls and self._tls())
        elif not up and self._listener is not None:
            self._stop_listening()
            for writer in list(self._clients):
                # A device without power says no farewell.
                writer.transport.abort()
        for writer, conversation in list(self._clients.items()):
            if conversation is not None and (said := conversation.tick()):
                writer.write(said)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = self._make() if self._make else None
        self._clients[writer] = conversation
        try:
            if conversation is not None:
                writer.write(conversation.opened())
            while data := await reader.read(4096):
                if conversation is None:
                    continue
                writer.write(conversation.receive(data))
                await writer.drain()
                if conversation.closing:
                    break
        except OSError:
            pass
        finally:
            self._clients.pop(writer, None)
            writer.close()

    def close(self) -> None:
        """Let go of everything."""
        self._stop_listening()
        for writer in list(self._clients):
            writer.transport.abort()
        self._keeper.close()


def bound(port: int) -> socket.socket:
    """A loopback socket that holds a port (0: any) beside others of ours."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


class SerialPort:
    """A pseudo-terminal with a name of its own in the room's folder."""

    def __init__(self, path: Path, conversation: Conversation) -> None:
        self.path = path
        self._conversation = conversation
        self._master, self._slave = os.openpty()
        # The far end stays open here too: a client that leaves must not look like a pulled cable.
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(self._slave))
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._master, 4096)
        except OSError:
            return
        self._say(self._conversation.receive(data))

    def _say(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except OSError:
                # Nobody reads: what does not fit is lost, as on a real line.
                return

    async def tick(self) -> None:
        """Let the device speak by itself."""
        self._say(self._conversation.tick())

    def close(self) -> None:
        """Pull the cable."""
        asyncio.get_running_loop().remove_reader(self._master)
        self.path.unlink(missing_ok=True)
        for number in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(number)


class SipPort(asyncio.DatagramProtocol):
    """SIP over UDP: answers while `up` says so, else silent."""

    def __init__(self, up: Callable[[], bool]) -> None:
        self._up = up
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> SipPort:
        """Bind a free port."""
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a request."""
        if self._up() and self._transport is not None and (reply := sip.answer(data)):
            self._transport.sendto(reply, addr)

    async def tick(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Let go."""
        if self._transport is not None:
            self._transport.close()
