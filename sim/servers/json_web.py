"""What the JSON web interfaces of codecs have in common: answers in JSON, and sessions that a restart forgets."""

from __future__ import annotations

import abc
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.physics import RoomPhysics
from sim.servers.web import Answer, Asked, CodecWebConversation, json_answer

SESSIONS_MAX = 20


@dataclass(frozen=True, slots=True)
class Said:
    """One answer; `body` is made JSON."""

    status: int
    body: Any
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

    @property
    def held(self) -> int:
        """How many are there."""
        self._forget()
        return len(self._tokens)

    def end(self, number: str) -> bool:
        """End one; False when there is none."""
        self._forget()
        return self._tokens.pop(number, None) is not None

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


class JsonWebConversation(CodecWebConversation):
    """One connection; see the module."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float], sessions: Sessions) -> None:
        super().__init__(room, clock)
        self._sessions = sessions

    @abc.abstractmethod
    def _answer(self, asked: Asked) -> Said | None:
        """The answer to a request; None: silence."""

    def answer(self, asked: Asked) -> Answer | None:
        """The same on the wire."""
        said = self._answer(asked)
        return None if said is None else json_answer(said.body, said.status, said.headers)
