"""A camera that speaks VISCA, on a serial line, over TCP, and over IP with its numbered datagrams (UDP 52381).

Source: device facts, "Displays and cameras"; Sony's "VISCA over IP": an order is acknowledged, then done; a number that
was not expected is turned down by a control answer, and a reset sets the count back.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from sim.physics import RoomPhysics

END = b"\xff"
MODEL = bytes.fromhex("0001 0511 0100 02")
SOCKET = 1
NOT_NOW, UNKNOWN = 0x41, 0x02


class ViscaConversation:
    """One line to one camera."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float], number: int = 1) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._number = number
        self._rest = b""

    def opened(self) -> bytes:
        """It waits to be asked."""
        return b""

    def tick(self) -> bytes:
        """It says nothing by itself."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer the messages that are for us."""
        *messages, rest = (self._rest + data).split(END)
        self._rest = rest[-64:]
        return b"" if self._room.camera.hung else b"".join(map(self._message, messages))

    def _message(self, message: bytes) -> bytes:
        if message == b"\x88\x30\x01":
            return bytes((0x88, 0x30, self._number + 1)) + END
        if message[:1] != bytes((0x80 | self._number,)):
            return b""
        head = bytes(((self._number + 8) << 4,))
        return b"".join(head + said + END for said in self._said(message[1:]))

    def _said(self, words: bytes) -> list[bytes]:
        camera = self._room.camera
        taken, done = bytes((0x40 | SOCKET,)), bytes((0x50 | SOCKET,))
        match words:
            case b"\x09\x04\x00":
                return [bytes((0x50, 2 if camera.on else 3))]
            case b"\x09\x00\x02":
                return [b"\x50" + MODEL]
            case b"\x01\x00\x01":
                return [b"\x50"]
            case b"\x01\x04\x00\x02":
                self._room.command("camera_on", self._clock())
                return [taken, done]
            case b"\x01\x04\x00\x03":
                camera.on = False
                return [taken, done]
            case b"\x09\x04\x47" if camera.on:
                return [b"\x50\0\0\0\0"]
            case b"\x09\x04\x38" if camera.on:
                return [b"\x50\x02"]
            case _ if not camera.on:
                return [bytes((0x60 | SOCKET, NOT_NOW))]
            case _:
                return [bytes((0x60, UNKNOWN))]


class ViscaPort(asyncio.DatagramProtocol):
    """VISCA over IP. `loses` datagrams are lost before the next is heard; `count` is what it expects after a reset."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float]) -> None:
        self.port = 0
        self.loses = 0
        self.heard: list[bytes] = []
        self._camera = ViscaConversation(room, clock)
        self._room = room
        self._count: int | None = None
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> ViscaPort:
        """Bind a port; 0: any free one. Others may have its number on other addresses of this host."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.setblocking(False)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, sock=sock)
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    def forget(self) -> None:
        """The camera starts anew: no number is expected until a reset."""
        self._count = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram with one for each of the camera's messages."""
        self.heard.append(data)
        if self.loses > 0:
            self.loses -= 1
            return
        for answer in self._answers(data):
            if self._transport is not None and not self._room.camera.hung:
                self._transport.sendto(answer, addr)

    def _answers(self, data: bytes) -> list[bytes]:
        kind, sequence, payload = data[:2], data[4:8], data[8:]
        if len(payload) != int.from_bytes(data[2:4], "big"):
            return []
        if kind == b"\x02\x00":
            self._count = 0
            return [_datagram(b"\x02\x01", sequence, b"\x01")]
        if kind not in (b"\x01\x00", b"\x01\x10"):
            return [_datagram(b"\x02\x01", sequence, b"\x0f\x02")]
        number = int.from_bytes(sequence, "big")
        if self._count is None or number < self._count:
            return [_datagram(b"\x02\x01", sequence, b"\x0f\x01")]
        self._count = number
        said = self._camera.receive(payload)
        return [_datagram(b"\x01\x11", sequence, part + END) for part in said.split(END)[:-1]]

    async def tick(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Let go."""
        if self._transport is not None:
            self._transport.close()


def _datagram(kind: bytes, sequence: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(2, "big") + sequence + payload
