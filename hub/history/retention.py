"""Forgets history that has grown old, a room at a time, so that the disk does not fill and no commit takes long.

Events, incidents and orders are kept. Sign-ins that are over go too. A clock that is wrong must not cost a month: while
it is in doubt nothing goes, and a round takes at most a day's worth of any room.
"""

from __future__ import annotations

import json
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
_KEY = "retention"


class Retention:
    """A timer of the writer: each call looks after one room, so a round of 621 rooms takes ten minutes."""

    def __init__(self, rests: Callable[[], bool], mono: Callable[[], float] = time.monotonic, boot: str = "") -> None:
        """`rests`: whether nothing is to be deleted for its age now. `mono` never steps, and counts since the start of
        the machine that `boot` names."""
        self._rests, self._mono, self._boot = rests, mono, boot
        self._rooms: list[str] = []
        self._next_s: float | None = None

    def __call__(self, db: sqlite3.Connection, now_s: float) -> None:
        """Look after the next room. Works within the caller's transaction."""
        history_steps.mend(db)
        if self._rests():
            self._rooms = []
            return
        if self._next_s is None:
            self._next_s = self._after_last(db)
        if not self._rooms and self._mono() >= self._next_s:
            self._next_s = self._mono() + ROUND_S
            mark = json.dumps({"boot": self._boot, "mono_s": self._mono()})
            db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_KEY, mark))
            self._rooms = [row[0] for row in db.execute("SELECT room FROM rooms")]
            for table in ("sessions", "devices"):
                db.execute(f"DELETE FROM {table} WHERE expires_s < ?", (now_s,))  # noqa: S608
        if self._rooms:
            room = self._rooms.pop()
            first = db.execute("SELECT MIN(hour) FROM history WHERE room = ?", (room,)).fetchone()[0]
            oldest = min(int((now_s - HISTORY_S) // HOUR_S), (first or 0) + DAY_HOURS)
            db.execute("DELETE FROM history WHERE room = ? AND hour < ?", (room, oldest))

    def _after_last(self, db: sqlite3.Connection) -> float:
        """When the first round of this process is due: a hub that starts often must not delete more for that."""
        row = db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
        if row is None:
            return float("-inf")
        try:
            mark = json.loads(row[0])
            if self._boot and mark["boot"] == self._boot and float(mark["mono_s"]) <= self._mono():
                return float(mark["mono_s"]) + ROUND_S
        except (ValueError, TypeError, KeyError):
            pass
        return self._mono() + ROUND_S  # how long the machine was off, only a clock that may be wrong can say
