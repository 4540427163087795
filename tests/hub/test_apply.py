"""Batches of messages and the passing of time, against a real database."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from hub.history import chunks
from hub.intake.applied import Applied
from hub.intake.apply import Applier
from hub.intake.ingest import Heard, Unread
from hub.intake.link import Received
from hub.store.db import open_db
from tests.hub.rooms import T0, Room, fill_inventory
from wire.event_kinds import EventKind
from wire.messages import Reply, Words

BEAT = 60.0


class Bench:
    """An applier over a fresh database."""

    def __init__(self, path: Path) -> None:
        self.db = open_db(path / "hub.db")
        fill_inventory(self.db)
        self.applier = Applier(self.db, BEAT)

    def take(self, *items: Heard | Unread) -> Applied:
        now_s = max(item.source.received_s for item in items)
        return self.applier.apply(items, now_s)

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.db.execute(sql, params)]

    def verdict(self, room: str = "p1-1") -> str:
        return str(self.rows("SELECT verdict FROM twins WHERE room = ?", room)[0][0])


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.db.close()


def story(room: Room) -> list[Any]:
    """One fault, healed by the room."""
    words = {"vi": Words("Máy bị treo")}
    return [
        room.event(EventKind.AGENT_STARTED),
        room.event(
            EventKind.FAULT_CONFIRMED, fault_id=1, rule="codec_hung", severity="major", since_s=room.now_s, words=words
        ),
        room.event(EventKind.REMEDY_STARTED, fault_id=1, rule="codec_hung", act_id=2, remedy="codec_restart"),
        room.event(EventKind.REMEDY_DONE, fault_id=1, act_id=2, remedy="codec_restart", outcome="done"),
        room.event(EventKind.FAULT_CLEARED, fault_id=1, rule="codec_hung", severity="major", phase="clear"),
    ]


def test_story_makes_one_incident_and_one_acknowledgement(bench: Bench) -> None:
    room = Room()
    done = bench.take(*[room.heard(event) for event in story(room)])
    assert done.acks == {("p1-1", "e1"): 5}
    assert bench.rows("SELECT rule, phase, outcome, remedies FROM incidents") == [
        ("codec_hung", "clear", "room", '["codec_restart"]')
    ]
    assert done.incidents == {1}
    assert bench.rows("SELECT COUNT(*), COUNT(incident) FROM events") == [(5, 4)]
    assert bench.rows("SELECT seq FROM acked") == [(5,)]


@pytest.mark.parametrize("seed", range(12))
def test_any_order_batches_and_repeats_end_the_same(tmp_path: Path, seed: int) -> None:
    room = Room()
    events = [room.heard(event, T0 + 100) for event in story(room)]
    rng = random.Random(seed)
    mixed = events + rng.sample(events, 3)
    rng.shuffle(mixed)
    bench = Bench(tmp_path)
    while mixed:
        size = rng.randint(1, 3)
        bench.take(*mixed[:size])
        if rng.random() < 0.3:
            bench.applier.forget()
        mixed = mixed[size:]
    assert bench.rows("SELECT seq FROM acked") == [(5,)]
    assert bench.rows("SELECT COUNT(*) FROM events") == [(5,)]
    assert bench.rows("SELECT phase, outcome, closed_s > 0 FROM incidents") == [("clear", "room", 1)]


def test_known_event_is_acknowledged_again(bench: Bench) -> None:
    room = Room()
    event = room.heard(room.event())
    bench.take(event)
    assert bench.take(event).acks == {("p1-1", "e1"): 1}


def test_gap_is_not_acknowledged(bench: Bench) -> None:
    room = Room()
    room.event()
    assert bench.take(room.heard(room.event())).acks == {("p1-1", "e1"): 0}


def test_operators_marks_survive_events(bench: Bench) -> None:
    room = Room()
    events = [room.heard(event) for event in story(room)]
    bench.take(*events[:2])
    bench.db.execute("UPDATE incidents SET acked_by = 'thu.ha', acked_s = 5, grp = 'g'")
    bench.take(*events[2:])
    assert bench.rows("SELECT acked_by, acked_s, grp, phase FROM incidents") == [("thu.ha", 5, "g", "clear")]


def test_late_event_is_backfilled(bench: Bench) -> None:
    room = Room()
    first, second = room.event(), room.event()
    bench.take(room.heard(first, first.stamp.wall_s + 119), room.heard(second, second.stamp.wall_s + 121))
    assert bench.rows("SELECT backfilled FROM events ORDER BY seq") == [(0,), (1,)]


def test_clock_of_1970_is_mended_and_does_not_backfill(bench: Bench) -> None:
    room = Room(start_s=0.0)
    status = room.status()
    event = room.event()
    unsynced = type(event)(stamp=room.stamp(1, synced=False), kind=EventKind.AGENT_STARTED)
    bench.take(room.heard(status, T0), room.heard(unsynced, T0 + 5))
    at_s = bench.rows("SELECT at_s, backfilled FROM events")[0]
    assert at_s == (T0 + unsynced.stamp.mono_s - status.stamp.mono_s, 0)


def test_unregistered_room_is_set_aside_and_never_acknowledged(bench: Bench) -> None:
    stranger = Room("stranger")
    done = bench.take(*[stranger.heard(stranger.event()) for _ in range(3)])
    assert (done.acks, done.health) == ({}, True)
    assert bench.rows("SELECT COUNT(*) FROM events") == [(0,)]
    assert bench.rows("SELECT count, reason FROM set_aside") == [(3, "room stranger is not in the inventory")]


def test_set_aside_is_bounded_counted_and_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bad = [Unread("topic", f"r{n}", Received(f"t/{n}", b"x" * 9000, False, T0 + n, lambda: None)) for n in range(1100)]
    bench.take(*bad)
    assert bench.rows("SELECT COUNT(*), MAX(LENGTH(payload)) FROM set_aside") == [(1000, 4096)]
    assert bench.rows("SELECT value FROM meta WHERE key = 'set_aside_total'") == [("1100",)]
    assert len([record for record in caplog.records if "set aside" in record.message]) == 1


def test_unprintable_topics_do_not_harm(bench: Bench) -> None:
    for topic in ("\ud800", "a\x00b", "x" * 70_000):
        bench.take(Unread("topic", topic, Received(topic, b"\xff", False, T0, lambda: None)))
    assert bench.rows("SELECT SUM(count) FROM set_aside") == [(3,)]


def test_verdict_follows_the_state(bench: Bench) -> None:
    room = Room()
    bench.take(room.heard(room.status()))
    assert bench.verdict() == "unknown"
    bench.take(room.heard(room.state()))
    assert bench.verdict() == "ready"
    old = room.state((1, "escalated", "critical"))
    bench.take(room.heard(room.state((1, "confirmed", "warning"))))
    assert bench.verdict() == "check"
    bench.take(room.heard(old, room.now_s))
    assert bench.verdict() == "check"
    bench.applier.forget()
    bench.take(room.heard(room.metric(x=1.0)))
    assert bench.verdict() == "check"


def test_metrics_go_to_history_and_wild_times_do_not(bench: Bench) -> None:
    room = Room()
    batch = room.metric(**{"codec.temp_c": 41.5})
    batch.samples["codec.temp_c"].extend([(1e9, 1.0), (-1e9, 2.0)])
    bench.take(room.heard(batch), room.heard(batch))
    row = bench.db.execute("SELECT hour, count, samples FROM history").fetchone()
    assert row["count"] == 1
    assert chunks.unpack(row["hour"], row["samples"])[0][1] == 41.5


def test_silence_opens_one_incident_and_hearing_closes_it(bench: Bench) -> None:
    room = Room()
    bench.take(room.heard(room.state(), T0))
    assert not bench.applier.tick(T0 + 180, T0 - 999).incidents
    assert not bench.applier.tick(T0 + 9999, None).incidents, "the hub itself was deaf"
    assert bench.applier.tick(T0 + 181, T0 - 999).incidents == {1}
    assert not bench.applier.tick(T0 + 200, T0 - 999).incidents
    assert bench.verdict() == "lost"
    assert bench.rows("SELECT rule, epoch, needs_person, opened_s, closed_s FROM incidents") == [
        ("room_lost", "hub", 1, T0, 0)
    ]
    done = bench.take(room.heard(room.status(), T0 + 300))
    assert (done.incidents, bench.verdict()) == ({1}, "ready")
    assert bench.rows("SELECT outcome, closed_s FROM incidents") == [("itself", T0 + 300)]
    assert bench.rows("SELECT kind FROM events ORDER BY seq") == [("hub_lost",), ("hub_heard",)]
    bench.applier.tick(T0 + 900, T0 - 999)
    assert bench.rows("SELECT fault_id, closed_s > 0 FROM incidents ORDER BY id") == [(1, 1), (2, 0)]


def test_leftover_status_does_not_end_a_loss(bench: Bench) -> None:
    room = Room()
    bench.take(room.heard(room.status(), T0))
    bench.applier.tick(T0 + 200, 0)
    bench.take(room.heard(room.status(), T0 + 300, retained=True))
    assert bench.verdict() == "lost"


def test_last_will_makes_lost_after_its_grace(bench: Bench) -> None:
    room = Room()
    status = room.status()
    will = type(status)(stamp=status.stamp, online=False, connection=1)
    bench.take(room.heard(status, T0), room.heard(will, T0 + 20))
    assert not bench.applier.tick(T0 + 34, 0).rooms
    assert bench.applier.tick(T0 + 35, 0).rooms == {"p1-1"}


def test_a_room_that_is_back_within_the_grace_of_its_will_was_never_gone(bench: Bench) -> None:
    room = Room()
    status = room.status()
    will = type(status)(stamp=status.stamp, online=False, connection=1)
    bench.take(room.heard(status, T0), room.heard(will, T0 + 20))
    assert bench.applier.heard_count == 1
    assert bench.rows("SELECT online FROM twins WHERE room = 'p1-1'") == [(1,)]
    bench.take(room.heard(room.status(connection=2), T0 + 30))
    bench.applier.tick(T0 + 40, 0)
    assert bench.rows("SELECT COUNT(*) FROM incidents") == [(0,)]


def test_cluster_that_falls_silent_is_one_group(bench: Bench) -> None:
    rooms = [Room(f"p1-{n}") for n in range(1, 5)]
    bench.take(*[room.heard(room.status(), T0 + n) for n, room in enumerate(rooms)])
    bench.applier.tick(T0 + 300, 0)
    assert bench.rows("SELECT grp, COUNT(*) FROM incidents GROUP BY 1") == [(f"room_lost:c1:{int(T0)}", 4)]


def test_room_taken_out_of_service_is_not_missed(bench: Bench) -> None:
    room = Room()
    bench.take(room.heard(room.status(), T0))
    bench.applier.tick(T0 + 300, 0)
    bench.db.execute("UPDATE rooms SET installed = 0")
    bench.applier.forget()
    assert bench.applier.tick(T0 + 301, 0).incidents == {1}
    assert bench.rows("SELECT COUNT(*) FROM incidents WHERE closed_s = 0") == [(0,)]


def test_new_card_supersedes_what_the_old_one_left_open(bench: Bench) -> None:
    room = Room()
    bench.take(*[room.heard(event) for event in story(room)[:2]])
    fresh = Room(epoch="e2", boot="b2", start_s=T0 + 500)
    bench.take(fresh.heard(fresh.state()))
    assert bench.rows("SELECT phase, outcome FROM incidents") == [("clear", "superseded")]


@pytest.mark.parametrize(("outbox", "faults", "closed"), [(0, (), 1), (2, (), 0), (0, ((1, "confirmed", "major"),), 0)])
def test_end_whose_word_was_lost_is_seen_in_the_state(
    bench: Bench, outbox: int, faults: tuple[tuple[int, str, str], ...], closed: int
) -> None:
    room = Room()
    bench.take(*[room.heard(event) for event in story(room)[:2]])
    room.mono_s += 100
    bench.take(room.heard(room.state(*faults, outbox=outbox)))
    assert bench.rows("SELECT closed_s > 0 FROM incidents") == [(closed,)]


def order(db: sqlite3.Connection, id_: str = "c1", expires_s: float = T0 + 60) -> None:
    db.execute(
        "INSERT INTO orders (id, room, action, by, created_s, expires_s, outcome) VALUES (?, 'p1-1', 'recheck', 'an',"
        " ?, ?, 'sent')",
        (id_, T0, expires_s),
    )


def test_replies_move_an_order_and_a_lost_one_is_made_up_by_the_event(bench: Bench) -> None:
    room = Room()
    order(bench.db)
    bench.take(room.heard(Reply(stamp=room.stamp(), outcome="accepted", act_id=4), id_="c1"))
    assert bench.rows("SELECT outcome, act_id FROM orders") == [("accepted", 4)]
    bench.take(
        room.heard(room.event(EventKind.REMEDY_DONE, command="c1", outcome="done", act_id=4, proof={"off_s": 15.0}))
    )
    assert bench.rows("SELECT outcome, proof FROM orders") == [("done", '{"off_s": 15.0}')]
    bench.take(room.heard(Reply(stamp=room.stamp(), outcome="failed"), id_="c1"))
    assert bench.rows("SELECT outcome FROM orders") == [("done",)], "an end is final"


def test_reply_of_another_room_or_order_changes_nothing(bench: Bench) -> None:
    order(bench.db)
    other = Room("p2-1")
    bench.take(other.heard(Reply(stamp=other.stamp(), outcome="done"), id_="c1"))
    bench.take(other.heard(Reply(stamp=other.stamp(), outcome="done"), id_="nosuch"))
    assert bench.rows("SELECT outcome FROM orders") == [("sent",)]


def test_order_expires_and_a_late_answer_is_still_the_truth(bench: Bench) -> None:
    room = Room()
    order(bench.db)
    assert not bench.applier.tick(T0 + 59, None).rooms
    assert bench.applier.tick(T0 + 60, None).rooms == {"p1-1"}
    assert bench.rows("SELECT outcome, reason FROM orders") == [("expired", "no_reply")]
    bench.take(room.heard(Reply(stamp=room.stamp(), outcome="refused", reason="in_call"), id_="c1"))
    assert bench.rows("SELECT outcome, reason FROM orders") == [("refused", "in_call")]


def test_counts_for_the_top_bar(bench: Bench) -> None:
    rooms = [Room("p1-1"), Room("p1-2")]
    bench.take(*[room.heard(room.status(), T0) for room in rooms])
    assert (bench.applier.heard_count, bench.applier.expected_count) == (2, 10)
    bench.applier.tick(T0 + 500, 0)
    assert bench.applier.heard_count == 0


def test_a_floor_made_for_another_database_closes_no_gap(bench: Bench) -> None:
    """It waited at the broker while the hub was brought back from a copy: what lies below can still come."""
    room = Room()
    mine = bench.rows("SELECT value FROM meta WHERE key = 'hub_epoch'")[0][0]
    made = [room.event() for _ in range(6)]

    def acked(seq: int, hub: str) -> int:
        return bench.take(room.heard(structs.replace(made[seq - 1], floor=seq, hub=hub))).acks["p1-1", "e1"]

    assert acked(1, mine) == 1
    assert acked(3, "a-database-that-is-gone") == 1
    assert acked(4, "") == 1, "a room that has not heard of any yet"
    assert acked(2, "a-database-that-is-gone") == 4
