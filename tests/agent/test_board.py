"""A copied card: on another board the numbers get another name, and what was said under the old one is still told."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from agent.core.facts import Instant
from agent.runtime import board
from agent.store.base import Batch
from agent.store.epochs import Epochs, read, written
from agent.store.sqlite import SqliteStore
from agent.uplink import report
from agent.uplink.session import Session
from tests.agent.test_session import ack, at
from tests.agent.test_store import act
from wire import messages as m
from wire.event_kinds import EventKind
from wire.topics import FLEET, Leaf, Topic

OURS, OTHER = "10000000a1b2c3d4", "10000000e5f60718"


@pytest.mark.parametrize(
    ("content", "serial"),
    [
        (b"10000000a1b2c3d4\0", OURS),
        (b"10000000A1B2C3D4\n", OURS),
        (b"0000000000000000\0", ""),
        (b"", ""),
        (b"\xff\xfe", ""),
        (b"To be filled by O.E.M.", ""),
        (b"1234", ""),
    ],
)
def test_a_serial_number_tells_one_board_from_another_or_is_none(tmp_path: Path, content: bytes, serial: str) -> None:
    (tmp_path / "serial").write_bytes(content)
    assert board.serial_number([tmp_path / "absent", tmp_path / "serial"]) == serial


def told(store: SqliteStore, events: int) -> None:
    who = report.Identity("r-1", store.epoch, "b1", "0.1")
    for _ in range(events):
        seq = store.reserve_seq()
        event = m.Event(stamp=report.stamp(who, at(1), seq), kind=EventKind.FAULT_CONFIRMED)
        store.commit(Batch(events=[(seq, m.encode(event))]))


def session(store: SqliteStore) -> Session:
    numbers = count()
    made = Session(report.Identity("r-1", store.epoch, "b1", "0.1"), store, lambda: f"n{next(numbers)}")
    made.received(FLEET, m.encode(m.Fleet(hub_epoch="h1")), True, at(9))
    made.connected(at(10))
    return made


def said(of: Session, mono_s: float) -> list[m.Event]:
    topic = str(Topic("r-1", Leaf.EVENT))
    return [m.decode(m.Event, o.payload) for o in of.due(at(mono_s)) if o.topic == topic]


def test_on_another_board_a_new_epoch_begins_and_all_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    first = SqliteStore(path, OURS)
    told(first, 3)
    first.commit(Batch(begun=[act(7)], meta={"counter": "5", "next_id": "8"}))
    first.close()
    same = SqliteStore(path, OURS)
    assert (same.epoch, same.earlier) == (first.epoch, {})
    same.close()
    unknown = SqliteStore(path)
    assert (unknown.epoch, unknown.earlier) == (first.epoch, {}), "a board that does not say who it is"
    unknown.close()
    moved = SqliteStore(path, OTHER)
    assert moved.epoch != first.epoch
    assert list(moved.earlier) == [first.epoch]
    memory = moved.remember("b1")
    assert ([one.act_id for one in memory.open_acts], memory.meta["counter"], memory.lost) == ([7], "5", False)
    assert (moved.pending(), moved.set_aside) == (3, "")
    moved.close()
    again = SqliteStore(path, OTHER)
    assert (again.epoch, again.earlier) == (moved.epoch, moved.earlier), "once"
    again.close()
    back = SqliteStore(path, OURS)
    assert list(back.earlier) == [first.epoch, moved.epoch]
    assert back.epoch not in back.earlier


def test_what_was_said_under_the_old_name_is_told_and_confirmed_under_it(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    first = SqliteStore(path, OURS)
    told(first, 3)
    first.close()
    store = SqliteStore(path, OTHER)
    told(store, 2)
    room = session(store)
    events = said(room, 11)
    assert [event.stamp.epoch for event in events] == [first.epoch] * 3 + [store.epoch] * 2
    new = events[3].stamp.seq
    boundary = store.earlier[first.epoch] + 1
    assert [event.floor for event in events] == [1, 1, 1, boundary, boundary]
    ack(room, events[4].stamp.seq, 12, store.epoch, "h1")
    assert store.pending() == 5, "the new name's word says nothing of what came before"
    ack(room, 2, 12, first.epoch, "h1")
    assert (store.pending(), store.floor()) == (3, 3)
    ack(room, 10**9, 12, first.epoch, "h1")
    assert (store.pending(), store.floor()) == (2, new), "the old name's word ends where it ends"
    ack(room, events[4].stamp.seq, 13, "somebody", "h1")
    assert store.pending() == 2
    ack(room, events[4].stamp.seq, 13, store.epoch, "h1")
    assert store.pending() == 0
    assert store.rewind({})
    assert [event.stamp.epoch for event in said(session(store), 20)] == [first.epoch] * 3 + [store.epoch] * 2


def test_a_stretch_of_numbers_for_each_name() -> None:
    names = Epochs("c", read(written({"a": 10, "b": 25})))
    assert ["a" in names, "c" in names, "d" in names] == [True, True, False]
    assert [names.first(name) for name in "abc"] == [1, 11, 26]
    assert [names.last(name, 99) for name in "abc"] == [10, 25, 99]
    assert read("a=1 b= =3 c=x d=99999999999999999 e") == {"a": 1, "": 3}


def test_the_clock_plays_no_part(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "room.db", OURS)
    told(store, 1)
    assert said(session(store), Instant(11, 0.0).mono_s)[0].floor == 1
