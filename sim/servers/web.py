"""The grammar of web servers in devices: one request, one answer. h11 reads and writes, the device answers."""

from __future__ import annotations

import abc
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import h11

from sim.physics import Hang, RoomPhysics

BODY_BYTES_MAX = 64 * 1024
NO_CONTENT = 204
Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers, body."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes = b""

    @property
    def path(self) -> str:
        """Of the target."""
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        """Of the target."""
        return urlsplit(self.target).query

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


class WebConversation(abc.ABC):
    """One connection of a client."""

    def __init__(self) -> None:
        self.closing = False
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=16 * 1024)
        self._head: Asked | None = None
        self._body = b""

    @abc.abstractmethod
    def answer(self, asked: Asked) -> Answer | None:
        """What the device says to a request; None: nothing, it hangs."""

    def alive(self) -> bool:
        """Whether it reads what arrives at all."""
        return True

    def taken_over(self, head: Asked) -> bytes | None:
        """What it says when the head of a request ends the talk in HTTP, such as an upgrade's; None: it goes on."""
        del head
        return None

    def opened(self) -> bytes:
        """Nothing: the client speaks first."""
        return b""

    def tick(self) -> bytes:
        """Nothing comes unasked."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Answer."""
        if not self.alive():
            return b""
        try:
            self._http.receive_data(data)
            return self._requests()
        except h11.ProtocolError:
            self.closing = True
            return b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def _requests(self) -> bytes:
        out = b""
        while not self.closing:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                self._head = Asked(event.method.decode("latin-1"), event.target.decode("latin-1"), headers)
                self._body = b""
                if (said := self.taken_over(self._head)) is not None:
                    return out + said
            elif isinstance(event, h11.Data):
                self._body = (self._body + event.data)[:BODY_BYTES_MAX]
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                head = self._head
                answer = self.answer(Asked(head.method, head.target, head.headers, self._body))
                if answer is None:
                    return out
                out += self._written(*answer)
            else:
                return out
        return out

    def _written(self, code: int, headers: list[tuple[str, str]], body: bytes) -> bytes:
        rows = headers if code == NO_CONTENT else [("Content-Length", str(len(body))), *headers]
        out = self._http.send(h11.Response(status_code=code, headers=rows)) or b""
        if body and code != NO_CONTENT:
            out += self._http.send(h11.Data(data=body)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.closing = True
        return out


class CodecWebConversation(WebConversation):
    """One connection to a codec. A hard hang takes it and says nothing; what a soft one answers is the family's."""

    def __init__(self, room: RoomPhysics, clock: Callable[[], float]) -> None:
        super().__init__()
        self._room = room
        self._clock = clock

    def alive(self) -> bool:
        """Whether the codec runs, and does not hang hard."""
        now_s, codec = self._clock(), self._room.codec
        self._room.advance(now_s)
        return codec.hang is not Hang.HARD and codec.running() and not codec.booting(now_s)

    def _softly_hung(self) -> bool:
        return self._room.codec.hang is Hang.SOFT


def json_answer(said: object, code: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An answer in JSON."""
    return code, [("Content-Type", "application/json"), *headers], json.dumps(said).encode()
