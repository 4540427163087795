"""Events that could be numbered and not applied: kept as they came, so that the room need not keep them.

The acknowledgement is cumulative: one event that waited would stop all behind it. Within the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

NEWER, DEADLY = "newer", "deadly"
ROOM_ROWS = 5000
ROOM_BYTES = 32 * 2**20
"""A room whose hub is a release behind makes that much in months."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One event that waits for a release that can read it."""

    room: str
    epoch: str
    seq: int
    received_s: float
    raw: bytes


def keep(db: sqlite3.Connection, event: Kept, kind: str, reason: str, tried: str) -> bool:
    """Keep it. False when there is no room for it: then the agent goes on keeping it itself.

    What nobody will ever read makes room for what a later release can.
    """
    known = db.execute(
        "SELECT 1 FROM events WHERE room = ? AND epoch = ? AND seq = ? UNION ALL"
        " SELECT 1 FROM kept_events WHERE room = ? AND epoch = ? AND seq = ?",
        (event.room, event.epoch, event.seq) * 2,
    ).fetchone()
    if known:
        return True
    while not _fits(db, event):
        gone = db.execute(
            "DELETE FROM kept_events WHERE rowid IN (SELECT rowid FROM kept_events WHERE room = ? AND kind <> ?"
            " ORDER BY received_s LIMIT 100)",
            (event.room, NEWER),
        ).rowcount
        if not gone:
            return False
    db.execute(
        "INSERT INTO kept_events (room, epoch, seq, received_s, kind, reason, tried, raw)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (event.room, event.epoch, event.seq, event.received_s, kind, reason, tried, event.raw),
    )
    return True


def _fits(db: sqlite3.Connection, event: Kept) -> bool:
    rows, size = db.execute(
        "SELECT COUNT(*), COALESCE(SUM(LENGTH(raw)), 0) FROM kept_events WHERE room = ?", (event.room,)
    ).fetchone()
    return bool(rows < ROOM_ROWS and size + len(event.raw) <= ROOM_BYTES)


def untried(db: sqlite3.Connection, version: str, limit: int) -> list[Kept]:
    """Those that this version of the program has not tried yet, in their rooms' order. One that has ended a hub is
    never tried again: people look at it."""
    return [
        Kept(*row)
        for row in db.execute(
            "SELECT room, epoch, seq, received_s, raw FROM kept_events WHERE tried <> ? AND kind <> ?"
            " ORDER BY room, epoch, seq LIMIT ?",
            (version, DEADLY, limit),
        )
    ]


def forget(db: sqlite3.Connection, event: Kept) -> None:
    """It has been applied."""
    db.execute("DELETE FROM kept_events WHERE room = ? AND epoch = ? AND seq = ?", (event.room, event.epoch, event.seq))


def tried(db: sqlite3.Connection, event: Kept, version: str) -> None:
    """This version cannot read it either."""
    db.execute(
        "UPDATE kept_events SET tried = ? WHERE room = ? AND epoch = ? AND seq = ?",
        (version, event.room, event.epoch, event.seq),
    )
