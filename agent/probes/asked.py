"""A device on its own line that answers one question, always the same: asked again when noise ate the answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from agent.core.facts import NoReading, Reading
from agent.devices.base import Event, Facts
from agent.probes.lines import Line
from agent.probes.names import Resolver
from agent.transports.errors import LinkFault
from agent.transports.stream import Stream

SLICE_S = 0.2
SEND_S = 1.0
ASK_AGAIN_S = 0.7
"""Such devices answer within 0.1 s; a frame lost to noise is asked for again within the same observation."""


class Answerer(Protocol):
    """The device's sans-IO side."""

    listens_on_s: float
    """How long the line is listened to after an answer: whether somebody else answers too."""

    def request(self) -> bytes:
        """The question. Forgets what came before."""
        ...

    def receive(self, data: bytes) -> list[Event]:
        """Take what arrived, cut anywhere."""
        ...


class AskedLine:
    """Keeps the line open; opens it anew after every fault of the line."""

    def __init__(self, device: Answerer, line: Line, keys: tuple[str, ...], timeout_s: float) -> None:
        self._device = device
        self._line = line
        self._keys = keys
        self._timeout_s = timeout_s
        self._resolver = Resolver()
        self._stream: Stream | None = None
        self._closed = False

    def look(self) -> Mapping[str, Reading]:
        """Ask once. `timeout`: silence; `garbled`: it talks, and nothing of it is right; `link`: our own side."""
        try:
            return self._exchange()
        except LinkFault as fault:
            self._drop()
            return dict.fromkeys(self._keys, NoReading(fault.kind))

    def _exchange(self) -> Mapping[str, Reading]:
        if self._closed:
            raise LinkFault("link", "closed by us")
        if self._stream is None:
            self._stream = self._line.open(self._line.bauds[0] if self._line.bauds else 0, self._resolver)
        self._discard(self._stream)
        deadline_s, talked = time.monotonic() + self._timeout_s, False
        while (now_s := time.monotonic()) < deadline_s:
            self._stream.send(self._device.request(), SEND_S)
            facts, heard = self._answer(self._stream, min(deadline_s, now_s + ASK_AGAIN_S))
            if facts is not None:
                return facts.readings
            talked = talked or heard
        raise LinkFault("garbled" if talked else "timeout", "no good answer")

    def _answer(self, stream: Stream, until_s: float) -> tuple[Facts | None, bool]:
        heard = False
        while (left_s := until_s - time.monotonic()) > 0:
            data = stream.recv(min(SLICE_S, left_s))
            heard = heard or bool(data)
            events: list[Event] = self._device.receive(data) if data else []
            if (facts := _last(events)) is not None:
                return self._another(stream) or facts, heard
        return None, heard

    def _another(self, stream: Stream) -> Facts | None:
        """What a further answer to the same question says."""
        until_s, facts = time.monotonic() + self._device.listens_on_s, None
        while (left_s := until_s - time.monotonic()) > 0:
            facts = _last(self._device.receive(stream.recv(left_s))) or facts
        return facts

    def _discard(self, stream: Stream) -> None:
        """What is still in the buffer answers an earlier question."""
        for _ in range(16):
            if not stream.recv(0.0):
                return

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """Let go."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            stream.close()


def _last(events: list[Event]) -> Facts | None:
    return next((event for event in reversed(events) if isinstance(event, Facts)), None)
