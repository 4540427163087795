"""Incidents in the database: folded from a room's events, or made by the hub itself when a room is silent.

Every function works within the caller's transaction. What operators did (acknowledged, shelved, noted) is never touched
by events.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

import msgspec

from hub.core.incident import Told, fold
from hub.core.liveness import EPOCH, RULE, SEVERITY, WORDS
from hub.core.own import OwnEventKind
from hub.store import ends, recurrence
from wire.messages import BadMessageError, Event, Stamp, Words, decode, encode

_SETTLED_S = 60.0
"""An incident younger than this is not compared with a state: its event may have overtaken the state."""


def insert_event(
    db: sqlite3.Connection, room: str, event: Event, raw: bytes, *, at_s: float, received_s: float, backfilled: bool
) -> bool:
    """Add an event once. False when it is known already."""
    stamp = event.stamp
    return bool(
        db.execute(
            "INSERT INTO events (room, epoch, seq, kind, at_s, received_s, backfilled, rule, fault_id, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (room, epoch, seq) DO NOTHING",
            (room, stamp.epoch, stamp.seq, event.kind, at_s, received_s, int(backfilled), event.rule, event.fault_id,
             raw),
        ).rowcount
    )  # fmt: skip


def refold(db: sqlite3.Connection, room: str, epoch: str, fault_id: int) -> int | None:
    """Compute the incident of one episode anew from all of its events; its id, or None when no event can be read."""
    told = []
    for row in db.execute(
        "SELECT at_s, raw FROM events WHERE room = ? AND epoch = ? AND fault_id = ? ORDER BY seq",
        (room, epoch, fault_id),
    ):
        try:
            told.append(Told(row["at_s"], decode(Event, bytes(row["raw"]))))
        except BadMessageError:
            continue  # was readable when it came; a damaged row must not hide the others
    if not told:
        return None
    found = fold(told)
    row = db.execute(
        "INSERT INTO incidents (room, epoch, fault_id, rule, severity, phase, needs_person, opened_s, confirmed_s,"
        " escalated_s, closed_s, outcome, refused, remedies, reason, words, own_acts)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (room, epoch, fault_id) DO UPDATE SET"
        " rule = excluded.rule, severity = excluded.severity, phase = excluded.phase,"
        " needs_person = excluded.needs_person, opened_s = excluded.opened_s, confirmed_s = excluded.confirmed_s,"
        " escalated_s = excluded.escalated_s, closed_s = excluded.closed_s, outcome = excluded.outcome,"
        " refused = excluded.refused, remedies = excluded.remedies, reason = excluded.reason, words = excluded.words,"
        " own_acts = excluded.own_acts"
        " RETURNING id",
        (room, epoch, fault_id, found.rule, found.severity, found.phase, int(found.needs_person), found.opened_s,
         found.confirmed_s, found.escalated_s, found.closed_s, found.outcome, found.refused,
         json.dumps(found.remedies), found.reason, msgspec.json.encode(found.words).decode(), found.own_acts),
    ).fetchone()  # fmt: skip
    incident = int(row["id"])
    db.execute(
        "UPDATE events SET incident = ? WHERE room = ? AND epoch = ? AND fault_id = ? AND incident IS NULL",
        (incident, room, epoch, fault_id),
    )
    ends.judge(db, incident)
    recurrence.place(db, incident)
    return incident


def close_missing(
    db: sqlite3.Connection, room: str, epoch: str, standing: set[int], *, drained: bool, state_s: float, now_s: float,
    two_boards: bool = False,
) -> list[int]:  # fmt: skip
    """Close incidents that the room's newest state no longer knows; their ids.

    Those of an earlier epoch are superseded: the card is new, and the room numbers its faults afresh. While two boards
    speak for the room it may be the other one's epoch, and both stories stand. Those of this
    epoch are closed only when the room has nothing left to send (`drained`), so that the word of the end was lost.
    """
    closed = []
    for row in db.execute(
        "SELECT id, epoch, fault_id, confirmed_s FROM incidents WHERE room = ? AND closed_s = 0 AND epoch <> ?",
        (room, EPOCH),
    ).fetchall():
        if row["epoch"] != epoch:
            if two_boards:
                continue
            outcome = "superseded"
        elif drained and row["fault_id"] not in standing and row["confirmed_s"] < state_s - _SETTLED_S:
            outcome = "itself"
        else:
            continue
        db.execute(
            "UPDATE incidents SET closed_s = ?, phase = 'clear', needs_person = 0, refused = '', outcome = ?"
            " WHERE id = ?",
            (now_s, outcome, row["id"]),
        )
        closed.append(int(row["id"]))
    for incident in closed:
        ends.judge(db, incident)
    return closed


@dataclass(frozen=True, slots=True)
class Lost:
    """An open incident of a silent room."""

    id: int
    fault_id: int
    since_s: float
    group: str


def lost_rooms(db: sqlite3.Connection) -> dict[str, Lost]:
    """The rooms that count as lost now."""
    return {
        row["room"]: Lost(row["id"], row["fault_id"], row["opened_s"], row["grp"])
        for row in db.execute(
            "SELECT id, room, fault_id, opened_s, grp FROM incidents WHERE epoch = ? AND rule = ? AND closed_s = 0",
            (EPOCH, RULE),
        )
    }


@dataclass(frozen=True, slots=True)
class Made:
    """What an incident of the hub's own says. `kind` is that of its event."""

    rule: str
    severity: str
    words: dict[str, Words]
    kind: OwnEventKind
    reason: str = ""
    needs_person: bool = True


