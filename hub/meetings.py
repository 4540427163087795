"""Meetings: imported from CSV, told to the invited rooms in their `desired` document.

The document is retained, and its version only rises: a room refuses an older one. Only meetings of the next 36 hours
and those that run are in it, so that it stays small; the document is renewed as meetings come near and end.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hub.console.text import fold
from hub.sheet import Column, Row, Sheet, read, required
from hub.store.db import transaction
from hub.store.tables import audit
from wire import messages as m

COLUMNS = (
    Column("start", ("bắt đầu", "giờ bắt đầu")),
    Column("end", ("kết thúc", "giờ kết thúc")),
    Column("title", ("tên cuộc họp", "cuộc họp", "nội dung")),
    Column("rooms", ("điểm cầu", "phòng", "thành phần")),
)
AHEAD_S = 36 * 3600.0
LONGEST_S = 24 * 3600.0
FORMATS = ("%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
ALL = frozenset({"all", "tat ca", "toan tinh"})


@dataclass(frozen=True, slots=True)
class Planned:
    """One meeting of a file. `rooms` are room ids, communes' codes already resolved."""

    id: str
    title: str
    start_s: float
    end_s: float
    rooms: frozenset[str]


def parse(raw: bytes, zone: str, every: dict[str, frozenset[str]]) -> list[Planned]:
    """The meetings of a file. `every` maps each room id and commune code to its rooms. Raises SheetError."""
    sheet = read(raw, COLUMNS)
    found: list[Planned] = []
    for row in sheet.rows:
        if not required(sheet, row, ("start", "end", "title", "rooms")):
            continue
        start_s, end_s = _time(sheet, row, "start", zone), _time(sheet, row, "end", zone)
        rooms = _rooms(sheet, row, every)
        if start_s is None or end_s is None:
            continue
        if not 0 < end_s - start_s <= LONGEST_S:
            sheet.fault(
                row.line, "end", "phải sau giờ bắt đầu, tối đa 24 giờ", "must be after the start, at most 24 h later"
            )
        ident = hashlib.sha256(f"{start_s}|{fold(row.cells['title'])}".encode()).hexdigest()[:12]
        if any(other.id == ident for other in found):
            sheet.fault(row.line, "title", "cuộc họp lặp lại", "the meeting stands twice")
        found.append(Planned(ident, row.cells["title"], start_s, end_s, rooms))
    sheet.check()
    return found


def _time(sheet: Sheet, row: Row, key: str, zone: str) -> float | None:
    for pattern in FORMATS:
        try:
            moment = dt.datetime.strptime(row.cells[key], pattern).replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            continue
        return moment.timestamp()
    sheet.fault(
        row.line, key, f"{row.cells[key]!r} không phải ngày giờ, dùng 24/11/2026 07:30",
        f"{row.cells[key]!r} is no date and time: use 24/11/2026 07:30",
    )  # fmt: skip
    return None


def _rooms(sheet: Sheet, row: Row, every: dict[str, frozenset[str]]) -> frozenset[str]:
    named = [part.strip() for part in row.cells["rooms"].replace(",", " ").split(" ") if part.strip()]
    if fold(row.cells["rooms"]) in ALL:
        return frozenset().union(*every.values()) if every else frozenset()
    rooms: set[str] = set()
    for name in named:
        if name not in every:
            sheet.fault(
                row.line, "rooms", f"không có phòng hay xã {name[:40]!r}", f"there is no room or commune {name[:40]!r}"
            )
        rooms |= every.get(name, frozenset())
    return frozenset(rooms)


def known_rooms(db: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Each installed room by its id, and all rooms of a commune by its code."""
    parents = {row[0]: (row[1], row[2], row[3]) for row in db.execute("SELECT id, parent, level, code FROM nodes")}
    every: dict[str, frozenset[str]] = {}
    for room, node in db.execute("SELECT room, node FROM rooms WHERE installed = 1"):
        every[room] = frozenset({room})
        for _ in range(12):
            parent, level, code = parents.get(node, (None, "", ""))
            if level == "commune":
                every[code] = every.get(code, frozenset()) | {room}
            if parent is None:
                break
            node = parent
    return every


def store(db: sqlite3.Connection, planned: list[Planned], by: str, at_s: float) -> int:
    """Put the meetings into the database; one with the same start and title is replaced. Gives their number."""
    with transaction(db):
        for meeting in planned:
            db.execute(
                "INSERT INTO meetings (id, title, start_s, end_s) VALUES (?,?,?,?) ON CONFLICT (id) DO UPDATE"
                " SET title = excluded.title, start_s = excluded.start_s, end_s = excluded.end_s",
                (meeting.id, meeting.title, meeting.start_s, meeting.end_s),
            )
            db.execute("DELETE FROM meeting_rooms WHERE meeting = ?", (meeting.id,))
            db.executemany("INSERT INTO meeting_rooms VALUES (?,?)", [(meeting.id, room) for room in meeting.rooms])
        audit(db, at_s, by, "import_meetings", {"meetings": len(planned)})
    return len(planned)


def renew_desired(db: sqlite3.Connection, now_s: float, new_version: Callable[[int], int]) -> list[tuple[str, bytes]]:
    """Write the desired document of every room whose meetings have changed; gives (room, document) to publish.

    Works within the caller's transaction. `new_version` makes a number above the one given.
    """
    wanted: dict[str, list[m.Meeting]] = {}
    for room, ident, title, start_s, end_s in db.execute(
        "SELECT r.room, m.id, m.title, m.start_s, m.end_s FROM meetings m JOIN meeting_rooms r ON r.meeting = m.id"
        " WHERE m.end_s > ? AND m.start_s < ? ORDER BY m.start_s, m.id",
        (now_s, now_s + AHEAD_S),
    ):
        wanted.setdefault(room, []).append(m.Meeting(ident, title, start_s, end_s))
    changed: list[tuple[str, bytes]] = []
    known = {row[0]: (row[1], row[2]) for row in db.execute("SELECT room, version, raw FROM desired")}
    for room in sorted({*wanted, *known}):
        version, raw = known.get(room, (0, b""))
        before = m.decode(m.Desired, bytes(raw)) if raw else m.Desired(room=room, version=0)
        if before.meetings == wanted.get(room, []) and raw:
            continue
        document = m.Desired(
            room=room, version=new_version(version), meetings=wanted.get(room, []),
            maintenance_until_s=before.maintenance_until_s,
        )  # fmt: skip
        body = m.encode(document)
        db.execute(
            "INSERT INTO desired VALUES (?,?,?) ON CONFLICT (room) DO UPDATE SET version = excluded.version,"
            " raw = excluded.raw",
            (room, document.version, body),
        )
        changed.append((room, body))
    return changed
