"""The log of who did what: nobody changes it unseen, no crash breaks it, no two writers fork it."""

from __future__ import annotations

import csv
import json
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.access.auth import Sessions
from hub.main import main
from hub.store import audit
from hub.store.db import open_db, open_reader, transaction


def fill(path: Path, rows: int = 5) -> sqlite3.Connection:
    """A database with so many rows."""
    db = open_db(path)
    for number in range(rows):
        with transaction(db):
            audit.append(db, 1000.0 + number, "thu.hà", "note", {"text": f"=số {number}", "b": 1, "a": None})
    return db


def tamper(db: sqlite3.Connection, *statements: str) -> None:
    """What someone does who owns the file: the triggers do not hold them."""
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        db.execute(statement)


def test_a_fresh_and_a_filled_chain_are_whole(tmp_path: Path) -> None:
    assert audit.verify(open_db(tmp_path / "empty.db")) == audit.Verdict(0, audit.Head(0, audit.GENESIS))
    db = fill(tmp_path / "hub.db")
    verdict = audit.verify(db)
    assert verdict.ok
    assert verdict.rows == verdict.head.id == 5
    assert verdict.head == audit.head(db)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET by = 'an' WHERE id = 2", "DELETE FROM audit WHERE id = 5", "DELETE FROM audit",
     "REPLACE INTO audit (id, at_s, by, what, prev, hash) VALUES (2, 1, 'an', 'x', '', '')",
     "UPDATE audit SET hash = '' WHERE id = 2", "DELETE FROM audit_anchors", "UPDATE audit SET id = 9 WHERE id = 5"],
)  # fmt: skip
def test_the_database_itself_refuses(tmp_path: Path, statement: str) -> None:
    db = fill(tmp_path / "hub.db")
    db.execute("INSERT INTO audit_anchors VALUES (0, 'x', 0)")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.execute(statement)


@pytest.mark.parametrize(
    ("statement", "row", "why"),
    [
        ("UPDATE audit SET by = 'an' WHERE id = 3", 3, "changed"),
        ("UPDATE audit SET at_s = at_s + 0.001 WHERE id = 2", 2, "changed"),
        ("UPDATE audit SET detail = '{}' WHERE id = 5", 5, "changed"),
        ("DELETE FROM audit WHERE id = 4", 4, "missing"),
        ("DELETE FROM audit WHERE id < 3", 1, "missing"),
        ("UPDATE audit SET prev = 'x' WHERE id = 4", 4, "forked"),
        ("UPDATE audit SET hash = '' WHERE id = 2", 2, "changed"),
        ("INSERT INTO audit VALUES (6, 1006, 'an', 'x', '{}', 'a', 'b')", 6, "forked"),
        ("DELETE FROM audit WHERE id > 3", 4, "cut"),
    ],
)
def test_every_kind_of_tampering_is_named(tmp_path: Path, statement: str, row: int, why: str) -> None:
    db = fill(tmp_path / "hub.db")
    noted = audit.head(db)
    tamper(db, statement)
    verdict = audit.verify(db, noted)
    assert (verdict.broken, verdict.why) == (row, why)


def test_a_cut_tail_is_seen_even_when_new_rows_were_written_over_it(tmp_path: Path) -> None:
    db = fill(tmp_path / "hub.db")
    noted = audit.head(db)
    tamper(db, "DELETE FROM audit WHERE id > 3")
    assert audit.verify(db).ok, "without a noted head this cannot be known"
    for number in range(3):
        with transaction(db):
            audit.append(db, 2000.0 + number, "an", "note", {})
    assert audit.verify(db, noted).why == "changed"


def test_a_row_stands_and_falls_with_its_change(tmp_path: Path) -> None:
    db = fill(tmp_path / "hub.db", 1)
    with pytest.raises(audit.NotInTransactionError):
        audit.append(db, 1.0, "an", "x", {})

    def fail() -> None:
        with transaction(db):
            audit.append(db, 1.0, "an", "x", {})
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert audit.head(db).id == 1


def test_what_is_let_go_leaves_an_anchor(tmp_path: Path) -> None:
    db = fill(tmp_path / "hub.db", 10)
    noted = audit.head(db)
    with transaction(db):
        assert audit.prune(db, 1006.0, 5000.0) == 6
    verdict = audit.verify(db, noted)
    assert verdict.ok
    assert verdict.rows == 5, "four that are young enough, and the word of the pruning"
    with transaction(db):
        assert audit.prune(db, 9e9, 5001.0) == 4
    assert audit.verify(db).ok
    assert audit.verify(db, noted).ok, "a head before the anchor cannot be asked for any more"
    tamper(db, "DELETE FROM audit WHERE id = 11")
    assert audit.verify(db).why in ("missing", "forked") or audit.head(db).id == 10


