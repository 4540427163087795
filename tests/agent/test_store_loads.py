"""How the loads stand, on the card: a row that cannot be read costs that row alone, is told once, and permits nothing.

`make mutants ARGS="store/loads.py store/mend.py"` asks for these.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.store import mark
from agent.store.base import Batch, LoadRow, Memory
from agent.store.reading import BOOT_MAX_S, CYCLED, row_sum
from agent.store.sqlite import SqliteStore
from tests.agent.test_store import act

STANDING = {
    "camera": LoadRow(boot_s=20.0), "codec": LoadRow(boot_s=131.5), "display": LoadRow(latched=True),
    "fan": LoadRow(off=True, shed=True), "light": LoadRow(),
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal, closed."""
    store = SqliteStore(tmp_path / "room.db")
    store.commit(Batch(loads=dict(STANDING), meta={"boot": "b"}))
    store.close()
    return tmp_path / "room.db"


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, values)


def mended(path: Path) -> tuple[dict[str, LoadRow], int, bool]:
    """What a start finds: the rows, how many could not be read, and whether latches are doubted."""
    store = SqliteStore(path)
    rows = dict(store.remember("b").loads)
    store.close()
    return rows, store.unreadable, store.latches_doubted


def test_rows_come_back_as_they_were_written(path: Path) -> None:
    assert mended(path) == (STANDING, 0, False)
    with closing(sqlite3.connect(path)) as db:
        written = db.execute("SELECT load, off, shed, latched, boot_s, sum FROM loads ORDER BY load").fetchall()
    assert [row[:5] for row in written] == [
        ("camera", 0, 0, 0, 20.0), ("codec", 0, 0, 0, 131.5), ("display", 0, 0, 1, 0.0), ("fan", 1, 1, 0, 0.0),
        ("light", 0, 0, 0, 0.0),
    ]  # fmt: skip
    assert all(row[5] == row_sum(row[:5]) for row in written)


@pytest.mark.parametrize(
    "spoilt",
    [
        "off = 1", "shed = 1", "latched = 1", "boot_s = 131.6", "sum = sum + 1", "off = 'x'", "off = x'00'",
        "boot_s = x'00'", "boot_s = 'nan'", "load = 'codex'", "load = x'636f646563'", "sum = 'x'",
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_costs_that_row_alone(path: Path, spoilt: str) -> None:
    change(path, f"UPDATE loads SET {spoilt} WHERE load = 'codec'")
    rest = {load: row for load, row in STANDING.items() if load != "codec"}
    assert mended(path) == (rest, 1, False)
    assert mended(path) == (rest, 0, False), "told once"


@pytest.mark.parametrize(
    ("columns", "sound"),
    [
        (("codec", 0, 0, 0, 0.0), True), (("codec", 1, 1, 1, BOOT_MAX_S), True),
        (("codec", 2, 0, 0, 0.0), False), (("codec", 0, -1, 0, 0.0), False), (("codec", 0, 0, 2, 0.0), False),
        (("codec", 0, 0, 0, -0.5), False), (("codec", 0, 0, 0, BOOT_MAX_S + 1), False),
        (("codec", 0, 0, 0, float("inf")), False), (("of the future", 0, 0, 0, 0.0), False),
    ],
)  # fmt: skip
def test_a_value_that_none_can_have_is_not_read_whatever_its_checksum(
    path: Path, columns: tuple[object, ...], sound: bool
) -> None:
    change(path, "DELETE FROM loads")
    into = "INSERT INTO loads (load, off, shed, latched, boot_s, sum) VALUES (?,?,?,?,?,?)"
    change(path, into, *columns, row_sum(columns))
    rows, unreadable, _ = mended(path)
    assert ("codec" in rows, unreadable) == (sound, 0 if sound else 1)


@pytest.mark.parametrize(
    ("spoilt", "latched"),
    [
        ("off = 7 WHERE load = 'camera'", {"camera"}),
        ("boot_s = 131.6 WHERE load = 'codec'", {"codec"}),
        ("off = 1 WHERE load = 'light'", set()),  # no relay cycles a light
        ("off = 2 WHERE load IN ('camera', 'codec')", {"camera", "codec"}),
        ("load = x'ff' WHERE load = 'camera'", CYCLED),
    ],
)
def test_without_a_mark_a_load_is_latched_where_its_row_cannot_be_read(
    path: Path, spoilt: str, latched: set[str]
) -> None:
    mark.path_of(path).unlink()
    change(path, f"UPDATE loads SET {spoilt}")
    rows, unreadable, doubted = mended(path)
    assert {load for load, row in rows.items() if row.latched} == {"display"} | latched
    assert {load for load, row in rows.items() if row.off} == {"fan"}, "what cannot be read has power"
    assert (unreadable, doubted) == (2 if "IN" in spoilt else 1, bool(latched))
    assert mended(path) == (rows, 0, False), "told once"
    assert mark.read(mark.path_of(path)) == mark.Mark(0, frozenset({"display"} | latched))


def test_a_latch_that_only_the_mark_knows_stands_and_is_no_doubt(path: Path) -> None:
    known = mark.Mark(0, frozenset({"display", "codec"}))
    mark.write(mark.path_of(path), known)
    latched = STANDING | {"codec": LoadRow(latched=True, boot_s=131.5)}
    assert mended(path) == (latched, 0, False)
    change(path, "DELETE FROM loads")
    assert mended(path) == ({load: LoadRow(latched=True) for load in known.latched}, 0, False)


def test_the_mark_follows_what_is_committed(path: Path) -> None:
    store = SqliteStore(path)
    store.commit(Batch(loads={"codec": LoadRow(latched=True), "light": LoadRow(off=True)}))
    assert mark.read(mark.path_of(path)) == mark.Mark(0, frozenset({"display", "codec"}))
    store.commit(Batch(begun=[act(3)]))
    assert mark.read(mark.path_of(path)) == mark.Mark(3, frozenset({"display", "codec"}))
    store.commit(Batch(loads={"display": LoadRow()}))
    assert mark.read(mark.path_of(path)) == mark.Mark(3, frozenset({"codec"}))
    blocked = mark.path_of(path).with_name("room.db.mark.new")
    blocked.mkdir()
    store.commit(Batch(loads={"camera": LoadRow(latched=True)}))
    blocked.rmdir()
    store.commit(Batch(loads={"codec": LoadRow()}))
    assert mark.read(mark.path_of(path)) == mark.Mark(3, frozenset({"camera"})), "with the next change all of it"


def test_a_row_more_is_told_together_with_the_batch(path: Path) -> None:
    assert Batch(loads={"codec": LoadRow()})
    assert not Batch()


def test_a_journal_is_used_once_a_room_has_worked_with_it(path: Path) -> None:
    assert SqliteStore(path).remember("b").used
    change(path, "DELETE FROM loads")
    assert SqliteStore(path).remember("b").used, "it knows its boot"
    began = SqliteStore(path.with_name("other.db"))
    assert not began.remember("b").used
    began.commit(Batch(begun=[act(1)]))
    assert began.remember("b").used
    began.commit(Batch(ended=[(1, "done")]))
    assert began.remember("b").used
    assert Memory(loads={"light": LoadRow()}).used
