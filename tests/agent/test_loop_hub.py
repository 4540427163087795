"""What goes between the loop and the hub's session: what is kept, told, answered. The hub is this test."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agent.core.events import Event, Observed, OrderReceived, Record, RecordKind
from agent.core.facts import Instant, Observation
from agent.power.actuators import Actuators
from agent.runtime.loop import Loop
from agent.store.memory import MemoryStore
from agent.uplink.session import Incoming, Session
from tests.agent.test_actuators import FakeRelays
from tests.agent.test_gate import Said, Stand, TwoClocks
from tests.agent.test_room import make
from wire import messages as m
from wire.event_kinds import EventKind


def test_what_came_with_a_message_is_kept_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """The counter of the last command is kept with it: a command that is played again would else pass."""
    stand = Stand()
    refused = Record(RecordKind.COMMAND_REFUSED, command="c1", reason="stale", detail={"counter": 6})
    stand.publisher.inbox.put(Incoming(records=[refused], meta={"counter": "7", "keys": "k"}))
    stand.turn()
    meta = stand.room.store.remember("b1").meta
    assert (meta["counter"], meta["keys"]) == ("7", "k")
    event = m.decode(m.Event, stand.room.store.outbox(0, 100)[-1][1])
    assert (event.kind, event.reason, event.detail) == (EventKind.COMMAND_REFUSED, "stale", {"counter": 6})
    assert event.stamp.wall_s == stand.clock.wall_s
    assert [record.message for record in caplog.records] == ["command_refused: stale {'counter': 6}"]


def test_an_order_is_answered_by_its_name() -> None:
    stand = Stand()
    stand.connect()
    stand.publisher.inbox.put(Incoming([OrderReceived("c1", "no_such_action", "lan")]))
    stand.turn()
    (answer,) = [sent for sent in stand.session.due(stand.clock.now()) if "/reply/" in sent.topic]
    assert answer.topic.endswith("/reply/c1")
    assert m.decode(m.Reply, answer.payload).reason == "unknown_action"


def hub_said(scale: float, online: Mapping[float, bool], until_s: float) -> list[tuple[float, bool]]:
    """When the engine is told whether the hub is there, if that is so from these moments on."""
    clock, store, told = TwoClocks(), MemoryStore("e"), list[tuple[float, bool]]()
    room = make(store, time_scale=scale)
    session = Session(room.who, store, lambda: "n")
    loop = Loop(room, [], Actuators(FakeRelays(), [], lambda _: None), clock, publisher=Said(session))  # type: ignore[arg-type]
    feed = room.feed

    def feeding(event: Event, now: Instant) -> None:
        if isinstance(event, Observed):
            assert event == Observed(Observation("hub", {"hub.session": session.online}))
            told.append((now.mono_s, session.online))
        feed(event, now)

    room.feed = feeding  # type: ignore[method-assign]
    while clock.mono_s <= until_s:
        session.online = online.get(clock.mono_s, session.online)
        loop.turn([])
        clock.mono_s += scale
    return told


@pytest.mark.parametrize(("scale", "every_s"), [(1.0, 10.0), (0.5, 5.0)])
def test_the_engine_hears_of_the_hub_at_once_and_then_now_and_then(scale: float, every_s: float) -> None:
    """Else it would take an hour-old word for the present one, or fill the room's memory with it."""
    online = {100.0 + 12 * scale: True, 100.0 + 34 * scale: False}
    told = hub_said(scale, online, 100.0 + 50 * scale)
    assert [(at_s - 100.0) / scale for at_s, _ in told] == [0, 10, 12, 22, 32, 34, 44]
    assert [said for _, said in told] == [False, False, True, True, True, False, False]
    assert told[1][0] - told[0][0] == every_s
