"""The running hub against a real broker: rooms' voices in, acknowledgements, orders and documents out."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from hub.core.leases import Budget
from hub.intake.link import Broker
from hub.port import HEALTH_KEYS, QUEUE_MAX, Change, HubBusyError, HubPort, Marked, Ordered, Subscription
from hub.runtime.clock import HubClock
from hub.runtime.service import Hub
from hub.store.db import open_db, open_reader
from tests.brokers import Mosquitto, free_port, until
from tests.hub.rooms import Room, fill_inventory
from wire.event_kinds import EventKind
from wire.messages import Ack, Command, Desired, Fleet, Reply, decode, encode
from wire.topics import FLEET, Leaf, Topic


def make_db(path: Path) -> None:
    db = open_db(path)
    fill_inventory(db)
    db.close()


class Speaker:
    """A client that publishes a room's messages and keeps what comes down to it."""

    def __init__(self, port: int, room: Room) -> None:
        self.room = room
        self.got: queue.Queue[tuple[str, bytes, bool]] = queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, m: self.got.put((m.topic, bytes(m.payload), bool(m.retain)))
        granted = threading.Event()
        self._client.on_subscribe = lambda *_: granted.set()
        self._client.connect("127.0.0.1", port)
        base = str(Topic(room.room, Leaf.ACK)).removesuffix("/ack")
        self._client.loop_start()
        self._client.subscribe([(f"{base}/ack", 1), (f"{base}/command/+", 1), (f"{base}/desired", 1), (FLEET, 1)])
        assert granted.wait(10)

    def say(self, message: Any, id_: str = "") -> None:
        info = self._client.publish(self.room.topic(message, id_), encode(message), qos=1)
        info.wait_for_publish(10)

    def next(self, leaf: str) -> tuple[str, bytes]:
        """The next message of that leaf."""
        while True:
            topic, payload, _ = self.got.get(timeout=20)
            if leaf in topic.split("/"):
                return topic, payload

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Bench:
    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.path = folder / "hub.db"
        make_db(self.path)
        self.hub = Hub(self.path, Broker(port=broker.port), commit_ms=20)
        self.hub.start()
        until("connected", lambda: self.hub.health()["broker_connected"])
        self.room = Room(start_s=self.hub.health()["started_s"])
        self.speaker = Speaker(broker.port, self.room)

    def one(self, sql: str) -> tuple[Any, ...] | None:
        reader = open_reader(self.path)
        try:
            row = reader.execute(sql).fetchone()
            return tuple(row) if row else None
        finally:
            reader.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Mosquitto(tmp_path / "broker") as broker:
        made = Bench(tmp_path, broker)
        yield made
        made.speaker.close()
        made.hub.stop()


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Hub]:
    """A hub without a broker."""
    make_db(tmp_path / "hub.db")
    hub = Hub(tmp_path / "hub.db", Broker(port=free_port()), commit_ms=20)
    hub.start()
    yield hub
    hub.stop()


def incident(hub: Hub) -> int:
    """An open incident, put straight into the writer."""

    def make(db: sqlite3.Connection, _a: object, now_s: float) -> tuple[int, Change]:
        row = db.execute(
            "INSERT INTO incidents (room, epoch, fault_id, rule, severity, phase, opened_s, confirmed_s)"
            " VALUES ('p1-1', 'e', 1, 'codec_hung', 'major', 'confirmed', ?, ?) RETURNING id",
            (now_s, now_s),
        ).fetchone()
        return int(row[0]), Change()

    return hub._writer.call(make)


@pytest.mark.broker
def test_event_is_acknowledged_and_told(bench: Bench) -> None:
    subscription = bench.hub.subscribe()
    bench.speaker.say(bench.room.event())
    bench.speaker.say(bench.room.event())
    last = 0
    while last < 2:
        last = decode(Ack, bench.speaker.next("ack")[1]).seq
    change = subscription.get(10)
    assert change is not None
    assert bench.one("SELECT COUNT(*) FROM events") == (2,)
    assert bench.hub.health()["last_message_age_s"] < 30


