"""The connection itself, over a real Mosquitto: what is lost, what comes back, and what cannot kill the thread."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.core.events import OrderReceived
from agent.store.base import Batch
from agent.store.memory import MemoryStore
from agent.transports.clock import SystemClock
from agent.uplink import report
from agent.uplink.publisher import BrokerConfig, Publisher, make_room_client, retry_delay_s
from agent.uplink.session import Outgoing, Session
from agent.uplink.trust import Trust
from tests.brokers import PROPERTIES_5, Mosquitto, publish_5, until
from wire import messages as m
from wire.topics import Leaf, Topic

ROOM = "r-pub"
WHO = report.Identity(ROOM, "e1", "b1", "0.1")


class Hub:
    """The least a hub does: keep every event by its number, then acknowledge without a gap."""

    def __init__(self, port: int) -> None:
        self.seen: list[int] = []
        self.status: list[m.Status] = []
        self.states = 0
        self.metrics = 0
        self.replies: list[tuple[str, m.Reply]] = []
        self.acks = True
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"hub{port}", clean_session=False)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self._subscribe
        self.client.on_message = self._take
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        # What is published before is nobody's: the broker takes it, and it is gone.
        assert subscribed.wait(30), "the broker did not take the subscription"

    def _subscribe(self, *_: Any) -> None:
        self.client.subscribe("diemcau/1/#", qos=1)

    def _take(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        topic = Topic.parse(message.topic)
        if topic.leaf is Leaf.EVENT:
            self.seen.append(m.decode(m.Event, bytes(message.payload)).stamp.seq)
            if self.acks:
                self.ack()
        elif topic.leaf is Leaf.STATUS:
            self.status.append(m.decode(m.Status, bytes(message.payload)))
        elif topic.leaf is Leaf.STATE:
            self.states += 1
        elif topic.leaf is Leaf.METRIC:
            self.metrics += 1
        elif topic.leaf is Leaf.REPLY:
            self.replies.append((topic.id, m.decode(m.Reply, bytes(message.payload))))

    def ack(self) -> None:
        top = 0
        known = set(self.seen)
        while top + 1 in known:
            top += 1
        self.send(Leaf.ACK, m.Ack(epoch="e1", seq=top, hub="h1"))

    def send(self, leaf: Leaf, message: Any, ident: str = "", *, retain: bool = False) -> None:
        self.client.publish(str(Topic(ROOM, leaf, ident)), m.encode(message), qos=1, retain=retain)

    def close(self) -> None:
        self.client.loop_stop()


class RoomSide:
    """A publisher with a store of its own."""

    def __init__(self, port: int, *, silent_s: float = 300.0) -> None:
        self.store = MemoryStore("e1")
        numbers = count(1)
        trust = Trust(accept_unsigned=True)
        self.session = Session(WHO, self.store, lambda: f"n{next(numbers)}", trust=trust, hub_epoch="h1")
        config = BrokerConfig("127.0.0.1", port, time_scale=0.01)
        self.woken = threading.Event()
        self.publisher = Publisher(self.session, config, SystemClock(), self.woken.set)

    def fill(self, n: int) -> None:
        batch = Batch()
        for _ in range(n):
            seq = self.store.reserve_seq()
            batch.events.append((seq, m.encode(m.Event(stamp=report.stamp(WHO, SystemClock().now(), seq), kind="x"))))
        self.store.commit(batch)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mosquitto") as running:
        yield running


@pytest.fixture
def started() -> Iterator[Callable[[Any], Any]]:
    made: list[Any] = []

    def start(thing: Any) -> Any:
        if isinstance(thing, RoomSide):
            thing.publisher.start()
            made.append(thing.publisher)
        else:
            made.append(thing)
        return thing

    yield start
    for thing in made:
        thing.close()


@pytest.mark.broker
def test_everything_arrives_and_a_good_end_is_said(broker: Mosquitto, started: Callable[[Any], Any]) -> None:
    hub: Hub = started(Hub(broker.port))
    room = RoomSide(broker.port)
    room.fill(30)
    started(room)
    room.publisher.offer(lambda s: s.offer_state(m.State(stamp=report.stamp(WHO, SystemClock().now()), facts={})))
    room.publisher.offer(
        lambda s: s.offer_metrics(m.MetricBatch(stamp=report.stamp(WHO, SystemClock().now()), samples={}))
    )
    until("events, state and metrics", lambda: room.store.pending() == 0 and hub.states and hub.metrics)
    assert sorted(set(hub.seen)) == list(range(1, 31))
    assert hub.status[-1].online
    assert hub.status[-1].nonce
    room.publisher.close()
    until("the goodbye", lambda: not hub.status[-1].online)


@pytest.mark.broker
def test_nothing_is_lost_when_the_broker_is_killed(broker: Mosquitto, started: Callable[[Any], Any]) -> None:
    hub: Hub = started(Hub(broker.port))
    room: RoomSide = started(RoomSide(broker.port))
    until("a connection", lambda: room.publisher.connected)
    hub.acks = False  # the broker takes the events and dies with them
    room.fill(20)
    until("some events at the broker", lambda: len(hub.seen) >= 5)
    broker.kill9()
    until("the loss noticed", lambda: not room.publisher.connected)
    hub.seen.clear()
    hub.acks = True
    room.fill(5)
    broker.start()
    until("every event acknowledged", lambda: room.store.pending() == 0, 60)
    assert set(hub.seen) == set(range(1, 26))


@pytest.mark.broker
def test_an_absent_broker_is_no_error(tmp_path: Path, started: Callable[[Any], Any]) -> None:
    broker = Mosquitto(tmp_path / "m")
    room: RoomSide = started(RoomSide(broker.port))
    room.fill(1)
    for _ in range(2000):
        room.publisher.offer(lambda _: None)  # a loop that goes on is never blocked by it
    assert room.publisher.alive(SystemClock().now().mono_s)
    with broker:
        until("a late broker to be found", lambda: room.publisher.connected)


@pytest.mark.broker
def test_a_callback_that_raises_kills_nothing(
    broker: Mosquitto, started: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub: Hub = started(Hub(broker.port))
    room: RoomSide = started(RoomSide(broker.port))
    until("a connection", lambda: room.publisher.connected)

    def broken(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(room.session, "received", broken)
    hub.send(Leaf.ACK, m.Ack(epoch="e1", seq=0))
    until("the mistake to be logged", lambda: "this is our bug" in caplog.text)
    monkeypatch.undo()
    room.fill(3)
    until("events to flow on", lambda: room.store.pending() == 0)
    assert room.publisher.connected


@pytest.mark.broker
def test_a_session_that_raises_costs_one_connection_only(
    broker: Mosquitto, started: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    started(Hub(broker.port))
    room: RoomSide = started(RoomSide(broker.port))
    until("a connection", lambda: room.publisher.connected)
    real, failures = room.session.due, count()

    def due(now: Any) -> list[Outgoing]:
        if next(failures) < 1:
            raise RuntimeError("ours")
        return real(now)

    monkeypatch.setattr(room.session, "due", due)
    room.fill(2)
    until("the events after a reconnect", lambda: room.store.pending() == 0)
    assert room.session.connection == 2


@pytest.mark.broker
def test_a_mute_broker_makes_the_client_be_built_anew(
    started: Callable[[Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.uplink.publisher.SILENT_S", 1.0)
    with Mosquitto(tmp_path / "m") as broker:
        room: RoomSide = started(RoomSide(broker.port))
        until("a connection", lambda: room.publisher.connected)
        monkeypatch.setattr(room.publisher, "_on_publish", lambda *_: None)  # no PUBACK is ever seen
        client = room.publisher._client
        assert client is not None
        client.on_publish = None
        room.fill(1)
        until("another client", lambda: room.publisher._client not in (None, client))


@pytest.mark.broker
def test_orders_come_in_and_answers_go_out(broker: Mosquitto, started: Callable[[Any], Any]) -> None:
    hub: Hub = started(Hub(broker.port))
    room: RoomSide = started(RoomSide(broker.port))
    until("a nonce", lambda: hub.status and hub.status[-1].nonce)
    order = m.Command(id="c1", room=ROOM, boot="b1", nonce=hub.status[-1].nonce, counter=1, action="light_on", by="lan")
    hub.send(Leaf.COMMAND, order, "c1")
    assert room.woken.wait(10)
    taken = room.publisher.inbox.get(timeout=10)
    assert taken.events == [OrderReceived("c1", "light_on", "lan")]
    assert taken.meta == {"counter": "1"}
    hub.send(Leaf.COMMAND, msgspec.structs.replace(order, id="c2"), "c2")  # the same counter again
    until("the refusal", lambda: hub.replies)
    assert [(i, r.outcome, r.reason) for i, r in hub.replies] == [("c2", "refused", "replayed")]


def test_the_will_is_kept_by_the_broker_and_the_session_lasts() -> None:
    client = make_room_client("r", BrokerConfig("h"), Outgoing("t", b"x", retain=True))
    assert (client._will_topic, client._will_payload, client._will_qos, client._will_retain) == (b"t", b"x", 1, True)
    assert client._clean_session is False
    assert client._protocol == MQTTProtocolVersion.MQTTv311


@pytest.mark.broker
@pytest.mark.parametrize("retain", [False, True], ids=["live", "retained"])
@pytest.mark.parametrize("held", PROPERTIES_5.values(), ids=list(PROPERTIES_5))
def test_whatever_a_message_of_mqtt_5_holds_the_room_goes_on(
    broker: Mosquitto, started: Callable[[Any], Any], held: bytes, retain: bool
) -> None:
    hub: Hub = started(Hub(broker.port))
    room: RoomSide = started(RoomSide(broker.port))
    until("a connection", lambda: room.publisher.connected)
    publish_5(broker.port, str(Topic(ROOM, Leaf.DESIRED)), b"{", held, retain=retain)
    taken = room.publisher.inbox.get(timeout=20)
    assert [record.reason for record in taken.records] == ["malformed"]
    room.fill(3)
    until("events to flow on", lambda: room.store.pending() == 0)
    assert room.session.connection == 1
    assert set(hub.seen) == {1, 2, 3}


def test_first_retries_spread_over_the_window_and_later_ones_back_off_with_full_jitter() -> None:
    rng = random.Random(1)
    first = [retry_delay_s(1, 60.0, rng) for _ in range(500)]
    assert min(first) < 3
    assert max(first) > 57
    for attempt, top in ((2, 20.0), (4, 80.0), (20, 300.0), (2000, 300.0)):
        later = [retry_delay_s(attempt, 60.0, rng) for _ in range(500)]
        assert min(later) >= 5
        assert 0.9 * top < max(later) <= top


def test_without_a_broker_nothing_is_started() -> None:
    room = RoomSide(1)
    silent = Publisher(room.session, BrokerConfig(), SystemClock(), lambda: None)
    silent.start()
    silent.offer(lambda s: s.disconnected())
    assert silent.alive(1e9)
    silent.close()
