"""Series of incidents in the database: whatever order they come in, and what operators said goes along."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.changes import marks
from hub.intake.apply import Applier
from hub.intake.ingest import Heard
from hub.store.db import open_db, transaction
from hub.store.read import worklist
from hub.store.read.reads import Reader
from tests.hub.rooms import T0, Room, fill_inventory
from wire.event_kinds import EventKind

EPISODES = 14
PLACES = "SELECT nth, first_s, often_s > 0, again, needs_person FROM incidents ORDER BY opened_s"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    made = open_db(tmp_path / "hub.db")
    fill_inventory(made)
    yield made
    made.close()


def episode(room: Room, number: int, *, ends: bool = True) -> list[Heard]:
    """Hot for a minute; the next one begins a minute later."""
    said = [
        room.event(
            EventKind.FAULT_CONFIRMED, fault_id=number, rule="overheating", severity="critical", since_s=room.now_s
        )
    ]
    room.mono_s += 60
    if ends:
        said.append(room.event(EventKind.FAULT_CLEARED, fault_id=number, rule="overheating"))
    room.mono_s += 60
    return [room.heard(one) for one in said]


def take(db: sqlite3.Connection, heard: list[Heard]) -> None:
    for one in heard:
        Applier(db, 60.0).apply([one], one.source.received_s)


def test_a_fault_that_comes_again_is_one_row_and_calls_a_person_once(db: sqlite3.Connection, tmp_path: Path) -> None:
    room, reader = Room(), Reader(tmp_path / "hub.db")
    called = []
    for number in range(1, EPISODES + 1):
        take(db, episode(room, number, ends=number < EPISODES))
        open_now = [one for one in worklist.open_work(reader, room.now_s) if one.tab == "open"]
        called.append([one.need for one in open_now])
    assert called[4] == [], "it has ended, and has come five times"
    assert called[5:] == [["person"]] * 9, "one row, whether it stands just now or not"
    first_s = db.execute("SELECT MIN(opened_s) FROM incidents").fetchone()[0]
    rows = [tuple(row) for row in db.execute(PLACES)]
    assert rows == [(n, first_s, n > 5, n < EPISODES, n == EPISODES) for n in range(1, EPISODES + 1)]
    assert worklist.tab_counts(reader, worklist.open_work(reader, room.now_s), "an", room.now_s)["done"] == 0
    take(db, [room.heard(room.event(EventKind.FAULT_CLEARED, fault_id=EPISODES, rule="overheating"))])
    ended_s = room.now_s
    assert len(worklist.open_work(reader, ended_s + 3500)) == 1
    assert worklist.open_work(reader, ended_s + 3700) == []
    assert worklist.tab_counts(reader, [], "an", ended_s + 3700)["done"] == 1, "the series is one there, too"


def test_late_and_shuffled_events_make_the_same_series(db: sqlite3.Connection) -> None:
    room = Room()
    heard = [one for number in range(1, 9) for one in episode(room, number)]
    take(db, heard)
    expected = [tuple(row) for row in db.execute(PLACES)]
    assert [row[0] for row in expected] == list(range(1, 9))
    db.execute("DELETE FROM incidents")
    db.execute("DELETE FROM events")
    random.Random(7).shuffle(heard)
    take(db, heard)
    assert [tuple(row) for row in db.execute(PLACES)] == expected


def test_who_has_a_series_has_its_next_one(db: sqlite3.Connection) -> None:
    room = Room()
    take(db, episode(room, 1, ends=False))
    with transaction(db):
        marks.ack(db, 1, "an", T0)
        marks.shelve(db, 1, "an", T0, T0 + 9000, "planned")
    take(db, [room.heard(room.event(EventKind.FAULT_CLEARED, fault_id=1, rule="overheating"))])
    take(db, episode(room, 2, ends=False))
    marked = "SELECT acked_by, acked_s, shelved_by, shelved_until_s, shelved_reason FROM incidents WHERE id = 2"
    assert tuple(db.execute(marked).fetchone()) == ("an", T0, "an", T0 + 9000, "planned")
    with transaction(db):
        marks.unack(db, 2, "an", T0)
    take(db, [room.heard(room.event(EventKind.FAULT_ESCALATED, fault_id=2, rule="overheating"))])
    assert db.execute(marked).fetchone()["acked_by"] == "", "given back is given back"


def test_the_last_of_a_frequent_series_can_be_taken_although_it_has_ended(db: sqlite3.Connection) -> None:
    room = Room()
    for number in range(1, 8):
        take(db, episode(room, number))
    with transaction(db):
        assert marks.ack(db, 6, "an", room.now_s)[0].refused == "closed", "its next one stands in its place"
        assert marks.ack(db, 7, "an", room.now_s)[0].ok
        assert marks.shelve(db, 7, "an", room.now_s, room.now_s + 60, "planned")[0].ok
        assert marks.ack(db, 7, "an", room.now_s + 3600)[0].refused == "closed"
