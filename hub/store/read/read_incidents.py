"""Read models of incidents: the operators' lists, one incident's story, a room's history and orders."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from hub.store.read.last_word import NEVER, LastWord
from hub.store.read.reads import Reader
from hub.store.recurrence import lingers
from wire.event_kinds import EventKind

SEVERITY = "CASE i.severity WHEN 'critical' THEN 0 WHEN 'major' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END"


@dataclass(frozen=True, slots=True)
class Incident:
    """One row of `incidents`. Times are Unix seconds, 0 for "not yet"."""

    id: int
    room: str
    epoch: str
    fault_id: int
    rule: str
    severity: str
    phase: str
    needs_person: bool
    opened_s: float
    confirmed_s: float
    escalated_s: float
    closed_s: float
    outcome: str
    refused: str
    remedies: list[str]
    reason: str
    words: dict[str, Any]
    acked_by: str
    acked_s: float
    shelved_by: str
    shelved_until_s: float
    shelved_reason: str
    group: str
    """Shared by incidents of one cause, as the hub found; empty: it stands alone."""
    nth: int = 0
    """How many-th of its series it is (`hub.store.recurrence`); 0 and 1: it has not come before."""
    first_s: float = 0.0
    often_s: float = 0.0
    again: bool = False
    own_acts: int = 0
    """Acts that the room began by itself."""
    last: LastWord = NEVER
    """What the room said last, of an open incident that is read to be told; see `TOLD`."""

    @property
    def is_open(self) -> bool:
        """Whether the fault still stands."""
        return self.closed_s == 0

    @property
    def needless_acts(self) -> int:
        """Acts of the room that healed nothing, since the fault ended with its cause or by itself."""
        return self.own_acts if self.outcome in ("with_cause", "itself") else 0

    def lingers(self, now_s: float) -> bool:
        """Whether it has ended and is still to be handled, since it comes again and again."""
        return lingers(self.closed_s, self.often_s, self.again, now_s)


COLUMNS = (
    "i.id, i.room, i.epoch, i.fault_id, i.rule, i.severity, i.phase, i.needs_person, i.opened_s, i.confirmed_s,"
    " i.escalated_s, i.closed_s, i.outcome, i.refused, i.remedies, i.reason, i.words, i.acked_by, i.acked_s,"
    " i.shelved_by, i.shelved_until_s, i.shelved_reason, i.grp, i.nth, i.first_s, i.often_s, i.again,"
    " i.own_acts"
)
COUNT = COLUMNS.count(",") + 1
_LAST_WORD = (
    ", CASE WHEN i.epoch <> 'hub' THEN t.state_raw END, t.state_s, t.verdict, t.lost_since_s, t.heard_s,"
    " (SELECT MAX(o.created_s) FROM orders o WHERE o.room = t.room AND o.confirmed <> '')"
    " FROM incidents i LEFT JOIN twins t ON t.room = i.room AND i.closed_s = 0"
)
TOLD = COLUMNS + _LAST_WORD
"""The same with the last word of the room. A room's state is some kilobytes, so that only open incidents have it, and
none of the hub's own: those come by the hundred."""


def of_row(row: sqlite3.Row) -> Incident:
    values = list(row)
    values[7], values[COUNT - 2] = bool(values[7]), bool(values[COUNT - 2])
    values[14] = _loads(values[14], list)
    values[16] = _loads(values[16], dict)
    own, word = values[:COUNT], values[COUNT:]
    last = [_last_word(*word)] if word else []
    return Incident(*own, *last)


def _last_word(
    raw: bytes | None, state_s: float | None, verdict: str | None, lost_s: float | None, heard_s: float | None,
    confirmed_s: float | None,
) -> LastWord:  # fmt: skip
    silent = verdict == "lost"
    since_s = (lost_s or heard_s or 0.0) if silent else 0.0
    return LastWord(bytes(raw or b""), state_s or 0.0, not silent, since_s, confirmed_s or 0.0)


