"""The loop is late: the card takes its time, looks wait in the queue, a call begins. Time is moved by hand."""

from __future__ import annotations

import heapq
import queue
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from agent.core.events import DesiredChanged, Event, Observed, OrderReceived, RemedyDone
from agent.core.facts import NoReading, Observation, Reading
from agent.core.policy import Meeting, Policy
from agent.ports import InTime, always
from agent.power.actuators import Actuators
from agent.runtime.loop import Loop
from agent.store.base import Batch
from agent.store.memory import MemoryStore
from agent.uplink.session import Incoming
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.world import IDLE, WALL_S
from tests.agent.test_actuators import FakeRelays
from tests.agent.test_loop import HandClock
from tests.agent.test_room import make

CALL: dict[str, Reading] = {**IDLE, "codec.in_call": True, "codec.draw_w": 48.0}
SWEEP_S = 9.0
"""How long all questions take at 9,600 baud."""
BOOT_S = 150.0


class SlowStore(MemoryStore):
    """A card that takes its time, and lets the world go on meanwhile."""

    def __init__(self) -> None:
        super().__init__("e")
        self.passes: Callable[[float], None] = lambda _s: None
        self.takes_s: Callable[[Batch], float] = lambda _batch: 0.0

    def commit(self, batch: Batch) -> None:
        super().commit(batch)
        self.passes(self.takes_s(batch))


class Orders:
    """Of the publisher what the loop takes."""

    def __init__(self) -> None:
        self.inbox: queue.Queue[Incoming] = queue.Queue()
        self.overflowed = False
        self.session = SimpleNamespace(online=False, connection=0)
        self.answers: list[tuple[str, str]] = []

    def alive(self, now_s: float) -> bool:
        return True

    def offer(self, give: Any) -> None:
        if len(give.args) == 2:
            command, reply = give.args
            self.answers.append((command, reply.reason or reply.outcome))


class Inline(Actuators):
    """Performs in the caller's thread, and keeps what it was given."""

    def __init__(self, relays: FakeRelays, done: list[RemedyDone]) -> None:
        super().__init__(relays, [], done.append)
        self.begun: list[str] = []
        self.in_time: list[InTime] = []

    def start(self, order: Any, in_time: InTime = always) -> None:
        self.begun.append(order.remedy.name)
        self.in_time.append(in_time)


class Stand:
    """A loop whose clock, card and looks are in the test's hand."""

    def __init__(self, policy: Policy | None = None, time_scale: float = 1.0) -> None:
        self.coming: list[tuple[float, int, Event]] = []
        self.number = 0
        self.clock = HandClock()
        self.store = SlowStore()
        self.room = make(self.store, under=policy, time_scale=time_scale)
        self.store.passes = self.passes
        self.done: list[RemedyDone] = []
        self.relays = FakeRelays()
        self.actuators = Inline(self.relays, self.done)
        self.orders = Orders()
        self.loop = Loop(self.room, [], self.actuators, self.clock, publisher=self.orders)  # type: ignore[arg-type]

    def at(self, arrives_s: float, event: Event) -> None:
        """This comes to the loop's queue then."""
        self.number += 1
        heapq.heappush(self.coming, (arrives_s, self.number, event))

    def look(self, readings: Mapping[str, Reading], asked_s: float, arrives_s: float) -> None:
        stamps = dict.fromkeys(readings, asked_s)
        self.at(arrives_s, Observed(Observation("codec", readings, stamps)))

    def order(self, action: str, ident: str = "c1") -> None:
        self.orders.inbox.put(Incoming([OrderReceived(ident, action, "lan")]))

    def passes(self, seconds: float) -> None:
        """Time goes on, and what comes meanwhile waits in the queue."""
        self.clock.mono_s += seconds
        while self.coming and self.coming[0][0] <= self.clock.mono_s:
            self.loop.put(heapq.heappop(self.coming)[2])

    def turn(self, at_s: float) -> None:
        self.passes(at_s - self.clock.mono_s)
        self.loop.turn([])


def test_an_order_is_refused_for_a_call_that_waits_in_the_queue() -> None:
    """The loop has stood still for 20 s: idle at 108, in a call since 115, and an order in the inbox."""
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.look(IDLE, 108.0, 108.0)
    for at_s in (115.0, 117.0, 119.0):
        stand.look(CALL, at_s, at_s)
    stand.order("codec_power_cycle")
    stand.turn(121.0)
    assert stand.actuators.begun == []
    assert stand.orders.answers == [("c1", "in_call")]


def test_a_look_is_as_old_as_its_question() -> None:
    """An answer of a slow sweep says nothing of what has happened since its question was sent."""
    stand = Stand()
    stand.look(IDLE, 100.0, 109.0)
    stand.turn(109.0)
    stand.order("codec_power_cycle")
    stand.turn(109.1)
    assert stand.actuators.begun == [], "the witness is nine seconds old"
    stand.look({"codec.in_call": False, "codec.draw_w": 31.0}, 109.3, 109.5)
    stand.turn(109.5)
    assert stand.actuators.begun == ["codec_power_cycle"]


