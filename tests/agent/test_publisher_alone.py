"""The connection without a broker: silence, a dead thread, messages that nobody took. Time is moved by hand."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from agent.core.events import DesiredChanged
from agent.uplink.publisher import BrokerConfig, Publisher
from agent.uplink.session import Incoming, Session
from tests.agent.test_loop import HandClock, Stand
from tests.agent.test_publisher import ROOM, RoomSide
from wire import messages as m
from wire.topics import Leaf, Topic


class FakeClient:
    """A broker that answers the connection and takes all. Each round takes a second; it confirms in those of
    `puback_at`."""

    def __init__(self, clock: HandClock, puback_at: set[int]) -> None:
        self.clock, self.rounds, self.puback_at = clock, 0, puback_at
        self.sent: list[int] = []
        self.on_connect: Any = None
        self.on_publish: Any = None
        self.on_message: Any = None

    def connect(self, *_: object) -> None:
        reason = ReasonCode(PacketTypes.CONNACK, "Success")
        self.on_connect(self, None, None, reason, None)

    def subscribe(self, *_: object, **__: object) -> None: ...

    def publish(self, *_: object, **__: object) -> Any:
        self.sent.append(len(self.sent) + 1)
        return SimpleNamespace(mid=len(self.sent), rc=0)

    def loop(self, _timeout_s: float) -> int:
        self.rounds += 1
        self.clock.mono_s += 1.0
        if self.rounds in self.puback_at:
            self.on_publish(self, None, self.sent[-1], None, None)
        assert self.rounds < 5000
        return 0

    def socket(self) -> None: ...


@pytest.mark.parametrize(("puback_at", "ends_after_s"), [(set(), 300), ({100}, 400), ({100, 399}, 699)])
def test_a_broker_that_confirms_nothing_for_five_minutes_is_left(
    monkeypatch: pytest.MonkeyPatch, puback_at: set[int], ends_after_s: int
) -> None:
    room, clock = RoomSide(1), HandClock()
    client = FakeClient(clock, puback_at)
    monkeypatch.setattr("agent.uplink.publisher.make_room_client", lambda *_: client)
    publisher = Publisher(room.session, BrokerConfig("h"), clock, lambda: None)
    room.fill(1)
    publisher._converse()
    assert ends_after_s < clock.mono_s - 100.0 <= ends_after_s + 2


def test_a_thread_that_is_not_there_or_stands_still_is_not_alive() -> None:
    room, clock = RoomSide(1), HandClock()
    publisher = Publisher(room.session, BrokerConfig("h"), clock, lambda: None)
    assert not publisher.alive(clock.mono_s), "never started, or ended"
    stand_still = threading.Event()
    publisher._thread = threading.Thread(target=stand_still.wait, daemon=True)
    publisher._thread.start()
    assert publisher.alive(clock.mono_s + 89)
    assert not publisher.alive(clock.mono_s + 90)
    stand_still.set()


def test_a_message_that_was_left_out_is_told_and_the_document_in_it_comes_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The hub's schedule would else count as known, and be in force nowhere, until the next start."""
    room, clock = RoomSide(1), HandClock()
    publisher = Publisher(room.session, BrokerConfig("h"), clock, lambda: None)
    topic, body = str(Topic(ROOM, Leaf.DESIRED)), m.encode(m.Desired(room=ROOM, version=7))
    message = SimpleNamespace(topic=topic, payload=body, retain=True)
    for _ in range(200):
        publisher.inbox.put_nowait(Incoming())
    client = FakeClient(clock, set())
    monkeypatch.setattr("agent.uplink.publisher.make_room_client", lambda *_: client)
    monkeypatch.setattr(client, "loop", lambda _s: client.on_message(client, None, message) or 0)
    publisher._converse()
    assert publisher.overflowed, "for the gate before the microphone"
    assert "one was left out" in caplog.text
    assert "faster than they could be taken in" in caplog.text
    while not publisher.inbox.empty():
        publisher.inbox.get_nowait()
    publisher._on_message(client, None, message)  # type: ignore[arg-type]
    assert [event.version for event in publisher.inbox.get_nowait().events if isinstance(event, DesiredChanged)] == [7]


def test_a_publisher_whose_thread_has_ended_lets_the_watchdog_bite() -> None:
    """Connected for the eye, and heard by nobody: only a new start of the agent mends that."""
    stand = Stand()
    session = Session(stand.room.who, stand.store, lambda: "n")
    publisher = Publisher(session, BrokerConfig("h"), stand.clock, lambda: None)
    stand.loop._publisher = publisher
    stand.loop.turn([])
    assert stand.fed == 0
    goes_round = threading.Event()
    publisher._thread = threading.Thread(target=goes_round.wait, daemon=True)
    publisher._thread.start()
    stand.loop.turn([])
    assert stand.fed == 1
    stand.clock.mono_s += 90
    stand.loop.turn([])
    assert stand.fed == 1, "a thread that hangs is as good as none"
    goes_round.set()


def test_a_message_that_was_left_out_leaves_the_room_in_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    stand, doubts = Stand(), list[bool]()
    monkeypatch.setattr(stand.loop._discretion, "doubt", lambda: doubts.append(True))
    session = Session(stand.room.who, stand.store, lambda: "n")
    publisher = stand.loop._publisher = Publisher(session, BrokerConfig("h"), stand.clock, lambda: None)
    stand.loop.turn([])
    assert doubts == []
    publisher.overflowed = True
    stand.loop.turn([])
    stand.loop.turn([])
    assert (doubts, publisher.overflowed) == ([True], False)
