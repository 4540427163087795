"""What a store counts of its outbox in memory: after every change it is what the file holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.store import sqlite
from agent.store.sqlite import SqliteStore
from tests.agent.test_store_edges import put

PAYLOADS = [b"a" * size for size in (1, 10, 100, 1000, 10_000)]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """Five events of different sizes, of which the hub has two."""
    made = SqliteStore(tmp_path / "room.db")
    for payload in PAYLOADS:
        put(made, payload)
    assert made.ack(2)
    return made


def sums(store: SqliteStore) -> tuple[int, int, int]:
    """How many events wait, of how many bytes, and the bytes of those that the hub has."""
    return store._count, store._bytes, store._kept_bytes


def true_sums(store: SqliteStore) -> tuple[int, int, int]:
    """The same by the file, as a store reads it that is opened anew."""
    store.close()
    fresh = SqliteStore(store.path)
    found = sums(fresh)
    fresh.close()
    return found


@pytest.mark.parametrize(
    ("seq", "left"),
    [
        (1, (3, 11_100, 10)),
        (2, (3, 11_100, 1)),
        (3, (2, 11_000, 11)),
        (5, (2, 1_100, 11)),
        (9, (3, 11_100, 11)),
    ],
    ids=["kept", "the last that is kept", "the next one", "the last", "none"],
)
def test_an_event_that_is_discarded_is_gone_from_file_and_sums(
    store: SqliteStore, seq: int, left: tuple[int, int, int]
) -> None:
    store.discard(seq)
    assert store.dropped == (1 if seq <= len(PAYLOADS) else 0)
    assert [number for number, _ in store.outbox(0, 9)] == [n for n in (3, 4, 5) if n != seq]
    assert sums(store) == left
    dropped = store.dropped
    assert true_sums(store) == left
    again = SqliteStore(store.path)
    assert again.dropped == dropped, "it is told, also after a start"
    again.close()


def test_what_is_due_again_counts_as_waiting(store: SqliteStore) -> None:
    assert store.rewind({}, to=1)
    assert sums(store) == (4, 11_110, 1)
    assert true_sums(store) == (4, 11_110, 1)


def test_all_that_is_due_again_is_kept_no_more(store: SqliteStore) -> None:
    assert store.rewind({})
    assert sums(store) == (5, 11_111, 0)
    assert true_sums(store) == (5, 11_111, 0)


def test_a_card_that_takes_nothing_changes_no_sum(store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    before = sums(store)
    store._db.close()
    store.discard(3)
    assert (sums(store), store.rewind({})) == (before, False)
    said = caplog.records[0].getMessage()
    assert said == "could not drop event 3, which cannot be read: Cannot operate on a closed database."
    assert sums(store) == before


@pytest.mark.parametrize("surely", [None, 6])
def test_the_oldest_that_the_hub_has_go_in_one_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, surely: int | None
) -> None:
    """Of ten events of a tenth of the bound each, one more lets so many go that three quarters are left."""
    monkeypatch.setattr(sqlite, "KEPT_BYTES_MAX", 1000)
    store = SqliteStore(tmp_path / "room.db")
    store.surely = surely
    for _ in range(12):
        put(store, b"x" * 100)
    assert store.ack(10)
    assert sums(store) == (2, 200, 1000), "at the bound nothing goes"
    assert store.ack(11)
    assert sums(store) == (1, 100, 700)
    store.close()
    assert SqliteStore(store.path).outbox(-1, 20)[0][0] == 12


def test_what_the_hub_surely_has_goes_first_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "KEPT_BYTES_MAX", 1000)
    store = SqliteStore(tmp_path / "room.db")
    store.surely = 2
    for _ in range(12):
        put(store, b"x" * 100)
    assert store.ack(11)
    assert sums(store) == (1, 100, 900), "the others may be wanted again"
    monkeypatch.setattr(sqlite, "OUTBOX_BYTES_MAX", 999)
    put(store, b"y" * 100)
    assert store.ack(13)
    assert sums(store) == (0, 0, 700), "beyond the bound of the whole they go all the same"
    store.close()


def test_at_the_bound_of_the_whole_only_what_the_hub_surely_has_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "KEPT_BYTES_MAX", 500)
    monkeypatch.setattr(sqlite, "OUTBOX_BYTES_MAX", 1000)
    store = SqliteStore(tmp_path / "room.db")
    store.surely = 1
    for _ in range(10):
        put(store, b"x" * 100)
    assert store.ack(10)
    assert sums(store) == (0, 0, 900)
    store.close()
