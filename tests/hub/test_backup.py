"""A copy of a hub that serves, an empty machine, and the centre is back. And every copy that is not to be trusted."""

from __future__ import annotations

import gzip
import json
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from hub.access import tokens
from hub.commands import backup
from hub.commands.backup import DAILY, BackupError
from hub.main import main
from hub.store import audit
from hub.store.db import hub_epoch, migrations, open_db, open_reader, transaction
from hub.store.read.reads import Reader
from tests.hub.rooms import fill_inventory

NOW = 1.79e9


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "hub" / "hub.db"
    db = open_db(path)
    fill_inventory(db)
    with transaction(db):
        audit.append(db, NOW, "lan", "login", {})
    db.close()
    return path


@pytest.fixture
def copy(database: Path, tmp_path: Path) -> Path:
    return backup.backup(database, tmp_path / "copies", NOW)[0]


def test_an_empty_machine_has_the_centre_back(database: Path, copy: Path, tmp_path: Path) -> None:
    found = backup.restore(copy, tmp_path / "new", NOW + 9)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["hub.db"]
    with closing(open_reader(database)) as old, closing(open_reader(tmp_path / "new" / "hub.db")) as new:
        for table in ("rooms", "nodes", "users"):
            rows = f"SELECT * FROM {table} ORDER BY rowid"
            assert [tuple(r) for r in new.execute(rows)] == [tuple(r) for r in old.execute(rows)], table
        assert audit.verify(new, audit.head(old)).ok, "the log goes on from where the copy had it"
        assert [row[3] for row in audit.rows(new, audit.head(old).id)] == ["restored"]
        assert new.execute("SELECT value FROM meta WHERE key = 'restored_at'").fetchone()[0] == repr(NOW + 9)
        assert hub_epoch(new) != hub_epoch(old), "rooms must notice that the hub knows less"
    assert oct((tmp_path / "new" / "hub.db").stat().st_mode & 0o777) == "0o600"
    assert found.rooms > 0


def test_a_backup_is_made_while_the_hub_writes(database: Path, tmp_path: Path) -> None:
    over = threading.Event()

    def write() -> None:
        db = open_db(database)
        while not over.is_set():
            with transaction(db):
                audit.append(db, time.time(), "lan", "note", {"text": "x" * 500})
        db.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        made = [backup.backup(database, tmp_path / "copies", NOW + n) for n in range(5)]
    finally:
        over.set()
        thread.join(10)
    rows = [manifest.audit_rows for _, manifest in made]
    assert rows == sorted(rows)
    for number, (copy, manifest) in enumerate(made):
        assert backup.restore(copy, tmp_path / f"new-{number}", NOW) == manifest


class Interrupted:
    """A reader between whose steps the hub commits, every time."""

    def __init__(self, reader: sqlite3.Connection, commit: Callable[[], None]) -> None:
        self._reader, self._commit, self._steps = reader, commit, 0
        self.close = reader.close

    def backup(self, target: sqlite3.Connection, **how: Any) -> None:
        self._reader.backup(target, progress=self._step, **how)

    def _step(self, *_: int) -> None:
        self._steps += 1
        assert self._steps < 50, "it begins anew with every commit, and would never end"
        self._commit()


def test_a_great_database_is_copied_however_busy_the_hub_is(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = open_db(database)
    with transaction(db):
        audit.append(db, NOW, "lan", "note", {"text": "x" * 12_000_000})

    def commit() -> None:
        with transaction(db):
            audit.append(db, NOW, "lan", "note", {})

    monkeypatch.setattr(backup, "open_reader", lambda path: Interrupted(open_reader(path), commit))
    _, manifest = backup.backup(database, tmp_path / "copies", NOW)
    assert manifest.bytes > 10_000_000
    db.close()


def test_what_a_power_cut_left_half_is_no_hindrance(database: Path, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "copies" / f".{copy.name.removesuffix(backup.SUFFIX)}.db").write_bytes(b"half")
    assert backup.backup(database, tmp_path / "copies", NOW)[0] == copy
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".hub.db.restored").write_bytes(b"half")
    backup.restore(copy, tmp_path / "new", NOW)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["hub.db"]


def test_sign_ins_do_not_come_back(database: Path, tmp_path: Path) -> None:
    db = open_db(database)
    db.execute("PRAGMA foreign_keys = OFF")
    columns = {row["name"]: row["type"] for row in db.execute("PRAGMA table_info(sessions)")}
    values = [9e9 if kind in ("REAL", "INTEGER") else "lan" for kind in columns.values()]
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO sessions ({', '.join(columns)}) VALUES ({marks})", values)
    db.close()
    backup.restore(backup.backup(database, tmp_path / "copies", NOW)[0], tmp_path / "new", NOW)
    with closing(open_reader(tmp_path / "new" / "hub.db")) as new:
        assert new.execute("SELECT COUNT(*) FROM sessions").fetchone()[0] == 0


def test_a_log_left_behind_is_not_played_into_the_restored(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "hub.db-wal").write_bytes(b"of the database that was here")
    with pytest.raises(BackupError, match=r"hub\.db-wal.*there is a database already"):
        backup.restore(copy, tmp_path / "new", NOW)


