"""The store on the card: one SQLite file, WAL, synchronous FULL, one transaction a turn.

FULL, because an event that has been committed must survive a power cut (NORMAL may lose it). Batching matters more to
the card than the mode: 13.1 kB written for a row alone, 0.8 kB in a batch of 50 (pi facts, SD card).
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import msgspec

from agent import epochs
from agent.core.events import PastAct
from agent.core.facts import Instant
from agent.core.remedies import REMEDIES
from agent.core.state import Fault
from agent.store import mark
from agent.store.base import (
    ACKED,
    ACTS_KEPT,
    AGED_MAX,
    DOUBTED,
    KEPT_BYTES_MAX,
    LOST,
    METRICS_MAX,
    OUTBOX_BYTES_MAX,
    UNSENT,
    Batch,
    Memory,
    StoreError,
    aged,
)
from agent.store.mend import SpoiltError, examine
from agent.store.place import copied, identity, writable
from agent.store.reading import ACT, act_sum

log = logging.getLogger(__name__)

SCHEMA_VERSION = 2
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


KEPT_AFTER = 0.75
"""Share of KEPT_BYTES_MAX that is left when the oldest are let go."""
CARD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_FULL})
"""What fails for another reason than the file: it is left where it is."""
ASIDE_MAX = 5
"""Unreadable files that are kept, the newest: a card that wears out must not fill up with them."""


def aside(path: Path) -> list[int]:
    """Numbers of the unreadable files that lie beside a database, the oldest first."""
    found = (one.name.rpartition(".bad-")[2] for one in path.parent.glob(f"{path.name}.bad-*"))
    return sorted(int(number) for number in found if number.isdigit())


class SqliteStore:
    """Implements `Store` on a file. One that cannot be read is set aside as `*.bad-N`, and a new epoch begins; of one
    that can, rows that cannot are dropped and stood for (`agent.store.mend`)."""

    durable = True

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
        """Whether nobody knows which loads are latched, so that all of them are."""
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
                for number in range(version + 1, SCHEMA_VERSION + 1):
                    for statement in _schema(number).split(";"):
                        self._db.execute(statement)
                put = "INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)"
                self._db.execute(put, ("epoch", secrets.token_hex(6)))
                # A file of before lies beside this one: the room does not know yet that its journal was lost. Or what
                # is kept beside a journal, without one: it was removed, or the card gave back an empty file.
                if not version and (aside(self.path) or mark.path_of(self.path).exists()):
                    self._db.execute(put, (LOST, "1"))
                self._db.execute(put, (f"compatible_from_v{SCHEMA_VERSION}", str(COMPATIBLE_FROM)))
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        self._check()
        self._mark = mark.read(mark.path_of(self.path))
        found = examine(self._db, self._mark)
        if found.rows or found.put:
            with self._transaction():
                found.apply(self._db)
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
        self._keep_mark(mark.Mark(found.newest_act, frozenset(meta.get("latched_loads", "").split())))

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

    def _check(self) -> None:
        """See that the file hangs together. Raises sqlite3.DatabaseError. An index is made anew from what it lists."""
        (problem,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if problem != "ok":
            self._db.execute("REINDEX")
            (left,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
            if left != "ok":
                raise sqlite3.DatabaseError(left)
            log.warning("an index of %s was made anew: %s", self.path, problem)

    def _keep_mark(self, wanted: mark.Mark) -> None:
        if wanted != self._mark and mark.write(mark.path_of(self.path), wanted):
            self._mark = wanted

    def _note_mark(self, batch: Batch) -> None:
        """Keep beside the file what must not be forgotten with it, when this batch has changed it."""
        before = self._mark or mark.Mark()
        latched = batch.meta.get("latched_loads")
        acts = [row.act_id for row in batch.begun if row.remedy in REMEDIES and REMEDIES[row.remedy].restarts]
        self._keep_mark(
            mark.Mark(max([before.act_id, *acts]), before.latched if latched is None else frozenset(latched.split()))
        )

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

    def _meta(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT key, value FROM meta"))

    def remember(self, boot: str) -> Memory:
        with self._lock:
            rows = self._db.execute(
                "SELECT act_id, remedy, load, mono_s, wall_s, synced, boot, fault, command, outcome"
                " FROM acts ORDER BY act_id"
            ).fetchall()
            faults = [msgspec.json.decode(body, type=Fault) for (body,) in self._db.execute("SELECT body FROM faults")]
            meta = self._meta()
        acts = [
            (PastAct(n, remedy, load, Instant(mono, wall, bool(synced)), made == boot, fault, command), outcome)
            for n, remedy, load, mono, wall, synced, made, fault, command, outcome in rows
        ]
        return Memory(
            tuple(act for act, outcome in acts if not outcome),
            tuple(act for act, outcome in acts if outcome and outcome != UNSENT),
            tuple(faults),
            meta,
            lost=bool(meta.get(LOST)),
            doubted=frozenset(meta.get(DOUBTED, "").split()),
        )

    def discard(self, seq: int) -> None:
        try:
            with self._transaction():
                count, size = self._measured(seq - 1, seq)
                self._db.execute("DELETE FROM outbox WHERE seq = ?", (seq,))
                self.dropped += count
                self._keep_dropped()
        except sqlite3.Error as error:
            log.warning("could not drop event %d, which cannot be read: %s", seq, error)
            return
        if seq > self._acked:
            self._count, self._bytes = self._count - count, self._bytes - size
        else:
            self._kept_bytes -= size

    def reserve_seq(self) -> int:
        with self._lock:
            self._seq += 1
            return self._seq

    def commit(self, batch: Batch) -> None:
        try:
            self._stay()
            with self._transaction():
                self._write(batch)
            self._newest = max([self._newest, *(seq for seq, _ in batch.events)])
            self._note_mark(batch)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot write {self.path}: {error}; free some space or replace the card") from None

    def _stay(self) -> None:
        """Write the file anew where somebody has removed it: what is written into a file without a name is gone with
        the next start, budgets and open cycles too, and nothing would have said so. Raises OSError and sqlite3.Error.
        """
        if identity(self.path) == self._identity:
            return
        with self._lock:
            fresh = copied(self._db, self.path)
            if self.path.exists():  # of somebody else: not ours to lose
                self._put_aside("another file was put in its place")
            self._db.close()  # by its names it also removes the log, so before there is a new one
            fresh.replace(self.path)
            self._connect()
        log.error("database %s had been removed while the agent ran: it is written anew, whole", self.path)

    def _write(self, batch: Batch) -> None:
        run = self._db.execute
        for seq, payload in batch.events:
            run("INSERT OR REPLACE INTO outbox (seq, payload) VALUES (?, ?)", (seq, payload))
            self._bytes += len(payload)
            self._count += 1
        if batch.events:
            self._trim(batch.events[-1][1])
        for row in batch.begun:
            run(
                "INSERT INTO acts (act_id, remedy, load, method, mono_s, wall_s, synced, boot, fault, command, by)"
                " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                (row.act_id, row.remedy, row.load, row.method, row.mono_s, row.wall_s, row.synced, row.boot,
                 row.fault, row.command, row.by),
            )  # fmt: skip
            self._sum(row.act_id)
            run(
                "DELETE FROM acts WHERE outcome <> ''"
                " AND act_id <= (SELECT act_id FROM acts ORDER BY act_id DESC LIMIT 1 OFFSET ?)",
                (ACTS_KEPT,),
            )
        for act_id, began in batch.begun_late:
            run(
                "UPDATE acts SET mono_s = ?, wall_s = ?, synced = ? WHERE act_id = ?",
                (began.mono_s, began.wall_s, began.synced, act_id),
            )
            self._sum(act_id)
        for act_id, outcome in batch.ended:
            run("UPDATE acts SET outcome = ? WHERE act_id = ?", (outcome, act_id))
        for rule, fault in batch.faults.items():
            if fault is None:
                run("DELETE FROM faults WHERE rule = ?", (rule,))
            else:
                run("INSERT OR REPLACE INTO faults (rule, body) VALUES (?, ?)", (rule, msgspec.json.encode(fault)))
        if batch.events:
            self._put("seq", max(seq for seq, _ in batch.events))
        for key, value in batch.meta.items():
            self._put(key, value)

    def _sum(self, act_id: int) -> None:
        """Keep an act's checksum beside it, over what the file gives back of it."""
        row = self._db.execute(f"SELECT {ACT} FROM acts WHERE act_id = ?", (act_id,)).fetchone()  # noqa: S608  ours
        if row is not None:
            self._db.execute("UPDATE acts SET sum = ? WHERE act_id = ?", (act_sum(row), act_id))

    def _trim(self, newest: bytes) -> None:
        """Drop the oldest events beyond the bounds of size and age, and count them."""
        before = self.dropped
        while self._count > 1:
            seq, oldest = self._db.execute(
                "SELECT seq, payload FROM outbox WHERE seq > ? ORDER BY seq LIMIT 1", (self._acked,)
            ).fetchone()
            old = self.dropped - before < AGED_MAX and aged(oldest, newest)
            if self._bytes <= OUTBOX_BYTES_MAX and not old:
                break
            self._db.execute("DELETE FROM outbox WHERE seq = ?", (seq,))
            self._bytes, self._count, self.dropped = self._bytes - len(oldest), self._count - 1, self.dropped + 1
        if self.dropped != before:
            self._keep_dropped()

    def _keep_dropped(self) -> None:
        self._put("dropped", self.dropped)

    def _put(self, key: str, value: object) -> None:
        # In place: a row that is replaced is written twice, and its index with it.
        put = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        self._db.execute(put, (key, str(value)))

    def outbox(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        try:
            with self._lock:
                rows = self._db.execute(
                    "SELECT seq, payload FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
                    (max(after, self._acked), limit),
                )
                return rows.fetchall()
        except sqlite3.Error as error:
            # The state must go on being published while the card gives nothing.
            log.warning("cannot read events from %s: %s", self.path, error)
            return []

    def floor(self) -> int:
        with contextlib.suppress(sqlite3.Error), self._lock:
            (lowest,) = self._db.execute("SELECT min(seq) FROM outbox WHERE seq > ?", (self._acked,)).fetchone()
            self._floor = int(lowest) if lowest is not None else self._seq + 1
        return self._floor

    def pending(self) -> int:
        return self._count

    def ack(self, seq: int) -> bool:
        if seq <= self._acked:
            return True
        try:
            with self._transaction():
                count, size = self._measured(self._acked, seq)
                let_go = self._let_go(self._kept_bytes + size, seq)
                self._put(ACKED, seq)
        except sqlite3.Error as error:
            # Nothing is lost: the events stay, are sent again, and the hub knows them.
            log.warning("could not note what the hub has acknowledged: %s", error)
            return False
        self._acked, self._count, self._bytes = seq, self._count - count, self._bytes - size
        self._kept_bytes += size - let_go
        return True

    def _let_go(self, kept_bytes: int, acked: int) -> int:
        """Forget the oldest acknowledged events beyond the bound, a good many at a time: a card is written by pages."""
        if kept_bytes <= KEPT_BYTES_MAX:
            return 0
        if self.surely is not None and kept_bytes <= OUTBOX_BYTES_MAX:
            acked = min(acked, self.surely)
        gone = last = 0
        for seq, size in self._db.execute(
            "SELECT seq, length(payload) FROM outbox WHERE seq <= ? ORDER BY seq", (acked,)
        ):
            last, gone = seq, gone + size
            if kept_bytes - gone <= KEPT_BYTES_MAX * KEPT_AFTER:
                break
        self._db.execute("DELETE FROM outbox WHERE seq <= ?", (last,))
        return gone

    def _forget_aged(self) -> None:
        """Of what was acknowledged, forget what an outbox would drop for its age: it is no loss, and counts as none."""
        (newest,) = self._db.execute("SELECT payload FROM outbox ORDER BY seq DESC LIMIT 1").fetchone() or (b"",)
        last = 0
        for seq, payload in self._db.execute(
            "SELECT seq, payload FROM outbox WHERE seq <= ? ORDER BY seq", (self._acked,)
        ):
            if not aged(payload, newest):
                break
            last = seq
        self._db.execute("DELETE FROM outbox WHERE seq <= ?", (last,))

    def newest(self) -> int:
        return self._newest

    def rewind(self, meta: dict[str, str], to: int = 0) -> bool:
        try:
            with self._transaction():
                for key, value in (meta | {ACKED: str(to)}).items():
                    self._put(key, value)
                if not to:
                    self._forget_aged()
                count, size = self._measured(to, self._seq)
                kept_bytes = self._measured(0, to)[1]
        except sqlite3.Error as error:
            log.warning("could not make acknowledged events due again: %s", error)
            return False
        self._acked = to
        self._count, self._bytes, self._kept_bytes = count, size, kept_bytes
        return True

    def keep_metrics(self, batches: list[bytes]) -> None:
        try:
            with self._transaction():
                self._db.executemany("INSERT INTO metrics (payload) VALUES (?)", [(b,) for b in batches])
                (count,) = self._db.execute("SELECT count(*) FROM metrics").fetchone()
                if count > METRICS_MAX:
                    self._db.execute(
                        "DELETE FROM metrics WHERE id IN (SELECT id FROM metrics ORDER BY id LIMIT ?)",
                        (count - METRICS_MAX,),
                    )
                    self.dropped += count - METRICS_MAX
                    self._keep_dropped()
        except sqlite3.Error as error:
            self.dropped += len(batches)
            log.warning("dropped %d metric batches: %s", len(batches), error)

    def take_metric(self) -> bytes | None:
        try:
            with self._lock:
                row = self._db.execute("SELECT id, payload FROM metrics ORDER BY id DESC LIMIT 1").fetchone()
            if row is None:
                return None  # asked for several times a second: no transaction for that
            with self._transaction():
                self._db.execute("DELETE FROM metrics WHERE id = ?", (row[0],))
                payload: bytes = row[1]
                return payload
        except sqlite3.Error:
            return None

    def close(self) -> None:
        with self._lock:
            self._db.close()
