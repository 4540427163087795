"""Takes along samples that were dated by a clock which was set since, a room at a time.

Rooms with a time server date their samples themselves, and nothing is to be done for those. Every function works within
the caller's transaction.
"""

from __future__ import annotations

import json
import sqlite3

from hub.history import chunks
from hub.history.chunks import HOUR_S, BadChunkError
from hub.store.clock_steps import Step
from wire.messages import BadMessageError, State, decode

_KEY = "history_steps"
STEPS_KEPT = 20
"""Steps that wait at most; a clock that is set more often loses the samples' dates."""


def plan(db: sqlite3.Connection, step: Step) -> None:
    """Note a step: `mend` does the work."""
    after_s = step.after_s + HOUR_S
    from_s = step.unsure_s if step.unsure_s is not None else after_s
    if from_s >= step.before_s:
        return  # the clock went forward from a time that was right: nothing stands in the future
    waiting = _waiting(db)[-STEPS_KEPT + 1 :]
    first = int(from_s // HOUR_S)
    waiting.append({"by_s": step.by_s, "first": first, "last": int(step.before_s // HOUR_S), "done": ""})
    _save(db, waiting)


def mend(db: sqlite3.Connection) -> bool:
    """Move the samples of the next room. False when nothing waits."""
    waiting = _waiting(db)
    if not waiting:
        return False
    one = waiting[0]
    row = db.execute("SELECT MIN(room) FROM rooms WHERE room > ?", (one["done"],)).fetchone()
    if row[0] is None:
        waiting.pop(0)
    else:
        if not _dates_itself(db, str(row[0])):
            _move(db, str(row[0]), float(one["by_s"]), int(one["first"]), int(one["last"]))
        one["done"] = str(row[0])
    _save(db, waiting)
    return True


def _move(db: sqlite3.Connection, room: str, by_s: float, first: int, last: int) -> None:
    wrong = db.execute(
        "DELETE FROM history WHERE room = ? AND hour BETWEEN ? AND ? RETURNING fact, hour, samples",
        (room, first, last),
    ).fetchall()
    for row in wrong:
        try:
            samples = chunks.unpack(row["hour"], bytes(row["samples"]))
        except BadChunkError:
            continue
        chunks.put(db, room, row["fact"], [(at_s + by_s, value) for at_s, value in samples])


def _dates_itself(db: sqlite3.Connection, room: str) -> bool:
    """Whether the room had a time server when it last told its state."""
    row = db.execute("SELECT state_raw FROM twins WHERE room = ?", (room,)).fetchone()
    try:
        return bool(row and row[0] and decode(State, bytes(row[0])).stamp.synced)
    except BadMessageError:
        return False


def _waiting(db: sqlite3.Connection) -> list[dict[str, float | int | str]]:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    try:
        found = json.loads(row[0]) if row else []
        return [one for one in found if {"by_s", "first", "last", "done"} <= one.keys()]
    except (ValueError, AttributeError, TypeError):
        return []


def _save(db: sqlite3.Connection, waiting: list[dict[str, float | int | str]]) -> None:
    if waiting:
        db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_KEY, json.dumps(waiting)))
    else:
        db.execute("DELETE FROM meta WHERE key = ?", (_KEY,))
