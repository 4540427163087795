"""Read models of rooms and meetings: plain SQL on a read-only connection, one function one question.

A page asks at most ten queries, however many rooms there are, so nothing here is called once a room. Times are Unix
seconds; `now_s` always comes from the caller. Incidents have their own file, `read_incidents.py`.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERDICTS = ("fault", "lost", "check", "unknown", "maintenance", "not_installed", "ready")
"""Worst first: the order of lists."""
RANK = {verdict: rank for rank, verdict in enumerate(VERDICTS)}
WEEK_S = 7 * 86400.0


class Reader:
    """Read-only access to the hub's database, one connection a thread; WAL lets it read while the writer commits."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self.on_query: Callable[[str], None] | None = None
        """Called with each statement; for tests that count them."""

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            uri = f"{self._path.resolve().as_uri()}?mode=ro"
            connection = sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = 1")
            self._local.connection = connection
        return connection

    def connection(self) -> sqlite3.Connection:
        """This thread's own connection, which waits for no writer, for functions that ask one."""
        return self._connection()

    def all(self, sql: str, *params: Any) -> list[sqlite3.Row]:
        """Every row of the answer; one dict binds by name. Raises sqlite3.Error when the file is gone or damaged."""
        if self.on_query is not None:
            self.on_query(sql)
        named = len(params) == 1 and isinstance(params[0], dict)
        return self._connection().execute(sql, params[0] if named else params).fetchall()

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> list[sqlite3.Row]:
        """As a connection's: for questions that are asked of both."""
        return self.all(sql, *parameters)

    def one(self, sql: str, *params: Any) -> sqlite3.Row | None:
        """The first row, or None."""
        rows = self.all(sql, *params)
        return rows[0] if rows else None


@dataclass(frozen=True, slots=True)
class Place:
    """One node of the site tree with the way up, as far as it is configured."""

    id: int
    level: str
    code: str
    name: str
    folded: str
    sort_key: str
    parent: int | None
    aliases: str = "[]"


@dataclass(frozen=True, slots=True)
class Tree:
    """The site tree. Levels between province and room are optional, so each is asked for by name."""

    places: dict[int, Place]

    def up(self, node: int, level: str) -> Place | None:
        """The nearest node of that level at or above `node`."""
        place = self.places.get(node)
        for _ in range(12):  # a configured tree is four deep; a cycle by mistake must not hang a page
            if place is None or place.level == level:
                return place
            place = self.places.get(place.parent) if place.parent is not None else None
        return None

    def of_level(self, level: str) -> list[Place]:
        """All nodes of a level, sorted for people."""
        return sorted((p for p in self.places.values() if p.level == level), key=lambda p: p.sort_key)

    def folded_path(self, node: int) -> str:
        """The folded names and aliases from the node up to, but without, the province."""
        words, place = [], self.places.get(node)
        for _ in range(12):
            if place is None or place.level == "province":
                break
            words += [place.folded, place.code]
            place = self.places.get(place.parent) if place.parent is not None else None
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room as lists and tiles show it."""

    room: str
    name: str
    node: int
    sort_key: str
    verdict: str
    heard_s: float
    online: bool
    folded: str = ""
    contact: str = ""
    phone: str = ""
    unknown_why: str = ""
    """Why the verdict is `unknown`, an `Unseen`; empty: it is another one, or nobody knows."""


@dataclass(frozen=True, slots=True)
class MeetingRow:
    """A meeting and the rooms invited to it."""

    id: str
    title: str
    start_s: float
    end_s: float
    rooms: frozenset[str] = frozenset()
    secret: bool = False


VERDICT_SQL = "CASE WHEN r.installed = 0 THEN 'not_installed' ELSE COALESCE(t.verdict, 'unknown') END"
WHY_SQL = "CASE WHEN r.installed = 0 THEN '' ELSE COALESCE(t.unknown_why, 'no_data') END"
"""Why a verdict is `unknown`; empty for every other one."""


def tree(reader: Reader) -> Tree:
    """The whole site tree: some hundred rows."""
    rows = reader.all("SELECT id, level, code, name, folded, sort_key, parent, aliases FROM nodes")
    return Tree({row["id"]: Place(*row) for row in rows})


def rooms(reader: Reader) -> list[RoomRow]:
    """Every room with its verdict, sorted by name within its node."""
    rows = reader.all(
        f"SELECT r.room, r.name, r.node, r.sort_key, {VERDICT_SQL} AS verdict, COALESCE(t.heard_s, 0) AS heard_s,"  # noqa: S608
        f" COALESCE(t.online, 0) AS online, r.folded, r.contact, r.phone, {WHY_SQL} AS unknown_why"
        " FROM rooms r LEFT JOIN twins t ON t.room = r.room ORDER BY r.sort_key"
    )
    return [
        RoomRow(
            row["room"], row["name"], row["node"], row["sort_key"], row["verdict"], row["heard_s"], bool(row["online"]),
            row["folded"], row["contact"], row["phone"], row["unknown_why"],
        )
        for row in rows
    ]  # fmt: skip


def verdicts(reader: Reader) -> dict[str, str]:
    """Room to verdict, for the live tiles."""
    return {
        row[0]: row[1]
        for row in reader.all(f"SELECT r.room, {VERDICT_SQL} FROM rooms r LEFT JOIN twins t ON t.room = r.room")  # noqa: S608
    }


def meetings(reader: Reader, now_s: float, within_s: float = WEEK_S) -> list[MeetingRow]:
    """Meetings that have not ended and start within the given time, the nearest first, with their rooms."""
    found: dict[str, tuple[sqlite3.Row, set[str]]] = {}
    for row in reader.all(
        "SELECT m.id, m.title, m.start_s, m.end_s, m.secret, mr.room FROM meetings m"
        " LEFT JOIN meeting_rooms mr ON mr.meeting = m.id"
        " WHERE m.end_s > ? AND m.start_s < ? ORDER BY m.start_s, m.id",
        now_s,
        now_s + within_s,
    ):
        _, invited = found.setdefault(row["id"], (row, set()))
        if row["room"]:
            invited.add(row["room"])
    return [
        MeetingRow(row["id"], row["title"], row["start_s"], row["end_s"], frozenset(invited), bool(row["secret"]))
        for row, invited in found.values()
    ]


def next_by_room(coming: Iterable[MeetingRow]) -> dict[str, MeetingRow]:
    """Room to its nearest meeting."""
    nearest: dict[str, MeetingRow] = {}
    for meeting in coming:
        for room in meeting.rooms:
            nearest.setdefault(room, meeting)
    return nearest


def meetings_of_room(reader: Reader, room: str, from_s: float, to_s: float) -> list[MeetingRow]:
    """The room's meetings that touch the span, in order."""
    rows = reader.all(
        "SELECT m.id, m.title, m.start_s, m.end_s, m.secret FROM meetings m JOIN meeting_rooms mr ON mr.meeting = m.id"
        " WHERE mr.room = ? AND m.end_s > ? AND m.start_s < ? ORDER BY m.start_s",
        room,
        from_s,
        to_s,
    )
    return [
        MeetingRow(row["id"], row["title"], row["start_s"], row["end_s"], secret=bool(row["secret"])) for row in rows
    ]


