"""Read models of the API: pages by key, so that each is as cheap as the first and nothing is skipped or told twice."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from hub.store.read.read_incidents import COLUMNS, Incident, of_row
from hub.store.read.reads import VERDICT_SQL, WHY_SQL, Place, Reader

_BELOW = (
    "WITH RECURSIVE below(id) AS (SELECT :site UNION SELECT n.id FROM nodes n JOIN below b ON n.parent = b.id)"
    " SELECT id FROM below"
)


@dataclass(frozen=True, slots=True)
class RoomFilter:
    """What to list; empty or None: all."""

    verdict: str = ""
    online: bool | None = None
    site: int | None = None
    """Rooms at or beneath this node."""
    folded: str = ""
    """Part of the room's name or aliases, without marks."""


def rooms(reader: Reader, wanted: RoomFilter, after: str, limit: int) -> list[sqlite3.Row]:
    """Rooms with an id above `after`, in the order of their ids."""
    return reader.all(
        f"SELECT r.room, r.name, r.node, {VERDICT_SQL} AS verdict, COALESCE(t.online, 0) AS online, t.in_call,"  # noqa: S608
        " COALESCE(t.version, '') AS version, COALESCE(t.heard_s, 0) AS heard_s,"
        f" {WHY_SQL} AS unknown_why"
        " FROM rooms r LEFT JOIN twins t ON t.room = r.room WHERE r.room > :after"
        f" AND (:verdict = '' OR {VERDICT_SQL} = :verdict)"
        " AND (:online IS NULL OR COALESCE(t.online, 0) = :online)"
        f" AND (:site IS NULL OR r.node IN ({_BELOW}))"
        " AND (:folded = '' OR instr(r.folded, :folded) > 0) ORDER BY r.room LIMIT :limit",
        {
            "after": after, "limit": limit, "verdict": wanted.verdict, "site": wanted.site, "folded": wanted.folded,
            "online": None if wanted.online is None else int(wanted.online),
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """What to list; empty or None: all."""

    is_open: bool | None = None
    room: str = ""
    rule: str = ""
    severity: str = ""
    needs_person: bool | None = None
    opened_since_s: float | None = None
    """Unix seconds."""


def incidents(reader: Reader, wanted: IncidentFilter, before: int, limit: int) -> list[Incident]:
    """Incidents with a number below `before`, the newest first."""
    rows = reader.all(
        f"SELECT {COLUMNS} FROM incidents i WHERE i.id < :before"  # noqa: S608
        " AND (:open IS NULL OR (i.closed_s = 0) = :open) AND (:room = '' OR i.room = :room)"
        " AND (:rule = '' OR i.rule = :rule) AND (:severity = '' OR i.severity = :severity)"
        " AND (:person IS NULL OR i.needs_person = :person) AND (:since IS NULL OR i.opened_s >= :since)"
        " ORDER BY i.id DESC LIMIT :limit",
        {
            "before": before, "limit": limit, "open": None if wanted.is_open is None else int(wanted.is_open),
            "room": wanted.room, "rule": wanted.rule, "severity": wanted.severity, "since": wanted.opened_since_s,
            "person": None if wanted.needs_person is None else int(wanted.needs_person),
        },
    )  # fmt: skip
    return [of_row(row) for row in rows]


def places(reader: Reader, after: int, limit: int) -> list[Place]:
    """Nodes of the site tree with a number above `after`."""
    rows = reader.all(
        "SELECT id, level, code, name, folded, sort_key, parent, aliases FROM nodes WHERE id > ? ORDER BY id LIMIT ?",
        after,
        limit,
    )
    return [Place(*row) for row in rows]


def order(reader: Reader, order_id: str) -> sqlite3.Row | None:
    """One order, or None."""
    return reader.one(
        "SELECT id, room, action, by, why, incident, created_s, sent_s, ended_s, outcome, reason, proof,"
        " confirmed FROM orders WHERE id = ?",
        order_id,
    )