def test_two_connections_do_not_fork(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    db, sessions = fill(path, 0), Sessions(path, lambda: 1.0)

    def write(one: Callable[[int], None]) -> threading.Thread:
        thread = threading.Thread(target=lambda: list(map(one, range(60))))
        thread.start()
        return thread

    def by_writer(number: int) -> None:
        with transaction(db):
            audit.append(db, 1.0, "an", "x", {"n": number})

    threads = [write(by_writer), write(lambda number: sessions.audit("bình", "y", {"n": str(number)}))]
    for thread in threads:
        thread.join(60)
    sessions.close()
    verdict = audit.verify(db)
    assert (verdict.ok, verdict.rows) == (True, 120)


@pytest.mark.timeout(120)
def test_killing_the_writer_never_breaks_the_chain(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    open_db(path).close()
    seen = audit.Head(0, audit.GENESIS)
    for round_number in range(8):
        with subprocess.Popen([sys.executable, "-m", "tests.hub.audit_writer", path], stdout=subprocess.PIPE) as one:
            assert one.stdout is not None
            assert one.stdout.readline() == b"on\n"
            reader = open_reader(path)
            both = "SELECT COUNT(DISTINCT by) FROM audit WHERE id > ?"  # each of the two connections has written
            while (
                audit.head(reader).id < seen.id + 5 + round_number or reader.execute(both, (seen.id,)).fetchone()[0] < 2
            ):
                assert one.poll() is None
            one.kill()
            one.wait(10)
        verdict = audit.verify(reader, seen)
        assert verdict.ok, f"kill {round_number}: {verdict}"
        newest = reader.execute("SELECT value FROM meta WHERE key = 'last'").fetchone()
        told = reader.execute("SELECT detail FROM audit WHERE what = 'wrote' ORDER BY id DESC LIMIT 1").fetchone()
        assert f'{{"number": {newest[0]}}}' == told[0], "the change and its row stand together"
        seen = verdict.head
        reader.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub with five rows in its log."""
    fill(tmp_path / "hub.db").close()
    made = tmp_path / "hub.toml"
    made.write_text(f'data_dir = "{tmp_path}"\n')
    return made


def test_the_command_verifies_and_names_the_broken_row(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "head", "--config", str(config)]) == 0
    noted = capsys.readouterr().out.strip()
    assert main(["audit", "verify", "--head", noted, "--config", str(config)]) == 0
    assert capsys.readouterr().out.startswith("5 dòng")
    assert main(["audit", "verify", "--head", "nonsense", "--config", str(config)]) == 1
    assert "NUMBER:HASH" in capsys.readouterr().err
    db = open_db(config.parent / "hub.db")
    tamper(db, "UPDATE audit SET what = 'x' WHERE id = 4")
    db.close()
    assert main(["audit", "verify", "--config", str(config)]) == 1
    assert "breaks at row 4 (changed)" in capsys.readouterr().out


def test_export_as_csv_is_safe_for_spreadsheets_and_itself_logged(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    db = open_db(tmp_path / "hub.db")
    with transaction(db):
        audit.append(db, 1.0, "=cmd()", "note", {})
    assert main(["audit", "export", "--csv", str(file), "--config", str(config)]) == 0
    rows = list(csv.reader(file.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert len(rows) == 7
    assert rows[1][2] == "thu.hà"
    assert rows[6][2] == "'=cmd()"
    assert db.execute("SELECT what FROM audit ORDER BY id DESC").fetchone()[0] == "audit_exported"


def test_export_goes_once_more_into_the_hubs_syslog_socket(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["audit", "export", "--syslog", "--after", "3", "--config", str(config)]
    assert main(command) == 1
    assert "[audit] syslog" in capsys.readouterr().err
    path = tmp_path / "log"
    config.write_text(config.read_text("utf-8") + f'[audit]\nsyslog = "{path}"\n', "utf-8")
    assert main(command) == 1
    assert f"--syslog {path}: không ai nhận" in capsys.readouterr().err
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(path))
        heard: list[bytes] = []
        thread = threading.Thread(target=lambda: heard.extend(syslog.recv(8192) for _ in range(2)))
        thread.start()
        assert main(command) == 0
        thread.join(10)
    assert "2 dòng" in capsys.readouterr().out
    assert [line.partition(b": ")[0] for line in heard] == [b"<109>diemcau-audit"] * 2
    assert [json.loads(line.partition(b": ")[2])["id"] for line in heard] == [4, 5]
    db = open_db(tmp_path / "hub.db")
    row = db.execute("SELECT what, detail FROM audit ORDER BY id DESC").fetchone()
    assert (row["what"], json.loads(row["detail"])) == ("audit_exported", {"to": str(path), "after": 3})
