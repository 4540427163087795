"""What a store keeps beside its rows: checksums of acts, and the mark beside the file."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.facts import Instant
from agent.store import mark
from agent.store.base import Batch
from agent.store.sqlite import SqliteStore
from tests.agent.test_store import act
from tests.agent.test_store_edges import put


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "room.db"


def test_an_act_that_was_dated_anew_is_a_sound_one(path: Path) -> None:
    store = SqliteStore(path)
    store.commit(Batch(begun=[act(1), act(2)]))
    store.commit(Batch(begun_late=[(1, Instant(7.0, 1.8e9, True))]))
    store.close()
    again = SqliteStore(path)
    memory = again.remember(act(1).boot)
    assert again.unreadable == 0
    assert memory.doubted == frozenset()
    assert {one.act_id: one.started for one in memory.open_acts}[1] == Instant(7.0, 1.8e9, True)
    again.close()


def test_the_mark_knows_of_restarts_alone_and_is_written_when_it_changes(path: Path) -> None:
    store = SqliteStore(path)
    store.commit(Batch(begun=[act(3)]))
    beside = mark.path_of(path)
    assert mark.read(beside) == mark.Mark(3, frozenset())
    written = beside.stat().st_ino
    for remedy in ("light_on", "of an older program"):
        store.commit(Batch(begun=[replace(act(9), remedy=remedy, act_id=9 if remedy == "light_on" else 10)]))
    put(store, b"x")
    assert mark.read(beside) == mark.Mark(3, frozenset())
    assert beside.stat().st_ino == written, "a card is spared"
    store.close()


def test_what_became_of_a_file_that_was_taken_away_is_told_in_full(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(path)
    put(store, b"ours")
    other = SqliteStore(tmp_path / "other.db")
    other.close()
    (tmp_path / "other.db").replace(path)
    with caplog.at_level(logging.INFO):
        put(store, b"ours still")
    said = [record.getMessage() for record in caplog.records]
    anew = f"database {path} had been removed while the agent ran: it is written anew, whole"
    assert said[-1] == anew
    assert any("another file was put in its place" in line and "XX" not in line for line in said[:-1])
    shutil.rmtree(path.parent)
    caplog.clear()
    put(store, b"once more")
    assert [record.getMessage() for record in caplog.records] == [anew]
    store.close()