def _loads(text: str, kind: type[Any]) -> Any:
    """JSON of the wanted kind; empty when it is anything else: one bad row must not take the whole list down."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        found = None
    return found if isinstance(found, kind) else kind()


def open_incidents(reader: Reader) -> list[Incident]:
    """Every open incident, the worst and newest first; at most one a rule and room, so this is bounded by the fleet."""
    rows = reader.all(
        f"SELECT {COLUMNS} FROM incidents i WHERE i.closed_s = 0"  # noqa: S608
        f" ORDER BY i.needs_person DESC, {SEVERITY}, i.opened_s DESC LIMIT 2000"
    )
    return [of_row(row) for row in rows]


def incident(reader: Reader, incident_id: int) -> Incident | None:
    """One incident, or None."""
    row = reader.one(f"SELECT {TOLD} WHERE i.id = ?", incident_id)
    return of_row(row) if row else None


def earlier(reader: Reader, incident: Incident, limit: int) -> list[Incident]:
    """Those before it in its series, the latest first."""
    if incident.nth < 2:
        return []
    rows = reader.all(
        f"SELECT {COLUMNS} FROM incidents i WHERE i.room = ? AND i.rule = ? AND i.first_s = ? AND i.nth < ?"  # noqa: S608
        " ORDER BY i.nth DESC LIMIT ?",
        incident.room, incident.rule, incident.first_s, incident.nth, limit,
    )  # fmt: skip
    return [of_row(row) for row in rows]


def of_room(reader: Reader, room: str, limit: int = 60) -> list[Incident]:
    """The room's incidents, open ones first, then the newest."""
    rows = reader.all(
        f"SELECT {TOLD} WHERE i.room = ?"
        f" ORDER BY i.closed_s > 0, CASE WHEN i.closed_s = 0 THEN {SEVERITY} END, i.opened_s DESC LIMIT ?",
        room,
        limit,
    )
    return [of_row(row) for row in rows]


def events(reader: Reader, incident_id: int, limit: int = 500) -> list[sqlite3.Row]:
    """The incident's events in order: kind, at_s, received_s, backfilled, raw."""
    return reader.all(
        "SELECT kind, at_s, received_s, backfilled, raw, seq FROM events WHERE incident = ? ORDER BY at_s, seq LIMIT ?",
        incident_id,
        limit,
    )


def room_acts(reader: Reader, room: str, from_s: float) -> list[sqlite3.Row]:
    """Ends of remedies in the room since a moment: at_s, raw."""
    return reader.all(
        "SELECT at_s, raw FROM events WHERE room = ? AND at_s > ? AND kind = ? ORDER BY at_s LIMIT 200",
        room,
        from_s,
        EventKind.REMEDY_DONE,
    )


def said_and_ordered(reader: Reader, incident: Incident) -> list[sqlite3.Row]:
    """Notes and orders of an incident and of those before it in its series, in one: kind, at_s, by, text, action,
    outcome, reason, proof."""
    return reader.all(
        "WITH series AS (SELECT :incident AS id UNION SELECT id FROM incidents"
        " WHERE :nth > 1 AND room = :room AND rule = :rule AND first_s = :first AND nth < :nth)"
        " SELECT 'note' AS kind, at_s, by, text, '' AS action, '' AS outcome, '' AS reason, '' AS proof,"
        " '' AS confirmed"
        " FROM notes WHERE incident IN series UNION ALL"
        " SELECT 'order', created_s, by, why, action, outcome, reason, proof, confirmed"
        " FROM orders WHERE incident IN series ORDER BY at_s LIMIT 300",
        {"incident": incident.id, "room": incident.room, "rule": incident.rule, "first": incident.first_s,
         "nth": incident.nth},
    )  # fmt: skip


_ORDER = "id, room, action, by, why, incident, created_s, sent_s, ended_s, outcome, reason, proof, confirmed"


def orders_of_room(reader: Reader, room: str, limit: int = 6) -> list[sqlite3.Row]:
    """The latest orders to a room, newest first."""
    return reader.all(
        f"SELECT {_ORDER} FROM orders WHERE room = ? ORDER BY created_s DESC LIMIT ?",  # noqa: S608
        room,
        limit,
    )
