"""The hub's own incidents of a room (`hub.core.own`) in the database. Within the caller's transaction."""

from __future__ import annotations

import sqlite3

from hub.core.liveness import EPOCH
from hub.core.own import ALL, Own, OwnEventKind
from hub.store import incidents


def notice(db: sqlite3.Connection, room: str, own: Own, reason: str, now_s: float, count: int = 1) -> int:
    """Note a sign: opens the room's incident, or keeps the open one. Its id when it is new; 0 else.

    A room that is not in the inventory has none: no page would show it.
    """
    if db.execute("SELECT 1 FROM rooms WHERE room = ?", (room,)).fetchone() is None:
        return 0
    if db.execute(
        "UPDATE own_signs SET last_s = ?, count = count + ? WHERE incident IN"
        " (SELECT id FROM incidents WHERE room = ? AND rule = ? AND epoch = ? AND closed_s = 0)",
        (now_s, count, room, own.rule, EPOCH),
    ).rowcount:
        return 0
    made = incidents.Made(own.rule, own.severity, own.words, OwnEventKind.NOTICED, reason, own.needs_person)
    opened = incidents.open_own(db, room, made, now_s, now_s)
    db.execute(
        "INSERT INTO own_signs (incident, room, rule, last_s, count) VALUES (?, ?, ?, ?, ?)",
        (opened.id, room, own.rule, now_s, count),
    )
    return opened.id


def is_open(db: sqlite3.Connection, room: str, own: Own) -> bool:
    """Whether the room has that incident now."""
    return db.execute(
        "SELECT 1 FROM incidents WHERE room = ? AND rule = ? AND epoch = ? AND closed_s = 0", (room, own.rule, EPOCH)
    ).fetchone() is not None  # fmt: skip


def settle(db: sqlite3.Connection, now_s: float) -> list[tuple[str, int]]:
    """End those whose last sign is long past: room and id of each."""
    ended = []
    for row in db.execute("SELECT incident, room, rule, last_s FROM own_signs").fetchall():
        own = ALL.get(row["rule"])
        if own is not None and now_s - row["last_s"] <= own.quiet_s:
            continue
        db.execute("DELETE FROM own_signs WHERE incident = ?", (row["incident"],))
        if own is not None:
            made = incidents.Made(own.rule, own.severity, own.words, OwnEventKind.SETTLED)
            incidents.close_own(db, row["room"], int(row["incident"]), made, now_s)
        ended.append((str(row["room"]), int(row["incident"])))
    return ended
