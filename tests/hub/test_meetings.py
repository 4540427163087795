"""The schedule from a file to each room's document, whose version only rises."""

from __future__ import annotations

import sqlite3
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.changes import meetings
from hub.changes.sheet import SheetError
from hub.signer.rules import Rules
from hub.store.db import hub_epoch, open_db, transaction
from hub.store.tables import save_acked
from tests.hub.rooms import fill_inventory
from wire.envelope import Kind
from wire.messages import Desired, Meeting, Stamp, State, decode, encode

ZONE = timezone(timedelta(hours=7))
NOW = 1_782_000_000.0  # 21/06/2026 07:00 in Vietnam
HEADER = "bắt đầu;kết thúc;tên;phòng"
SECRET_HEADER = HEADER + ";Họp mật"


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    made = open_db(tmp_path / "hub.db")
    fill_inventory(made)
    return made


def read(db: sqlite3.Connection, *rows: str, header: str = HEADER) -> list[meetings.Planned]:
    return meetings.parse("\n".join([header, *rows]).encode(), ZONE, meetings.places(db), NOW)


def put(db: sqlite3.Connection, *rows: str, now_s: float = NOW) -> None:
    with transaction(db):
        meetings.replace_schedule(db, read(db, *rows), now_s, "an")


def document(db: sqlite3.Connection, room: str = "p1-1") -> Desired:
    return decode(Desired, {r: raw for r, _, _, raw in meetings.documents(db)}[room])


GIAO_BAN = "22/06/2026 08:00;22/06/2026 10:30;Giao ban tuần;p1-1|c2"


def test_local_times_rooms_and_places(db: sqlite3.Connection) -> None:
    planned = read(db, GIAO_BAN, "2026-06-23 14:00;2026-06-23 15:00;Toàn tỉnh;tất cả")
    assert planned[0].start_s == 1_782_090_000.0
    assert planned[0].rooms == {"p1-1", "p2-1", "p2-2", "p2-3", "p2-4", "p2-5"}
    assert len(planned[1].rooms) == 10


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("32/06/2026 08:00;22/06/2026 10:30;A;p1-1", "line 3, start: .* no date and time"),
        ("22/06/2026 08:00;mai;A;p1-1", "line 3, end: .* no date and time"),
        ("22/06/2026 08:00;22/06/2026 08:00;A;p1-1", "line 3, end: must be after the start"),
        ("22/06/2026 08:00;24/06/2026 08:00;A;p1-1", "at most 24 h"),
        ("22/06/2026 08:00;22/06/2026 09:00;;p1-1", "line 3, title: is empty"),
        ("22/06/2026 08:00;22/06/2026 09:00;A;nosuch", "line 3, rooms: there is no room or place 'nosuch'"),
        ("22/06/2026 08:00;22/06/2026 09:00;A;", "line 3, rooms: is empty"),
        (GIAO_BAN, "line 3, title: the meeting stands twice"),
        (f"22/06/2026 08:00;22/06/2026 09:00;{'x' * 201};p1-1", "line 3, title: is longer than 200 letters"),
        ("22/06/2026 08:00;21/06/2026 09:00;A;p1-1", "line 3, end: must be after the start"),
        ("28/07/2027 08:00;28/07/2027 09:00;A;p1-1", "line 3, start: is too far ahead, at most 400 days"),
        ("22/06/1962 08:00;22/06/1962 09:00;A;p1-1", "line 3, start: is before 1970"),
    ],
)
def test_faults(db: sqlite3.Connection, row: str, expected: str) -> None:
    with pytest.raises(SheetError, match=expected):
        read(db, GIAO_BAN, row)


