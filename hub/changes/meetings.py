"""The schedule: read from a CSV file, kept in the database, told to each room in its retained `desired` document.

A room refuses a version below the last it took, and it outlives the hub's database. So versions are Unix seconds, or
one above the last where that is more. A file is refused with a sentence for whatever the signer would not sign
(`wire.bounds`), and a document that was made before those bounds is brought within them.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime, tzinfo
from zlib import crc32

import msgspec

from hub.changes.sheet import Column, Row, Sheet, read, required
from hub.core.text import fold
from hub.port import Change, Marked
from hub.store import audit
from hub.store.db import hub_epoch
from wire import bounds
from wire.bounds import DAY_S
from wire.messages import BadMessageError, Desired, Has, Meeting, State, decode, encode
from wire.topics import Leaf, Topic

AHEAD_S = 14 * 86_400.0
"""How far ahead a room is told of its meetings: it may be cut off for a while."""
STALE_S = 6 * DAY_S
"""A meeting that has been over for longer is taken out of its document: the signer signs it for a week, and may have
to sign anew."""
SECRET_KEPT_S = 7200.0
"""A room is told of a secret meeting for so long after its end: a call that goes on is the meeting still. It is the
room's own `agent.core.secrecy.OVERRUN_S`; a test compares."""
COLUMNS = (
    Column("start", ("bắt đầu", "giờ bắt đầu")),
    Column("end", ("kết thúc", "giờ kết thúc")),
    Column("title", ("tên cuộc họp", "cuộc họp", "nội dung", "tên")),
    Column("rooms", ("điểm cầu", "phòng", "thành phần")),
    Column("secret", ("họp mật", "mật"), required=False),
)
_YES_NO = {"x": True, "1": True, "co": True, "mat": True, "yes": True, "0": False, "khong": False, "no": False}
"""Folded words of the column `secret`."""
_FORMS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S")
EVERYONE = frozenset({"*", "all", "tat ca", "toan tinh"})
"""Folded words that invite every installed room."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One meeting of the file with the rooms it invites."""

    id: str
    title: str
    start_s: float
    end_s: float
    rooms: frozenset[str]
    secret: bool | None = None
    """None: the file does not say; what an operator has marked stays."""


def parse(raw: bytes, zone: tzinfo, places: dict[str, frozenset[str]], now_s: float) -> list[Planned]:
    """The meetings of a file in local time. `places` gives the rooms of each room id and place code.

    Meetings that are over may stand in it. Raises SheetError with every fault of the file.
    """
    sheet = read(raw, COLUMNS)
    found: dict[str, Planned] = {}
    lines: dict[str, int] = {}
    for row in sheet.rows:
        if not required(sheet, row, ("start", "end", "title", "rooms")):
            continue
        start_s, end_s = _moment(sheet, row, "start", zone), _moment(sheet, row, "end", zone)
        rooms = _rooms(sheet, row, places)
        if start_s is None or end_s is None:
            continue
        title, secret = row.cells["title"], _secret(sheet, row)
        _bounded(sheet, row, start_s, end_s, now_s)
        ident = hashlib.sha256(f"{start_s:.0f}|{fold(title)}".encode()).hexdigest()[:12]
        if ident in found:
            sheet.fault(row.line, "title", "cuộc họp lặp lại, hãy bỏ một dòng", "the meeting stands twice: remove one")
        found[ident] = Planned(ident, title, start_s, end_s, rooms, secret)
        lines[ident] = row.line
    _not_too_many(sheet, found, lines)
    sheet.check()
    return list(found.values())


def _bounded(sheet: Sheet, row: Row, start_s: float, end_s: float, now_s: float) -> None:
    """Say what the signer would not sign, in the words of the one who made the file."""
    if not 0 < end_s - start_s <= bounds.MEETING_MAX_S:
        sheet.fault(
            row.line, "end", "phải sau giờ bắt đầu, tối đa 24 giờ", "must be after the start, at most 24 h later"
        )
    if start_s > now_s + bounds.MEETING_AHEAD_MAX_S:
        days = round(bounds.MEETING_AHEAD_MAX_S / DAY_S)
        sheet.fault(
            row.line, "start", f"quá xa, tối đa {days} ngày kể từ hôm nay, kiểm tra năm",
            f"is too far ahead, at most {days} days from today: check the year",
        )  # fmt: skip
    if start_s <= 0:
        sheet.fault(row.line, "start", "trước năm 1970, kiểm tra năm", "is before 1970: check the year")
    if len(row.cells["title"]) > bounds.TITLE_MAX:
        sheet.fault(
            row.line, "title", f"dài quá {bounds.TITLE_MAX} chữ, hãy viết ngắn lại",
            f"is longer than {bounds.TITLE_MAX} letters: shorten it",
        )  # fmt: skip