@pytest.mark.broker
def test_fleet_is_retained_with_the_epoch_of_the_database(bench: Bench) -> None:
    fleet = decode(Fleet, bench.speaker.next("fleet")[1])
    assert (fleet.hub_epoch,) == bench.one("SELECT value FROM meta WHERE key = 'hub_epoch'")


@pytest.mark.broker
def test_order_there_and_back(bench: Bench) -> None:
    bench.speaker.say(bench.room.status())
    until("nonce heard", lambda: bench.one("SELECT 1 FROM twins WHERE nonce = 'n1' AND nonce_heard_s > 0"))
    ordered = bench.hub.order("p1-1", "recheck", "thu.ha", "thử")
    assert ordered.ok
    topic, payload = bench.speaker.next("command")
    assert Topic.parse(topic).id == ordered.id
    assert decode(Command, payload).nonce == "n1"
    assert bench.one("SELECT outcome FROM orders") == ("sent",)
    bench.speaker.say(Reply(stamp=bench.room.stamp(), outcome="done"), ordered.id)
    until("done", lambda: bench.one("SELECT outcome FROM orders") == ("done",))
    assert bench.hub.order("p1-2", "recheck", "thu.ha", "") == Ordered(refused="offline")


@pytest.mark.broker
def test_room_is_told_its_meetings_also_after_the_hub_was_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = bench.room.start_s
    other = sqlite3.connect(bench.path, timeout=20)
    other.execute("INSERT INTO meetings VALUES ('m1', 'Giao ban', ?, ?, 0)", (now_s + 3600, now_s + 7200))
    other.execute("INSERT INTO meeting_rooms VALUES ('m1', 'p1-1')")
    other.commit()
    other.close()
    document = decode(Desired, bench.speaker.next("desired")[1])
    assert [meeting.title for meeting in document.meetings] == ["Giao ban"]


@pytest.mark.broker
def test_nonsense_is_counted_and_the_hub_goes_on(bench: Bench) -> None:
    client = bench.speaker._client
    for topic, payload in (
        ("diemcau/1/00/p1-1/event", b"{}"), (str(Topic("p1-1", Leaf.EVENT)), b"\xff"),
        (str(Topic("x", Leaf.STATE)), b""),
        (str(Topic("p1-1", Leaf.METRIC)), b"x" * 70_000), (str(Topic("p1-1", Leaf.STATUS)), b'{"v":9}'),
        (str(Topic("nobody", Leaf.EVENT)), encode(bench.room.event())),
    ):  # fmt: skip
        client.publish(topic, payload, qos=1).wait_for_publish(10)
    bench.room.seq = 0
    bench.speaker.say(bench.room.event())
    assert decode(Ack, bench.speaker.next("ack")[1]).seq == 1
    until("counted", lambda: bench.hub.health()["set_aside"] == 6)


def test_hub_is_a_hub_port_and_says_how_it_is(deaf: Hub) -> None:
    port: HubPort = deaf
    health = port.health()
    assert set(HEALTH_KEYS) <= set(health)
    assert (health["broker_connected"], health["rooms_expected"], health["last_message_age_s"]) == (False, 10, None)
    assert deaf.order("p1-1", "recheck", "an", "") == Ordered(refused="no_broker")


def test_marks_are_made_once_and_audited(deaf: Hub, tmp_path: Path) -> None:
    number = incident(deaf)
    now_s = deaf.clock()
    assert deaf.ack_incident(number, "ha") == Marked(holder="ha")
    assert deaf.ack_incident(number, "ha").ok
    assert deaf.ack_incident(number, "minh") == Marked("conflict", holder="ha")
    assert deaf.unack_incident(number, "minh").ok
    assert deaf.shelve_incident(number, "ha", now_s + 3600, "chờ linh kiện").ok
    assert deaf.unshelve(number, "ha").ok
    assert deaf.add_note(number, "ha", " đã gọi ").ok
    reader = open_reader(tmp_path / "hub.db")
    assert [r[0] for r in reader.execute("SELECT what FROM audit ORDER BY id")] == [
        "ack", "unack", "shelve", "unshelve", "note",
    ]  # fmt: skip
    assert tuple(reader.execute("SELECT by, text FROM notes").fetchone()) == ("ha", "đã gọi")
    reader.close()