@dataclass(frozen=True, slots=True)
class RoomDetail:
    """One room with all of its twin; `state_raw` is the room's own state message as it came, or empty."""

    room: str
    name: str
    node: int
    verdict: str
    contact: str
    phone: str
    note: str
    aliases: list[str]
    heard_s: float
    online: bool
    lost_since_s: float
    version: str
    in_call: bool | None
    mode: str
    state_s: float
    state_raw: bytes
    outbox: int
    dropped: int
    unknown_why: str = ""
    """As in `RoomRow`."""


def room(reader: Reader, room_id: str) -> RoomDetail | None:
    """One room in full, or None when there is no such room."""
    row = reader.one(
        f"SELECT r.room, r.name, r.node, {VERDICT_SQL} AS verdict, r.contact, r.phone, r.note, r.aliases,"  # noqa: S608
        " COALESCE(t.heard_s, 0) AS heard_s, COALESCE(t.online, 0) AS online, COALESCE(t.lost_since_s, 0) AS lost_s,"
        " COALESCE(t.version, '') AS version, t.in_call, COALESCE(t.mode, '') AS mode, COALESCE(t.state_s, 0) AS st,"
        " t.state_raw, COALESCE(t.outbox, 0) AS outbox, COALESCE(t.dropped, 0) AS dropped,"
        f" {WHY_SQL} AS unknown_why"
        " FROM rooms r LEFT JOIN twins t ON t.room = r.room WHERE r.room = ?",
        room_id,
    )
    if row is None:
        return None
    in_call = None if row["in_call"] is None else bool(row["in_call"])
    return RoomDetail(
        row["room"],
        row["name"],
        row["node"],
        row["verdict"],
        row["contact"],
        row["phone"],
        row["note"],
        json.loads(row["aliases"] or "[]"),
        row["heard_s"],
        bool(row["online"]),
        row["lost_s"],
        row["version"],
        in_call,
        row["mode"],
        row["st"],
        bytes(row["state_raw"] or b""),
        row["outbox"],
        row["dropped"],
        row["unknown_why"],
    )


def set_aside(reader: Reader, limit: int = 100) -> list[sqlite3.Row]:
    """Messages that could not be read, newest first: at_s, topic, reason, size in bytes, count."""
    return reader.all(
        "SELECT at_s, topic, reason, LENGTH(payload) AS size, count FROM set_aside ORDER BY at_s DESC LIMIT ?", limit
    )
