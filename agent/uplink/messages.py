"""What goes between a room's session and the connection that carries it, and what of it waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.core.events import DesiredChanged, OrderReceived, Record
from agent.store.base import Store
from wire import messages as m

DOUBTED = -1
IN_MEMORY = 10
"""Batches that wait in memory before they are spilt to the store: the card is written once in ten minutes."""
IN_FLIGHT = 20


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish with QoS 1. `token` comes back in `puback`."""

    topic: str
    payload: bytes
    retain: bool = False
    token: int = 0


@dataclass(slots=True)
class Incoming:
    """What a received message amounts to, for the loop."""

    events: list[OrderReceived | DesiredChanged] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    """Values that must be kept with the same commit: the counter, the desired document."""
    fleet: m.Fleet | None = None
    told_in: int = 0
    """The connection in which the hub has said which desired document is in force. 0: this message did not say it;
    `DOUBTED`: it did, in a way that cannot be used or believed."""


class Batches:
    """Samples on their way to the hub: in memory, in the store, in flight. A PUBACK is enough for them. Newest first,
    so that after an outage the present comes before the past."""

    def __init__(self, store: Store, topic: str) -> None:
        self._store = store
        self._topic = topic
        self._waiting: deque[bytes] = deque()
        self._in_flight: dict[int, bytes] = {}
        self._token = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[bytes]:
        """Those that wait in memory, oldest first."""
        return iter(self._waiting)

    def offer(self, batch: bytes) -> None:
        """One more."""
        self._waiting.append(batch)
        if len(self._waiting) > IN_MEMORY:
            self._store.keep_metrics(list(self._waiting))
            self._waiting.clear()

    def due(self, most: int) -> list[Outgoing]:
        """What to publish now."""
        out: list[Outgoing] = []
        while len(out) < most and len(self._in_flight) < IN_FLIGHT:
            batch = self._waiting.pop() if self._waiting else self._store.take_metric()
            if batch is None:
                break
            self._token += 1
            self._in_flight[self._token] = batch
            out.append(Outgoing(self._topic, batch, token=self._token))
        return out

    def taken(self, token: int) -> None:
        """The broker has taken this one."""
        self._in_flight.pop(token, None)

    def lost(self) -> None:
        """The connection is gone: what is in flight waits again."""
        self._waiting.extend(self._in_flight.values())
        self._in_flight.clear()
