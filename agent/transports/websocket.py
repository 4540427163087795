"""A WebSocket as a `Stream` of lines: one text message is one line, since JSON has no line end inside.

wsproto does the grammar (RFC 6455), `TcpStream` and `TlsStream` the carrying. Refusals of the upgrade as Cisco gives
them: 403 wrong name or password, 401 the interface is switched off, 502 restarting, 503 too many (device facts).
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING

from agent.transports.errors import Kind, LinkFault
from agent.transports.stream import Stream

if TYPE_CHECKING:
    from wsproto import WSConnection

MESSAGE_CHARACTERS_MAX = 512 * 1024
REFUSALS: dict[int, tuple[Kind, str]] = {
    401: ("refused", "the codec's HTTP interface is switched off"),
    403: ("denied", "the codec refuses our name and password"),
    502: ("refused", "the codec is restarting"),
    429: ("busy", "the codec has no time for us now"),
    503: ("busy", "the codec has no time for us now, or too many connections"),
}


class WebSocketStream:
    """An open conversation; make one with `open`."""

    def __init__(self, inner: Stream, grammar: WSConnection) -> None:
        self._inner = inner
        self._grammar = grammar
        self._lines = bytearray()
        self._part: list[str] = []
        self._part_size = 0
        self._open = False

    @classmethod
    def open(cls, inner: Stream, host: str, target: str, user: str, password: str, timeout_s: float) -> WebSocketStream:
        """Upgrade an open connection, with Basic credentials when there are any. Closes it on failure.

        Raises LinkFault: `denied`, `refused`, `garbled`, `timeout`.
        """
        from wsproto import ConnectionType, WSConnection
        from wsproto.events import Request

        headers = []
        if user or password:
            proof = base64.b64encode(f"{user}:{password}".encode())
            headers.append((b"Authorization", b"Basic " + proof))
        stream = cls(inner, WSConnection(ConnectionType.CLIENT))
        deadline_s = time.monotonic() + timeout_s
        try:
            upgrade = Request(host=host, target=target, extra_headers=headers)
            inner.send(stream._grammar.send(upgrade), timeout_s)
            while not stream._open:
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise LinkFault("timeout", "no answer to the WebSocket upgrade")
                stream._take(inner.recv(left_s))
        except LinkFault:
            inner.close()
            raise
        return stream

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send every line as a message of its own."""
        from wsproto.events import TextMessage

        frames = b"".join(
            self._grammar.send(TextMessage(data=line.decode("utf-8", "replace"))) for line in data.splitlines() if line
        )
        self._inner.send(frames, timeout_s)

    def recv(self, timeout_s: float) -> bytes:
        """The messages that arrived, a line each; empty when nothing did."""
        deadline_s = time.monotonic() + timeout_s
        while not self._lines:
            data = self._inner.recv(max(0.0, deadline_s - time.monotonic()))
            if not data:
                return b""
            self._take(data)
        lines = bytes(self._lines)
        self._lines.clear()
        return lines

    def close(self) -> None:
        """Let go, and wake whoever waits."""
        self._inner.close()

    def _take(self, data: bytes) -> None:
        from wsproto import events
        from wsproto.utilities import ProtocolError

        try:
            if data:
                self._grammar.receive_data(data)
            found = list(self._grammar.events())
        except ProtocolError as error:
            raise LinkFault("garbled", f"no WebSocket: {error}") from error
        for event in found:
            if isinstance(event, events.AcceptConnection):
                self._open = True
            elif isinstance(event, events.RejectConnection):
                kind, text = REFUSALS.get(
                    event.status_code, ("refused", f"the upgrade was refused: {event.status_code}")
                )
                raise LinkFault(kind, text)
            elif isinstance(event, events.TextMessage):
                self._text(event.data, whole=event.message_finished)
            elif isinstance(event, events.Ping):
                self._inner.send(self._grammar.send(event.response()), 1.0)
            elif isinstance(event, events.CloseConnection):
                raise LinkFault("refused", f"the codec closed the WebSocket: {event.code}")

    def _text(self, text: str, *, whole: bool) -> None:
        self._part_size += len(text)
        if self._part_size > MESSAGE_CHARACTERS_MAX:
            raise LinkFault("garbled", "a message without end")
        self._part.append(text)
        if whole:
            self._lines += "".join(self._part).replace("\n", " ").encode() + b"\n"
            self._part.clear()
            self._part_size = 0
