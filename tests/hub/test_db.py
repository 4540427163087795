"""The database opens, migrates, refuses what is newer, and never half-migrates."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.store import db as store


def test_new_file_is_durable_and_has_an_epoch(tmp_path: Path) -> None:
    db = store.open_db(tmp_path / "a" / "hub.db")
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert db.execute("PRAGMA user_version").fetchone()[0] == max(store.migrations())
    assert len(store.hub_epoch(db)) == 16


def test_the_log_is_cut_once_a_long_reader_has_gone(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    db = store.open_db(path)
    reader = store.open_reader(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM meta").fetchall()
    for number in range(40):
        db.execute("INSERT INTO meta VALUES (?, ?)", (f"k{number}", "x" * 1_000_000))
    log = path.with_name("hub.db-wal")
    assert log.stat().st_size > 30_000_000, "the reader keeps it"
    reader.close()
    for number in range(3):
        db.execute("INSERT INTO meta VALUES (?, 'x')", (f"after{number}",))
    assert log.stat().st_size <= 16 * 2**20
    db.close()


def test_opening_again_keeps_the_epoch(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    first = store.open_db(path)
    epoch = store.hub_epoch(first)
    first.close()
    assert store.hub_epoch(store.open_db(path)) == epoch
    assert store.hub_epoch(store.open_db(tmp_path / "other.db")) != epoch


def test_a_newer_program_adds_its_own_file_once_and_keeps_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "hub.db"
    with closing(store.open_db(path)) as old:
        epoch = store.hub_epoch(old)
        old.execute("INSERT INTO meta (key, value) VALUES ('a', 'kept')")
    have = max(store.migrations())
    longer = store.migrations() | {have + 1: "CREATE TABLE fresh (a);\nALTER TABLE meta ADD COLUMN more TEXT;\n"}
    monkeypatch.setattr(store, "migrations", lambda: longer)
    for _ in range(2):
        with closing(store.open_db(path)) as db:
            assert db.execute("PRAGMA user_version").fetchone()[0] == have + 1
            assert tuple(db.execute("SELECT value, more FROM meta WHERE key = 'a'").fetchone()) == ("kept", None)
            assert store.hub_epoch(db) == epoch


def test_newer_version_is_refused_in_one_sentence_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    db = store.open_db(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(store.DatabaseError, match=r"mới hơn.*newer version \(99"):
        store.open_db(path)
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone()[0] == 99


def test_no_database_and_no_folder_are_clear_sentences(tmp_path: Path) -> None:
    bad = tmp_path / "hub.db"
    bad.write_bytes(b"this is no database" * 500)
    with pytest.raises(store.DatabaseError, match="backup"):
        store.open_db(bad)
    with pytest.raises(store.DatabaseError, match="cannot open"):
        store.open_db(bad / "below" / "hub.db")


def test_a_failing_migration_leaves_the_old_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hub.db"
    store.open_db(path).close()
    have = max(store.migrations())
    broken = store.migrations() | {have + 1: "CREATE TABLE fresh (a);\nCREATE TABLE rooms (again);\n"}
    monkeypatch.setattr(store, "migrations", lambda: broken)
    with pytest.raises(store.DatabaseError):
        store.open_db(path)
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone()[0] == have
    assert raw.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'fresh'").fetchone()[0] == 0


def test_reader_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    store.open_db(path)
    with pytest.raises(sqlite3.OperationalError):
        store.open_reader(path).execute("DELETE FROM rooms")


def test_transaction_rolls_back(tmp_path: Path) -> None:
    db = store.open_db(tmp_path / "hub.db")

    def insert_and_fail() -> None:
        with store.transaction(db):
            db.execute("INSERT INTO meta VALUES ('a', 'b')")
            raise KeyError

    with pytest.raises(KeyError):
        insert_and_fail()
    assert db.execute("SELECT COUNT(*) FROM meta WHERE key = 'a'").fetchone()[0] == 0
