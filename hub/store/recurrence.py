"""Incidents that come again: the same rule in the same room, soon after its last end, is one thing to handle.

The room tells each episode as it was; whoever handles them would be told of one trouble fourteen times. A series that
comes too often needs a person, once: the room mends it each time, and each time for nothing. What is asked of the
database stands within the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

AGAIN_S = 3600.0
"""What begins so soon after the last end is the same thing again, and for so long it may still come again."""
OFTEN = 5
OFTEN_WITHIN_S = 3600.0
"""More than `OFTEN` beginnings within this time are too many."""
_SAME = (
    "SELECT id, opened_s, closed_s, nth, first_s, often_s FROM incidents"
    " WHERE room = :room AND rule = :rule AND outcome <> 'superseded' AND id <> :id"
)
_MARKS = "acked_by, acked_s, shelved_by, shelved_until_s, shelved_reason"


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode and its place in a series. Times are Unix seconds."""

    opened_s: float
    closed_s: float
    """0: it still stands."""
    nth: int = 1
    """How many-th of its series it is."""
    first_s: float = 0.0
    """When the series began."""
    often_s: float = 0.0
    """Since when the series comes so often that it needs a person; 0: it does not."""


def placed(before: Sequence[Episode], one: Episode) -> Episode:
    """An episode with its place, by those of the same room and rule before it: the last `OFTEN` are enough."""
    last = before[-1] if before else None
    if last is None or (last.closed_s and one.opened_s - last.closed_s > AGAIN_S):
        return replace(one, nth=1, first_s=one.opened_s, often_s=0.0)
    recent = [each for each in before if each.first_s == last.first_s and one.opened_s - each.opened_s < OFTEN_WITHIN_S]
    often_s = last.often_s or (one.opened_s if len(recent) >= OFTEN else 0.0)
    return replace(one, nth=last.nth + 1, first_s=last.first_s, often_s=often_s)


def lingers(closed_s: float, often_s: float, again: bool, now_s: float) -> bool:
    """Whether an episode that has ended stays in the list: its series needs a person, and may go on any moment."""
    return bool(closed_s and often_s) and not again and now_s - closed_s < AGAIN_S


def place(db: sqlite3.Connection, incident: int) -> None:
    """Give an incident its place in a series, and those that came after it theirs.

    A new one of a series has what operators said of the one before: who has it, and until when it is shelved.
    """
    one = db.execute(
        "SELECT id, room, rule, opened_s, closed_s, nth, first_s, often_s FROM incidents WHERE id = ?", (incident,)
    ).fetchone()
    same = {"room": one["room"], "rule": one["rule"], "id": incident, "opened": one["opened_s"], "most": OFTEN}
    before = db.execute(
        f"{_SAME} AND opened_s <= :opened ORDER BY opened_s DESC, id DESC LIMIT :most", same
    ).fetchall()[::-1]  # fmt: skip
    after = db.execute(f"{_SAME} AND opened_s > :opened ORDER BY opened_s, id", same).fetchall()
    found = [_episode(row) for row in before]
    for row in (one, *after):
        found.append(placed(found[-OFTEN:], _episode(row)))
    rows = [*before, one, *after]
    for n in range(max(0, len(before) - 1), len(rows)):
        _keep(db, rows[n]["id"], found[n], again=n + 1 < len(rows) and found[n + 1].nth > 1)
    if not one["nth"] and found[len(before)].nth > 1:
        _inherit(db, int(before[-1]["id"]), incident)


def _episode(row: sqlite3.Row) -> Episode:
    return Episode(row["opened_s"], row["closed_s"], row["nth"], row["first_s"], row["often_s"])


def _keep(db: sqlite3.Connection, incident: int, found: Episode, *, again: bool) -> None:
    db.execute(
        "UPDATE incidents SET nth = ?, first_s = ?, often_s = ?, again = ?,"
        " needs_person = CASE WHEN ? > 0 AND closed_s = 0 THEN 1 ELSE needs_person END WHERE id = ?",
        (found.nth, found.first_s, found.often_s, int(again), found.often_s, incident),
    )


def _inherit(db: sqlite3.Connection, last: int, incident: int) -> None:
    db.execute(
        f"UPDATE incidents SET ({_MARKS}) = (SELECT {_MARKS} FROM incidents WHERE id = ?) WHERE id = ?",  # noqa: S608
        (last, incident),
    )
