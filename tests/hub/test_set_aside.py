"""An event that the hub cannot apply stops nothing behind it, is kept as it came, and applied once it can be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wire.messages
from hub.core.own import DAY_S
from hub.intake.applied import Applied
from hub.intake.apply import Applier
from hub.intake.ingest import Heard, interpret
from hub.intake.link import Received
from hub.store import kept
from hub.store.db import open_db
from tests.hub.rooms import T0, Room, fill_inventory
from wire.event_kinds import EventKind
from wire.messages import Event, encode
from wire.topics import Leaf, Topic

TOPIC = str(Topic("p1-1", Leaf.EVENT))


class Bench:
    """An applier of one release over a database, and a room whose messages may be spoilt on their way."""

    def __init__(self, folder: Path) -> None:
        self.db = open_db(folder / "hub.db")
        fill_inventory(self.db)
        self.applier = Applier(self.db, 60.0, "1.0")
        self.room = Room()

    def take(self, *payloads: bytes, topic: str = TOPIC, at_s: float = T0 + 100) -> Applied:
        items = [interpret(Received(topic, raw, False, at_s, lambda: None)) for raw in payloads]
        return self.applier.apply(items, at_s)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.db.execute(sql)]

    def release(self, version: str) -> Applied:
        """A hub of another release begins on the same database."""
        self.applier = Applier(self.db, 60.0, version)
        done, more = self.applier.retry_kept()
        assert not more
        return done


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.db.close()


def changed(event: Event, **fields: Any) -> bytes:
    return json.dumps(json.loads(encode(event)) | fields).encode()


SPOILT: dict[str, Callable[[Event], bytes]] = {
    "of another shape": lambda event: changed(event, fault_id="seven"),
    "against what rooms may say": lambda event: changed(event, fault_id=-1),
    "cut off": lambda event: encode(event)[:-20],
    "too great": lambda event: changed(event, kind="x" * 70_000),
    "of a newer major version": lambda event: changed(event, v=2, kind={"is": "a map now"}),
    "with rubbish behind": lambda event: encode(event) + b"\x00\xff",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=list(SPOILT))
def test_one_bad_event_stops_no_good_one(bench: Bench, spoil: Callable[[Event], bytes]) -> None:
    events = [bench.room.event() for _ in range(600)]
    done = bench.take(*[spoil(one) if one.stamp.seq == 1 else encode(one) for one in events])
    assert done.acks == {("p1-1", "e1"): 600}
    assert bench.rows("SELECT seq FROM acked") == [(600,)]
    assert bench.rows("SELECT COUNT(*) FROM events WHERE epoch = 'e1'") == [(599,)]
    ((seq, raw),) = bench.rows("SELECT seq, raw FROM kept_events")
    assert (seq, raw) == (1, spoil(events[0])[: wire.messages.PAYLOAD_MAX_BYTES])
    assert bench.rows("SELECT COUNT(*) FROM incidents WHERE closed_s = 0 AND epoch = 'hub'") == [(1,)]
    # It is known after a start of the hub as well, and once is enough.
    bench.applier.forget()
    assert bench.take(spoil(events[0])).acks == {("p1-1", "e1"): 600}
    assert bench.rows("SELECT COUNT(*) FROM kept_events") == [(1,)]


def test_one_that_is_kept_beyond_a_gap_is_known_after_a_start(bench: Bench) -> None:
    first, second = bench.room.event(), bench.room.event()
    assert bench.take(encode(second)[:-20]).acks == {("p1-1", "e1"): 0}
    bench.applier.forget()
    assert bench.take(encode(first)).acks == {("p1-1", "e1"): 2}


@pytest.mark.parametrize("stamp", [{"seq": 0}, {"seq": 2**60}, {"epoch": "hub"}, {"epoch": ""}, {"epoch": 5}])
def test_a_number_that_is_none_counts_for_nothing(bench: Bench, stamp: dict[str, Any]) -> None:
    event = json.loads(encode(bench.room.event()))
    done = bench.take(json.dumps(event | {"stamp": event["stamp"] | stamp}).encode())
    assert done.acks == {}
    assert bench.rows("SELECT rule, reason FROM incidents") == [("events_unread", "unnumbered")]


def test_a_good_copy_of_what_came_spoilt_is_taken(bench: Bench) -> None:
    event = bench.room.event()
    bench.take(encode(event)[:-20])
    bench.take(encode(event))
    assert bench.rows("SELECT kind FROM events WHERE epoch = 'e1'") == [(EventKind.AGENT_STARTED,)]
    bench.release("1.1")
    assert bench.rows("SELECT COUNT(*) FROM events WHERE epoch = 'e1'") == [(1,)]


def test_what_is_newer_is_applied_by_the_release_that_can_read_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [
        bench.room.event(EventKind.FAULT_CONFIRMED, fault_id=1, rule="codec_hung", severity="major", v=2),
        bench.room.event(EventKind.FAULT_CLEARED, fault_id=1, rule="codec_hung", v=2),
        bench.room.event(EventKind.LEASE_WANTED, v=2),
    ]
    assert bench.take(*map(encode, events)).acks == {("p1-1", "e1"): 3}
    assert bench.rows("SELECT rule, severity, needs_person FROM incidents") == [("version_newer", "info", 0)]
    bench.release("1.1")
    assert bench.rows("SELECT COUNT(*) FROM kept_events WHERE tried = '1.1'") == [(3,)], "it cannot either"
    monkeypatch.setattr(wire.messages, "MAJOR", 2)
    assert bench.release("1.1").rooms == set(), "and asks itself once"
    done = bench.release("2.0")
    assert done.asking == set(), "leave that was wanted long ago is wanted no more"
    assert bench.rows("SELECT rule, outcome FROM incidents WHERE epoch = 'e1'") == [("codec_hung", "itself")]
    assert bench.rows("SELECT COUNT(*) FROM kept_events") == [(0,)]
    assert bench.rows("SELECT backfilled FROM events WHERE epoch = 'e1'") == [(1,)] * 3


def test_a_kept_event_that_trips_over_a_defect_holds_up_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.take(*[encode(bench.room.event(v=2)) for _ in range(3)])
    monkeypatch.setattr(wire.messages, "MAJOR", 2)
    real = Applier._event

    def tripping(self: Applier, room: str, event: Any, *args: Any, **named: Any) -> None:
        real(self, room, event, *args, **named)
        if event.stamp.seq == 2:
            raise ZeroDivisionError("defect")

    monkeypatch.setattr(Applier, "_event", tripping)
    bench.release("2.0")
    assert bench.rows("SELECT seq FROM events WHERE epoch = 'e1'") == [(1,), (3,)]
    assert bench.rows("SELECT seq FROM kept_events") == [(2,)]
    assert bench.rows("SELECT seq FROM acked") == [(3,)]


def test_what_is_kept_of_a_room_is_bounded_and_nothing_newer_is_lost(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "ROOM_ROWS", 10)
    newer = [encode(bench.room.event(v=2)) for _ in range(8)]
    spoilt = [encode(bench.room.event())[:-20] for _ in range(8)]
    assert bench.take(*newer, *spoilt).acks == {("p1-1", "e1"): 16}
    assert bench.rows("SELECT COUNT(*) FROM kept_events WHERE kind = 'newer'") == [(8,)]
    more = [encode(bench.room.event(v=2)) for _ in range(8)]
    assert bench.take(*more).acks == {("p1-1", "e1"): 18}, "what finds no room stays in the room"
    assert bench.rows("SELECT COUNT(*), MIN(kind) FROM kept_events") == [(10, "newer")]


def test_the_incident_ends_a_day_after_its_last_sign(bench: Bench) -> None:
    for hours in (0, 20):
        bench.take(encode(bench.room.event())[:-20], at_s=T0 + hours * 3600)
    assert bench.rows("SELECT count FROM own_signs") == [(2,)]
    bench.applier.tick(T0 + 20 * 3600 + DAY_S - 1, None)
    assert bench.rows("SELECT closed_s FROM incidents") == [(0.0,)]
    done = bench.applier.tick(T0 + 20 * 3600 + DAY_S + 1, None)
    assert (done.rooms, len(done.incidents)) == ({"p1-1"}, 1)
    assert bench.rows("SELECT outcome FROM incidents") == [("itself",)]
    assert bench.rows("SELECT kind FROM events WHERE epoch = 'hub' ORDER BY seq") == [
        ("hub_noticed",), ("hub_settled",)
    ]  # fmt: skip


def test_topics_that_a_room_invents_push_out_no_other_row(bench: Bench) -> None:
    bench.take(b"{", topic=str(Topic("p1-2", Leaf.STATE)))
    for number in range(1200):
        bench.take(b"{", topic=str(Topic("p1-1", Leaf.REPLY, f"c{number}")))
        bench.take(b"{", topic=f"diemcau/1/{number % 256:02x}/p1-1/event")
    assert len(bench.rows("SELECT 1 FROM set_aside")) <= 5
    assert any("p1-2" in topic for (topic,) in bench.rows("SELECT topic FROM set_aside"))


def test_two_boards_are_told_and_nothing_of_either_is_withheld(bench: Bench) -> None:
    one, other = Room(epoch="e1", boot="b1"), Room(epoch="e2", boot="b2", start_s=T0 + 5)

    def say(*items: Heard) -> Applied:
        return bench.applier.apply(items, max(item.source.received_s for item in items))

    fault = {"fault_id": 1, "rule": "codec_hung", "severity": "major"}
    say(one.heard(one.status()), one.heard(one.event(EventKind.FAULT_CONFIRMED, **fault)))
    say(one.heard(one.state((1, "confirmed", "major"))))
    say(other.heard(other.status()))
    assert bench.rows("SELECT rule FROM incidents WHERE epoch = 'hub'") == [], "a new card, so far"
    say(one.heard(one.status()))
    assert bench.rows("SELECT rule, severity FROM incidents WHERE epoch = 'hub'") == [("two_boards", "major")]
    say(
        other.heard(other.event(EventKind.FAULT_CONFIRMED, **fault)),
        other.heard(other.state((1, "confirmed", "major"))),
    )
    assert bench.rows("SELECT epoch, closed_s FROM incidents WHERE rule = 'codec_hung' ORDER BY 1") == [
        ("e1", 0.0), ("e2", 0.0)
    ]  # fmt: skip
    assert bench.applier.twin("p1-1").boot == "b2"
    say(one.heard(one.state((1, "confirmed", "major"), mode="safe")))
    twin = bench.applier.twin("p1-1")
    assert (twin.boot, twin.mode) == ("b1", "safe"), "who speaks is shown"


def test_a_new_card_supersedes_as_ever(bench: Bench) -> None:
    one, other = Room(epoch="e1", boot="b1"), Room(epoch="e2", boot="b2", start_s=T0 + 500)
    fault = {"fault_id": 1, "rule": "codec_hung", "severity": "major"}
    bench.applier.apply([one.heard(one.status()), one.heard(one.event(EventKind.FAULT_CONFIRMED, **fault))], T0 + 20)
    bench.applier.apply([other.heard(other.status()), other.heard(other.state())], T0 + 600)
    assert bench.rows("SELECT rule, outcome FROM incidents") == [("codec_hung", "superseded")]


def test_epochs_without_end_take_no_memory_without_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.intake.apply.ACKS_KEPT", 5)
    rooms = [Room(epoch=f"e{number}") for number in range(12)]
    for _ in range(3):
        for room in rooms:
            done = bench.applier.apply([room.heard(room.event(), T0 + 100)], T0 + 100)
            assert done.acks == {("p1-1", room.epoch): room.seq}
    assert len(bench.applier._acks) <= 5
