"""What the console needs of the running hub: orders, an operator's marks on incidents, news of changes, and health.

The console reads the database by itself (`hub/store/read/reads.py`); everything that changes something goes through
here, so that one writer commits it, with an audit row. Every method may be called from any thread and
blocks at most a few seconds. A refusal is no error: it comes back as a word that the catalogues know under `reason.` or
`error.`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class HubBusyError(RuntimeError):
    """The hub is stopping, or its writer did not answer in time. The change may or may not have been made."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """What became of an order at the hub: an id when it was taken, else the word that says why not."""

    id: str = ""
    refused: str = ""
    """`offline`, `no_broker`, `no_nonce`, `unknown_room`, `not_offered`, `busy` or `too_many`; empty when taken."""

    @property
    def ok(self) -> bool:
        """Whether it was taken. The room still decides when the order arrives."""
        return not self.refused


@dataclass(frozen=True, slots=True)
class Marked:
    """What became of an operator's mark on an incident."""

    refused: str = ""
    """`not_found`, `closed`, `conflict` (someone else has it), `note_empty`, `duration` or empty."""
    holder: str = ""
    """Who has the incident, for `conflict`."""

    @property
    def ok(self) -> bool:
        """Whether the mark was made."""
        return not self.refused


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit touched. `refresh`: news were missed, so read everything again."""

    rooms: frozenset[str] = frozenset()
    incidents: frozenset[int] = frozenset()
    health: bool = False
    refresh: bool = False

    def __or__(self, other: Change) -> Change:
        return Change(
            self.rooms | other.rooms,
            self.incidents | other.incidents,
            self.health or other.health,
            self.refresh or other.refresh,
        )


REFRESH = Change(health=True, refresh=True)
QUEUE_MAX = 256
"""Changes a subscriber may lag behind: at four commits a second, a minute."""


class Subscription:
    """A bounded queue of changes for one reader. A reader that falls behind loses no truth: it is told to refresh."""

    def __init__(self, forget: Callable[[Subscription], None], size: int = QUEUE_MAX) -> None:
        self._forget = forget
        self._size = size
        self._queue: deque[Change] = deque()
        self._ready = threading.Condition()
        self._closed = False
        self.on_change: Callable[[], None] | None = None
        """Called from the hub's thread after each `put`, e.g. to wake an event loop. Must not block or raise."""

    def put(self, change: Change) -> None:
        """Add a change; never blocks. When the queue is full it becomes one `refresh`."""
        with self._ready:
            if self._closed:
                return
            if len(self._queue) >= self._size:
                self._queue.clear()
                change = REFRESH
            self._queue.append(change)
            self._ready.notify_all()
        if self.on_change is not None:
            self.on_change()

    def get(self, timeout_s: float) -> Change | None:
        """The next change, waiting at most `timeout_s`; None when there was none, or the subscription is closed."""
        with self._ready:
            self._ready.wait_for(lambda: bool(self._queue) or self._closed, timeout_s)
            return self._queue.popleft() if self._queue else None

    def drain(self) -> Change | None:
        """Everything that waits, as one change; None when nothing does. Never blocks."""
        with self._ready:
            if not self._queue:
                return None
            found = Change()
            while self._queue:
                found |= self._queue.popleft()
            return found

    @property
    def closed(self) -> bool:
        """Whether no further change will come."""
        return self._closed

    def close(self) -> None:
        """End the subscription. May be called more than once, from either side."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        self._forget(self)


class HubPort(Protocol):
    """The running hub as the console sees it."""

    def order(
        self, room: str, action: str, by: str, why: str, incident: int | None = None, confirmed: str = ""
    ) -> Ordered:
        """Order an action of a room. Taken means written and on its way; `orders.outcome` tells the rest.

        `confirmed` names who in the room has just said that there is no picture and no sound; empty: nobody has."""
        ...

    def ack_incident(self, incident: int, by: str) -> Marked:
        """Take the incident. Refused with `conflict` when someone else has it already; twice by the same is fine."""
        ...

    def mark_meeting(self, meeting: str, secret: bool, by: str) -> Marked:
        """Say that a meeting is secret ("họp mật"), or not. Its rooms are told with their next desired document."""
        ...

    def check_schedule(self, by: str) -> Marked:
        """Say that the schedule has been looked through after a restore: rooms are told of it again."""
        ...

    def unack_incident(self, incident: int, by: str) -> Marked:
        """Give the incident back: nobody has it. Anyone may, since the one who has it may have gone home."""
        ...

    def shelve_incident(self, incident: int, by: str, until_s: float, reason: str) -> Marked:
        """Put the incident away until a moment (Unix seconds), at most a week ahead."""
        ...

    def unshelve(self, incident: int, by: str) -> Marked:
        """Show a shelved incident again."""
        ...

    def add_note(self, incident: int, by: str, text: str) -> Marked:
        """Add a note of at most 4,000 characters, also to an incident that has ended."""
        ...

    def subscribe(self) -> Subscription:
        """News of changes from now on. The caller closes it."""
        ...

    def health(self) -> dict[str, Any]:
        """How the hub is: see `HEALTH_KEYS`. Never blocks."""
        ...


HEALTH_KEYS = (
    "broker_connected",  # bool: the session stands and the subscriptions are granted
    "broker",  # str: host:port, and the protocol while connected
    "last_message_age_s",  # float, or None: none since the start
    "rooms_heard",  # int: installed rooms that are online now
    "rooms_expected",  # int: installed rooms in the inventory
    "queue",  # int: messages waiting to be committed
    "set_aside",  # int: messages that could not be read, since the database began
    "started_s",  # float: Unix seconds
    "clock",  # str: what is wrong with the hub's clock, `off`, `set_waits`, `start` or `set`; empty: nothing is
    "clock_off_s",  # float: by how much, seconds; positive: it is or was set ahead
    "commit_ms",  # float: how long the last commit took
    "ingested",  # int: messages since the start
    "version",  # str
    "syslog",  # str: whether the log of who did what gets to syslog, "yes", "no"; empty: it is not set
)
"""The keys of `HubPort.health()`."""