def test_an_older_answer_that_arrives_later_hides_nothing() -> None:
    stand = Stand()
    stand.look(CALL, 108.0, 108.2)
    stand.look(IDLE, 100.0, 109.0)
    stand.order("codec_power_cycle")
    stand.turn(109.0)
    assert stand.orders.answers == [("c1", "in_call")]


def test_what_the_hub_wants_is_known_before_its_order_and_before_any_rule_decides() -> None:
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.order("codec_power_cycle")
    start_s = WALL_S + 130.0
    stand.orders.inbox.put(Incoming([DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + 60.0),))]))
    stand.turn(101.0)
    assert stand.orders.answers == [("c1", "meeting_near")]


@pytest.mark.parametrize("takes_s", [3.0, 6.0, 45.0])
def test_a_call_that_begins_while_the_card_takes_the_intent_is_not_cut(takes_s: float) -> None:
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.store.takes_s = lambda batch: takes_s if batch.begun else 0.0
    stand.look(CALL, 101.0 + takes_s - 1.0, 101.0 + takes_s - 1.0)
    stand.order("codec_power_cycle")
    stand.turn(101.0)
    assert stand.actuators.begun == []
    stand.turn(stand.clock.mono_s + 1.0)
    assert stand.orders.answers[-1] == ("c1", "in_call")
    assert stand.room.state.load("codec").acts_s == (), "no budget is used up"
    assert stand.store.remember("b1").past_acts == (), "after a restart neither"


def test_what_waits_for_a_lock_longer_than_a_witness_is_good_for_may_not_begin() -> None:
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.order("codec_restart")
    stand.turn(101.0)
    (in_time,) = stand.actuators.in_time
    stand.clock.mono_s = 106.0
    assert in_time()
    stand.clock.mono_s = 106.1
    assert not in_time()


@pytest.mark.parametrize("readings", [{"codec.in_call": True}, {"codec.draw_w": 48.0}])
def test_a_call_that_any_look_shows_ends_an_act_that_waits_for_its_lock(readings: dict[str, Reading]) -> None:
    """Whether the loop takes that look in or stands still: the room has been told."""
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.order("codec_restart")
    stand.turn(101.0)
    (in_time,) = stand.actuators.in_time
    stand.passes(1.0)
    assert in_time()
    stand.look(readings, 102.5, 103.0)
    stand.passes(1.0)
    assert not in_time()


def test_a_call_of_before_forbids_no_act_that_was_permitted_since() -> None:
    stand = Stand()
    stand.look(CALL, 90.0, 100.0)
    stand.look(IDLE, 101.0, 101.0)
    stand.turn(101.0)
    stand.order("codec_restart")
    stand.turn(101.5)
    (in_time,) = stand.actuators.in_time
    assert in_time()


def test_an_unmuting_does_not_wait_longer_than_a_trial_may_take_to_end() -> None:
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    trial = Meeting("t", "Thử", WALL_S, WALL_S + 3600.0, trial=True)
    stand.orders.inbox.put(Incoming([DesiredChanged(1, (trial,))]))
    stand.order("codec_unmute")
    stand.turn(100.0)
    (in_time,) = stand.actuators.in_time
    stand.clock.mono_s += 5.1
    assert not in_time()


def test_an_act_that_has_ended_is_not_closed_as_unreported_by_a_tick_before_it() -> None:
    """The card took 39 s, and a message of the hub woke the loop before the act's end was reported."""
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.order("codec_restart")
    stand.turn(101.0)
    stand.loop.wake()
    stand.loop.put(RemedyDone(max(stand.room.state.acts), ok=True))
    stand.turn(140.0)
    assert stand.orders.answers[-1] == ("c1", "done")


def test_the_card_is_left_alone_while_an_act_waits_for_a_look_and_witnesses_are_asked_once() -> None:
    """Else a witness grows old while the card is written, and the two wait for each other for ever."""
    stand = Stand()
    asked: list[float] = []
    stand.loop.probes.ask_witnesses = lambda: asked.append(stand.clock.mono_s)  # type: ignore[method-assign]
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.store.takes_s = lambda _batch: 6.0
    stand.order("codec_power_cycle")
    stand.turn(101.0)
    assert (stand.clock.mono_s, asked) == (107.0, [107.0])
    stand.order("no_such_action", "c2")  # something to tell
    stand.turn(108.0)
    assert (stand.clock.mono_s, asked) == (108.0, [107.0])
    stand.look(IDLE, 108.0, 108.5)
    stand.turn(108.5)
    assert stand.actuators.begun == ["codec_power_cycle"]
    assert stand.store.remember("b1").open_acts[0].started.mono_s == 108.5, (
        "by when it was begun, though journalled before"
    )


