"""What the JSON web interfaces of codecs have in common: HTTP, sessions that a restart forgets, hanging.

The grammar is h11's. A hard hang takes the connection and says nothing; what a soft one still answers is the family's.
"""

from __future__ import annotations

import abc
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import h11

from sim.physics import Hang, RoomPhysics

BODY_BYTES_MAX = 64 * 1024
SESSIONS_MAX = 20
Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    def json(self) -> Any:
        """The body, None when it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def cookie(self, name: str) -> str:
        """One cookie's value, empty when there is none."""
        pairs = [part.strip().partition("=") for part in self.headers.get("cookie", "").split(";")]
        return next((value for key, _, value in pairs if key == name), "")


@dataclass(frozen=True, slots=True)
class Said:
    """One answer; `body` is made JSON, None has none."""

    status: int
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Sessions:
    """Who is logged in at one codec, shared by its connections."""

    room: RoomPhysics
    user: str = "admin"
    password: str = ""
    tried: list[str] = field(default_factory=list)
    """Passwords that clients sent, right and wrong."""
    _tokens: dict[str, str] = field(default_factory=dict)
    _boots: int = 0

    def open(self) -> str:
        """A new session's number; nobody is logged in with it yet."""
        self._forget()
        if len(self._tokens) >= SESSIONS_MAX:
            del self._tokens[next(iter(self._tokens))]
        number = secrets.token_hex(8)
        self._tokens[number] = ""
        return number

    def log_in(self, number: str, account: Any) -> str:
        """The session's token; empty when there is no such session or the password is wrong."""
        self._forget()
        if not isinstance(account, dict) or number not in self._tokens:
            return ""
        self.tried.append(str(account.get("password")))
        if (account.get("user"), account.get("password")) != (self.user, self.password):
            return ""
        self._tokens[number] = secrets.token_hex(16)
        return self._tokens[number]

    def token(self, number: str) -> str:
        """The token of a session that is logged in, else empty."""
        self._forget()
        return self._tokens.get(number, "")

    def _forget(self) -> None:
        """A restart has forgotten everybody."""
        if self._boots != self.room.codec.boots:
            self._boots = self.room.codec.boots
            self._tokens.clear()


class JsonWebConversation(abc.ABC):
    """One connection; see the module."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float], sessions: Sessions) -> None:
        self.closing = False
        self._room = room
        self._clock = clock
        self._sessions = sessions
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=16 * 1024)
        self._head: h11.Request | None = None
        self._body = b""

    @abc.abstractmethod
    def _answer(self, asked: Asked) -> Said | None:
        """The answer to a request; None: silence."""

    def opened(self) -> bytes:
        """Nothing: the client speaks first."""
        return b""

    def tick(self) -> bytes:
        """Nothing comes unasked."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer."""
        now_s, codec = self._clock(), self._room.codec
        self._room.advance(now_s)
        if codec.hang is Hang.HARD or not codec.running() or codec.booting(now_s):
            return b""
        try:
            self._http.receive_data(data)
            return self._requests()
        except h11.ProtocolError:
            self.closing = True
            return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def _softly_hung(self) -> bool:
        return self._room.codec.hang is Hang.SOFT

    def _requests(self) -> bytes:
        out = b""
        while not self.closing:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._head, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body = (self._body + event.data)[:BODY_BYTES_MAX]
            elif isinstance(event, h11.EndOfMessage):
                said = self._answer(self._asked())
                if said is None:
                    return out
                out += self._written(said)
            else:
                return out
        return out

    def _asked(self) -> Asked:
        assert self._head is not None
        parts = urlsplit(self._head.target.decode("latin-1"))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._head.headers}
        return Asked(self._head.method.decode("latin-1"), parts.path, parts.query, headers, self._body)

    def _written(self, said: Said) -> bytes:
        body = b"" if said.body is None else json.dumps(said.body).encode()
        rows: Headers = [("Content-Length", str(len(body))), ("Content-Type", "application/json"), *said.headers]
        out = self._http.send(h11.Response(status_code=said.status, headers=rows)) or b""
        out += (self._http.send(h11.Data(data=body)) or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.closing = True
        return out