def _not_too_many(sheet: Sheet, found: dict[str, Planned], lines: dict[str, int]) -> None:
    """No room may be told of more meetings at a time than it keeps."""
    by_room: dict[str, list[Planned]] = {}
    for one in sorted(found.values(), key=lambda one: one.start_s):
        for room in one.rooms:
            mine = by_room.setdefault(room, [])
            mine.append(one)
            if len(mine) == bounds.MEETINGS_MAX + 1:
                if one.start_s - mine.pop(0).start_s >= AHEAD_S:
                    continue
                sheet.fault(
                    lines[one.id], "rooms", f"phòng {room} có quá {bounds.MEETINGS_MAX} cuộc họp trong 14 ngày",
                    f"room {room} has more than {bounds.MEETINGS_MAX} meetings within 14 days",
                )  # fmt: skip
                return  # the same room or meeting would be told of a thousand times


def _secret(sheet: Sheet, row: Row) -> bool | None:
    text = fold(row.cells.get("secret", ""))
    if text and text not in _YES_NO:
        sheet.fault(row.line, "secret", f"{text[:30]!r} không rõ, dùng x hoặc để trống", "use x, no, or leave it empty")
    return _YES_NO.get(text)


def _rooms(sheet: Sheet, row: Row, places: dict[str, frozenset[str]]) -> frozenset[str]:
    text = row.cells["rooms"]
    if fold(text) in EVERYONE:
        return frozenset().union(*places.values()) if places else frozenset()
    rooms: set[str] = set()
    for name in text.replace(",", " ").replace("|", " ").split():
        if name not in places:
            sheet.fault(
                row.line, "rooms", f"không có phòng hay đơn vị {name[:40]!r}, kiểm tra mã",
                f"there is no room or place {name[:40]!r}: check the code",
            )  # fmt: skip
        rooms |= places.get(name, frozenset())
    return frozenset(rooms)


