"""Between the broker's connection and the writer: no room may say more than its pace, nor leave rubbish at the broker.

What exceeds the pace is confirmed and dropped unread: the room keeps its events until they are acknowledged and sends
them again, its state and status come anew by themselves. Called from the connection's thread and the writer's.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable

from hub.core.own import FLOODS
from hub.intake.link import Received
from hub.intake.pace import LONG_BURST, LONG_RATE_PER_S, Paces, cost
from hub.port import Change
from hub.store import own
from wire.topics import RETAINED, BadTopicError, Topic

BACKLOG_S = 120.0
"""So long after connecting a room is not accused: the broker hands out at once what it kept while the hub was away."""
CLEARED_AT_ONCE = 200
RUBBISH_MAX = 20_000
LOOK_AGAIN_S = 86_400.0
"""How often the broker is asked for all that it keeps. While connected nobody can see that a message is kept."""


def owner(topic: str) -> str:
    """Whose message it is, as the broker's access list vouches for it; empty for a topic that is no room's."""
    parts = topic.split("/", 4)
    return parts[3] if len(parts) > 3 else ""


def misplaced(topic: str) -> bool:
    """Whether no honest room ever has a message kept there."""
    try:
        return Topic.parse(topic).leaf not in RETAINED
    except BadTopicError:
        return True


class Intake:
    """Takes what the connection hears, and hands on what may pass."""

    def __init__(
        self, offer: Callable[[Received], bool], clear: Callable[[str], bool], look_again: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`offer`: the writer's. `clear` has the broker forget what it keeps at a topic. `clock` is monotonic."""
        self._offer = offer
        self._clear = clear
        self._look_again = look_again
        self._clock = clock
        self._paces = Paces()
        self._long = Paces(LONG_RATE_PER_S, LONG_BURST)
        self._lock = threading.Lock()
        self._dropped: dict[str, int] = {}
        self._rubbish: dict[str, None] = {}
        self._littered: dict[str, int] = {}
        self._connected_s = self._looked_s = clock()

    def connected(self) -> None:
        """The connection is new: what was kept and what has waited comes now."""
        self._connected_s = self._looked_s = self._clock()

    def take(self, message: Received) -> bool:
        """Take a message in. False when the writer cannot, see `Writer.offer`."""
        now_s, room = self._clock(), owner(message.topic)
        out_of_place = misplaced(message.topic) if message.retained or not message.payload else False
        if out_of_place and not message.payload:  # our own word that what was kept there is to be forgotten
            message.confirm()
            return True
        if out_of_place:
            self._note_rubbish(message.topic, room)
        price = cost(len(message.payload))
        if not (self._paces.allow(room, price, now_s) and self._long.allow(room, price, now_s)):
            if now_s - self._connected_s > BACKLOG_S:
                with self._lock:
                    self._dropped[room] = self._dropped.get(room, 0) + 1
            message.confirm()
            return True
        return self._offer(message)

    def _note_rubbish(self, topic: str, room: str) -> None:
        with self._lock:
            if len(self._rubbish) < RUBBISH_MAX:
                self._rubbish[topic] = None
                self._littered[room] = self._littered.get(room, 0) + 1

    def __call__(self, db: sqlite3.Connection, now_s: float) -> Change | None:
        """A timer of the writer: open incidents, and have rubbish removed. Within the caller's transaction."""
        with self._lock:
            dropped, self._dropped = self._dropped, {}
            littered, self._littered = self._littered, {}
            rubbish = list(self._rubbish)[:CLEARED_AT_ONCE]
            for topic in rubbish:
                del self._rubbish[topic]
        for topic in rubbish:
            self._clear(topic)  # what is not removed now is found again with the next connection
        if self._clock() - self._looked_s > LOOK_AGAIN_S:
            self._looked_s = self._clock()
            self._look_again()
        opened, rooms = set(), set()
        for reason, counts in (("over_pace", dropped), ("retained_rubbish", littered)):
            for room, count in counts.items():
                if incident := own.notice(db, room, FLOODS, reason, now_s, count):
                    opened.add(incident)
                    rooms.add(room)
        return Change(frozenset(rooms), frozenset(opened)) if opened else None