def test_marks_that_cannot_be_made(deaf: Hub) -> None:
    number, now_s = incident(deaf), deaf.clock()
    assert deaf.ack_incident(999, "ha") == Marked("not_found")
    assert deaf.unack_incident(999, "ha") == Marked("not_found")
    assert deaf.unshelve(999, "ha") == Marked("not_found")
    assert deaf.add_note(999, "ha", "x") == Marked("not_found")
    assert deaf.add_note(number, "ha", "  ") == Marked("note_empty")
    assert deaf.shelve_incident(999, "ha", now_s + 60, "") == Marked("not_found")
    assert deaf.shelve_incident(number, "ha", now_s - 1, "") == Marked("duration")
    assert deaf.shelve_incident(number, "ha", now_s + 8 * 86_400, "") == Marked("duration")
    deaf._writer.call(lambda db, _a, n: (db.execute("UPDATE incidents SET closed_s = ?", (n,)) and None, Change()))
    assert deaf.ack_incident(number, "ha") == Marked("closed")
    assert deaf.shelve_incident(number, "ha", now_s + 60, "") == Marked("closed")
    assert deaf.add_note(number, "ha", "sau khi xong").ok


def test_watchers_hear_of_marks_and_of_the_end(deaf: Hub) -> None:
    subscription = deaf.subscribe()
    number = incident(deaf)
    deaf.ack_incident(number, "ha")
    change = subscription.get(10)
    assert change == Change(frozenset({"p1-1"}), frozenset({number}))
    deaf.stop()
    assert subscription.closed
    with pytest.raises(HubBusyError):
        deaf.ack_incident(number, "ha")


def test_watcher_that_falls_behind_is_told_to_refresh() -> None:
    subscription = Subscription(lambda _: None)
    for number in range(QUEUE_MAX + 1):
        subscription.put(Change(incidents=frozenset({number})))
    change = subscription.drain()
    assert change is not None
    assert change.refresh
    assert subscription.get(0) is None


def test_clock_that_is_set_makes_no_room_lost(tmp_path: Path) -> None:
    make_db(tmp_path / "hub.db")
    now = [1000.0]
    hub = Hub(tmp_path / "hub.db", Broker(port=free_port()), clock=HubClock(lambda: now[0], lambda: now[0]))
    assert hub._listening() is None
    hub._link_changed(True)
    now[0] += 9
    assert hub._listening() == 1000
    now[0] += 7200
    assert hub._listening() == now[0]
    now[0] -= 86_400
    assert hub._listening() == now[0]
    hub._link_changed(False)
    assert hub._listening() is None


@pytest.mark.broker
def test_a_room_that_asks_is_given_leave_until_the_fleets_budget_is_used_up(bench: Bench) -> None:
    bench.hub._budget = Budget(share_pct=0.0, floor=1)
    bench.speaker.say(bench.room.status())
    until("the nonce is known", lambda: bench.one("SELECT nonce FROM twins WHERE nonce != ''") is not None)
    answers = []
    for _ in range(2):
        bench.speaker.say(bench.room.event(kind=EventKind.LEASE_WANTED, remedy="codec_restart", load="codec"))
        topic, payload = bench.speaker.next("command")
        answers.append(decode(Command, payload).action)
        done = Reply(stamp=bench.room.stamp(), outcome="done")
        bench.speaker.say(done, topic.rsplit("/", 1)[1])
        until("the answer has ended", lambda: bench.one("SELECT 1 FROM orders WHERE outcome = 'sent'") is None)
    assert answers == ["lease_granted", "lease_denied"]