def test_an_older_copy_is_brought_up_to_date(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy, manifest = backup.backup(database, tmp_path / "copies", NOW)
    newest = max(migrations()) + 1
    longer = migrations() | {newest: "CREATE TABLE fresh (a);"}
    for place in ("hub.store.db", "hub.commands.backup"):
        monkeypatch.setattr(f"{place}.migrations", lambda: longer)
    assert manifest.schema == newest - 1
    backup.restore(copy, tmp_path / "new", NOW)
    with closing(open_reader(tmp_path / "new" / "hub.db")) as new:
        assert new.execute("PRAGMA user_version").fetchone()[0] == newest
        assert new.execute("SELECT COUNT(*) FROM fresh").fetchone()[0] == 0
        assert new.execute("SELECT COUNT(*) FROM rooms").fetchone()[0] == manifest.rooms > 0


def _cut(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-20])


def _flip(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(bytes(data))


def _no_words(copy: Path) -> None:
    _words(copy).unlink()


def _bad_words(copy: Path) -> None:
    _words(copy).write_text("{", "utf-8")


def _newer(copy: Path) -> None:
    _say(copy, schema=max(migrations()) + 1)


def _other_content(copy: Path) -> None:
    """Another database under the words of this one, with its checksum mended."""
    with gzip.open(copy, "rb") as packed:
        plain = copy.with_name("plain.db")
        plain.write_bytes(packed.read())
    with closing(sqlite3.connect(plain)) as db:
        db.execute("DROP TRIGGER audit_keeps_all")
        db.execute("DELETE FROM audit WHERE id = (SELECT MAX(id) FROM audit)")
        db.commit()
    copy.write_bytes(gzip.compress(plain.read_bytes()))
    _say(copy, sha256=backup._sha256(copy))


def _words(copy: Path) -> Path:
    return copy.with_name(copy.name.removesuffix(backup.SUFFIX) + ".json")


def _say(copy: Path, **changes: object) -> None:
    told = asdict(replace(backup.read_manifest(copy), **changes))  # type: ignore[arg-type]
    _words(copy).write_text(json.dumps(told), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_cut, "does not fit its own checksum"),
        (_flip, "does not fit its own checksum"),
        (_no_words, "description is missing"),
        (_bad_words, "description is damaged"),
        (_newer, "newer than this program"),
        (_other_content, "holds something else"),
    ],
)
def test_a_copy_that_is_not_to_be_trusted_changes_nothing(
    copy: Path, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    spoil(copy)
    with pytest.raises(BackupError, match=says):
        backup.restore(copy, tmp_path / "new", NOW)
    assert not (tmp_path / "new").exists() or not any((tmp_path / "new").iterdir())


def test_a_living_database_is_never_written_over(copy: Path, database: Path) -> None:
    before = database.read_bytes()
    with pytest.raises(BackupError, match="there is a database already"):
        backup.restore(copy, database.parent, NOW)
    assert database.read_bytes() == before


def test_a_full_disk_leaves_nothing_half(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "_pack", full)
    with pytest.raises(BackupError, match="No space left"):
        backup.backup(database, tmp_path / "copies", NOW)
    assert list((tmp_path / "copies").iterdir()) == []


def test_a_disk_that_is_nearly_full_is_said_before(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(BackupError, match="no room"):
        backup.backup(database, tmp_path / "copies", NOW)


def test_old_copies_go_by_days_weeks_and_months(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    copy, _ = backup.backup(database, folder, NOW)
    for day in range(1, 400):
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW - day * 86_400))
        for end in (backup.SUFFIX, ".json"):
            (folder / f"hub-{at}{end}").write_bytes(b"")
    strays = [folder / name for name in ("hub-truoc-khi-nang-cap.db.gz", "hub-.db.gz", "hub-20260101.db.gz", "x.txt")]
    for stray in strays:
        stray.write_bytes(b"")
    backup.prune(folder)
    for stray in strays:
        stray.unlink()  # not ours: left alone, and no hindrance
    left = sorted(folder.glob(f"*{backup.SUFFIX}"), reverse=True)
    assert left[0] == copy
    assert len(left) < 40
    assert len(left) == len(list(folder.glob("*.json")))
    newest = {path.name for path in left[:DAILY]}
    assert {
        f"hub-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(NOW - d * 86_400))}{backup.SUFFIX}" for d in range(DAILY)
    } <= newest
    assert backup.prune(folder) == [], "what is kept is kept"


def test_backup_and_restore_as_commands(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(f'data_dir = "{database.parent}"\n', "utf-8")
    assert main(["backup", "--config", str(config), "--to", str(tmp_path / "copies")]) == 0
    (made,) = (tmp_path / "copies").glob(f"*{backup.SUFFIX}")
    assert oct(made.stat().st_mode & 0o777) == "0o600"
    other = tmp_path / "other.toml"
    other.write_text(f'data_dir = "{tmp_path / "other"}"\n', "utf-8")
    assert main(["restore", "--config", str(other), str(made)]) == 0
    assert main(["restore", "--config", str(other), str(made)]) == 1
    assert "there is a database already" in capsys.readouterr().err


def test_tokens_end_with_a_restore(database: Path, tmp_path: Path) -> None:
    db = open_db(database)
    token = tokens.new(db, "giam-sat", ["read"], days=1, by="test", now_s=NOW)
    db.close()
    backup.restore(backup.backup(database, tmp_path / "copies", NOW)[0], tmp_path / "new", NOW)
    assert tokens.find(Reader(database), token, NOW)
    assert tokens.find(Reader(tmp_path / "new" / "hub.db"), token, NOW) is None
