"""The file under the store: opened, looked through, mended, set aside, and told from another board's."""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path

from agent.store import epochs, mark
from agent.store.base import ACKED, LOST, LoadRow, StoreError, latched_in
from agent.store.mend import Findings, SpoiltError, examine
from agent.store.place import identity, writable
from agent.store.reading import LOAD, row_sum

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
"""Each version has its `schema_vN.sql`, and a file is brought from one to the next."""
COMPATIBLE_FROM = 1
"""The oldest program that can work with a file of this version. A migration only adds, so that a release that is undone
leaves a file which the release before it can go on with; a test holds the files `schema_vN.sql` to that."""

LOG_BYTES_MAX = 2**20
"""Of the log beside the file, once what stands in it is in the file."""
LEAP = 2**20
"""Every start leaves out so many numbers, more than a run writes between two checkpoints of its log. A card that lost
the end of its log, though it said that it was flushed, would otherwise give new events the numbers of events that the
hub already has, and the hub would take them for repeats. 2**53 bounds a number on the wire: billions of starts."""


def _schema(version: int) -> str:
    return resources.files("agent.store").joinpath(f"schema_v{version}.sql").read_text("utf-8")


CARD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_FULL})
"""What fails for another reason than the file: it is left where it is."""
ASIDE_MAX = 5
"""Unreadable files that are kept, the newest: a card that wears out must not fill up with them."""


def aside(path: Path) -> list[int]:
    """Numbers of the unreadable files that lie beside a database, the oldest first."""
    found = (one.name.rpartition(".bad-")[2] for one in path.parent.glob(f"{path.name}.bad-*"))
    return sorted(int(number) for number in found if number.isdigit())


