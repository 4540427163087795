"""One thread decides: order, bounds, deadlines, rhythm. Time is moved by hand; only the worker tests use threads."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from agent.core.events import Event, Observed, Record, RecordKind, RemedyDone, Tick
from agent.core.facts import Instant, NoReading, Observation, Reading
from agent.core.phases import Phase
from agent.ports import InTime, Outcome, always
from agent.power.actuators import Actuators
from agent.runtime.loop import QUEUE_MAX, Loop
from agent.runtime.probe_threads import ABANDON_S, ABANDONED_MAX
from agent.runtime.room import Room
from agent.store.base import Batch
from agent.store.memory import MemoryStore
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.world import IDLE, WALL_S
from tests.agent.test_actuators import FakeRelays
from tests.agent.test_room import kinds, make
from tests.brokers import until
from wire.event_kinds import EventKind


class HandClock:
    """Time that the test moves."""

    def __init__(self) -> None:
        self.mono_s = 100.0

    def now(self) -> Instant:
        return Instant(self.mono_s, WALL_S + self.mono_s)


class FakeProbe:
    """A probe that answers at once, hangs until told otherwise, or raises."""

    name = "codec"
    keys: tuple[str, ...] = ("codec.api", "codec.in_call")
    period_s = 1000.0
    deadline_s = 5.0

    def __init__(self) -> None:
        self.release = threading.Event()
        self.release.set()
        self.looks = 0
        self.closed = False
        self.error: Exception | None = None

    def observe(self) -> Mapping[str, Reading]:
        self.looks += 1
        self.release.wait(20)
        if self.error:
            raise self.error
        return {"codec.api": True, "codec.in_call": False}

    def close(self) -> None:
        self.closed = True


class OrderStore(MemoryStore):
    """Says when it commits."""

    def __init__(self, log: list[str]) -> None:
        super().__init__("e")
        self._log = log

    def commit(self, batch: Batch) -> None:
        super().commit(batch)
        self._log += [f"intent {row.act_id}" for row in batch.begun]


class Codec:
    remedies = frozenset({"codec_restart"})

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        self._log.append(remedy)
        return Outcome(ok=True)


class Stand:
    """A loop on a stand."""

    def __init__(self, *probes: FakeProbe) -> None:
        self.log: list[str] = []
        self.clock = HandClock()
        self.store = OrderStore(self.log)
        self.room: Room = make(self.store)
        self.done: list[Event] = []
        self.fed = 0
        self.synced: list[bool] = []
        actuators = Actuators(FakeRelays(), [Codec(self.log)], self.done.append)
        self.loop = Loop(
            self.room, probes, actuators, self.clock, feed_watchdog=self._feed, on_clock_synced=self.synced.append
        )

    def _feed(self) -> None:
        self.fed += 1

    def see(self, readings: Mapping[str, Reading], at_s: float) -> None:
        self.clock.mono_s = at_s
        self.loop.turn([Observed(Observation("t", readings))])


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_an_act_begins_only_after_its_intent_is_kept(stand: Stand) -> None:
    stand.see(IDLE, 100)
    for at_s in (110, 120, 130):
        stand.see(HUNG, at_s)
    until("the end of the act", lambda: stand.done)
    intent, performed = stand.log
    assert intent.startswith("intent ")
    assert performed == "codec_restart"
    stand.loop.turn(stand.done)
    assert stand.room.state.fault("codec_hung").phase is Phase.SETTLING


def test_every_turn_feeds_the_watchdog_and_a_tick_comes_each_second(stand: Stand) -> None:
    for n in range(10):
        stand.clock.mono_s = 100 + n / 10
        stand.loop.turn([])
    assert stand.fed == 10
    assert stand.loop._next_tick_s == 101.0


def test_what_the_actuators_have_to_tell_is_told_at_every_turn(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    news = [[Record(RecordKind.POWER_MISSING, load="codec")], [], [Record(RecordKind.POWER_BACK, load="codec")]]
    monkeypatch.setattr(stand.loop._actuators, "news", lambda: news.pop(0))
    for n in range(3):
        stand.clock.mono_s = 100.0 + n
        stand.loop.turn([])
    assert [kind for kind in kinds(stand.store) if kind.startswith("power")] == [
        EventKind.POWER_MISSING,
        EventKind.POWER_BACK,
    ]


def test_a_full_queue_drops_the_oldest_reading_and_never_an_outcome(stand: Stand) -> None:
    stand.loop.put(RemedyDone(1, ok=True))
    for n in range(QUEUE_MAX + 20):
        stand.loop.put(Observed(Observation("t", {"env.temp_c": float(n)})))
    events = stand.loop._wait()
    assert len(events) == QUEUE_MAX
    assert stand.loop.dropped == 21
    assert any(isinstance(e, RemedyDone) for e in events)
    last = events[-1]
    assert isinstance(last, Observed)
    assert last.observation.readings == {"env.temp_c": QUEUE_MAX + 19.0}
    assert all(
        isinstance(e, RemedyDone | Tick) or e.observation.readings["env.temp_c"] != 0.0  # type: ignore[union-attr]
        for e in events
    )


def test_the_clock_learns_that_it_is_disciplined(stand: Stand) -> None:
    stand.see({"net.clock_synced": True}, 100)
    stand.see({"net.clock_synced": NoReading("timeout")}, 101)
    assert stand.synced == [True]


@pytest.fixture
def hanging() -> tuple[Stand, FakeProbe]:
    probe = FakeProbe()
    return Stand(probe), probe


def attempt(stand: Stand) -> Reading:
    return stand.room.state.facts["codec.api"].attempt


def test_a_probe_past_its_deadline_is_a_time_out_once_and_its_late_word_still_counts(
    hanging: tuple[Stand, FakeProbe],
) -> None:
    stand, probe = hanging
    probe.release.clear()
    stand.loop.probes.employ(stand.loop.probes.workers[0])
    until("the look to begin", lambda: probe.looks == 1)
    stand.clock.mono_s = 104
    stand.loop.turn([])
    assert "codec.api" not in stand.room.state.facts
    for at_s in (106, 108):
        stand.clock.mono_s = at_s
        stand.loop.turn([])
    assert attempt(stand) == NoReading("timeout")
    seen = stand.room.state.facts["codec.api"]
    assert (seen.alike, seen.attempt_at_s) == (1, 100), "one time-out, not one a tick, of the question then asked"
    probe.release.set()
    until("its late word", lambda: not stand.loop._queue.empty())
    stand.loop.turn(stand.loop._wait())
    assert attempt(stand) is True


def test_a_probe_that_hangs_is_replaced_a_bounded_number_of_times(hanging: tuple[Stand, FakeProbe]) -> None:
    stand, probe = hanging
    probe.release.clear()
    worker = stand.loop.probes.workers[0]
    stand.loop.probes.employ(worker)
    for n in range(1, ABANDONED_MAX + 3):
        looks = min(n, ABANDONED_MAX + 1)
        until("the next thread's look", lambda looks=looks: probe.looks == looks and worker.looking_since_s > 0)  # type: ignore[misc]
        stand.clock.mono_s += probe.deadline_s + ABANDON_S + 1
        stand.loop.turn([])
    assert worker.hanging == ABANDONED_MAX
    probe.release.set()
    until("the hanging ones to end", lambda: worker.hanging == 0)
    events = stand.loop._wait()
    assert sum(isinstance(e, Observed) for e in events) <= 1, "only the thread that still counts reports"


def test_a_probe_that_raises_is_our_bug_and_goes_on(
    hanging: tuple[Stand, FakeProbe], caplog: pytest.LogCaptureFixture
) -> None:
    stand, probe = hanging
    probe.error = RuntimeError("ours")
    stand.loop.probes.employ(stand.loop.probes.workers[0])
    until("a report", lambda: not stand.loop._queue.empty())
    stand.loop.turn(stand.loop._wait())
    assert attempt(stand) == NoReading("bug")
    assert "our bug" in caplog.text
    probe.error = None
    stand.room.recheck = True  # an operator wants everything looked at
    stand.loop.turn([])
    until("another look", lambda: probe.looks == 2)


def test_running_and_stopping_closes_the_probes(hanging: tuple[Stand, FakeProbe]) -> None:
    stand, probe = hanging
    thread = threading.Thread(target=stand.loop.run)
    thread.start()
    until("a look, and a turn", lambda: probe.looks == 1 and stand.fed, timeout_s=10)
    stand.loop.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert probe.closed
    assert EventKind.AGENT_STARTED in kinds(stand.store)
