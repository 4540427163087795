"""HTTP/1.1 with bounds: one deadline for the whole exchange, bounded heads and bodies, a password that is not hammered.

h11 does the grammar, `TcpStream` and `TlsStream` the carrying. The connection is kept between exchanges; one that the
device closed meanwhile is noticed before anything is sent, so that an order is never in doubt for that reason.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.core.exchange import HttpReply, HttpRequest
from agent.transports.errors import LinkFault
from agent.transports.holdoff import HoldOff
from agent.transports.http_auth import Challenge, authorization, challenge_of
from agent.transports.stream import Stream
from agent.transports.tcp import TcpStream
from agent.transports.trust import Trust

if TYPE_CHECKING:
    import h11

BODY_BYTES_MAX = 512 * 1024
"""A whole Cisco status tree in XML is about 200 kB [M]."""
HEAD_BYTES_MAX = 32 * 1024
CONNECT_S = 3.0
CHALLENGES_MAX = 2
TOO_MANY = 429
PORTS = {"http": 80, "https": 443}


def parse_url(url: str) -> tuple[bool, str, int]:
    """Whether it is TLS, host, port. Raises ValueError with one sentence for the technician."""
    parts = urlsplit(url)
    try:
        port = -1 if parts.port == 0 else parts.port
    except ValueError:
        port = -1
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or port == -1 or parts.username:
        raise ValueError(f"{url!r} must be http://HOST[:PORT] or https://HOST[:PORT], without name, password or path")
    return parts.scheme == "https", parts.hostname, port or PORTS[parts.scheme]


class HttpClient:
    """One device's web interface. One exchange at a time; `close` may come from another thread."""

    def __init__(
        self,
        url: str,
        user: str = "",
        password: str = "",
        *,
        trust: Trust | None = None,
        resolve: Callable[[str], str] = lambda host: host,
        body_bytes_max: int = BODY_BYTES_MAX,
        own_login: bool = False,
    ) -> None:
        """`resolve` makes a numeric address of a name and may raise LinkFault. Opens nothing yet.

        `own_login`: the device's log-in is no matter of HTTP's, and a 401 is a reply like any.
        """
        self._tls, self._host, self._port = parse_url(url)
        self._login = (user, password)
        self._trust = trust or Trust()
        self._resolve = resolve
        self._body_bytes_max = body_bytes_max
        self._own_login = own_login
        self._stream: Stream | None = None
        self._grammar: h11.Connection | None = None
        self._challenge: Challenge | None = None
        self._count = 0
        self._renewed = False
        """The connection broke under the last question, which was asked again on a fresh one: its nonce may be new."""
        self._ended = False
        self._leaving: Callable[[], object] = lambda: None
        self._quiet_s = float("inf")
        self._hold = HoldOff()
        self._stopped = False
        self.opened = False
        """Whether the device took a connection in the last exchange: a fault after that is the device's."""
        self.heard_s = float("-inf")
        """When the last byte of a reply came, on the monotonic clock: a reply that takes long may still be coming."""

    def exchange(
        self,
        request: HttpRequest,
        timeout_s: float,
        leaving: Callable[[], object] = lambda: None,
        quiet_s: float = float("inf"),
    ) -> HttpReply:
        """Ask, and wait for the whole answer. Never longer than `timeout_s`, except for looking a name up.

        `quiet_s`: how long the device may say nothing. A reply that comes slowly is waited for as long as it comes.

        `leaving` is called whenever the connection is there and the request is about to leave: more than once where a
        log-in or a closed connection makes it go out again. What it raises ends the exchange and keeps the connection.

        Raises LinkFault: `denied` when name and password are refused (held off 1, 2, 4 … 30 min, during which nothing
        is sent), `certificate_changed`, `garbled` for what is no HTTP or too long, else as the connection. Every other
        answer, 404 and 500 too, is a reply.
        """
        self._hold.check(time.monotonic(), "the device")
        deadline_s = time.monotonic() + timeout_s
        self._renewed, self._leaving, self._quiet_s = False, leaving, quiet_s
        reply = self._asked(request, deadline_s)
        if self._own_login:
            return reply
        for _ in range(CHALLENGES_MAX):
            if reply.status != 401 or (fresh := self._fresh_challenge(reply)) is None:
                break
            self._challenge, self._count, self._renewed = fresh, 0, False
            reply = self._asked(request, deadline_s)
            if not self._renewed:
                break
        if reply.status == 401:
            self._challenge = None
            self._drop()
            if self._renewed:
                raise LinkFault("refused", "the connection breaks whenever we show our password")
            if any(self._login):
                self._hold.refused(time.monotonic())
            raise LinkFault("denied", "the device refuses our name and password")
        if reply.status == TOO_MANY:
            self._challenge = None  # it may be our old nonce that it has had too much of
        elif self._challenge is not None:
            self._hold.accepted()
        return reply

    def close(self) -> None:
        """End for good; from any thread."""
        self._stopped = True
        stream = self._stream
        if stream is not None:
            stream.close()

    # -- one question

    def _fresh_challenge(self, reply: HttpReply) -> Challenge | None:
        """What to answer a 401 with; None when our password has just been refused, or there is none."""
        offered = challenge_of([value for name, value in reply.headers if name.lower() == "www-authenticate"])
        if offered is None or not any(self._login):
            return None
        # Digest: what we had answered was an older nonce, of an exchange whose reply may never have come. Only an
        # answer to the nonce of just now can be wrong by its password. Basic would only say the same words again.
        return None if self._challenge is not None and offered.scheme == "basic" else offered

    def _asked(self, request: HttpRequest, deadline_s: float) -> HttpReply:
        kept = self._has_connection()
        try:
            return self._once(request, deadline_s)
        except LinkFault as fault:
            self._drop()
            if not kept or fault.kind != "refused" or not request.repeatable:
                raise
        # The device closed its end just as we asked.
        self._renewed = True
        try:
            return self._once(request, deadline_s)
        except LinkFault:
            self._drop()
            raise

    def _has_connection(self) -> bool:
        """Whether a kept connection is still good: a device that closed it has said so by now."""
        if self._stream is None:
            return False
        try:
            quiet = not self._stream.recv(0)
        except LinkFault:
            quiet = False
        if not quiet:
            self._drop()
        return quiet

    def _once(self, request: HttpRequest, deadline_s: float) -> HttpReply:
        import h11

        stream, grammar = self._connection(deadline_s)
        self._leaving()
        try:
            head = h11.Request(method=request.method, target=request.target, headers=self._headers(request))
            data = (grammar.send(head) or b"") + (grammar.send(h11.Data(data=request.body)) or b"")
            data += grammar.send(h11.EndOfMessage()) or b""
        except (h11.LocalProtocolError, UnicodeError) as error:
            raise LinkFault("garbled", f"{request.method} {request.target.partition('?')[0]}: {error}") from error
        stream.send(data, max(0.05, deadline_s - time.monotonic()))
        try:
            reply = self._reply(stream, grammar, deadline_s)
        except h11.RemoteProtocolError as error:
            raise LinkFault("refused" if self._ended else "garbled", f"no whole HTTP reply: {error}") from error
        if grammar.our_state is h11.MUST_CLOSE or grammar.their_state is not h11.DONE:
            self._drop()
        else:
            grammar.start_next_cycle()
        return reply

    def _connection(self, deadline_s: float) -> tuple[Stream, h11.Connection]:
        import h11

        if self._stopped:
            raise LinkFault("link", "closed by us")
        if self._stream is not None and self._grammar is not None:
            return self._stream, self._grammar
        self.opened = self._ended = False
        address = self._resolve(self._host)
        timeout_s = max(0.1, min(CONNECT_S, deadline_s - time.monotonic()))
        if self._tls:
            from agent.transports.tls import TlsStream

            self._stream = TlsStream.connect(address, self._port, timeout_s, self._trust, self._host)
        else:
            self._stream = TcpStream.connect(address, self._port, timeout_s)
        self.opened = True
        self._grammar = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
        return self._stream, self._grammar

    def _headers(self, request: HttpRequest) -> list[tuple[str, str]]:
        host = f"[{self._host}]" if ":" in self._host else self._host
        usual = self._port == PORTS["https" if self._tls else "http"]
        headers = [("Host", host if usual else f"{host}:{self._port}"), ("Accept", "*/*"), *request.headers]
        if request.body or not request.repeatable:
            headers.append(("Content-Length", str(len(request.body))))
        if self._challenge is not None:
            self._count += 1
            proof = authorization(
                self._challenge, *self._login, request.method, request.target, self._count, os.urandom(8).hex()
            )
            headers.append(("Authorization", proof))
        return headers

    def _reply(self, stream: Stream, grammar: h11.Connection, deadline_s: float) -> HttpReply:
        import h11

        head: h11.Response | None = None
        body = bytearray()
        while True:
            event = grammar.next_event()
            if event is h11.NEED_DATA:
                grammar.receive_data(self._more(stream, deadline_s, begun=head is not None))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._body_bytes_max:
                    raise LinkFault("garbled", f"a body of more than {self._body_bytes_max} bytes")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = tuple((k.decode("latin-1"), v.decode("utf-8", "replace")) for k, v in head.headers)
                return HttpReply(head.status_code, headers, bytes(body))
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                raise LinkFault("refused", "the device closed the connection without an answer")

    def _more(self, stream: Stream, deadline_s: float, *, begun: bool) -> bytes:
        """More bytes; empty when the device closed in a body that ends with the connection."""
        left_s = deadline_s - time.monotonic()
        try:
            data = stream.recv(min(left_s, self._quiet_s)) if left_s > 0 else b""
        except LinkFault as fault:
            if fault.kind == "refused" and begun and not self._stopped:
                self._ended = True
                return b""
            raise
        if not data:
            raise LinkFault("timeout", "no complete answer in time")
        self.heard_s = time.monotonic()
        return data

    def _drop(self) -> None:
        stream, self._stream, self._grammar = self._stream, None, None
        if stream is not None:
            stream.close()
