"""A card that cannot be written, or has become so: the room is watched and told of, and nothing is switched."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agent.core.events import OrderReceived
from agent.core.facts import Instant
from agent.runtime.room import Room
from agent.store.base import ActRow, Batch, Store, StoreError
from agent.store.memory import MemoryStore
from agent.store.sqlite import SqliteStore
from agent.store.unwritten import UnwrittenStore, mended, open_store
from tests.agent.core.world import WALL_S
from tests.agent.test_room import hang, kinds, make, now
from wire import messages as m
from wire.event_kinds import EventKind

NOWHERE = Path("/proc/nowhere/room.db")
"""Not even root can make a folder there, as on a card that has become read-only."""


def test_a_card_that_cannot_be_written_gives_a_store_without_a_journal(tmp_path: Path) -> None:
    store = open_store(NOWHERE)
    assert isinstance(store, UnwrittenStore)
    assert not store.durable
    assert not mended(NOWHERE)
    assert open_store(tmp_path / "new" / "room.db").durable
    assert mended(tmp_path / "new" / "room.db")


def test_a_newer_file_keeps_no_room_without_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    SqliteStore(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    store = open_store(path)
    assert store.durable
    assert store.remember("b").lost


def test_without_a_journal_faults_are_told_and_no_act_is_handed_out(caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(NOWHERE)
    room = make(store)
    hang(room, 100)
    for at_s in range(131, 150):
        assert room.commit(now(at_s)) == []
    assert EventKind.FAULT_CONFIRMED in kinds(store)
    events = [m.decode(m.Event, p) for _, p in store.outbox(0, 99)]
    assert [e.reason for e in events if e.kind == EventKind.REMEDY_DONE] == ["no_journal"]
    assert room.state.acts == {}, "no act is left under way"
    assert "can be written again" not in caplog.text
    assert caplog.text.count("nothing will be switched meanwhile") == 1


def test_an_order_is_answered_with_the_reason() -> None:
    room = make(open_store(NOWHERE))
    room.feed(OrderReceived("c1", "light_on", "lan"), now(101))
    assert room.commit(now(101)) == []
    assert (room.replies[-1][0], room.replies[-1][1].outcome, room.replies[-1][1].reason) == (
        "c1", "failed", "no_journal",
    )  # fmt: skip


def fill(store: Store, size: int) -> None:
    store.commit(Batch(events=[(store.reserve_seq(), b"x" * size)]))


def test_a_full_disk_refuses_intents_and_recovers(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "room.db")
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreError, match="full"):
        fill(store, 100_000)
    act = ActRow(1, "codec_power_cycle", "codec", "cycle", 1.0, 2.0, True, "b")
    with pytest.raises(StoreError):
        store.commit(Batch(events=[(store.reserve_seq(), b"x" * 100_000)], begun=[act]))
    assert store.remember("b").open_acts == ()
    store._db.execute("PRAGMA max_page_count = 100000")
    store.commit(Batch(begun=[act]))
    assert len(store.remember("b").open_acts) == 1


def test_a_card_that_stops_answering_stops_no_reader(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteStore(tmp_path / "room.db")
    fill(store, 10)
    assert store.floor() == 1
    store._db.close()  # every further word to it raises, as a dead card does
    assert store.outbox(0, 10) == []
    assert store.floor() == 1
    store.ack(1)
    store.keep_metrics([b"1"])
    assert store.take_metric() is None
    with pytest.raises(StoreError):
        fill(store, 10)


def event(day: float, synced: bool = True) -> bytes:
    stamp = m.Stamp(epoch="e", seq=1, boot="b", mono_s=1, wall_s=WALL_S + day * 86400, synced=synced)
    return m.encode(m.Event(stamp=stamp, kind="x"))


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore("e") if request.param == "memory" else SqliteStore(tmp_path / "room.db")


def put(store: Store, payload: bytes) -> None:
    store.commit(Batch(events=[(store.reserve_seq(), payload)]))


def test_no_event_is_dropped_for_its_age(store: Store) -> None:
    """Who says that it is old? A clock that is ten years ahead for an hour says it of all that wait."""
    for day in (0, 1, 59, 60.5, 3650, 61):
        put(store, event(day))
    assert (store.floor(), store.dropped) == (1, 0)


def test_an_undisciplined_clock_drops_nothing(store: Store) -> None:
    put(store, event(0, synced=False))
    put(store, event(20000))
    put(store, event(40000, synced=False))
    assert (store.pending(), store.dropped) == (3, 0)


def test_drops_are_told_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore("e")
    room: Room = make(store)
    store.dropped = 5
    room.commit(Instant(200, WALL_S))
    store.dropped = 9
    room.commit(Instant(300, WALL_S))
    room.commit(Instant(4000, WALL_S))
    told = [m.decode(m.Event, p) for _, p in store.outbox(0, 99)]
    assert [e.detail for e in told if e.kind == EventKind.OUTBOX_DROPPED] == [
        {"dropped": 5, "total": 5}, {"dropped": 4, "total": 9},
    ]  # fmt: skip
