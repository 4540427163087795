"""What an act says of its end, and how long the goodbye waits for one. Time is moved by hand."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent.core.events import RemedyDone
from agent.ports import InTime, Outcome, RelayError, always
from agent.power.actuators import DARK_TOLD_AFTER_S, REPORT_WAIT_S, Actuators
from tests.agent.test_actuators import FAILING, Codec, FakeRelays, FakeTime, order, perform

LONG = "x" * 150


STEP_S = 0.0625
"""A sum of these is exact."""


class Held(FakeTime):
    """An act sleeps until the test lets it go. Whoever else sleeps moves the clock by one step."""

    def __init__(self) -> None:
        super().__init__()
        self.asleep, self.let_go = threading.Event(), threading.Event()
        self.slept_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        if threading.current_thread().name.startswith("act-"):
            self.asleep.set()
            self.let_go.wait(30)
        else:
            self.slept_s.append(seconds)
            self.now_s += STEP_S


class Asked:
    """A device that keeps what it was asked by whom, and answers when the test lets it."""

    remedies = frozenset({"codec_restart", "codec_wake"})

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.threads: list[threading.Thread] = []
        self.busy, self.let_go = threading.Event(), threading.Event()

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        self.orders.append(remedy)
        self.threads.append(threading.current_thread())
        self.busy.set()
        self.let_go.wait(30)
        return Outcome(ok=True)


@contextmanager
def under_way() -> Iterator[tuple[Actuators, Asked, queue.Queue[RemedyDone], Held]]:
    """An order that the codec has not answered yet."""
    device, clock, done = Asked(), Held(), queue.Queue[RemedyDone]()
    actuators = Actuators(FakeRelays(), [device], done.put, sleep=clock.sleep, monotonic=clock.monotonic)
    actuators.start(order("codec_restart"))
    assert device.busy.wait(10)
    try:
        yield actuators, device, done, clock
    finally:
        device.let_go.set()


def test_a_second_act_on_a_load_is_refused_until_the_first_has_ended() -> None:
    with under_way() as (actuators, device, done, _):
        actuators.start(order("codec_wake"))
        assert done.get(timeout=10) == RemedyDone(1, ok=False, reason="load_busy")
        device.let_go.set()
        assert done.get(timeout=10) == RemedyDone(1, ok=True)
        actuators.start(order("codec_wake"))
        assert done.get(timeout=10) == RemedyDone(1, ok=True)
        assert device.orders == ["codec_restart", "codec_wake"]


def test_an_acts_thread_bears_its_name_and_keeps_no_process_from_its_end() -> None:
    with under_way() as (_, device, _, _):
        assert [(thread.name, thread.daemon) for thread in device.threads] == [("act-1", True)]


def test_what_the_engine_switches_by_itself_is_left_to_it() -> None:
    relays, done = FakeRelays(), list[RemedyDone]()
    actuators = Actuators(relays, [], done.append)
    actuators.start(order("room_staged_boot"))
    assert (done, relays.moves, actuators._busy) == ([], [], set())


def test_without_any_relay_nothing_is_switched_and_nothing_is_told() -> None:
    done: queue.Queue[RemedyDone] = queue.Queue()
    actuators = Actuators(None, [], done.put)
    actuators.start(order("codec_power_cycle"))
    assert done.get(timeout=10) == RemedyDone(1, ok=False, reason="not_fitted")
    assert (actuators.news(), actuators.guard()) == ([], [])


@pytest.mark.parametrize("remedy", ["codec_wake", "switch_power_cycle"])
def test_what_is_not_there_is_not_fitted(remedy: str) -> None:
    assert perform(remedy, FakeRelays())[0] == RemedyDone(1, ok=False, reason="not_fitted")


class Broken(FakeRelays):
    """Relays that say a lot about why they move nothing, before anybody could be asked."""

    def cut(self, load: str, give_back_s: float | None = None, in_time: InTime = always) -> None:
        raise RelayError(LONG)


@pytest.mark.parametrize(("remedy", "moves"), [("codec_power_cycle", [("codec", True)]), ("light_off", [])])
def test_why_a_relay_failed_is_told_in_short_and_a_cycle_gives_power_all_the_same(
    remedy: str, moves: list[tuple[str, bool]]
) -> None:
    """A line that cannot be driven may have cut all the same."""
    relays = Broken()
    done, _ = perform(remedy, relays)
    assert done == RemedyDone(1, ok=False, reason="relay", proof={"error": "x" * 100})
    assert relays.moves == moves


def test_an_act_that_is_our_bug_is_closed_and_told_in_short(caplog: pytest.LogCaptureFixture) -> None:
    class Buggy(Codec):
        def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
            raise RuntimeError(LONG)

    done: queue.Queue[RemedyDone] = queue.Queue()
    Actuators(None, [Buggy(None)], done.put).start(order("codec_restart"))
    assert done.get(timeout=10) == RemedyDone(1, ok=False, reason="bug", proof={"error": "x" * 100})
    assert [record.message for record in caplog.records] == ["act 1 failed in a way that is our bug"]


def test_a_cycles_off_time_is_told_to_a_tenth_with_the_time_that_the_relay_takes() -> None:
    clock = FakeTime()

    class Slow(FakeRelays):
        def restore(self, load: str) -> None:
            clock.now_s += 0.17
            super().restore(load)

    assert perform("codec_power_cycle", Slow(), time=clock)[0].proof["off_s"] == 15.2


def test_a_cycle_that_went_well_says_nothing_in_the_log_and_is_no_business_of_the_guard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeTime()
    done, actuators = perform("codec_power_cycle", FakeRelays(), time=clock)
    assert (done.ok, done.reason) == (True, "")
    clock.now_s += 1000.0
    assert actuators.guard() == []
    assert caplog.records == []


def test_a_cycle_that_gave_no_power_back_says_so() -> None:
    relays = FakeRelays()
    relays.fail_restore = FAILING
    done, _ = perform("codec_power_cycle", relays)
    assert (done.ok, done.reason) == (False, "relay")
    assert done.proof["line_restored"] is False


def test_power_that_comes_back_at_the_second_try_is_told(caplog: pytest.LogCaptureFixture) -> None:
    relays = FakeRelays()
    relays.fail_restore = 1
    assert perform("codec_power_cycle", relays)[0].ok
    assert [record.message for record in caplog.records] == [
        "could not give power back to codec: stutter; trying again",
        "codec has power again, at try 2",
    ]


def test_the_guard_and_the_acts_own_thread_may_give_power_back_in_the_same_moment() -> None:
    clock = FakeTime()

    class Both(FakeRelays):
        def prod(self, load: str) -> bool:
            actuators._off_until_s.pop(load)  # as that thread does when it wakes after all
            return super().prod(load)

    actuators = Actuators(Both(), [], lambda _: None, monotonic=clock.monotonic)
    actuators._off_until_s["codec"] = clock.now_s
    clock.now_s += 100.0
    assert (actuators.guard(), actuators.guard()) == (["codec"], [])


def test_the_guard_tells_each_trouble_of_a_load_once(caplog: pytest.LogCaptureFixture) -> None:
    relays, clock = FakeRelays(), FakeTime()
    actuators = Actuators(relays, [], lambda _: None, monotonic=clock.monotonic)
    for _ in range(2):
        caplog.clear()
        actuators._off_until_s["codec"] = clock.now_s  # as an act's own thread leaves it that has died in its cycle
        clock.now_s += 100.0
        relays.fail_restore = 3
        assert [actuators.guard() for _ in range(4)] == [[], [], [], ["codec"]]
        assert [record.message for record in caplog.records] == [
            "codec is without power beyond its bound, and its relay fails: stutter",
            "codec stayed without power beyond its bound: it has been given back",
        ]


def test_every_trouble_with_a_loads_power_is_told_and_in_short() -> None:
    relays, clock = FakeRelays(), FakeTime()
    actuators = Actuators(relays, [], lambda _: None, monotonic=clock.monotonic)
    for _ in range(2):
        relays.fault = LONG
        assert actuators.news() == []
        clock.now_s += DARK_TOLD_AFTER_S
        (missing,) = actuators.news()
        assert missing.detail == {"error": "x" * 100}
        clock.now_s += 12.6
        relays.fault = ""
        (back,) = actuators.news()
        assert back.detail == {"after_s": 43}


def closed(actuators: Actuators, clock: Held, *wait_s: float) -> float:
    """How long the goodbye waits. It looks twenty times a second: the power supply may go at any moment."""
    began_s = clock.now_s
    actuators.close(*wait_s)
    assert set(clock.slept_s) <= {0.05}
    return clock.now_s - began_s


def test_the_goodbye_waits_for_nothing_when_nothing_is_under_way() -> None:
    with under_way() as (actuators, device, done, clock):
        device.let_go.set()
        assert done.get(timeout=10).ok
        device.threads[0].join(10)
        assert closed(actuators, clock) == 0.0


def test_the_goodbye_waits_two_seconds_for_an_order_to_a_device() -> None:
    with under_way() as (actuators, _, _, clock):
        assert closed(actuators, clock) == REPORT_WAIT_S
        assert closed(actuators, clock, 0.0) == 0.0


@pytest.mark.parametrize(("wait_s", "waits_s"), [((), 6.0), ((3.0,), 3.0), ((0.0,), 0.0)])
def test_the_goodbye_waits_longer_for_a_load_without_power_and_not_for_ever(
    wait_s: tuple[float, ...], waits_s: float
) -> None:
    relays, clock, done = FakeRelays(), Held(), queue.Queue[RemedyDone]()
    actuators = Actuators(relays, [], done.put, sleep=clock.sleep, monotonic=clock.monotonic)
    actuators.start(order("codec_power_cycle", 3000.0))
    assert clock.asleep.wait(10)
    assert closed(actuators, clock, *wait_s) == waits_s
    clock.let_go.set()
    assert done.get(timeout=10).ok, "its power is given back at once"
    assert relays.on["codec"]


def test_the_goodbye_ends_with_the_report_of_the_last_act() -> None:
    """Who reports is still waited for: the journal takes the outcome in after it."""
    with under_way() as (actuators, device, done, clock):
        slept = clock.sleep

        def answers(seconds: float) -> None:
            slept(seconds)
            device.let_go.set()
            device.threads[0].join(10)

        actuators._sleep = answers
        assert closed(actuators, clock) == STEP_S
        assert done.get(timeout=10).ok
