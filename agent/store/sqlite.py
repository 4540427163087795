"""The store on the card: one SQLite file, WAL, synchronous FULL, one transaction a turn.

FULL, because an event that has been committed must survive a power cut (NORMAL may lose it). Batching matters more to
the card than the mode: 13.1 kB written for a row alone, 0.8 kB in a batch of 50 (pi facts, SD card).
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3

import msgspec

from agent.core.events import PastAct
from agent.core.facts import Instant
from agent.core.remedies import REMEDIES
from agent.core.state import Fault
from agent.store import mark
from agent.store.base import (
    ACKED,
    ACTS_KEPT,
    DOUBTED,
    KEPT_BYTES_MAX,
    LOST,
    METRICS_MAX,
    OUTBOX_BYTES_MAX,
    UNSENT,
    Batch,
    LoadRow,
    Memory,
    StoreError,
    latched_in,
)
from agent.store.journal_file import COMPATIBLE_FROM, LEAP, SCHEMA_VERSION, JournalFile, aside
from agent.store.place import copied, identity
from agent.store.reading import ACT, LOAD, act_sum

log = logging.getLogger(__name__)

__all__ = ["COMPATIBLE_FROM", "LEAP", "SCHEMA_VERSION", "SqliteStore", "aside"]

KEPT_AFTER = 0.75
"""Share of KEPT_BYTES_MAX that is left when the oldest are let go."""


class SqliteStore(JournalFile):
    """Implements `Store` on a file."""

    durable = True

    def _note_mark(self, batch: Batch) -> None:
        """Keep beside the file what must not be forgotten with it, when this batch has changed it."""
        acts = [row.act_id for row in batch.begun if row.remedy in REMEDIES and REMEDIES[row.remedy].restarts]
        latched = (self._mark.latched - batch.loads.keys()) | latched_in(batch.loads)
        self._keep_mark(mark.Mark(max([self._mark.act_id, *acts]), latched), self._mark)

    def _meta(self) -> dict[str, str]:
        return dict(self._db.execute("SELECT key, value FROM meta"))

    def remember(self, boot: str) -> Memory:
        with self._lock:
            rows = self._db.execute(
                "SELECT act_id, remedy, load, mono_s, wall_s, synced, boot, fault, command, outcome"
                " FROM acts ORDER BY act_id"
            ).fetchall()
            faults = [msgspec.json.decode(body, type=Fault) for (body,) in self._db.execute("SELECT body FROM faults")]
            loads = self._db.execute(f"SELECT {LOAD} FROM loads ORDER BY load").fetchall()  # noqa: S608  ours
            meta = self._meta()
        acts = [
            (PastAct(n, remedy, load, Instant(mono, wall, bool(synced)), made == boot, fault, command), outcome)
            for n, remedy, load, mono, wall, synced, made, fault, command, outcome in rows
        ]
        return Memory(
            tuple(act for act, outcome in acts if not outcome),
            tuple(act for act, outcome in acts if outcome and outcome != UNSENT),
            tuple(faults),
            {load: LoadRow(bool(off), bool(shed), bool(latched), boot_s) for load, off, shed, latched, boot_s in loads},
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
            self._trim()
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
        self._put_loads(batch.loads)
        if batch.events:
            self._put("seq", max(seq for seq, _ in batch.events))
        for key, value in batch.meta.items():
            self._put(key, value)

    def _sum(self, act_id: int) -> None:
        """Keep an act's checksum beside it, over what the file gives back of it."""
        row = self._db.execute(f"SELECT {ACT} FROM acts WHERE act_id = ?", (act_id,)).fetchone()  # noqa: S608  ours
        if row is not None:
            self._db.execute("UPDATE acts SET sum = ? WHERE act_id = ?", (act_sum(row), act_id))

    def _trim(self) -> None:
        """Drop the oldest events beyond the outbox's size, and count them."""
        before = self.dropped
        while self._count > 1 and self._bytes > OUTBOX_BYTES_MAX:
            seq, size = self._db.execute(
                "SELECT seq, length(payload) FROM outbox WHERE seq > ? ORDER BY seq LIMIT 1", (self._acked,)
            ).fetchone()
            self._db.execute("DELETE FROM outbox WHERE seq = ?", (seq,))
            self._bytes, self._count, self.dropped = self._bytes - size, self._count - 1, self.dropped + 1
        if self.dropped != before:
            self._keep_dropped()

    def _keep_dropped(self) -> None:
        self._put("dropped", self.dropped)

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

    def newest(self) -> int:
        return self._newest

    def rewind(self, meta: dict[str, str], to: int = 0) -> bool:
        try:
            with self._transaction():
                for key, value in (meta | {ACKED: str(to)}).items():
                    self._put(key, value)
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
