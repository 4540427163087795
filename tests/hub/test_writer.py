"""The writer confirms after the commit and never before, survives a database that fails, and answers its callers."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.intake import writer as module
from hub.intake.apply import Applier
from hub.intake.hooks import Hooks
from hub.intake.ingest import interpret
from hub.intake.link import Received
from hub.intake.writer import Writer
from hub.port import Change, HubBusyError
from hub.store import audit
from hub.store.db import open_db, open_reader
from tests.brokers import until
from tests.hub.rooms import Room, fill_inventory
from wire.messages import encode


class Bench:
    """A running writer, and what it confirmed, acknowledged and told."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "hub.db"
        db = open_db(self.path)
        fill_inventory(db)
        db.close()
        self.confirmed: list[int] = []
        self.acks: list[dict[tuple[str, str], int]] = []
        self.news: list[Change] = []
        self.hooks = Hooks(committed=self.news.append, acknowledge=self.acks.append)
        self.writer = Writer(self.path, beat_s=60, commit_ms=20, hooks=self.hooks)
        self.room = Room()

    def send(self, message: Any, confirm: Callable[[], None] | None = None) -> bool:
        number = getattr(message.stamp, "seq", 0)
        received = Received(
            self.room.topic(message), encode(message), False, self.room.now_s,
            confirm or (lambda: self.confirmed.append(number)),
        )  # fmt: skip
        return self.writer.offer(received)

    def count(self, sql: str = "SELECT COUNT(*) FROM events") -> int:
        reader = open_reader(self.path)
        try:
            return int(reader.execute(sql).fetchone()[0])
        finally:
            reader.close()


