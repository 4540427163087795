"""Operators' marks on incidents: taken, given back, shelved, noted. Each leaves a row in the log of who did what.

Every function works within the writer's transaction and gives the answer for the operator and the news for all.
"""

from __future__ import annotations

import sqlite3

from hub.port import Change, Marked
from hub.store import audit
from hub.store.recurrence import lingers

SHELVE_MAX_S = 7 * 86_400.0
"""Nothing is put away for ever."""
NOTE_MAX = 4000
_REASON_MAX = 200


def _find(db: sqlite3.Connection, incident: int) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(
        "SELECT id, room, closed_s, often_s, again, acked_by, acked_s FROM incidents WHERE id = ?", (incident,)
    ).fetchone()
    return row


def _is_over(row: sqlite3.Row, now_s: float) -> bool:
    return bool(row["closed_s"]) and not lingers(row["closed_s"], row["often_s"], row["again"], now_s)


def _done(db: sqlite3.Connection, row: sqlite3.Row, by: str, now_s: float, what: str, **detail: object) -> Change:
    audit.append(db, now_s, by, what, {"incident": row["id"], "room": row["room"]} | detail)
    return Change(frozenset({row["room"]}), frozenset({row["id"]}))


def ack(db: sqlite3.Connection, incident: int, by: str, now_s: float) -> tuple[Marked, Change]:
    """Take an incident that nobody has."""
    row = _find(db, incident)
    if row is None:
        return Marked("not_found"), Change()
    if _is_over(row, now_s):
        return Marked("closed"), Change()
    if row["acked_s"]:
        mine = row["acked_by"] == by
        return Marked("" if mine else "conflict", holder=row["acked_by"]), Change()
    db.execute("UPDATE incidents SET acked_by = ?, acked_s = ? WHERE id = ?", (by, now_s, incident))
    return Marked(holder=by), _done(db, row, by, now_s, "ack")


def unack(db: sqlite3.Connection, incident: int, by: str, now_s: float) -> tuple[Marked, Change]:
    """Give an incident back."""
    row = _find(db, incident)
    if row is None:
        return Marked("not_found"), Change()
    db.execute("UPDATE incidents SET acked_by = '', acked_s = 0 WHERE id = ?", (incident,))
    return Marked(), _done(db, row, by, now_s, "unack", holder=row["acked_by"])


def shelve(
    db: sqlite3.Connection, incident: int, by: str, now_s: float, until_s: float, reason: str
) -> tuple[Marked, Change]:
    """Put an open incident away until a moment that lies ahead, at most a week."""
    row = _find(db, incident)
    if row is None:
        return Marked("not_found"), Change()
    if _is_over(row, now_s):
        return Marked("closed"), Change()
    if not now_s < until_s <= now_s + SHELVE_MAX_S:
        return Marked("duration"), Change()
    reason = reason.strip()[:_REASON_MAX]
    db.execute(
        "UPDATE incidents SET shelved_by = ?, shelved_until_s = ?, shelved_reason = ? WHERE id = ?",
        (by, until_s, reason, incident),
    )
    return Marked(), _done(db, row, by, now_s, "shelve", until_s=until_s, reason=reason)


def unshelve(db: sqlite3.Connection, incident: int, by: str, now_s: float) -> tuple[Marked, Change]:
    """Show a shelved incident again."""
    row = _find(db, incident)
    if row is None:
        return Marked("not_found"), Change()
    db.execute(
        "UPDATE incidents SET shelved_by = '', shelved_until_s = 0, shelved_reason = '' WHERE id = ?", (incident,)
    )
    return Marked(), _done(db, row, by, now_s, "unshelve")


def note(db: sqlite3.Connection, incident: int, by: str, now_s: float, text: str) -> tuple[Marked, Change]:
    """Add a note, also to an incident that has ended."""
    row = _find(db, incident)
    if row is None:
        return Marked("not_found"), Change()
    text = text.strip()[:NOTE_MAX]
    if not text:
        return Marked("note_empty"), Change()
    db.execute("INSERT INTO notes (incident, at_s, by, text) VALUES (?, ?, ?, ?)", (incident, now_s, by, text))
    return Marked(), _done(db, row, by, now_s, "note", text=text)