class JournalFile:
    """Opens the file, and knows where its numbers stand. One that cannot be read is set aside as `*.bad-N`, and a new
    epoch begins; of one that can, rows that cannot are dropped and stood for (`agent.store.mend`)."""

    def __init__(self, path: Path, board: str = "") -> None:
        """Open or make the file. `board`: serial number of the board that it is on, empty when that is not known.

        Raises StoreError when it cannot be written.
        """
        self.path = path
        self._board = board
        self.earlier: dict[str, int] = {}
        self.surely: int | None = None
        self.dropped = 0
        self.set_aside = ""
        """Where an unreadable file went at start, or empty."""
        self.unreadable = 0
        """Rows that could not be read at start."""
        self.latches_doubted = False
        """Whether loads are latched since nobody knows whether they were."""
        self._floor = 1
        self._lock = threading.RLock()
        try:
            try:
                self._open()
            except Exception as error:  # whatever it is: no file may keep a room without its journal
                if not self._spoilt(error):
                    raise
                self._put_aside(str(error))
                self._open()
        except Exception as error:
            self._let_go_of_it()
            raise StoreError(f"cannot open {path}: {error}; make the folder writable or free some space") from None

    def _spoilt(self, error: Exception) -> bool:
        """Whether the file is to blame, and a new one can be begun."""
        if isinstance(error, OSError) or not self.path.exists():
            return False
        code: int = getattr(error, "sqlite_errorcode", 0)
        if isinstance(error, sqlite3.OperationalError) and code & 0xFF in CARD:
            return False
        return writable(self.path.parent)

    def _let_go_of_it(self) -> None:
        with contextlib.suppress(AttributeError, sqlite3.Error):  # it may never have been opened
            self._db.close()

    def _connect(self) -> None:
        self._db = sqlite3.connect(self.path, timeout=5, check_same_thread=False, isolation_level=None)
        # What a worn card gives back may be no text; one such value must not hide all others.
        self._db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        self._identity = identity(self.path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA wal_autocheckpoint=200")
        # A reader that stays long lets the log grow; without this the card never gets that room back.
        self._db.execute(f"PRAGMA journal_size_limit={LOG_BYTES_MAX}")
        # SQLite's own default lets its memory grow with the file, to 2 MB.
        self._db.execute("PRAGMA cache_size=-256")

    def _open(self) -> None:
        self._connect()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version < 0 or (version > SCHEMA_VERSION and self._compatible_from(version) > SCHEMA_VERSION):
            raise SpoiltError(f"it is of version {version}, this agent knows {SCHEMA_VERSION}")
        if version < SCHEMA_VERSION:
            with self._transaction():
                self._migrate(version)
        self._check()
        kept = mark.read(mark.path_of(self.path))
        found = examine(self._db, kept)
        if found.rows or found.put or found.put_loads:
            with self._transaction():
                self._mend(found)
        if found.dropped:
            log.error("%d rows of %s cannot be read: they are dropped, and stood for", found.dropped, self.path)
        self.unreadable, self.latches_doubted, meta = found.dropped, found.latches_doubted, found.meta
        self.epoch = meta["epoch"]
        self.dropped = int(meta.get("dropped", "0"))
        (top,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()
        self._newest = int(top)
        self._seq: int = max(top, int(meta.get("seq", "0")))
        self._recognise(meta)
        if version:
            self._leap(int(meta.get("next_id", "1")))
        self._acked = int(meta.get(ACKED, "0"))
        self._count, self._bytes = self._measured(self._acked, self._seq)
        self._kept_bytes = self._measured(0, self._acked)[1]
        self._keep_mark(mark.Mark(found.newest_act, latched_in(found.loads)), kept)

    def _migrate(self, version: int) -> None:
        """Bring a file of this version, 0 for an empty one, to ours."""
        for number in range(version + 1, SCHEMA_VERSION + 1):
            for statement in _schema(number).split(";"):
                self._db.execute(statement)
        if not version:
            self._put("epoch", secrets.token_hex(6))
            # A file of before lies beside this one: the room does not know yet that its journal was lost. Or what is
            # kept beside a journal, without one: it was removed, or the card gave back an empty file.
            if aside(self.path) or mark.path_of(self.path).exists():
                self._put(LOST, 1)
        self._put(f"compatible_from_v{SCHEMA_VERSION}", COMPATIBLE_FROM)
        self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _recognise(self, meta: dict[str, str]) -> None:
        """Begin a new epoch where the file was written on another board: a copied card would otherwise give new events
        the numbers of those that the board which it was copied from tells at the same time."""
        self.earlier = epochs.read(meta.get("earlier", ""))
        before = meta.get("board", "")
        if self._board in ("", before):
            return
        with self._transaction():
            if before:
                self.earlier[self.epoch] = self._seq
                self.epoch = secrets.token_hex(6)
                self._put("epoch", self.epoch)
                self._put("earlier", epochs.written(self.earlier))
                self._put("seq", self._seq)
                log.warning("database %s is from another board: a new epoch begins", self.path)
            self._put("board", self._board)

    def _mend(self, found: Findings) -> None:
        for table, rows in found.rows.items():
            self._db.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(row,) for row in rows])  # noqa: S608  ours
        for key, value in found.put.items():
            self._put(key, value)
        self._put_loads(found.put_loads)

    def _check(self) -> None:
        """See that the file hangs together. Raises sqlite3.DatabaseError. An index is made anew from what it lists."""
        (problem,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if problem != "ok":
            self._db.execute("REINDEX")
            (left,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
            if left != "ok":
                raise sqlite3.DatabaseError(left)
            log.warning("an index of %s was made anew: %s", self.path, problem)

    def _keep_mark(self, wanted: mark.Mark, kept: mark.Mark | None) -> None:
        """Where the card does not take it, it is written again with the next change."""
        self._mark = wanted
        if wanted != kept:
            mark.write(mark.path_of(self.path), wanted)

    def _measured(self, after: int, to: int) -> tuple[int, int]:
        """Number and bytes of the events above `after` up to `to`."""
        count, size = self._db.execute(
            "SELECT count(*), coalesce(sum(length(payload)), 0) FROM outbox WHERE seq > ? AND seq <= ?", (after, to)
        ).fetchone()
        return int(count), int(size)

    def _leap(self, next_id: int) -> None:
        """Begin this run's numbers above all that the last one can have used, and see that this much is not in a log
        whose end may be lost. On a full card they leap in memory alone."""
        self._seq += LEAP
        with contextlib.suppress(sqlite3.OperationalError):
            with self._transaction():
                for key, number in (("seq", self._seq), ("next_id", next_id + LEAP)):
                    self._put(key, number)
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _compatible_from(self, version: int) -> int:
        """The oldest program for this file, as the newer program that made it has left word; itself without a word."""
        name = f"compatible_from_v{version}"
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (name,)).fetchone()
        return int(found[0]) if found else int(version)

    def _put_aside(self, why: str) -> None:
        self._let_go_of_it()
        before = aside(self.path)
        bad = self.path.with_name(f"{self.path.name}.bad-{before[-1] + 1 if before else 1}")
        for old in before[: max(0, len(before) + 1 - ASIDE_MAX)]:
            for suffix in ("", "-wal", "-shm"):
                self.path.with_name(f"{self.path.name}.bad-{old}{suffix}").unlink(missing_ok=True)
        for suffix in ("", "-wal", "-shm"):
            part = self.path.with_name(self.path.name + suffix)
            if part.exists():
                part.rename(bad.with_name(bad.name + suffix))
        self.set_aside = str(bad)
        log.error("database %s cannot be read (%s): set aside as %s, starting a new one", self.path, why, bad)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _put_loads(self, rows: Mapping[str, LoadRow]) -> None:
        for load, row in rows.items():
            columns = (load, int(row.off), int(row.shed), int(row.latched), float(row.boot_s))
            self._db.execute(
                f"INSERT OR REPLACE INTO loads ({LOAD}, sum) VALUES (?,?,?,?,?,?)",  # noqa: S608  ours
                (*columns, row_sum(columns)),
            )

    def _put(self, key: str, value: object) -> None:
        # In place: a row that is replaced is written twice, and its index with it.
        put = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self._db.execute(put, (key, str(value)))