def _ignore(_: object) -> None:
    """Makes an expression a procedure."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.writer.start()
    yield made
    made.writer.stop()


def test_confirms_after_the_commit(bench: Bench) -> None:
    seen: list[int] = []
    bench.send(bench.room.event(), lambda: seen.append(bench.count()))
    until("confirmed", lambda: seen)
    assert seen == [1], "another connection saw the event before it was confirmed"
    until("acknowledged", lambda: bench.acks)
    assert bench.acks == [{("p1-1", "e1"): 1}]
    assert bench.news[0].rooms == {"p1-1"}


def test_many_messages_few_commits(bench: Bench) -> None:
    for _ in range(500):
        bench.send(bench.room.event())
    until("all confirmed", lambda: len(bench.confirmed) == 500)
    assert bench.count() == 500
    assert len(bench.acks) < 100


def test_locked_database_delays_and_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    failures = iter([True, True, False, False, False])
    real = Applier.apply

    def failing(self: Applier, *args: Any) -> Any:
        done = real(self, *args)
        if next(failures, False):
            raise sqlite3.OperationalError("database or disk is full")
        return done

    monkeypatch.setattr(Applier, "apply", failing)
    monkeypatch.setattr(module, "_RETRY_S", (0.01,))
    bench.send(bench.room.event())
    until("confirmed", lambda: bench.confirmed == [1])
    assert bench.acks == [{("p1-1", "e1"): 1}]
    assert bench.writer.numbers().failing == ""


def test_nothing_is_confirmed_into_a_file_that_was_removed(bench: Bench) -> None:
    bench.send(bench.room.event())
    until("confirmed", lambda: bench.confirmed == [1])
    away = bench.path.with_name("away.db")
    bench.path.rename(away)
    bench.send(bench.room.event())
    until("told", lambda: "khởi động lại" in bench.writer.numbers().failing)
    with pytest.raises(HubBusyError):
        bench.writer.call(lambda _db, _applier, _now_s: (None, Change()))
    assert bench.confirmed == [1]
    away.rename(bench.path)
    until("confirmed in its place again", lambda: bench.confirmed == [1, 2])


def test_message_that_trips_over_a_defect_holds_up_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Applier._event

    def tripping(self: Applier, room: str, event: Any, *args: Any) -> None:
        real(self, room, event, *args)
        if event.stamp.seq == 2:
            raise ZeroDivisionError("defect")

    monkeypatch.setattr(Applier, "_event", tripping)
    for _ in range(3):
        bench.send(bench.room.event())
    until("all confirmed", lambda: sorted(bench.confirmed) == [1, 2, 3])
    assert bench.count("SELECT COUNT(*) FROM events WHERE epoch = 'e1'") == 2
    assert bench.count("SELECT seq FROM acked") == 3, "those behind it do not wait for a mended release"
    assert bench.count("SELECT seq FROM kept_events WHERE kind = 'defect'") == 2, "which has it to apply"
    assert bench.count("SELECT COUNT(*) FROM set_aside WHERE reason LIKE 'ZeroDivisionError%'") == 1


@pytest.mark.parametrize(
    "error", [sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.InterfaceError, MemoryError]
)
def test_what_the_database_says_of_one_message_stops_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """To wait as for a full disk would make all rooms wait for ever."""
    real = Applier._event

    def tripping(self: Applier, room: str, event: Any, *args: Any) -> None:
        if event.stamp.seq == 2:
            raise error("of this message")
        real(self, room, event, *args)

    monkeypatch.setattr(Applier, "_event", tripping)
    for _ in range(3):
        bench.send(bench.room.event())
    until("all confirmed", lambda: sorted(bench.confirmed) == [1, 2, 3])
    assert bench.count("SELECT seq FROM kept_events") == 2


def test_a_message_that_cannot_even_be_set_aside_is_left_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("defect")

    monkeypatch.setattr(Applier, "set_aside", broken)
    bench.writer.offer(Received("nonsense", b"{", False, 1.0, lambda: bench.confirmed.append(-1)))
    bench.send(bench.room.event())
    until("both confirmed", lambda: sorted(bench.confirmed) == [-1, 1])


def test_a_message_over_which_the_reading_raises_is_set_aside(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = interpret

    def tripping(received: Received) -> Any:
        if b"agent_odd" in received.payload:
            raise RecursionError("too deep")
        return real(received)

    monkeypatch.setattr(module, "interpret", tripping)
    bench.send(bench.room.event("agent_odd"))
    bench.send(bench.room.event())
    until("both confirmed", lambda: sorted(bench.confirmed) == [1, 2])
    assert bench.count("SELECT seq FROM acked") == 2


def test_what_waits_is_bounded_by_its_size_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_BYTES", 1000)
    monkeypatch.setattr(module, "OFFER_S", 0.05)
    gate = threading.Event()
    bench.send(bench.room.event(), lambda: _ignore(gate.wait(10)))
    until("the writer is busy", lambda: bench.count() == 1)
    assert bench.writer.offer(Received("x", b"x" * 2000, False, 1.0, lambda: None))
    assert not bench.send(bench.room.event()), "the broker keeps it"
    gate.set()
    until("taken again", lambda: bench.send(bench.room.event()))


def test_hook_that_fails_does_not_stop_the_writer(bench: Bench) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("broken")

    bench.hooks.committed = broken
    bench.hooks.acknowledge = broken
    bench.send(bench.room.event())
    bench.send(bench.room.event(), lambda: broken(0))
    until("written", lambda: bench.count() == 2)


def test_call_gets_its_answer_and_its_error(bench: Bench) -> None:
    def job(db: sqlite3.Connection, applier: Applier, now_s: float) -> tuple[int, Change]:
        audit.append(db, now_s, "an", "x", {})
        return applier.expected_count, Change(health=True)

    assert bench.writer.call(job) == 10
    assert Change(health=True) in bench.news

    def bad(db: sqlite3.Connection, applier: Applier, now_s: float) -> tuple[int, Change]:
        job(db, applier, now_s)
        raise KeyError("mine")

    with pytest.raises(KeyError):
        bench.writer.call(bad)
    assert bench.count("SELECT COUNT(*) FROM audit") == 1


def test_call_of_a_busy_or_stopped_writer_is_refused(bench: Bench) -> None:
    gate = threading.Event()
    bench.send(bench.room.event(), lambda: _ignore(gate.wait(10)))
    until("held", lambda: bench.count() == 1)
    with pytest.raises(HubBusyError):
        bench.writer.call(lambda _d, _a, _n: (1, Change()), timeout_s=0.05)
    gate.set()
    bench.writer.stop()
    with pytest.raises(HubBusyError):
        bench.writer.call(lambda _d, _a, _n: (1, Change()))
    assert not bench.send(bench.room.event())


def test_full_queue_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 2)
    monkeypatch.setattr(module, "OFFER_S", 0.05)
    bench = Bench(tmp_path)
    assert [bench.send(bench.room.event()) for _ in range(3)] == [True, True, False]
    bench.writer.start()
    until("room again", lambda: bench.send(bench.room.event()))
    bench.writer.stop()
    assert bench.count() >= 3


def test_inventory_of_another_process_is_taken_over(bench: Bench) -> None:
    bench.room.room = "new-room"
    bench.send(bench.room.event())
    until("set aside", lambda: bench.count("SELECT COUNT(*) FROM set_aside") == 1)
    other = sqlite3.connect(bench.path, timeout=10)
    other.execute("INSERT INTO rooms (room, node, name, folded, sort_key) VALUES ('new-room', 1, 'N', '', '')")
    other.commit()
    other.close()
    until("taken over", lambda: bench.writer.numbers().expected == 11)
    bench.send(bench.room.event())
    until("known now", lambda: bench.count() == 1)


def test_ticks_run_and_may_fail(bench: Bench) -> None:
    ran: list[float] = []

    def broken(_db: sqlite3.Connection, _now_s: float) -> Change | None:
        ran.append(1)
        raise ValueError("broken")

    bench.hooks.ticks.append(broken)
    until("ticked twice", lambda: len(ran) >= 2)
    bench.send(bench.room.event())
    until("still writing", lambda: bench.count() == 1)
