"""Rows in and out of the tables that the writer keeps: twins, acknowledgements, messages set aside, the inventory.

Every function works within the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from hub.core.acks import Contiguity
from hub.core.incident import OPEN_PHASES
from hub.core.twin import Twin, why_unknown
from wire.messages import BadMessageError, State, decode

SET_ASIDE_ROWS = 1000
SET_ASIDE_BYTES = 4096
"""How much of a payload is kept to be looked at."""
_TEXT_MAX = 300
CLUSTER_LEVEL = "cluster"


@dataclass(frozen=True, slots=True)
class Listed:
    """A room of the inventory."""

    room: str
    installed: bool
    cluster: str
    """Code of its cluster; empty where there is none."""


def inventory(db: sqlite3.Connection) -> dict[str, Listed]:
    """Every room of the inventory with its cluster."""
    parents = {row["id"]: row for row in db.execute("SELECT id, parent, level, code FROM nodes")}

    def cluster_of(node: int | None) -> str:
        for _ in range(12):  # deeper than any tree; a cycle must not hang the hub
            place = parents.get(node) if node is not None else None
            if place is None:
                return ""
            if place["level"] == CLUSTER_LEVEL:
                return str(place["code"])
            node = place["parent"]
        return ""

    return {
        row["room"]: Listed(row["room"], bool(row["installed"]), cluster_of(row["node"]))
        for row in db.execute("SELECT room, node, installed FROM rooms")
    }


_TWIN = (
    "room, heard_s, online, lost_since_s, boot, connection, version, nonce, nonce_heard_s, counter, in_call,"
    " mode, state_mono_s, state_s, state_raw, outbox, dropped, status_mono_s, past_boots, unseen"
)
_TWIN_NAMES = [name.strip() for name in _TWIN.split(",")]


def load_twins(db: sqlite3.Connection) -> dict[str, Twin]:
    """Every twin there is."""
    return {row["room"]: _twin(row) for row in db.execute(f"SELECT {_TWIN} FROM twins")}  # noqa: S608


def _twin(row: sqlite3.Row) -> Twin:
    raw = bytes(row["state_raw"]) if row["state_raw"] is not None else None
    severities: frozenset[str] = frozenset()
    escalated = False
    if raw is not None:
        try:
            opened = [fault for fault in decode(State, raw).faults if fault.phase in OPEN_PHASES]
            severities = frozenset(fault.severity for fault in opened)
            escalated = any(fault.phase == "escalated" for fault in opened)
        except BadMessageError:
            raw = None  # a damaged state is no state: unknown until the room sends the next
    values = dict(zip(_TWIN_NAMES, row, strict=True)) | {
        "online": bool(row["online"]),
        "in_call": None if row["in_call"] is None else bool(row["in_call"]),
        "state_raw": raw,
        "past_boots": tuple(row["past_boots"].split()),
    }
    return Twin(**values, open_severities=severities, escalated=escalated)


def save_twins(db: sqlite3.Connection, rows: Iterable[tuple[Twin, str]]) -> None:
    """Write twins with their verdicts."""
    names = [*_TWIN_NAMES, "verdict", "unknown_why"]
    sql = (
        f"INSERT INTO twins ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
        f" ON CONFLICT (room) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in names[1:])}"
    )
    db.executemany(
        sql,
        [(*_twin_values(twin), verdict, why_unknown(twin) if verdict == "unknown" else "") for twin, verdict in rows],
    )


def _twin_values(twin: Twin) -> list[object]:
    values = {name: getattr(twin, name) for name in _TWIN_NAMES} | {"past_boots": " ".join(twin.past_boots)}
    return list(values.values())


def load_contiguity(db: sqlite3.Connection, room: str, epoch: str) -> Contiguity:
    """How far the events of an epoch are committed."""
    row = db.execute("SELECT seq FROM acked WHERE room = ? AND epoch = ?", (room, epoch)).fetchone()
    acked = int(row[0]) if row else 0
    above = db.execute(
        "SELECT seq FROM events WHERE room = ? AND epoch = ? AND seq > ?"
        " UNION ALL SELECT seq FROM kept_events WHERE room = ? AND epoch = ? AND seq > ?",
        (room, epoch, acked) * 2,
    )
    return Contiguity(acked, [int(row[0]) for row in above])


def save_acked(db: sqlite3.Connection, room: str, epoch: str, seq: int) -> None:
    """Note how far an epoch is committed; never goes back."""
    db.execute(
        "INSERT INTO acked (room, epoch, seq) VALUES (?, ?, ?)"
        " ON CONFLICT (room, epoch) DO UPDATE SET seq = MAX(acked.seq, excluded.seq)",
        (room, epoch, seq),
    )


def set_aside(db: sqlite3.Connection, at_s: float, topic: str, reason: str, payload: bytes) -> None:
    """Keep what could not be read: one row a topic and reason, at most 1,000 rows, the oldest go first."""
    topic, reason = clean(topic), clean(reason)
    changed = db.execute(
        "UPDATE set_aside SET count = count + 1, at_s = ?, payload = ? WHERE topic = ? AND reason = ?",
        (at_s, payload[:SET_ASIDE_BYTES], topic, reason),
    ).rowcount
    if not changed:
        db.execute(
            "INSERT INTO set_aside (at_s, topic, reason, payload) VALUES (?, ?, ?, ?)",
            (at_s, topic, reason, payload[:SET_ASIDE_BYTES]),
        )
        db.execute(
            "DELETE FROM set_aside WHERE id NOT IN (SELECT id FROM set_aside ORDER BY at_s DESC, id DESC LIMIT ?)",
            (SET_ASIDE_ROWS,),
        )
    add_to_meta(db, "set_aside_total", 1)


def clean(text: str) -> str:
    """The text without what a database or a log cannot hold, at most 300 characters."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")[:_TEXT_MAX]


def add_to_meta(db: sqlite3.Connection, key: str, more: int) -> None:
    """Raise a counter in `meta`."""
    db.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE"
        " SET value = CAST(CAST(meta.value AS INTEGER) + ? AS TEXT)",
        (key, str(more), more),
    )


def meta_number(db: sqlite3.Connection, key: str) -> int:
    """A counter of `meta`; 0 when there is none."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return int(row[0]) if row else 0
