"""Opens the hub's database: durable settings, numbered migrations, read-only connections.

The file is SQLite in WAL mode with `synchronous = FULL`: a commit that returned survives a loss of power, which the
acknowledgement to the rooms rests upon. Transactions are explicit (`transaction`); nothing is committed by accident.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = Path(__file__).parent
_NAME = re.compile(r"schema_v(\d+)\.sql\Z")
_BUSY_S = 10.0
_LOG_BYTES_MAX = 16 * 2**20
"""Of the log beside the file, once what stands in it is in the file."""
COMPATIBLE_FROM = 1
"""The oldest program that can work with a file of the newest version. A migration only adds, so that the hub can go
back to the release before without its backup; a test holds the files `schema_vN.sql` to that."""


class DatabaseError(RuntimeError):
    """The database cannot be used; the text is one sentence in Vietnamese and English that says what to do."""


def migrations() -> dict[int, str]:
    """Version to SQL, in order, without a gap."""
    found = {int(m[1]): path.read_text("utf-8") for path in _FOLDER.iterdir() if (m := _NAME.match(path.name))}
    if sorted(found) != list(range(1, len(found) + 1)):
        raise AssertionError(f"schema files are not numbered without a gap: {sorted(found)}")
    return dict(sorted(found.items()))


def open_db(path: Path) -> sqlite3.Connection:
    """Open for writing, make the file if there is none, and migrate it. May be used from any one thread at a time.

    Raises DatabaseError when the file is of a newer version, is no database, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(
            f"không mở được cơ sở dữ liệu {path} ({error}): kiểm tra thư mục và quyền ghi / "
            f"cannot open the database {path} ({error}): check the folder and its rights"
        ) from None
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_MAX}")  # what a long reader has let it grow is given back
        db.execute("PRAGMA foreign_keys = ON")
        _migrate(db, path)
    except sqlite3.Error as error:
        db.close()
        raise DatabaseError(
            f"tệp {path} không dùng được làm cơ sở dữ liệu ({error}): khôi phục từ bản sao lưu / "
            f"the file {path} cannot serve as the database ({error}): restore it from a backup"
        ) from None
    except DatabaseError:
        db.close()
        raise
    return db


def cannot_write_now(error: sqlite3.Error) -> bool:
    """Whether a write met a lock that somebody else holds, or a full disk: what passes, and is no defect of ours."""
    passing = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL)
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in passing  # the low byte is the kind


class Place:
    """Whether a database still stands where it was opened: one whose folder was removed takes commits that nobody will
    ever read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = self._found()

    def check(self) -> None:
        """Raises sqlite3.OperationalError, as for any other reason why nothing can be written now."""
        if self._found() != self._file:
            raise sqlite3.OperationalError(
                f"tệp {self._path} đã bị xóa hoặc thay, khởi động lại Trung tâm / the file {self._path} was removed or "
                "replaced: start the hub again"
            )

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read. Raises sqlite3.Error when there is no such file."""
    db = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA query_only = 1")
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: committed at the end, rolled back whatever is raised. Takes the write lock at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk ends the transaction by itself
            db.execute("ROLLBACK")
        raise


def hub_epoch(db: sqlite3.Connection) -> str:
    """The id of this database file: new whenever the file is new, so that rooms send again what it has not got."""
    return str(db.execute("SELECT value FROM meta WHERE key = 'hub_epoch'").fetchone()[0])


def new_hub_epoch() -> str:
    """An id that no database had before."""
    return secrets.token_hex(8)


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    wanted = migrations()
    if int(db.execute("PRAGMA user_version").fetchone()[0]) == max(wanted):
        return  # without the write lock: who opens the file to look must not wait for one who writes
    with transaction(db):
        have = int(db.execute("PRAGMA user_version").fetchone()[0])
        newest = max(wanted)
        if have > newest and _compatible_from(db, have) > newest:
            raise DatabaseError(
                f"cơ sở dữ liệu {path} thuộc phiên bản mới hơn ({have}, chương trình này biết {newest}): "
                f"cài lại phiên bản mới của chương trình / the database {path} is of a newer version "
                f"({have}, this program knows {newest}): install the newer program again"
            )
        if have >= newest:
            return
        for version in range(have + 1, newest + 1):
            # One statement at a time: executescript would commit the transaction that makes a migration atomic.
            for statement in _statements(wanted[version]):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {version}")
        put = "INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)"
        db.execute(put, ("hub_epoch", new_hub_epoch()))
        db.execute(put, (f"compatible_from_v{newest}", str(COMPATIBLE_FROM)))


def _compatible_from(db: sqlite3.Connection, version: int) -> int:
    """The oldest program for this file, as the newer program that made it has left word; itself without a word."""
    found = db.execute("SELECT value FROM meta WHERE key = ?", (f"compatible_from_v{version}",)).fetchone()
    return int(found[0]) if found else version


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if any(line.strip() and not line.strip().startswith("--") for line in statement.splitlines()):
        raise AssertionError(f"a schema file ends within a statement: {statement[:80]!r}")
