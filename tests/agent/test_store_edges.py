"""What a store keeps word for word, and every bound at the very number.

Mutation testing (`make mutants ARGS="store/sqlite.py"`) asks for these.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.events import PastAct
from agent.core.facts import Instant
from agent.core.state import Fault
from agent.store import base, journal_file
from agent.store.base import ActRow, Batch, Memory, Store, StoreError
from agent.store.memory import MemoryStore
from agent.store.sqlite import LEAP, SqliteStore
from agent.store.unwritten import UnwrittenStore, mended, open_store
from tests.agent.test_store import act, fill

DAY_S = 86_400.0


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore("e1") if request.param == "memory" else SqliteStore(tmp_path / "room.db")
    yield made
    made.close()


def dated(wall_s: float, *, synced: bool = True) -> bytes:
    return f'{{"stamp":{{"wall_s":{wall_s},"synced":{str(synced).lower()}}}}}'.encode()


def put(store: Store, payload: bytes) -> int:
    seq = store.reserve_seq()
    store.commit(Batch(events=[(seq, payload)]))
    return seq


def test_the_bounds_are_the_documented_ones() -> None:
    assert (base.OUTBOX_BYTES_MAX, base.KEPT_BYTES_MAX) == (67_108_864, 2_097_152)
    assert (base.METRICS_MAX, base.COMMANDS_KEPT) == (2000, 64)
    assert LEAP == 1_048_576


@pytest.mark.parametrize("step_s", [3650 * DAY_S, -3650 * DAY_S, 3600.0, -3600.0])
def test_no_step_of_the_clock_makes_events_too_old_to_be_told(store: Store, step_s: float) -> None:
    """Ten years ahead for an hour, while the hub is away: everything before would be old, or everything after it."""
    for wall_s in (1.79e9, 1.79e9 + step_s, 1.79e9 + 3600.0, 1.79e9 + 70 * DAY_S):
        for _ in range(3):
            put(store, dated(wall_s))
    assert (store.dropped, store.pending(), store.floor()) == (0, 12, 1)
    store.ack(9)
    store.rewind({})
    assert [seq for seq, _ in store.outbox(0, 99)] == list(range(1, 13)), "for a hub that has lost them"


def test_an_empty_store_knows_nothing(store: Store) -> None:
    assert store.durable is True
    assert (store.dropped, store.pending(), store.newest(), store.floor()) == (0, 0, 0, 1)
    assert (store.outbox(0, 9), store.take_metric(), store.ack(0)) == ([], None, True)
    memory = store.remember("b")
    assert (memory.open_acts, memory.past_acts, memory.open_faults, memory.lost) == ((), (), (), False)
    assert store.epoch


def test_an_act_comes_back_as_it_was_written(store: Store) -> None:
    row = ActRow(3, "codec_restart", "codec", "api", 12.5, 1e9, False, "b1", "codec_hung", "c1", "thu.ha")
    ended = replace(row, act_id=4, synced=True, boot="b0", fault="", command="")
    store.commit(Batch(begun=[row, ended, replace(row, act_id=5)], ended=[(4, "done"), (5, "unsent")]))
    memory = store.remember("b1")
    assert memory.open_acts == (
        PastAct(3, "codec_restart", "codec", Instant(12.5, 1e9, False), True, "codec_hung", "c1"),
    )
    assert memory.past_acts == (PastAct(4, "codec_restart", "codec", Instant(12.5, 1e9, True), False, "", ""),), (
        "what was never sent uses up no limit"
    )


def test_a_batch_may_hold_anything_alone(store: Store) -> None:
    assert not Batch()
    for batch in (
        Batch(events=[(1, b"")]), Batch(begun=[act(1)]), Batch(ended=[(1, "x")]), Batch(faults={"r": None}),
        Batch(meta={"k": "v"}),
    ):  # fmt: skip
        assert batch
    store.commit(Batch(faults={"r": None}, ended=[(9, "done")]))
    store.commit(Batch(meta={"k": "v"}))
    store.commit(Batch(meta={"k": "w"}))
    assert store.remember("b").meta["k"] == "w"
    store.commit(Batch(faults={"r": Fault("r"), "s": Fault("s")}))
    store.commit(Batch(faults={"r": Fault("r", fault_id=2), "s": None}))
    assert store.remember("b").open_faults == (Fault("r", fault_id=2),)


def test_events_are_handed_out_above_a_number_and_by_so_many(store: Store) -> None:
    fill(store, 5)
    assert [seq for seq, _ in store.outbox(0, 3)] == [1, 2, 3]
    assert [seq for seq, _ in store.outbox(3, 1)] == [4]
    assert [seq for seq, _ in store.outbox(4, 9)] == [5]
    assert store.outbox(5, 9) == []
    assert store.newest() == 5
    store.ack(5)
    assert (store.newest(), store.floor(), store.pending()) == (5, 6, 0)
    assert store.reserve_seq() == 6
    assert store.newest() == 5, "a number alone is no event"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("memory", "sqlite"):
        monkeypatch.setattr(f"agent.store.{module}.OUTBOX_BYTES_MAX", 100)
        monkeypatch.setattr(f"agent.store.{module}.METRICS_MAX", 3)


@pytest.mark.usefixtures("small")
def test_an_outbox_is_full_at_its_last_byte(store: Store) -> None:
    for size in (40, 40, 20):
        put(store, b"x" * size)
    assert (store.dropped, store.pending(), store.floor()) == (0, 3, 1)
    put(store, b"y")
    assert (store.dropped, store.pending(), store.floor()) == (1, 3, 2)
    for _ in range(2):
        put(store, b"z" * 20)
    assert (store.dropped, store.pending(), store.floor()) == (2, 4, 3), "what was dropped has made room"


@pytest.mark.usefixtures("small")
def test_what_was_acknowledged_takes_no_room_of_what_was_not(store: Store) -> None:
    put(store, b"x" * 90)
    put(store, b"x" * 10)
    store.ack(1)
    put(store, b"y" * 90)
    assert (store.dropped, store.pending()) == (0, 2)
    put(store, b"z")
    assert (store.dropped, store.pending(), store.floor()) == (1, 2, 3)
    store.rewind({})
    assert store.pending() == 3
    put(store, b"z")
    assert [seq for seq, _ in store.outbox(0, 9)][-1] == 5
    assert sum(len(payload) for _, payload in store.outbox(0, 9)) <= 100


@pytest.mark.usefixtures("small")
def test_batches_beyond_the_bound_are_counted(store: Store) -> None:
    store.keep_metrics([b"1", b"2", b"3"])
    assert store.dropped == 0
    store.keep_metrics([b"4", b"5"])
    assert store.dropped == 2
    assert [store.take_metric() for _ in range(4)] == [b"5", b"4", b"3", None]


def test_numbers_and_counts_outlive_a_restart(tmp_path: Path, small: None) -> None:
    path = tmp_path / "room.db"
    first = SqliteStore(path)
    for _ in range(4):
        put(first, b"x" * 30)
    first.keep_metrics([b"1"] * 5)
    first.ack(2)
    first.commit(Batch(meta={"next_id": "5"}))
    seen = (first.dropped, first.pending(), first.floor(), first.newest())
    assert seen == (3, 2, 3, 4)
    first.close()
    second = SqliteStore(path)
    assert (second.dropped, second.pending(), second.floor(), second.newest()) == seen
    assert second.reserve_seq() == 4 + LEAP + 1
    assert second.remember("b").meta["next_id"] == str(5 + LEAP)
    put(second, b"x" * 40)
    put(second, b"x")
    assert (second.dropped, second.pending()) == (4, 3), "the bytes were counted anew"
    second.close()
    third = SqliteStore(path)
    assert third.reserve_seq() >= 4 + 2 * LEAP


def test_an_old_file_without_a_number_to_begin_with_leaps_from_one(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "room.db").close()
    assert SqliteStore(tmp_path / "room.db").remember("b").meta["next_id"] == str(1 + LEAP)


def test_a_new_file_says_from_where_it_can_be_read(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "room.db")
    meta = store.remember("b").meta
    assert (meta["compatible_from_v1"], meta["epoch"], "lost" in meta) == ("1", store.epoch, False)
    assert len(store.epoch) == 12
    assert store._db.execute("PRAGMA user_version").fetchone() == (1,)
    assert store._db.execute("PRAGMA wal_autocheckpoint").fetchone() == (200,)
    assert store._db.execute("PRAGMA cache_size").fetchone() == (-256,)
    assert store.set_aside == ""


def test_a_newer_file_that_says_it_can_be_read_is_read(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    store = SqliteStore(path)
    fill(store, 2)
    store.close()
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO meta (key, value) VALUES ('compatible_from_v2', '1')")
        db.execute("PRAGMA user_version = 2")
    assert SqliteStore(path).pending() == 2
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '2' WHERE key = 'compatible_from_v2'")
    assert SqliteStore(path).set_aside, "without a journal until somebody comes the room would switch nothing"


def test_a_file_is_brought_to_the_next_version_and_the_release_before_goes_on_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "room.db"
    first = SqliteStore(path)
    fill(first, 2)
    first.close()
    with monkeypatch.context() as later:
        scripts = {1: journal_file._schema(1), 2: "ALTER TABLE acts ADD COLUMN more TEXT NOT NULL DEFAULT ''"}
        later.setattr(journal_file, "_schema", scripts.__getitem__)
        later.setattr(journal_file, "SCHEMA_VERSION", 2)
        second = SqliteStore(path)
        assert second._db.execute("PRAGMA user_version").fetchone() == (2,)
        second.commit(Batch(begun=[act(1)]))
        assert second._db.execute("SELECT more FROM acts").fetchone() == ("",)
        assert (second.epoch, second.pending(), second.remember("b").lost) == (first.epoch, 2, False)
        second.close()
    again = SqliteStore(path)
    assert (again.epoch, again.pending(), again.set_aside, again.unreadable) == (first.epoch, 2, "", 0)
    assert [one.act_id for one in again.remember("b1").open_acts] == [1]


def test_an_unreadable_file_goes_aside_and_the_room_learns_of_the_loss(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    for number in (1, 2):
        path.write_bytes(b"no database " * 1000)
        store = SqliteStore(path)
        assert store.set_aside == str(tmp_path / f"room.db.bad-{number}")
        assert store.remember("b").lost is True
        store.commit(Batch(meta={"lost": ""}))
        assert store.remember("b").lost is False
        store.close()
    again = SqliteStore(path)
    assert (again.set_aside, again.remember("b").lost) == ("", False)


def test_the_log_of_a_file_goes_aside_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "room.db"
    store = SqliteStore(path)
    fill(store, 3)
    with sqlite3.connect(path) as other:  # as long as somebody reads, the log stays
        other.execute("SELECT count(*) FROM outbox").fetchone()
        store._put_aside("torn")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "room.db.bad-1", "room.db.bad-1-shm", "room.db.bad-1-wal", "room.db.mark",
    ]  # fmt: skip
    assert f"database {path} cannot be read (torn): set aside as {path}.bad-1, starting a new one" in caplog.text


def test_what_is_kept_is_let_go_to_three_quarters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.store.sqlite.KEPT_BYTES_MAX", 100)
    store = SqliteStore(tmp_path / "room.db")
    for number in range(1, 11):
        put(store, b"x" * 10)
        store.ack(number)
    rows = store._db.execute("SELECT count(*) FROM outbox")
    assert rows.fetchone() == (10,), "to the last byte"
    put(store, b"x" * 10)
    store.ack(11)
    assert store._db.execute("SELECT min(seq), max(seq) FROM outbox").fetchone() == (5, 11)
    for number in range(12, 15):
        put(store, b"x" * 10)
        store.ack(number)
    assert store._db.execute("SELECT min(seq) FROM outbox").fetchone() == (5,)
    put(store, b"x" * 10)
    store.ack(15)
    assert store._db.execute("SELECT min(seq) FROM outbox").fetchone() == (9,)
    store.close()
    again = SqliteStore(tmp_path / "room.db")
    assert again._kept_bytes == 70


def test_going_back_after_events_that_wait_counts_all_of_them(store: Store) -> None:
    fill(store, 6)
    store.ack(4)
    assert store.rewind({"a": "1"})
    assert (store.pending(), store.floor(), store.newest(), store.dropped) == (6, 1, 6, 0)
    store.ack(6)
    assert store.pending() == 0
    assert store.rewind({})
    assert store.pending() == 6


def test_of_many_acts_in_memory_the_newest_two_hundred_stay() -> None:
    store = MemoryStore("e")
    for number in range(1, 301):
        store.commit(Batch(begun=[act(number)], ended=[(number, "done")] if number != 1 else []))
    memory = store.remember("b1")
    assert [a.act_id for a in memory.open_acts] == [1], "what is under way is never forgotten"
    assert [a.act_id for a in memory.past_acts] == list(range(102, 301))


def test_a_card_that_gives_nothing_lets_the_rest_go_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteStore(tmp_path / "room.db")
    fill(store, 3)
    store.ack(1)
    assert store.floor() == 2
    store._db.execute("PRAGMA query_only=1")
    store.keep_metrics([b"1", b"2"])
    assert store.dropped == 2
    assert not store.ack(2)
    with pytest.raises(StoreError, match="free some space or replace the card"):
        store.commit(Batch(meta={"a": "b"}))
    assert not store._db.in_transaction
    assert (store.pending(), store.newest()) == (2, 3)
    store._db.execute("PRAGMA query_only=0")
    store._db.execute("ALTER TABLE outbox RENAME TO gone")
    assert (store.outbox(0, 9), store.floor()) == ([], 2)
    store._db.execute("ALTER TABLE metrics RENAME TO gone_too")
    assert store.take_metric() is None
    assert "cannot read events" in caplog.text


def test_a_store_without_a_journal_takes_everything_but_intents(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_store(tmp_path / "file" / "room.db")
    assert isinstance(store, UnwrittenStore)
    assert (store.durable, len(store.epoch)) == (False, 12)
    with pytest.raises(StoreError) as refused:
        store.commit(Batch(events=[(1, b"x")], begun=[act(1)]))
    assert str(refused.value) == store.why
    assert store.pending() == 0
    store.commit(Batch(events=[(store.reserve_seq(), b"x")], meta={"k": "v"}))
    assert (store.pending(), store.remember("b").meta) == (1, {"k": "v"})


def test_a_card_is_mended_when_a_journal_can_be_opened(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert not mended(folder / "room.db")
    folder.mkdir()
    assert mended(folder / "room.db")
    assert (folder / "room.db").exists()
    assert not (folder / ".writable").exists()
    with sqlite3.connect(folder / "room.db") as db:
        db.execute("PRAGMA user_version = 99")
    assert mended(folder / "room.db"), "a file that cannot be used goes aside"


def test_what_nobody_has_written_is_remembered_as_nothing() -> None:
    assert Memory() == Memory((), (), (), {}, lost=False)
