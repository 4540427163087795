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

from agent.core.events import PastAct
from agent.core.facts import Instant
from agent.core.state import Fault
from agent.store.base import (
    ACTS_KEPT,
    AGED_MAX,
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
from agent.store.place import copied, identity

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
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


ACKED = "acked"
KEPT_AFTER = 0.75
"""Share of KEPT_BYTES_MAX that is left when the oldest are let go."""


class SqliteStore:
    """Implements `Store` on a file. A file that cannot be read is set aside as `*.bad-N`, and a new epoch begins."""

    durable = True

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises StoreError when it cannot be written or is of a newer version."""
        self.path = path
        self.dropped = 0
        self.set_aside = ""
        """Where an unreadable file went at start, or empty."""
        self._floor = 1
        self._lock = threading.RLock()
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise StoreError(f"cannot open {path}: {error}; make the folder writable or free some space") from None
            self._put_aside(str(error))
            self._open()

    def _connect(self) -> None:
        self._db = sqlite3.connect(self.path, timeout=5, check_same_thread=False, isolation_level=None)
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
        if version > SCHEMA_VERSION and self._compatible_from(version) > SCHEMA_VERSION:
            self._db.close()
            raise StoreError(
                f"{self.path} is of version {version}, this agent knows {SCHEMA_VERSION}: install a newer one"
            )
        if version < SCHEMA_VERSION:
            with self._transaction():
                for number in range(version + 1, SCHEMA_VERSION + 1):
                    for statement in _schema(number).split(";"):
                        self._db.execute(statement)
                put = "INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)"
                self._db.execute(put, ("epoch", secrets.token_hex(6)))
                # A file of before lies beside this one: the room does not know yet that its journal was lost.
                if not version and any(self.path.parent.glob(f"{self.path.name}.bad-*")):
                    self._db.execute(put, (LOST, "1"))
                self._db.execute(put, (f"compatible_from_v{SCHEMA_VERSION}", str(COMPATIBLE_FROM)))
                self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        (problem,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if problem != "ok":
            raise sqlite3.DatabaseError(problem)
        meta = self._meta()
        self.epoch = meta["epoch"]
        self.dropped = int(meta.get("dropped", "0"))
        (top,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()
        self._newest = int(top)
        self._seq: int = max(top, int(meta.get("seq", "0")))
        if version:
            self._leap(int(meta.get("next_id", "1")))
        self._acked = int(meta.get(ACKED, "0"))
        self._count, self._bytes = self._measured(self._acked, self._seq)
        self._kept_bytes = self._measured(0, self._acked)[1]

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
        self._db.close()
        number = 1
        while (bad := self.path.with_name(f"{self.path.name}.bad-{number}")).exists():
            number += 1
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
        )

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
        gone = 0
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

    def rewind(self, meta: dict[str, str]) -> bool:
        try:
            with self._transaction():
                for key, value in (meta | {ACKED: "0"}).items():
                    self._put(key, value)
                self._forget_aged()
                count, size = self._measured(0, self._seq)
        except sqlite3.Error as error:
            log.warning("could not make acknowledged events due again: %s", error)
            return False
        self._acked = 0
        self._count, self._bytes, self._kept_bytes = count, size, 0
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