def open_own(db: sqlite3.Connection, room: str, made: Made, since_s: float, now_s: float) -> Lost:
    """Open an incident of the hub's own, with its first event."""
    row = db.execute("SELECT MAX(fault_id) FROM incidents WHERE room = ? AND epoch = ?", (room, EPOCH)).fetchone()
    fault_id = (row[0] or 0) + 1
    incident = db.execute(
        "INSERT INTO incidents (room, epoch, fault_id, rule, severity, phase, needs_person, opened_s, confirmed_s,"
        " escalated_s, reason, words) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (room, EPOCH, fault_id, made.rule, made.severity, "escalated" if made.needs_person else "confirmed",
         int(made.needs_person), since_s, now_s, now_s if made.needs_person else 0.0, made.reason,
         msgspec.json.encode(made.words).decode()),
    ).fetchone()[0]  # fmt: skip
    _own_event(db, room, made, fault_id, int(incident), now_s, since_s)
    recurrence.place(db, int(incident))
    return Lost(int(incident), fault_id, since_s, "")


def close_own(db: sqlite3.Connection, room: str, incident: int, made: Made, now_s: float) -> None:
    """End an incident of the hub's own, with its last event."""
    row = db.execute("SELECT fault_id, opened_s FROM incidents WHERE id = ?", (incident,)).fetchone()
    db.execute(
        "UPDATE incidents SET closed_s = ?, phase = 'clear', needs_person = 0, outcome = 'itself' WHERE id = ?",
        (now_s, incident),
    )
    ends.judge(db, incident)
    if row is not None:
        _own_event(db, room, made, row["fault_id"], incident, now_s, row["opened_s"])


def open_lost(db: sqlite3.Connection, room: str, since_s: float, now_s: float) -> Lost:
    """Open the hub's own incident of a silent room, with its first event. A person must go and look."""
    return open_own(db, room, Made(RULE, SEVERITY, WORDS, OwnEventKind.LOST, "not_heard"), since_s, now_s)


def close_lost(db: sqlite3.Connection, room: str, lost: Lost, now_s: float) -> None:
    """The room is heard again."""
    close_own(db, room, lost.id, Made(RULE, SEVERITY, WORDS, OwnEventKind.HEARD), now_s)


def set_group(db: sqlite3.Connection, incident: int, key: str) -> None:
    """Put the incident into a group of one cause."""
    db.execute("UPDATE incidents SET grp = ? WHERE id = ?", (key, incident))


def _own_event(
    db: sqlite3.Connection, room: str, made: Made, fault_id: int, incident: int, at_s: float, since_s: float
) -> None:
    seq = (db.execute("SELECT MAX(seq) FROM events WHERE room = ? AND epoch = ?", (room, EPOCH)).fetchone()[0] or 0) + 1
    stamp = Stamp(epoch=EPOCH, seq=seq, boot="", mono_s=0, wall_s=at_s, synced=True)
    event = Event(
        stamp=stamp, kind=made.kind, fault_id=fault_id, rule=made.rule, severity=made.severity, reason=made.reason,
        since_s=since_s, words=made.words,
    )  # fmt: skip
    insert_event(db, room, event, encode(event), at_s=at_s, received_s=at_s, backfilled=False)
    db.execute("UPDATE events SET incident = ? WHERE room = ? AND epoch = ? AND seq = ?", (incident, room, EPOCH, seq))