def test_what_has_ended_is_known_before_an_order() -> None:
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.order("codec_restart")
    stand.turn(101.0)
    stand.loop.put(RemedyDone(max(stand.room.state.acts), ok=True))
    stand.order("codec_wake", "c2")
    stand.turn(102.0)
    assert stand.actuators.begun == ["codec_restart", "codec_wake"]


def test_who_wakes_a_loop_that_stands_still_never_waits_for_it() -> None:
    """Nor does what wakes it take an outcome's place in the queue."""
    stand = Stand()
    for _ in range(600):
        stand.loop.wake()
    done = [RemedyDone(n, ok=True) for n in range(20)]
    for one in done:
        stand.loop.put(one)
    assert [event for event in stand.loop._waiting() if isinstance(event, RemedyDone)] == done


def test_a_light_may_wait_for_its_lock() -> None:
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.order("light_on")
    stand.turn(100.0)
    stand.clock.mono_s += 1000.0
    assert stand.actuators.in_time == [always]


def test_the_guard_has_its_turn_in_every_turn() -> None:
    stand, calls = Stand(), []
    stand.actuators.guard = lambda: calls.append(1) or []  # type: ignore[method-assign, func-returns-value]
    for n in range(3):
        stand.turn(100.0 + n)
    assert len(calls) == 3


def test_an_act_that_waits_for_a_look_at_the_end_is_closed_as_not_sent() -> None:
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.store.takes_s = lambda batch: 6.0 if batch.begun else 0.0
    stand.order("codec_power_cycle")
    stand.turn(101.0)
    assert stand.store.remember("b1").open_acts, "it is journalled, and held"
    stand.loop.finish()
    stand.room.commit(stand.clock.now())
    memory = stand.store.remember("b1")
    assert (memory.open_acts, memory.past_acts) == ((), ())


def test_nothing_begins_when_the_agent_ends() -> None:
    """An order came in the last moment: its cut would have nobody to give the power back."""
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.order("codec_power_cycle")
    stand.loop.finish()
    stand.room.commit(stand.clock.now())
    assert stand.actuators.begun == []
    assert stand.orders.answers[-1] == ("c1", "late"), "whoever has ordered it hears of it"
    memory = stand.store.remember("b1")
    assert (memory.open_acts, memory.past_acts) == ((), ()), "it is closed as not sent"


class SlowRoom(Stand):
    """A codec on a slow line: a sweep every ten seconds that takes nine, and a card that takes six a commit."""

    def __init__(self) -> None:
        super().__init__()
        self.hung_s = self.call_s = float("inf")
        self.store.takes_s = lambda _batch: 6.0
        self.sweeping_until_s = 0.0
        self.loop.probes.ask_witnesses = self.witnesses  # type: ignore[method-assign]
        self.loop.probes.look_now = lambda: None  # type: ignore[method-assign]

    def truth(self, at_s: float) -> dict[str, Reading]:
        if at_s >= self.call_s:
            return {**CALL, "codec.api": at_s < self.hung_s}
        return dict(HUNG) if at_s >= self.hung_s else dict(IDLE)

    def witnesses(self) -> None:
        """They are asked at once, and a sweep gives way."""
        now_s = self.clock.mono_s
        said = {key: self.truth(now_s).get(key, NoReading("timeout")) for key in ("codec.in_call", "codec.draw_w")}
        self.look({"codec.draw_w": said["codec.draw_w"]}, now_s + 0.1, now_s + 0.5)
        self.look({"codec.in_call": said["codec.in_call"]}, now_s + 0.1, now_s + 2.5)

    def sweep(self, began_s: float) -> None:
        """The meter answers at once; of the codec each question is as old as it is."""
        self.look({"codec.draw_w": self.truth(began_s)["codec.draw_w"]}, began_s, began_s + 0.3)
        told = {k: v for k, v in self.truth(began_s).items() if k != "codec.draw_w"}
        self.look(told, began_s, began_s + SWEEP_S)

    def run(self, until_s: float) -> None:
        next_s = self.clock.mono_s
        while self.clock.mono_s < until_s and not self.actuators.begun:
            while next_s <= self.clock.mono_s + 10.0:
                self.sweep(next_s)
                next_s += 10.0
            self.passes(1.0)
            self.loop.turn([])


def test_a_slow_codec_on_a_slow_card_is_restarted_within_ninety_seconds_of_its_hang() -> None:
    room = SlowRoom()
    room.run(160.0)
    room.hung_s = room.clock.mono_s
    room.run(room.hung_s + 200.0)
    assert room.actuators.begun == ["codec_restart"]
    assert room.clock.mono_s - room.hung_s <= 90.0


def test_it_is_not_restarted_in_a_call() -> None:
    room = SlowRoom()
    room.run(160.0)
    room.hung_s = room.clock.mono_s
    room.call_s = room.hung_s + 25.0
    room.run(room.hung_s + 300.0)
    assert room.actuators.begun == []
