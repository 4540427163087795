"""A release that is undone leaves databases that the release before it can work with, and nothing is lost in them."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from agent.store import sqlite as room_store
from agent.store.base import Batch
from agent.store.sqlite import SqliteStore
from hub.store import audit
from hub.store import db as hub_store
from tests.house.source import ROOT

ADDS = re.compile(r"(CREATE (UNIQUE )?INDEX|CREATE TABLE|ALTER TABLE \w+ ADD COLUMN)\b", re.IGNORECASE)
GUARDS = re.compile(
    r"CREATE TRIGGER \w+ BEFORE (UPDATE|DELETE|INSERT) ON (audit|audit_anchors)\b[^;]*?BEGIN SELECT RAISE[^;]*; END;"
)
"""The log of who did what refuses to be changed. No program ever did more to it than append, with new numbers."""


def _number(path: Path) -> int:
    return int(path.stem.removeprefix("schema_v"))


MIGRATIONS = sorted(
    path
    for folder in ("agent/store", "hub/store")
    for path in (ROOT / folder).glob("schema_v*.sql")
    if _number(path) > 1
)


def faults(script: str) -> list[str]:
    """Statements of a migration that an older program could stumble over."""
    bare = GUARDS.sub("", re.sub(r"--.*", "", script))
    found = []
    for statement in filter(None, (part.strip() for part in bare.split(";"))):
        if not ADDS.match(statement):
            found.append(f"does more than add: {statement[:60]}")
        elif "ADD COLUMN" in statement.upper() and "NOT NULL" in statement and "DEFAULT" not in statement:
            found.append(f"an older program could not insert: {statement[:60]}")
    return found


def test_migrations_only_add() -> None:
    """Of none there is nothing to say: the next test shows that one which takes away is found."""
    oldest = {"agent": room_store.COMPATIBLE_FROM, "hub": hub_store.COMPATIBLE_FROM}
    wrong = {
        path.name: faults(path.read_text("utf-8")) for path in MIGRATIONS if _number(path) > oldest[path.parts[-3]]
    }
    assert not any(wrong.values()), wrong


def test_a_migration_that_takes_away_would_be_found() -> None:
    assert faults("DROP TABLE acts; -- all of it\n ALTER TABLE a ADD COLUMN b TEXT NOT NULL;")[1].startswith("an older")
    assert faults("ALTER TABLE acts RENAME TO deeds;")


@pytest.mark.parametrize("folder", ["agent/store", "hub/store"])
def test_rows_are_written_by_name(folder: str) -> None:
    """A column more must not break the statements of the program before."""
    for path in (ROOT / folder).glob("*.py"):
        assert not re.search(r"INSERT[A-Z ]* INTO \w+ VALUES", path.read_text("utf-8")), path.name


def newer(path: Path, *, compatible_from: int) -> None:
    """What a release of the future has done to the file."""
    with sqlite3.connect(path) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute("CREATE TABLE of_the_future (x)")
        table = "outbox" if path.name == "room.db" else "audit"
        db.execute(f"ALTER TABLE {table} ADD COLUMN more TEXT NOT NULL DEFAULT ''")
        db.execute(f"INSERT INTO meta VALUES ('compatible_from_v{version + 1}', '{compatible_from}')")
        db.execute(f"PRAGMA user_version = {version + 1}")


def test_the_agent_before_goes_on_with_its_outbox(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    store = SqliteStore(path)
    store.commit(Batch(events=[(store.reserve_seq(), b"kept")]))
    store.close()
    newer(path, compatible_from=1)
    again = SqliteStore(path)
    again.commit(Batch(events=[(again.reserve_seq(), b"new")]))
    assert [payload for _, payload in again.outbox(0, 9)] == [b"kept", b"new"]
    assert again.epoch == store.epoch
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == room_store.SCHEMA_VERSION + 1, "left as it is"


def test_the_hub_before_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    epoch = hub_store.hub_epoch(hub_store.open_db(path))
    newer(path, compatible_from=1)
    db = hub_store.open_db(path)
    with hub_store.transaction(db):
        audit.append(db, 1.0, "an", "kept", {})
    assert hub_store.hub_epoch(db) == epoch
    assert db.execute("PRAGMA user_version").fetchone()[0] == max(hub_store.migrations()) + 1


def test_a_form_that_the_program_before_cannot_read_is_refused(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "room.db").close()
    newer(tmp_path / "room.db", compatible_from=room_store.SCHEMA_VERSION + 1)
    room = SqliteStore(tmp_path / "room.db")
    assert (Path(room.set_aside).name, room.remember("b").lost) == ("room.db.bad-1", True), "a room goes on"
    hub_store.open_db(tmp_path / "hub.db").close()
    newer(tmp_path / "hub.db", compatible_from=max(hub_store.migrations()) + 1)
    with pytest.raises(hub_store.DatabaseError, match="newer version"):
        hub_store.open_db(tmp_path / "hub.db")
