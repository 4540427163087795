"""The one thread that writes: messages in batches, operators' changes at once, time once a second.

A batch is one transaction. Only when it is committed are its messages confirmed to the broker, the rooms' events
acknowledged and the watchers told. A database that cannot be written (disk full, locked) keeps the batch and tries
again; a message that trips over a defect of ours is set aside alone, so that it cannot hold up the others.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from hub.core.room_clocks import RoomClocks
from hub.intake.applied import Applied
from hub.intake.apply import Applier
from hub.intake.hooks import Call, Hooks, Job, Numbers
from hub.intake.ingest import Unread, interpret, unread
from hub.intake.link import Received
from hub.intake.suspects import Suspects
from hub.port import Change, HubBusyError
from hub.store import tables
from hub.store.db import Place, open_db, transaction
from hub.store.kept import DEADLY

log = logging.getLogger(__name__)
T = TypeVar("T")

QUEUE_MAX = 20_000
QUEUE_BYTES = 256 * 2**20
"""Of payloads that wait: messages of the greatest size must not fill the machine."""
BATCH_MAX = 4_000
OFFER_S = 5.0
"""How long the network waits for room in the queue before it lets the broker send again."""
TICK_S = 1.0
CALL_S = 10.0
_RETRY_S = (0.2, 1.0, 5.0)
_OURS = (
    sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.NotSupportedError,
    sqlite3.InterfaceError,
)  # fmt: skip
"""What says something of a message and not of the disk: to wait for it to pass would stop all rooms."""


class Writer:
    """Owns the writing connection. `start` begins, `stop` ends after the batch at hand."""

    def __init__(
        self, path: Path, *, beat_s: float, commit_ms: float, hooks: Hooks, clock: Callable[[], float] = time.time,
        version: str = "", room_clocks: RoomClocks | None = None,
    ) -> None:  # fmt: skip
        """Opens and migrates the database. `version` of this program. `room_clocks` is told what time the rooms have.

        Raises hub.store.db.DatabaseError."""
        self._db = open_db(path)
        self._place = Place(path)
        self._applier = Applier(self._db, beat_s, version, room_clocks)
        self._suspects = Suspects(path.parent)
        self._commit_s = commit_ms / 1000
        self._hooks = hooks
        self._clock = clock
        self._queue: deque[Received | Unread] = deque()
        self._queued_bytes = 0
        self._calls: deque[Call[Any]] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._ingested = 0
        self._commit_ms = 0.0
        self._last_message_s: float | None = None
        self._failing = ""
        self._clock_failing = ""
        self._set_aside = tables.meta_number(self._db, "set_aside_total")
        self._data_version = -1
        self._tick_at = 0.0
        self._counts = (self._applier.heard_count, self._applier.expected_count)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begin writing."""
        self._suspects.open()
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, as far as the database allows, and close it."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join(30)
        if not self._thread.is_alive():
            self._db.close()
            self._suspects.close()

    def offer(self, message: Received | Unread) -> bool:
        """Take a message in. False when the queue stays full, or the writer is stopping."""
        deadline_s = time.monotonic() + OFFER_S
        with self._wake:
            while (len(self._queue) >= QUEUE_MAX or self._queued_bytes > QUEUE_BYTES) and not self._stopping:
                if not self._wake.wait(deadline_s - time.monotonic()) and time.monotonic() >= deadline_s:
                    return False
            if self._stopping:
                return False
            self._queue.append(message)
            self._queued_bytes += len(_source(message).payload)
            if len(self._queue) == 1 or len(self._queue) >= BATCH_MAX:
                self._wake.notify_all()
        return True

    def call(self, job: Job[T], timeout_s: float = CALL_S) -> T:
        """Do something in a transaction of its own, between two batches, and give its answer.

        Raises HubBusyError when it could not be done in time, or what the job raised.
        """
        call = Call(job)
        with self._wake:
            if self._stopping:
                raise HubBusyError("the hub is stopping")
            self._calls.append(call)
            self._wake.notify_all()
        if not call.done.wait(timeout_s):
            call.given_up.set()
            raise HubBusyError(f"the database did not answer within {timeout_s:g} s")
        if call.error is not None:
            raise call.error
        return call.answer  # type: ignore[return-value]

    def numbers(self) -> Numbers:
        """How the writer is. Never blocks."""
        heard, expected = self._counts
        return Numbers(
            len(self._queue), self._ingested, self._commit_ms, heard, expected, self._set_aside,
            None if self._last_message_s is None else time.monotonic() - self._last_message_s, self._failing,
        )  # fmt: skip

    def _run(self) -> None:
        self._tick()
        self._retry_kept()
        while True:
            batch = self._gather()
            calls = self._take_calls()
            if batch:
                self._write(batch)
            for call in calls:
                self._answer(call)
            if time.monotonic() >= self._tick_at:
                self._tick_at = time.monotonic() + TICK_S
                self._tick()
            with self._wake:
                if self._stopping and not self._queue and not self._calls:
                    return

    def _retry_kept(self) -> None:
        """Try once what an earlier release could not read."""
        more = True
        while more and not self._stopping:
            try:
                with transaction(self._db):
                    done, more = self._applier.retry_kept()
                self._tell(done)
            except Exception:  # tried again at the next start; messages do not wait for it
                log.exception("events that were kept could not be tried again")
                self._applier.forget()
                return

    def _gather(self) -> list[Received | Unread]:
        """Wait for work: the messages of one commit interval, fewer when a call waits or time is due."""
        with self._wake:
            until_tick = max(0.0, self._tick_at - time.monotonic())
            self._wake.wait_for(lambda: self._queue or self._calls or self._stopping, until_tick)
            if self._queue:
                self._wake.wait_for(
                    lambda: len(self._queue) >= BATCH_MAX or self._calls or self._stopping, self._commit_s
                )
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MAX))]
            self._queued_bytes -= sum(len(_source(message).payload) for message in batch)
            self._wake.notify_all()
            return batch

    def _take_calls(self) -> list[Call[Any]]:
        with self._wake:
            calls = list(self._calls)
            self._calls.clear()
            return calls

    def _write(self, batch: list[Received | Unread]) -> None:
        """Commit a batch, however long it takes; gives up only when the hub stops, unconfirmed."""
        for attempt in range(10**9):
            try:
                self._commit(batch)
                return
            except Exception as error:
                if isinstance(error, sqlite3.Error) and not isinstance(error, _OURS):
                    if not self._wait_for_database(error, attempt):
                        return
                    continue
                # a defect of ours: find the message it concerns and set it aside alone
                self._applier.forget()
                if len(batch) > 1:
                    for message in batch:
                        self._write([message])
                    return
                source = _source(batch[0])
                log.exception("a message of %s trips over a defect", source.topic[:120])
                if isinstance(batch[0], Unread):  # it cannot even be set aside
                    self._guard(source.confirm)
                    return
                batch = [unread("defect", f"{type(error).__name__}: {error}", source)]

    def _commit(self, batch: list[Received | Unread]) -> None:
        began_s = time.perf_counter()
        now_s = self._clock()
        self._place.check()
        with transaction(self._db):
            if self._suspects.careful:
                done = Applied()
                for message in batch:
                    done.add(self._alone(message, now_s))
            else:
                items = [item if isinstance(item, Unread) else interpret(item) for item in batch]
                done = self._applier.apply(items, now_s)
        self._commit_ms = (time.perf_counter() - began_s) * 1000
        self._failing = ""
        self._ingested += len(batch)
        sources = [_source(message) for message in batch]
        if any(not source.retained for source in sources):
            self._last_message_s = time.monotonic()
        for source in sources:
            self._guard(source.confirm)
        self._guard(lambda: self._hooks.acknowledge(done.acks))
        if done.asking:
            self._guard(lambda: self._hooks.asked(done.asking))
        self._tell(done)

    def _alone(self, message: Received | Unread, now_s: float) -> Applied:
        """Apply one message by itself and with its name written down, since one like it may have ended the hub."""
        if isinstance(message, Unread):
            return self._applier.apply([message], now_s)
        if not self._suspects.begin(message):
            reason = "the hub has ended twice over this message"
            return self._applier.apply([unread(DEADLY, reason, message, scan=True)], now_s)
        try:
            return self._applier.apply([interpret(message)], now_s)
        finally:
            self._suspects.end()

    def _tell(self, done: Applied) -> None:
        counts = (
            (self._applier.heard_count, self._applier.expected_count) if done.rooms or done.health else self._counts
        )
        done.health = done.health or counts != self._counts
        self._counts = counts
        if done.health:
            self._set_aside = tables.meta_number(self._db, "set_aside_total")
        change = done.change()
        if change != Change():
            self._guard(lambda: self._hooks.committed(change))

    def _answer(self, call: Call[Any]) -> None:
        if call.given_up.is_set():
            return
        try:
            self._place.check()
            with transaction(self._db):
                if call.given_up.is_set():  # while this waited for the lock: who asked was told that it is not done
                    return
                self._applier.refresh()
                call.answer, change = call.job(self._db, self._applier, self._clock())
            call.done.set()
            if change != Change():
                self._guard(lambda: self._hooks.committed(change))
        except Exception as error:  # belongs to the one who asked
            self._applier.forget()
            call.error = HubBusyError(f"the database cannot be written: {error}") if isinstance(
                error, sqlite3.Error) else error  # fmt: skip
            call.done.set()

    def _tick(self) -> None:
        try:
            self._place.check()
            version = int(self._db.execute("PRAGMA data_version").fetchone()[0])
            if version != self._data_version:
                self._reread_inventory()
            self._data_version = version
            self._keep_time()
            with transaction(self._db):
                done = self._applier.tick(self._clock(), self._hooks.listening_s())
            self._tell(done)
            for tick in self._hooks.ticks:
                with transaction(self._db):
                    change = tick(self._db, self._clock())
                if change:
                    self._guard(lambda change=change: self._hooks.committed(change))  # type: ignore[misc]
        except sqlite3.Error as error:
            self._wait_for_database(error, 0)
        except Exception:  # a defect in a timer must not end the writing of messages
            log.exception("a timer failed")
            self._applier.forget()

    def _keep_time(self) -> None:
        """Look at the clock. A defect of ours or a damaged row leaves it as it is, and all else goes on."""
        try:
            with transaction(self._db):
                committed = self._hooks.keep_time(self._db)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not _says_of_a_row(error):
                raise
            if self._clock_failing != repr(error):
                log.exception("the hub's clock cannot be looked at, and stays as it is")
            self._clock_failing = repr(error)
            return
        self._clock_failing = ""
        if committed is None:
            return
        before_s = self._clock()
        committed()
        by_s = self._clock() - before_s
        with self._wake:  # what waits was dated by the time before
            self._queue = deque(_moved(message, by_s) for message in self._queue)
        self._applier.clock_set()

    def _reread_inventory(self) -> None:
        """Another process has written; take over its rooms, if it was the inventory."""
        if self._applier.inventory_changed():
            self._applier.forget()
            self._applier.refresh()
            self._tell(Applied(health=True))
            self._guard(lambda: self._hooks.committed(Change(health=True, refresh=True)))

    def _wait_for_database(self, error: sqlite3.Error, attempt: int) -> bool:
        """Wait before the next try. False when the hub is stopping."""
        if self._failing != str(error):
            log.error("the database cannot be written, messages wait: %s", error)
        self._failing = str(error) or type(error).__name__
        with self._wake:
            if self._wake.wait_for(lambda: self._stopping, _RETRY_S[min(attempt, len(_RETRY_S) - 1)]):
                return False
        self._applier.forget()
        return True

    @staticmethod
    def _guard(call: Callable[[], object]) -> None:
        try:
            call()
        except Exception:  # what happens outside must not undo a commit
            log.exception("telling of a commit failed")


def _source(message: Received | Unread) -> Received:
    return message.source if isinstance(message, Unread) else message


def _moved(message: Received | Unread, by_s: float) -> Received | Unread:
    """The message as it would have been dated by a clock that is so much later."""
    source = _source(message)
    source = replace(source, received_s=source.received_s + by_s)
    return replace(message, source=source) if isinstance(message, Unread) else source


def _says_of_a_row(error: sqlite3.Error) -> bool:
    """Whether an error says something of what stands in the database, and not of the disk."""
    kinds = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG)
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF in kinds
