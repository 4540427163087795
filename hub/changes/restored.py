"""What people must know and do after the hub was brought back from a copy, and what rests until they have.

Rooms send again what a copy lacks; people do not. What they wrote since it was made is gone: notes, marks, locked
accounts, secret meetings. So nothing that they closed since opens by itself: accounts wait until an administrator opens
them, and the rooms keep the documents that they have until somebody has looked through the schedule.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from hub.port import Change, Marked
from hub.store import audit

RESTORED_AT = "restored_at"
"""Small value of a restored database: when, in Unix seconds."""
RESTORED_FROM = "restored_from"
"""When its copy was made."""
UNCHECKED = "schedule_unchecked"
"""Small value while nobody has looked through the schedule since."""
WAITING = 2
"""`users.disabled` of an account that nobody has opened since. 1: somebody has locked it."""
TOLD_S = 14 * 86_400.0
"""Everybody is told so long, and longer while something is left to do: each shift has been there by then [J]."""
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Restored:
    """What is said on every page."""

    at_s: float
    from_s: float
    unchecked: bool
    waiting: int
    """Accounts that nobody has opened."""


def mark(db: sqlite3.Connection, *, at_s: float, from_s: float, open_for: Collection[str]) -> int:
    """Note it in a database that was just brought back. Within the caller's transaction; gives how many accounts wait.

    `open_for`: accounts that whoever restores vouches for, `EVERYBODY` for all.
    """
    for key, value in ((RESTORED_AT, repr(at_s)), (RESTORED_FROM, repr(from_s)), (UNCHECKED, "1")):
        db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))
    if EVERYBODY in open_for:
        return 0
    names = [str(row[0]) for row in db.execute("SELECT name FROM users WHERE disabled = 0")]
    wait = [(WAITING, name) for name in names if name not in open_for]
    db.executemany("UPDATE users SET disabled = ? WHERE name = ?", wait)
    return len(wait)


def told(db: sqlite3.Connection, now_s: float) -> Restored | None:
    """What everybody is to be told now; None when there is nothing."""
    found = {str(row[0]): str(row[1]) for row in db.execute(
        "SELECT key, value FROM meta WHERE key IN (?, ?, ?)", (RESTORED_AT, RESTORED_FROM, UNCHECKED)
    )}  # fmt: skip
    if RESTORED_FROM not in found:
        return None
    (waiting,) = db.execute("SELECT COUNT(*) FROM users WHERE disabled = ?", (WAITING,)).fetchone()
    made = Restored(float(found[RESTORED_AT]), float(found[RESTORED_FROM]), UNCHECKED in found, int(waiting))
    return made if made.unchecked or made.waiting or abs(now_s - made.at_s) < TOLD_S else None


def unchecked(db: sqlite3.Connection) -> bool:
    """Whether the rooms keep the documents they have, since nobody has looked through the schedule."""
    return db.execute("SELECT 1 FROM meta WHERE key = ?", (UNCHECKED,)).fetchone() is not None


def check(db: sqlite3.Connection, by: str, now_s: float) -> tuple[Marked, Change]:
    """Somebody has looked through the schedule: rooms are told again. Within the caller's transaction."""
    if db.execute("DELETE FROM meta WHERE key = ?", (UNCHECKED,)).rowcount:
        audit.append(db, now_s, by, "schedule_checked", {})
    return Marked(), Change(refresh=True)
