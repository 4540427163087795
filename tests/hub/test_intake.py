"""One room's certificate cannot fill the hub, accuse itself of a backlog, or leave anything at the broker for good."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from hub.intake import intake as module
from hub.intake.intake import BACKLOG_S, LOOK_AGAIN_S, Intake
from hub.intake.link import Broker, Received
from hub.runtime.service import Hub
from hub.store.db import open_db, open_reader, transaction
from tests.brokers import Mosquitto, until
from tests.hub.rooms import Room, fill_inventory
from wire.messages import encode
from wire.topics import Leaf, Topic, shard_of

EVENT = str(Topic("p1-1", Leaf.EVENT))
FOREIGN = [f"diemcau/1/{shard:02x}/p1-1/state" for shard in range(256) if f"{shard:02x}" != shard_of("p1-1")]


class Bench:
    """An intake with a clock of its own, and what came through it."""

    def __init__(self, folder: Path) -> None:
        self.db = open_db(folder / "hub.db")
        fill_inventory(self.db)
        self.now_s = 1000.0
        self.passed: list[Received] = []
        self.confirmed = 0
        self.cleared: list[str] = []
        self.looks = 0
        self.intake = Intake(self._pass, self._clear, self._look, lambda: self.now_s)

    def _pass(self, message: Received) -> bool:
        self.passed.append(message)
        return True

    def _clear(self, topic: str) -> bool:
        self.cleared.append(topic)
        return True

    def _look(self) -> None:
        self.looks += 1

    def _confirm(self) -> None:
        self.confirmed += 1

    def say(self, count: int, topic: str = EVENT, payload: bytes = b"x", retained: bool = False) -> None:
        for _ in range(count):
            assert self.intake.take(Received(topic, payload, retained, self.now_s, self._confirm))

    def tick(self) -> list[tuple[Any, ...]]:
        with transaction(self.db):
            self.intake(self.db, self.now_s)
        return [tuple(row) for row in self.db.execute("SELECT room, rule, reason FROM incidents WHERE closed_s = 0")]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.db.close()


def test_what_exceeds_the_pace_is_confirmed_and_dropped_unread(bench: Bench) -> None:
    bench.now_s += BACKLOG_S + 1
    bench.say(3000)
    bench.say(10, str(Topic("p1-2", Leaf.EVENT)))
    assert (len(bench.passed), bench.confirmed) == (2010, 1000)
    assert bench.tick() == [("p1-1", "room_floods", "over_pace")]
    bench.now_s += 10
    bench.say(600)
    assert len(bench.passed) == 2510
    bench.tick()
    assert [tuple(row) for row in bench.db.execute("SELECT count FROM own_signs")] == [(1100,)]


def test_days_at_the_full_pace_are_told_and_slowed(bench: Bench) -> None:
    passed = 0
    for _ in range(200):
        bench.now_s += 40
        bench.say(2000)
        passed += len(bench.passed)
        bench.passed.clear()
    assert 300_000 <= passed <= 300_000 + 200 * 400 + 2000
    assert bench.tick() == [("p1-1", "room_floods", "over_pace")]


def test_a_backlog_of_the_broker_accuses_nobody(bench: Bench) -> None:
    bench.intake.connected()
    bench.say(3000)
    assert len(bench.passed) == 2000
    assert bench.tick() == []


def test_who_is_in_no_inventory_floods_nobody_either(bench: Bench) -> None:
    bench.now_s += BACKLOG_S + 1
    bench.say(3000, str(Topic("stranger", Leaf.EVENT)))
    assert len(bench.passed) == 2000
    assert bench.tick() == []


def test_rubbish_is_removed_a_part_at_a_time(bench: Bench) -> None:
    for topic in FOREIGN:
        bench.say(1, topic, retained=True)
    bench.say(1, EVENT, retained=True)
    bench.say(1, str(Topic("p1-1", Leaf.STATE)), retained=True)
    assert bench.tick() == [("p1-1", "room_floods", "retained_rubbish")]
    assert len(bench.cleared) == module.CLEARED_AT_ONCE
    bench.tick()
    assert sorted(bench.cleared) == sorted([*FOREIGN, EVENT]), "and what belongs there stays"


def test_our_own_word_that_it_is_forgotten_is_no_message(bench: Bench) -> None:
    bench.say(1, FOREIGN[0], b"")
    assert (bench.passed, bench.confirmed) == ([], 1)
    bench.say(1, EVENT, b"")
    assert bench.passed == []


def test_once_a_day_the_broker_is_asked_for_all_that_it_keeps(bench: Bench) -> None:
    bench.tick()
    bench.now_s += LOOK_AGAIN_S + 1
    bench.tick()
    bench.tick()
    assert bench.looks == 1


class Flooder:
    """A client that publishes as fast as the broker takes it."""

    def __init__(self, port: int) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.max_inflight_messages_set(1000)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def say(self, topic: str, payload: bytes, retain: bool = False) -> paho.MQTTMessageInfo:
        return self.client.publish(topic, payload, qos=1, retain=retain)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


def begin(folder: Path, port: int) -> Hub:
    db = open_db(folder / "hub.db")
    if not db.execute("SELECT 1 FROM rooms").fetchone():
        fill_inventory(db)
    db.close()
    hub = Hub(folder / "hub.db", Broker(port=port), commit_ms=20)
    hub.start()
    until("connected", lambda: hub.health()["broker_connected"])
    return hub


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    reader: sqlite3.Connection = open_reader(folder / "hub.db")
    try:
        return [tuple(row) for row in reader.execute(sql)]
    finally:
        reader.close()


def kept_at(port: int) -> set[str]:
    """Topics at which the broker keeps something."""
    found: set[str] = set()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, message: found.add(message.topic)
    done: list[int] = []
    client.on_publish = lambda *_: done.append(1)
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("diemcau/#", 1)
    client.publish("somewhere/else", b"", qos=1)
    until("answered", lambda: done)
    client.disconnect()
    client.loop_stop()
    return found


@pytest.mark.broker
def test_a_room_that_floods_is_not_the_hub_s_load_and_the_others_are_heard(
    tmp_path: Path, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKLOG_S", -1.0)
    hub, loud = begin(tmp_path, broker.port), Flooder(broker.port)
    try:
        room, good = Room("p1-1"), Room("p1-2")
        for number in range(4000):
            event = room.event(detail={"much": "x" * 20_000}) if number % 2 else room.event()
            loud.say(EVENT, encode(event))
        event = good.event()
        loud.say(good.topic(event), encode(event)).wait_for_publish(60)
        until("the good one is stored", lambda: rows(tmp_path, "SELECT 1 FROM events WHERE room = 'p1-2'"), 60)
        (size,) = rows(tmp_path, "SELECT SUM(LENGTH(raw)) FROM events WHERE room = 'p1-1'")[0]
        assert size < 20 * 2**20, "of 40 MB"
        until("told", lambda: rows(tmp_path, "SELECT 1 FROM incidents WHERE rule = 'room_floods' AND room = 'p1-1'"))
        # What was dropped comes again, as an agent sends it, and nothing is lost.
        assert rows(tmp_path, "SELECT COUNT(*) FROM incidents WHERE room = 'p1-2'") == [(0,)]
    finally:
        loud.close()
        hub.stop()


@pytest.mark.broker
def test_rubbish_at_the_broker_is_gone_after_a_start_of_the_hub(tmp_path: Path, broker: Mosquitto) -> None:
    loud = Flooder(broker.port)
    honest = Room("p1-2").topic(Room("p1-2").status())
    for topic in FOREIGN:
        loud.say(topic, b"rubbish", retain=True)
    for number in range(300):
        loud.say(str(Topic("p1-1", Leaf.REPLY, f"c{number}")), b"rubbish", retain=True)
    loud.say(honest, encode(Room("p1-2").status()), retain=True).wait_for_publish(30)
    hub = begin(tmp_path, broker.port)
    try:
        fleet = "diemcau/1/fleet"
        until("all of it is gone", lambda: kept_at(broker.port) == {honest, fleet}, 60)
        # While connected the hub cannot see what is kept: it asks again.
        loud.say(EVENT, b"rubbish", retain=True).wait_for_publish(30)
        assert EVENT in kept_at(broker.port)
        hub._intake._looked_s -= LOOK_AGAIN_S + 1
        until("that as well", lambda: kept_at(broker.port) == {honest, fleet}, 60)
        assert hub.health()["broker_connected"]
        assert rows(tmp_path, "SELECT room, reason FROM incidents WHERE rule = 'room_floods'") == [
            ("p1-1", "retained_rubbish")
        ]
    finally:
        loud.close()
        hub.stop()
