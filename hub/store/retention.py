"""Forgets history that has grown old, a room at a time, so that the disk does not fill and no commit takes long.

Events, incidents and orders are kept. Sessions that are over go too.
"""

from __future__ import annotations

import sqlite3

from hub.store.history import HOUR_S

HISTORY_S = 30 * 86_400.0
"""How long samples are kept."""


class Retention:
    """A timer of the writer: each call looks after one room, so a round of 621 rooms takes ten minutes."""

    def __init__(self) -> None:
        self._rooms: list[str] = []

    def __call__(self, db: sqlite3.Connection, now_s: float) -> None:
        """Look after the next room. Works within the caller's transaction."""
        if not self._rooms:
            self._rooms = [row[0] for row in db.execute("SELECT room FROM rooms")]
            db.execute("DELETE FROM sessions WHERE expires_s < ?", (now_s,))
        if self._rooms:
            oldest = int((now_s - HISTORY_S) // HOUR_S)
            db.execute("DELETE FROM history WHERE room = ? AND hour < ?", (self._rooms.pop(), oldest))
