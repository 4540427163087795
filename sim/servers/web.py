"""The grammar of small web servers in devices: one request, one answer. h11 reads and writes, the device answers."""

from __future__ import annotations

import abc
import json

import h11

BODY_BYTES_MAX = 64 * 1024
Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers, body."""


class WebConversation(abc.ABC):
    """One connection of a client."""

    def __init__(self) -> None:
        self.closing = False
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=16 * 1024)
        self._head: h11.Request | None = None
        self._body = b""

    @abc.abstractmethod
    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer | None:
        """What the device says to a request; None: nothing, it hangs. Names of headers are lower-case."""

    def alive(self) -> bool:
        """Whether it reads what arrives at all."""
        return True

    def opened(self) -> bytes:
        """Nothing: the client speaks first."""
        return b""

    def tick(self) -> bytes:
        """Nothing."""
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
            if event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return out
            if isinstance(event, h11.Request):
                self._head, self._body = event, b""
            elif isinstance(event, h11.Data):
                self._body = (self._body + event.data)[:BODY_BYTES_MAX]
            elif isinstance(event, h11.EndOfMessage) and self._head is not None:
                headers = {key.decode(): value.decode("latin-1") for key, value in self._head.headers}
                answer = self.answer(
                    self._head.method.decode(), self._head.target.decode("latin-1"), headers, self._body
                )
                if answer is None:
                    return out
                out += self._written(*answer)
        return out

    def _written(self, code: int, headers: list[tuple[str, str]], body: bytes) -> bytes:
        rows = [("Content-Length", str(len(body))), *headers]
        out = self._http.send(h11.Response(status_code=code, headers=rows)) or b""
        if body:
            out += self._http.send(h11.Data(data=body)) or b""
        out += self._http.send(h11.EndOfMessage()) or b""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.closing = True
        return out


def json_answer(said: object, code: int = 200) -> Answer:
    """An answer in JSON."""
    return code, [("Content-Type", "application/json")], json.dumps(said).encode()
