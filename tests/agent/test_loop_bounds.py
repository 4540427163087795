"""What the loop waits for, how much it takes in at a time, and what a full queue drops. Time is moved by hand."""

from __future__ import annotations

import queue

import pytest

from agent.config.pace import shortened
from agent.core.events import Event, Observed, RemedyDone, Tick
from agent.core.facts import Observation
from agent.core.policy import make_policy
from agent.runtime.loop import QUEUE_MAX
from tests.agent.core.world import ALL_RELAYS, APIS, IDLE
from tests.agent.test_loop_delays import CALL, Stand


class Waits:
    """A queue that is empty, and keeps how long each wait for it was to last."""

    def __init__(self) -> None:
        self.timeouts_s: list[float | None] = []

    def get(self, timeout: float | None = None) -> Event:
        self.timeouts_s.append(timeout)
        raise queue.Empty


@pytest.mark.parametrize(("later_s", "waits_s"), [(0.0, 1.0), (0.6, 0.4), (1.0, 0.01), (7.0, 0.01), (-50.0, 1.0)])
def test_the_loop_waits_until_its_next_tick_is_due_and_no_longer(later_s: float, waits_s: float) -> None:
    stand, waits = Stand(), Waits()
    stand.turn(100.0)
    stand.clock.mono_s += later_s
    stand.loop._queue = waits  # type: ignore[assignment]
    assert stand.loop._wait() == []
    assert waits.timeouts_s == [pytest.approx(waits_s)]


def ticks(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the engine is given a tick."""
    found, feed = list[float](), stand.room.feed

    def feeding(event: Event, now: object) -> None:
        if isinstance(event, Tick):
            found.append(stand.clock.mono_s)
        feed(event, now)  # type: ignore[arg-type]

    monkeypatch.setattr(stand.room, "feed", feeding)
    return found


def test_a_tick_comes_in_the_moment_in_which_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand()
    found = ticks(stand, monkeypatch)
    for at_s in (100.0, 100.9, 101.0, 101.9, 102.5, 103.0, 103.5):
        stand.turn(at_s)
    assert found == [100.0, 101.0, 102.5, 103.5]


def test_who_fills_the_queue_as_fast_as_it_is_emptied_does_not_keep_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand()
    monkeypatch.setattr(stand.loop._queue, "get_nowait", Tick)
    assert len(stand.loop._waiting()) == QUEUE_MAX


def test_a_queue_full_of_outcomes_drops_the_oldest_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reports one more must not turn for ever; the engine ends the act whose outcome is lost."""
    stand = Stand()
    for n in range(1, QUEUE_MAX + 2):
        stand.loop.put(RemedyDone(n, ok=True))
    left = stand.loop._waiting()
    assert [one.act_id for one in left if isinstance(one, RemedyDone)] == list(range(2, QUEUE_MAX + 2))
    assert [record.message for record in caplog.records] == [
        "the queue holds nothing but outcomes: that of act 1 is lost, by our bug"
    ]
    assert stand.loop.dropped == 0, "it was no reading"


def test_outcomes_that_come_as_fast_as_they_are_taken_out_do_not_keep_who_reports(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stand = Stand()
    with monkeypatch.context() as endless:
        endless.setattr(stand.loop._queue, "get_nowait", lambda: RemedyDone(1, ok=True))
        stand.loop._make_room()
    assert len(caplog.records) == 1
    assert len(stand.loop._waiting()) == QUEUE_MAX - 1


def test_a_queue_that_the_loop_has_emptied_meanwhile_is_no_trouble(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It was full when asked, and the loop took all of it before anything could be dropped."""
    stand = Stand()
    put_nowait, answers = stand.loop._queue.put_nowait, [queue.Full()]

    def emptied(event: Event) -> None:
        if answers:
            raise answers.pop()
        put_nowait(event)

    monkeypatch.setattr(stand.loop._queue, "put_nowait", emptied)
    look = Observed(Observation("t", {"env.temp_c": 20.0}))
    stand.loop.put(look)
    assert stand.loop._waiting() == [look]
    assert (stand.loop.dropped, caplog.records) == (0, [])


def test_a_call_that_is_shown_in_the_moment_of_the_permit_ends_the_act() -> None:
    """Nobody can say which of the two came first."""
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.order("codec_restart")
    stand.turn(101.0)
    (in_time,) = stand.actuators.in_time
    assert in_time()
    stand.look(CALL, 101.0, 101.0)
    stand.passes(0.0)
    assert not in_time()


def test_compressed_time_leaves_a_lock_as_long_to_wait() -> None:
    """The demonstration shortens a witness to half a second; a codec's log-in takes as long as ever."""
    stand = Stand(shortened(make_policy(relays=ALL_RELAYS, apis=APIS), 0.1), time_scale=0.1)
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.order("codec_restart")
    stand.turn(100.1)
    (in_time,) = stand.actuators.in_time
    stand.clock.mono_s = 105.0
    assert in_time()
    stand.clock.mono_s = 105.2
    assert not in_time()


def test_every_probe_looks_once_when_the_room_asks_for_it() -> None:
    stand, asked = Stand(), list[float]()
    stand.loop.probes.look_now = lambda: asked.append(stand.clock.mono_s)  # type: ignore[method-assign]
    stand.room.recheck = True
    for at_s in (100.0, 101.0, 102.0):
        stand.turn(at_s)
    assert asked == [100.0]


def test_what_was_held_is_closed_once_however_often_the_loop_is_finished() -> None:
    stand = Stand()
    stand.look(IDLE, 100.0, 100.0)
    stand.turn(100.0)
    stand.store.takes_s = lambda batch: 6.0 if batch.begun else 0.0
    stand.order("codec_power_cycle")
    stand.turn(101.0)
    for _ in range(3):
        stand.loop.finish()
    assert stand.orders.answers == [("c1", "accepted"), ("c1", "late")]


def test_a_loop_that_never_turned_can_be_finished() -> None:
    """Something broke at its start, and the relays are given back all the same."""
    stand = Stand()
    stand.loop.finish()
    assert (stand.actuators.begun, stand.orders.answers) == ([], [])
