"""Forgets history that has grown old, a room at a time, so that the disk does not fill and no commit takes long.

Events, incidents and orders are kept. Sign-ins that are over go too. A clock that is wrong must not cost a month: while
it is in doubt nothing goes, and a round takes at most a day's worth of any room.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from hub.history import steps as history_steps
from hub.history.chunks import HOUR_S

HISTORY_S = 30 * 86_400.0
"""How long samples are kept."""
DAY_HOURS = 24
ROUND_S = 43_200.0
"""From one round to the next: two days' worth go a day, so that what a stop of the hub has left is caught up with."""


class Retention:
    """A timer of the writer: each call looks after one room, so a round of 621 rooms takes ten minutes."""

    def __init__(self, rests: Callable[[], bool], mono: Callable[[], float] = time.monotonic) -> None:
        """`rests`: whether nothing is to be deleted for its age now. `mono` never steps."""
        self._rests, self._mono = rests, mono
        self._rooms: list[str] = []
        self._next_s = float("-inf")

    def __call__(self, db: sqlite3.Connection, now_s: float) -> None:
        """Look after the next room. Works within the caller's transaction."""
        history_steps.mend(db)
        if self._rests():
            self._rooms = []
            return
        if not self._rooms and self._mono() >= self._next_s:
            self._next_s = self._mono() + ROUND_S
            self._rooms = [row[0] for row in db.execute("SELECT room FROM rooms")]
            for table in ("sessions", "devices"):
                db.execute(f"DELETE FROM {table} WHERE expires_s < ?", (now_s,))  # noqa: S608
        if self._rooms:
            room = self._rooms.pop()
            first = db.execute("SELECT MIN(hour) FROM history WHERE room = ?", (room,)).fetchone()[0]
            oldest = min(int((now_s - HISTORY_S) // HOUR_S), (first or 0) + DAY_HOURS)
            db.execute("DELETE FROM history WHERE room = ? AND hour < ?", (room, oldest))
