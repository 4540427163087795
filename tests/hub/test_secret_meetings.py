"""A secret meeting from the mark in the file or the console to the room's document, and back again."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from agent.core import secrecy
from hub.changes import meetings
from hub.changes.sheet import SheetError
from hub.port import Marked
from hub.store.db import open_db, transaction
from tests.hub.rooms import fill_inventory
from tests.hub.test_meetings import GIAO_BAN, NOW, SECRET_HEADER, document, put, read

START_S, END_S = 1_782_090_000.0, 1_782_099_000.0
"""Of GIAO_BAN."""


@pytest.fixture
def db(tmp_path: Path) -> sqlite3.Connection:
    made = open_db(tmp_path / "hub.db")
    fill_inventory(made)
    return made


def ident(db: sqlite3.Connection) -> str:
    return str(db.execute("SELECT id FROM meetings WHERE title = 'Giao ban tuần'").fetchone()[0])


def mark(db: sqlite3.Connection, secret: bool, now_s: float = NOW) -> Marked:
    with transaction(db):
        marked, _ = meetings.mark_secret(db, ident(db), secret, "thu.ha", now_s)
    return marked


@pytest.mark.parametrize(
    ("word", "expected"),
    [("x", True), ("Có", True), ("MẬT", True), ("1", True), ("không", False), ("no", False), ("0", False), ("", None)],
)
def test_the_column_of_the_file(db: sqlite3.Connection, word: str, expected: bool | None) -> None:
    assert read(db, f"{GIAO_BAN};{word}", header=SECRET_HEADER)[0].secret is expected


def test_a_file_without_the_column_says_nothing(db: sqlite3.Connection) -> None:
    assert read(db, GIAO_BAN)[0].secret is None


def test_an_unclear_word_is_no_word(db: sqlite3.Connection) -> None:
    with pytest.raises(SheetError, match="line 2, secret: use x, no, or leave it empty"):
        read(db, f"{GIAO_BAN};có thể", header=SECRET_HEADER)


def test_marking_tells_every_invited_room_anew(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    rooms = meetings.refresh_desired(db, NOW)
    before = document(db)
    assert [one.secret for one in before.meetings] == [False]
    assert mark(db, True).ok
    assert meetings.refresh_desired(db, NOW) == rooms
    after = document(db)
    assert [one.secret for one in after.meetings] == [True]
    assert after.version > before.version
    assert mark(db, False).ok
    meetings.refresh_desired(db, NOW)
    assert [one.secret for one in document(db).meetings] == [False]


def test_another_import_does_not_lift_the_mark_by_itself(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    mark(db, True)
    put(db, GIAO_BAN)
    meetings.refresh_desired(db, NOW)
    assert document(db).meetings[0].secret
    with transaction(db):
        plain = read(db, f"{GIAO_BAN};không", header=SECRET_HEADER)
        meetings.replace_schedule(db, plain, NOW, "an")
    meetings.refresh_desired(db, NOW)
    assert not document(db).meetings[0].secret


def test_the_document_keeps_it_as_long_as_the_room_may_need_it(db: sqlite3.Connection) -> None:
    """Another meeting makes a new document meanwhile; a call that goes on is the secret meeting still."""
    put(db, GIAO_BAN, "22/06/2026 13:00;22/06/2026 14:00;Khác;p1-1")
    mark(db, True)
    meetings.refresh_desired(db, NOW)
    late_s = END_S + secrecy.OVERRUN_S - 1
    put(db, "22/06/2026 13:00;22/06/2026 14:00;Khác;p1-1", "22/06/2026 15:00;22/06/2026 16:00;Nữa;p1-1", now_s=late_s)
    assert meetings.refresh_desired(db, late_s) == {"p1-1"}
    assert [one.title for one in document(db).meetings] == ["Giao ban tuần", "Khác", "Nữa"]
    assert meetings.refresh_desired(db, late_s + 2) == set(), "that it is over makes no new document"


def test_hub_and_room_mean_the_same_time() -> None:
    assert meetings.SECRET_KEPT_S == secrecy.OVERRUN_S


def test_who_marked_it_stands_in_the_log(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    for secret in (True, True, False):
        mark(db, secret)
    rows = db.execute("SELECT by, what, detail FROM audit WHERE what LIKE '%mark_secret' ORDER BY id").fetchall()
    assert [(row["by"], row["what"]) for row in rows] == [("thu.ha", "mark_secret"), ("thu.ha", "unmark_secret")]
    assert json.loads(rows[0]["detail"])["title"] == "Giao ban tuần"


def test_a_meeting_that_is_over_or_unknown_is_not_marked(db: sqlite3.Connection) -> None:
    put(db, GIAO_BAN)
    assert mark(db, True, END_S + meetings.SECRET_KEPT_S - 1).ok
    assert mark(db, False, END_S + meetings.SECRET_KEPT_S).refused == "not_found"
    with transaction(db):
        assert meetings.mark_secret(db, "nosuch", True, "an", NOW)[0].refused == "not_found"