def places(db: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Installed rooms by their id, and those below each place by its code. A room id wins over a code."""
    parents = {row["id"]: (row["parent"], row["code"]) for row in db.execute("SELECT id, parent, code FROM nodes")}
    found: dict[str, set[str]] = {}
    rooms = db.execute("SELECT room, node FROM rooms WHERE installed = 1").fetchall()
    for row in rooms:
        node = row["node"]
        for _ in range(12):
            if node not in parents:
                break
            node, code = parents[node]
            found.setdefault(code, set()).add(row["room"])
    return {name: frozenset(group) for name, group in found.items()} | {
        row["room"]: frozenset({row["room"]}) for row in rooms
    }


def replace_schedule(db: sqlite3.Connection, planned: list[Planned], now_s: float, by: str) -> None:
    """Make the file the whole schedule to come: meetings that have not begun and are not in it go. Past ones stay."""
    keep = {meeting.id for meeting in planned}
    for row in db.execute("SELECT id FROM meetings WHERE start_s > ?", (now_s,)).fetchall():
        if row["id"] not in keep:
            db.execute("DELETE FROM meetings WHERE id = ?", (row["id"],))
            db.execute("DELETE FROM meeting_rooms WHERE meeting = ?", (row["id"],))
    for meeting in planned:
        db.execute(
            "INSERT INTO meetings (id, title, start_s, end_s) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " title = excluded.title, start_s = excluded.start_s, end_s = excluded.end_s",
            (meeting.id, meeting.title, meeting.start_s, meeting.end_s),
        )
        if meeting.secret is not None:
            db.execute("UPDATE meetings SET secret = ? WHERE id = ?", (meeting.secret, meeting.id))
        db.execute("DELETE FROM meeting_rooms WHERE meeting = ?", (meeting.id,))
        db.executemany(
            "INSERT INTO meeting_rooms (meeting, room) VALUES (?, ?)",
            [(meeting.id, room) for room in sorted(meeting.rooms)],
        )
    audit.append(db, now_s, by, "import_meetings", {"meetings": len(planned)})


def mark_secret(db: sqlite3.Connection, meeting: str, secret: bool, by: str, now_s: float) -> tuple[Marked, Change]:
    """Say that a meeting which is not over is secret, or that it is not."""
    row = db.execute(
        "SELECT title, secret FROM meetings WHERE id = ? AND end_s + ? > ?", (meeting, SECRET_KEPT_S, now_s)
    ).fetchone()
    if row is None:
        return Marked("not_found"), Change()
    if bool(row["secret"]) != secret:
        db.execute("UPDATE meetings SET secret = ? WHERE id = ?", (secret, meeting))
        what = "mark_secret" if secret else "unmark_secret"
        audit.append(db, now_s, by, what, {"meeting": meeting, "title": row["title"]})
    rooms = db.execute("SELECT room FROM meeting_rooms WHERE meeting = ?", (meeting,))
    return Marked(), Change(frozenset(one["room"] for one in rooms))


def refresh_desired(db: sqlite3.Connection, now_s: float) -> set[str]:
    """Bring each room's document up to its meetings; the rooms whose document is new. A meeting that merely ended makes
    no new document for some days."""
    epoch = hub_epoch(db)
    wanted: dict[str, list[Meeting]] = {}
    for row in db.execute(
        "SELECT m.id, m.title, m.start_s, m.end_s, m.secret, mr.room"
        " FROM meetings m JOIN meeting_rooms mr ON mr.meeting = m.id"
        " WHERE m.end_s + m.secret * ? > ? AND m.start_s < ? ORDER BY m.start_s, m.id",
        (SECRET_KEPT_S, now_s, now_s + AHEAD_S),
    ):
        mine = wanted.setdefault(row["room"], [])
        title = row["title"][: bounds.TITLE_MAX]
        meeting = Meeting(row["id"], title, row["start_s"], row["end_s"], secret=bool(row["secret"]))
        if len(mine) < bounds.MEETINGS_MAX and not bounds.unfit_meeting(meeting):
            mine.append(meeting)
    known = {row["room"]: row for row in db.execute("SELECT room, version, raw FROM desired")}
    changed = set()
    speaking = {str(row[0]) for row in db.execute("SELECT room FROM acked JOIN rooms USING (room) WHERE installed = 1")}
    for room in {*wanted, *known, *speaking}:
        row = known.get(room)
        old = _document(row)
        coming = wanted.get(room, [])
        stale = room in speaking and _is_stale(old, room, epoch, now_s)
        if old is not None and _says(old, coming, now_s) and not stale:
            continue
        last = row["version"] if row else 0
        if last > now_s + bounds.VERSION_AHEAD_MAX_S:
            last = 0  # of a hub whose clock was wrong by years: no room with the right time has taken it
        version = max(last + 1, int(now_s))
        base = old or Desired(room=room, version=version)
        until_s = min(base.maintenance_until_s, now_s + bounds.MAINTENANCE_MAX_S)
        has = _has(db, room, epoch, now_s)
        document = msgspec.structs.replace(base, version=version, meetings=coming, maintenance_until_s=until_s, has=has)
        db.execute(
            "INSERT INTO desired (room, version, raw) VALUES (?, ?, ?) ON CONFLICT (room) DO UPDATE SET"
            " version = excluded.version, raw = excluded.raw",
            (room, version, encode(document)),
        )
        changed.add(room)
    return changed


def _is_stale(old: Desired | None, room: str, epoch: str, now_s: float) -> bool:
    """Whether a room is to be told anew how far its events are known: once a day, each at its own time."""
    if old is None or old.has is None or old.has.hub != epoch:
        return True
    return not 0 <= now_s - old.has.at_s < DAY_S * (0.85 + 0.15 * crc32(room.encode()) / 2**32)


def _has(db: sqlite3.Connection, room: str, epoch: str, now_s: float) -> Has | None:
    """What the hub has of a room's events, of the epoch that it speaks under; None while it has said nothing."""
    row = db.execute("SELECT state_raw FROM twins WHERE room = ?", (room,)).fetchone()
    newest = db.execute("SELECT epoch FROM acked WHERE room = ? ORDER BY rowid DESC LIMIT 1", (room,)).fetchone()
    spoken = str(newest[0]) if newest else ""
    with contextlib.suppress(BadMessageError):
        spoken = decode(State, bytes(row[0])).stamp.epoch if row and row[0] else spoken
    if not spoken:
        return None
    acked = db.execute("SELECT seq FROM acked WHERE room = ? AND epoch = ?", (room, spoken)).fetchone()
    has = Has(hub=epoch, epoch=spoken, seq=int(acked[0]) if acked else 0, at_s=now_s)
    return None if bounds.unfit_document(Desired(room=room, version=1, has=has), now_s) else has


def _says(old: Desired, coming: list[Meeting], now_s: float) -> bool:
    """Whether a document says what is to be said, and could be signed anew."""
    told = [one for one in old.meetings if _told_until_s(one) > now_s]
    stale = any(one.end_s < now_s - STALE_S for one in old.meetings)
    far = old.version > now_s + bounds.VERSION_AHEAD_MAX_S
    return told == coming and not stale and not far and old.maintenance_until_s <= now_s + bounds.MAINTENANCE_MAX_S


def _told_until_s(meeting: Meeting) -> float:
    return meeting.end_s + meeting.secret * SECRET_KEPT_S


def documents(db: sqlite3.Connection) -> list[tuple[str, int, str, bytes]]:
    """Every room's document: room, version, topic, payload as this release writes it, since only that is signed."""
    return [
        (row["room"], row["version"], str(Topic(row["room"], Leaf.DESIRED)), _as_written_now(row))
        for row in db.execute("SELECT room, version, raw FROM desired")
    ]


def _as_written_now(row: sqlite3.Row) -> bytes:
    document = _document(row)
    return encode(document) if document is not None else bytes(row["raw"])


def _document(row: sqlite3.Row | None) -> Desired | None:
    try:
        return decode(Desired, bytes(row["raw"])) if row is not None else None
    except BadMessageError:
        return None


def _moment(sheet: Sheet, row: Row, key: str, zone: tzinfo) -> float | None:
    """Unix seconds of a local time; None, with a fault, when it is none."""
    text = row.cells[key]
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=zone).timestamp()
        except ValueError:
            continue
    sheet.fault(
        row.line, key, f"{text[:30]!r} không phải ngày giờ, dùng 24/11/2026 07:30",
        f"{text[:30]!r} is no date and time: use 24/11/2026 07:30",
    )  # fmt: skip
    return None