def test_each_invited_room_is_told_once(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    assert meetings.refresh_desired(db, NOW) == {"p1-1", "p2-1", "p2-2", "p2-3", "p2-4", "p2-5"}
    assert document(db).version == int(NOW)
    assert [meeting.title for meeting in document(db).meetings] == ["Giao ban tuần"]
    assert meetings.refresh_desired(db, NOW + 60) == set()


def test_cancelled_meeting_leaves_the_room_and_the_version_rises(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    meetings.refresh_desired(db, NOW)
    put(db, "23/06/2026 08:00;23/06/2026 09:00;Khác;p1-2")
    assert "p1-1" in meetings.refresh_desired(db, NOW)
    assert (document(db).meetings, document(db).version) == ([], int(NOW) + 1)
    assert db.execute("SELECT COUNT(*) FROM meetings").fetchone()[0] == 1


def test_meeting_that_is_over_makes_no_new_document_and_stays_in_the_records(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    meetings.refresh_desired(db, NOW)
    later = NOW + 3 * 86_400
    assert meetings.refresh_desired(db, later) == set()
    put(db, "30/06/2026 08:00;30/06/2026 09:00;Sau;p1-1", now_s=later)
    assert [row[0] for row in db.execute("SELECT title FROM meetings ORDER BY start_s")] == ["Giao ban tuần", "Sau"]


def test_far_meetings_are_told_when_they_come_near(db: sqlite3.Connection) -> None:
    put(db, "20/07/2026 08:00;20/07/2026 09:00;Xa;p1-1")
    assert meetings.refresh_desired(db, NOW) == set()
    assert meetings.refresh_desired(db, NOW + 20 * 86_400) == {"p1-1"}


def test_version_is_above_that_of_a_lost_database(db: sqlite3.Connection, tmp_path: Path) -> None:
    put(db, GIAO_BAN)
    meetings.refresh_desired(db, NOW)
    fresh = open_db(tmp_path / "fresh.db")
    fill_inventory(fresh)
    put(fresh, GIAO_BAN)
    meetings.refresh_desired(fresh, NOW + 5)
    assert document(fresh).version > document(db).version


def speaks(db: sqlite3.Connection, room: str, seq: int, epoch: str = "e1") -> None:
    save_acked(db, room, epoch, seq)


def test_a_room_is_told_every_day_how_far_its_events_are_known(db: sqlite3.Connection) -> None:
    speaks(db, "p1-1", 7)
    assert meetings.refresh_desired(db, NOW) == {"p1-1"}
    has = document(db).has
    assert has is not None
    assert (has.hub, has.epoch, has.seq, has.at_s) == (hub_epoch(db), "e1", 7, NOW)
    speaks(db, "p1-1", 9)
    assert meetings.refresh_desired(db, NOW + 3600) == set(), "once a day is enough"
    assert meetings.refresh_desired(db, NOW + 86_400) == {"p1-1"}, "also where nothing has come: that may be a lie"
    told = document(db).has
    assert told is not None
    assert (told.seq, document(db).version) == (9, int(NOW) + 86_400)
    assert Rules().judge(Kind.DESIRED, meetings.documents(db)[0][3], 0.0, NOW + 86_400)[0] == ""


def test_a_document_for_another_reason_says_it_too_and_rooms_are_told_at_times_of_their_own(
    db: sqlite3.Connection,
) -> None:
    for room in ("p1-1", "p2-1", "p2-2"):
        speaks(db, room, 7)
    meetings.refresh_desired(db, NOW)
    put(db, GIAO_BAN)
    speaks(db, "p1-1", 8)
    assert "p1-1" in meetings.refresh_desired(db, NOW + 60)
    has = document(db).has
    assert has is not None
    assert (has.seq, has.at_s) == (8, NOW + 60)
    days = [len(meetings.refresh_desired(db, NOW + 60 + hours * 3600)) for hours in range(19, 26)]
    assert max(days) < 3


def test_another_database_tells_at_once(db: sqlite3.Connection) -> None:
    speaks(db, "p1-1", 7)
    meetings.refresh_desired(db, NOW)
    db.execute("UPDATE meta SET value = 'new' WHERE key = 'hub_epoch'")
    assert meetings.refresh_desired(db, NOW + 1) == {"p1-1"}


def test_the_present_epoch_is_the_one_that_the_room_s_state_names(db: sqlite3.Connection) -> None:
    speaks(db, "p1-1", 7)
    stamp = Stamp(epoch="e2", seq=0, boot="b", mono_s=1.0, wall_s=NOW, synced=True)
    raw = encode(State(stamp=stamp, facts={}))
    db.execute("INSERT INTO twins (room, state_raw) VALUES ('p1-1', ?)", (raw,))
    meetings.refresh_desired(db, NOW)
    has = document(db).has
    assert has is not None
    assert (has.epoch, has.seq) == ("e2", 0), "of the new card nothing has come yet"


def test_what_else_a_document_says_is_kept(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    meetings.refresh_desired(db, NOW)
    raw = b'{"room":"p1-1","version":5,"maintenance_until_s":77.0}'
    db.execute("UPDATE desired SET raw = ?, version = 5 WHERE room = 'p1-1'", (raw,))
    assert meetings.refresh_desired(db, NOW) == {"p1-1"}
    assert document(db).maintenance_until_s == 77.0


def crowd(db: sqlite3.Connection, days: int, a_day: int) -> list[meetings.Planned]:
    """A file with so many meetings a day of one room."""
    rows = [
        f"2026-07-{1 + day:02} {hour + 6:02}:00;2026-07-{1 + day:02} {hour + 6:02}:30;Họp {day} {hour};p1-1"
        for day in range(days)
        for hour in range(a_day)
    ]
    return read(db, *rows)


def test_a_room_is_not_planned_more_meetings_than_it_keeps(db: sqlite3.Connection) -> None:
    with pytest.raises(SheetError, match="rooms: room p1-1 has more than 100 meetings within 14 days") as caught:
        crowd(db, days=14, a_day=8)
    assert "phòng p1-1 có quá 100 cuộc họp trong 14 ngày" in str(caught.value)
    assert len(crowd(db, days=20, a_day=7)) == 140


def signed(db: sqlite3.Connection, now_s: float) -> set[str]:
    """The signer's words on every document."""
    return {Rules().judge(Kind.DESIRED, raw, 0.0, now_s)[0] for _, _, _, raw in meetings.documents(db)}


def test_what_the_hub_makes_is_what_the_signer_signs_also_when_it_has_to_do_so_anew(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN, "2026-06-23 14:00;2026-06-24 14:00;Toàn tỉnh;tất cả", "2026-07-01 08:00;2026-07-01 09:00;A;p1-2")
    for day in range(40):
        now_s = NOW + day * 86_400
        meetings.refresh_desired(db, now_s)
        assert signed(db, now_s) == {""}, f"day {day}"


def spoil(db: sqlite3.Connection, document: Desired) -> None:
    """A document that an earlier release, or a hub whose clock was wrong, has left in the database."""
    put(db, GIAO_BAN)
    meetings.refresh_desired(db, NOW)
    values = (encode(document), document.version)
    db.execute("UPDATE desired SET raw = ?, version = ? WHERE room = 'p1-1'", values)


@pytest.mark.parametrize(
    "changes",
    [{"version": 2**40}, {"maintenance_until_s": 1e12}, {"meetings": [Meeting("m", "x", NOW - 6e5, NOW - 55e4)]}],
)
def test_what_the_signer_would_not_sign_is_brought_within_its_bounds(
    db: sqlite3.Connection, changes: dict[str, Any]
) -> None:
    spoil(db, msgspec.structs.replace(Desired(room="p1-1", version=int(NOW)), **changes))
    assert "p1-1" in meetings.refresh_desired(db, NOW)
    assert signed(db, NOW) == {""}
    assert document(db).version in (int(NOW), int(NOW) + 1)
    assert document(db).maintenance_until_s <= NOW + 7 * 86_400
    assert meetings.refresh_desired(db, NOW) == set()


def test_a_document_of_an_earlier_release_is_sent_as_this_one_writes_it(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    meetings.refresh_desired(db, NOW)
    raw = encode(document(db)).replace(b',"secret":false', b"")
    db.execute("UPDATE desired SET raw = ? WHERE room = 'p1-1'", (raw,))
    assert signed(db, NOW) == {""}
