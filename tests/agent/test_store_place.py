"""A journal whose file is taken away under it, and a log that a reader keeps from being cut."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from agent.store.base import Batch, StoreError
from agent.store.sqlite import SqliteStore
from tests.agent.test_store import act
from tests.agent.test_store_edges import put


def reopened(path: Path) -> list[int]:
    store = SqliteStore(path)
    found = [seq for seq, _ in store.outbox(0, 1000)]
    store.close()
    return found


def test_a_removed_folder_is_written_anew_with_all_that_was_in_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "room.db"
    path.parent.mkdir()
    store = SqliteStore(path)
    epoch, first = store.epoch, put(store, b"before")
    shutil.rmtree(path.parent)
    begun = act(7)
    store.commit(Batch(begun=[begun], meta={"counter": "9"}))
    second = put(store, b"after")
    assert [row[0] for row in store.outbox(0, 9)] == [first, second]
    store.close()
    again = SqliteStore(path)
    assert again.epoch == epoch
    memory = again.remember(begun.boot)
    assert (memory.lost, memory.meta["counter"], [one.act_id for one in memory.open_acts]) == (False, "9", [7])
    again.close()
    assert reopened(path) == [first, second]


def test_a_file_that_was_put_in_its_place_is_set_aside(tmp_path: Path) -> None:
    path, other = tmp_path / "room.db", tmp_path / "other.db"
    store = SqliteStore(path)
    first = put(store, b"ours")
    stranger = SqliteStore(other)
    put(stranger, b"theirs")
    stranger.close()
    other.replace(path)
    second = put(store, b"ours still")
    store.close()
    assert reopened(path) == [first, second]
    assert len(reopened(tmp_path / "room.db.bad-1")) == 1


def test_a_removed_folder_that_cannot_be_made_again_lets_nothing_be_switched(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    store = SqliteStore(folder / "room.db")
    shutil.rmtree(folder)
    folder.write_text("a file in its way", "utf-8")
    with pytest.raises(StoreError, match="cannot write"):
        store.commit(Batch(begun=[act(1)]))
    folder.unlink()
    store.commit(Batch(begun=[act(1)]))
    store.close()


def test_the_log_is_cut_once_a_long_reader_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    store = SqliteStore(path)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM meta").fetchall()
    for _ in range(60):
        put(store, b"x" * 100_000)
    log = path.with_name("room.db-wal")
    assert log.stat().st_size > 5_000_000, "the reader keeps it"
    reader.close()
    for _ in range(3):
        put(store, b"x")
    assert log.stat().st_size <= 2**20
    store.close()
