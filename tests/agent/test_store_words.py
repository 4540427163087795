"""What a store says when a card fails, and the last of what nobody had pinned of it (`make mutants`)."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from agent.core.facts import Instant
from agent.store.base import Batch, Store
from agent.store.memory import MemoryStore
from agent.store.sqlite import LEAP, SqliteStore
from agent.store.unwritten import UnwrittenStore, mended, open_store
from tests.agent.test_store import act, fill


def put(store: Store, size: int) -> int:
    seq = store.reserve_seq()
    store.commit(Batch(events=[(seq, b"x" * size)]))
    return seq


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_store_makes_its_folder_and_takes_one_that_is_there(tmp_path: Path) -> None:
    for _ in range(2):
        store = open_store(tmp_path / "a" / "b" / "room.db")
        assert isinstance(store, SqliteStore)
        store.close()


def test_a_store_that_cannot_be_opened_says_why_and_what_follows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_store(tmp_path / "file" / "room.db")
    assert isinstance(store, UnwrittenStore)
    assert "file" in store.why
    assert said(caplog) == [f"{store.why}; the room is watched, and nothing will be switched"]
    assert not mended(tmp_path / "file" / "room.db"), "where a folder should be, there is a file"


def test_a_card_that_takes_bytes_and_keeps_none_is_not_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert not mended(tmp_path / "room.db")
    assert list(tmp_path.iterdir()) == [], "the bad card is left in peace"


def test_in_memory_what_is_kept_is_counted_to_the_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.store.memory.OUTBOX_BYTES_MAX", 60)
    store = MemoryStore("e", 40)
    for _ in range(4):
        store.ack(put(store, 10))
    assert len(store._kept) == 4
    assert store.rewind({})
    put(store, 20)
    assert (store.dropped, store.pending()) == (0, 5)
    put(store, 1)
    assert (store.dropped, store.pending()) == (1, 5)
    store.ack(5)
    assert [len(payload) for payload in store._kept.values()] == [10, 10, 20]
    assert (store._kept_bytes, store._bytes) == (40, 1)


def test_an_end_that_belongs_to_no_act_does_no_harm() -> None:
    store = MemoryStore("e")
    store.commit(Batch(ended=[(999, "done")]))
    for number in range(1, 301):
        store.commit(Batch(begun=[act(number)], ended=[(number, "done")]))
    assert len(store.remember("b1").past_acts) == 200


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_an_act_that_began_later_than_its_intent_is_booked_so(kind: str, tmp_path: Path) -> None:
    store: Store = MemoryStore("e") if kind == "memory" else SqliteStore(tmp_path / "room.db")
    store.commit(Batch(begun=[act(1), act(2)]))
    store.commit(Batch(begun_late=[(2, Instant(77.0, 8e8, synced=False))]))
    first, second = store.remember("b1").open_acts
    assert first.started == Instant(11.0, 1001.0, synced=True)
    assert (second.started, second.remedy, second.fault) == (
        Instant(77.0, 8e8, synced=False), "codec_power_cycle", "codec_hung",
    )  # fmt: skip


def test_a_full_card_leaps_in_memory_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteStore(tmp_path / "room.db").close()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(SqliteStore, "_put", full)
        store = SqliteStore(tmp_path / "room.db")
    assert store.reserve_seq() == LEAP + 1
    assert "seq" not in store.remember("b").meta


def test_a_start_leaves_its_numbers_in_the_file_itself(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    first = SqliteStore(path)
    fill(first, 3)
    assert first.remember("b").meta["seq"] == "3"
    first.ack(3)
    first._db.execute("DELETE FROM outbox")
    first.close()
    assert SqliteStore(path).reserve_seq() == 3 + LEAP + 1, "though no event is left to tell"


def test_whoever_holds_the_file_is_waited_for_five_seconds(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "room.db")
    assert store._db.execute("PRAGMA busy_timeout").fetchone() == (5000,)
    assert store._db.isolation_level is None
    assert store.floor() == 1
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(store.remember("b").open_acts))
    thread.start()
    thread.join()
    assert found == [()], "the publisher reads from a thread of its own"


def test_a_file_that_cannot_be_read_is_named_with_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "room.db"
    path.write_bytes(b"no database " * 1000)
    store = SqliteStore(path)
    assert said(caplog) == [
        f"database {path} cannot be read (file is not a database): set aside as {path}.bad-1, starting a new one"
    ]
    assert (store.dropped, store.remember("b").meta["lost"]) == (0, "1")


def test_a_torn_page_is_said_as_the_database_names_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "room.db"
    store = SqliteStore(path)
    for _ in range(30):
        fill(store, 20)
    store.close()
    raw = bytearray(path.read_bytes())
    raw[12_288:20_480] = b"\xa5" * 8192
    path.write_bytes(raw)
    assert SqliteStore(path).set_aside
    (word,) = said(caplog)
    assert "None" not in word
    assert len(word) > len(f"database {path} cannot be read (): set aside as {path}.bad-1, starting a new one")


def test_every_refusal_of_a_card_is_said_with_its_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "room.db"
    store = SqliteStore(path)
    fill(store, 3)
    store.ack(1)
    store._db.execute("PRAGMA query_only=1")
    assert store.ack(1), "known already: nothing is written for that"
    store.ack(2)
    store.rewind({})
    store.keep_metrics([b"1", b"2"])
    store.keep_metrics([b"3"])
    assert store.dropped == 3
    store._db.execute("PRAGMA query_only=0")
    store._db.execute("ALTER TABLE outbox RENAME TO gone")
    store.outbox(0, 9)
    why = "attempt to write a readonly database"
    assert said(caplog) == [
        f"could not note what the hub has acknowledged: {why}",
        f"could not make acknowledged events due again: {why}",
        f"dropped 2 metric batches: {why}",
        f"dropped 1 metric batches: {why}",
        f"cannot read events from {path}: no such table: outbox",
    ]


def test_the_oldest_go_until_three_quarters_are_left_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.store.sqlite.KEPT_BYTES_MAX", 100)
    store = SqliteStore(tmp_path / "room.db")
    for size in (34, 1, 75):
        put(store, size)
    store.ack(3)
    assert store._db.execute("SELECT seq FROM outbox").fetchall() == [(3,)]
    assert store.rewind({})
    assert store._kept_bytes == 0
    store.ack(3)
    assert store._kept_bytes == 75


def test_one_event_stays_however_large_and_what_was_dropped_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.store.sqlite.OUTBOX_BYTES_MAX", 100)
    store = SqliteStore(tmp_path / "room.db")
    put(store, 500)
    assert (store.pending(), store.dropped, "dropped" in store.remember("b").meta) == (1, 0, False)
    put(store, 500)
    assert (store.pending(), store.dropped, store.remember("b").meta["dropped"]) == (1, 1, "1")


def test_what_was_kept_before_a_restart_is_counted_from_the_first(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "room.db")
    store.ack(put(store, 30))
    store.close()
    assert SqliteStore(tmp_path / "room.db")._kept_bytes == 30


def test_what_was_dropped_for_its_size_and_what_was_taken_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.store.sqlite.OUTBOX_BYTES_MAX", 100)
    store = SqliteStore(tmp_path / "room.db")
    for _ in range(3):
        put(store, 40)
    assert (store.pending(), store.remember("b").meta["dropped"]) == (2, "1")
    assert store.ack(2) is True
