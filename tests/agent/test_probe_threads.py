"""Witnesses are asked apart, in threads of their own. Time is moved by hand; only the threads are real."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from agent.core.events import Observed
from agent.core.facts import NoReading, Reading
from agent.ports import Asked
from agent.runtime.probe_threads import ProbeThreads, Worker
from tests.agent.test_loop import FakeProbe, HandClock
from tests.brokers import until


class Codec(FakeProbe):
    """Can be asked about calls alone; each time it waits until it may answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.answers = threading.Semaphore(0)
        self.says: Mapping[str, Reading] | Exception = Asked({"codec.in_call": False}, {"codec.in_call": 99.0})

    def attest(self) -> Mapping[str, Reading]:
        self.asked += 1
        self.answers.acquire(timeout=20)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Meter(FakeProbe):
    """A witness that has one question only."""

    name = "meter"
    keys = ("codec.draw_w",)


class Air(FakeProbe):
    name = "air"
    keys = ("env.temp_c",)


class Stand:
    def __init__(self, *probes: Any) -> None:
        self.clock = HandClock()
        self.told: list[Observed] = []
        self.threads = ProbeThreads(probes, self.clock, self.told.append, 1.0)
        self.worker: Worker = self.threads.workers[0]

    def ask(self, later_s: float = 0.0) -> None:
        self.clock.mono_s += later_s
        self.threads.ask_witnesses()


@pytest.fixture
def codec() -> Iterator[Codec]:
    probe = Codec()
    yield probe
    probe.answers.release(20)


def test_a_witness_is_asked_apart_with_the_moment_of_its_question(codec: Codec) -> None:
    stand = Stand(codec)
    stand.ask()
    codec.answers.release()
    until("its word", lambda: bool(stand.told))
    (one,) = stand.told[0].observations
    assert (one.source, dict(one.readings), dict(one.asked_s)) == (
        "codec", {"codec.in_call": False}, {"codec.in_call": 99.0},
    )  # fmt: skip
    assert codec.looks == 0, "no sweep is made for it"
    assert not stand.worker.kick.is_set()


def test_what_does_not_say_when_it_was_asked_was_asked_when_the_question_began(codec: Codec) -> None:
    stand, codec.says = Stand(codec), {"codec.in_call": False}
    began_s = stand.clock.mono_s
    stand.ask()
    until("its question", lambda: codec.asked == 1)
    stand.clock.mono_s += 3.0
    codec.answers.release()
    until("its word", lambda: bool(stand.told))
    assert dict(stand.told[0].observation.asked_s) == {"codec.in_call": began_s}


def test_it_is_asked_again_when_it_has_answered_and_not_before(codec: Codec) -> None:
    stand = Stand(codec)
    stand.ask()
    until("its question", lambda: codec.asked == 1)
    for _ in range(3):
        stand.ask(1.0)
    codec.answers.release()
    until("its word", lambda: stand.worker.attesting == 0)
    assert codec.asked == 1
    stand.ask()
    until("the next", lambda: codec.asked == 2)


def test_one_that_hangs_is_replaced_a_bounded_number_of_times_and_its_sweep_has_to_say_it(codec: Codec) -> None:
    stand = Stand(codec)
    stand.ask()
    stand.ask(5.0)
    assert not stand.worker.kick.is_set(), "it has its time"
    stand.ask(0.1)
    assert stand.worker.kick.is_set()
    stand.ask(29.9)
    assert stand.worker.attesting == 1
    stand.ask(0.1)
    assert stand.worker.attesting == 2
    for _ in range(5):
        stand.ask(36.0)
    assert stand.worker.attesting == 3
    codec.answers.release(3)
    until("all of them", lambda: stand.worker.attesting == 0)
    stand.ask()
    until("the fourth", lambda: codec.asked == 4)


def test_a_witness_that_raises_is_our_bug_and_tells_of_calls_alone(codec: Codec) -> None:
    stand, codec.says = Stand(codec), ValueError("x")
    stand.ask()
    codec.answers.release()
    until("its word", lambda: bool(stand.told))
    assert dict(stand.told[0].observation.readings) == {"codec.in_call": NoReading("bug")}
    until("its end", lambda: stand.worker.attesting == 0)


def test_one_that_has_nothing_to_say_tells_nothing(codec: Codec) -> None:
    stand, codec.says = Stand(codec), Asked()
    stand.ask()
    codec.answers.release()
    until("its end", lambda: all(one.name != "witness-codec" for one in threading.enumerate()))
    assert stand.told == []


def test_nothing_is_reported_after_the_end(codec: Codec) -> None:
    stand = Stand(codec)
    stand.ask()
    until("its question", lambda: codec.asked == 1)
    stand.threads.close()
    codec.answers.release()
    until("its end", lambda: all(one.name != "witness-codec" for one in threading.enumerate()))
    assert stand.told == []


def test_a_meter_looks_at_once_and_whoever_knows_nothing_of_calls_does_not() -> None:
    stand = Stand(Meter(), Air())
    stand.ask()
    meter, air = stand.threads.workers
    assert (meter.kick.is_set(), air.kick.is_set()) == (True, False)


def test_looks_keep_their_rhythm_however_long_they_take() -> None:
    """Each look of 0.15 s and a period of 0.2 s: five looks take five periods, not five periods and five looks."""
    clock, began_s = HandClock(), list[float]()

    class Slow(FakeProbe):
        period_s = 0.2

        def observe(self) -> Mapping[str, Reading]:
            began_s.append(clock.mono_s)
            clock.mono_s += 0.15
            worker.generation += len(began_s) == 6  # the thread's end
            return {}

    class Passes(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            clock.mono_s += timeout or 0.0
            return False

    threads = ProbeThreads([Slow()], clock, lambda _: None, 1.0)
    (worker,) = threads.workers
    worker.kick = Passes()
    threads._look(worker, worker.generation)
    assert began_s == pytest.approx([100.0, 100.2, 100.4, 100.6, 100.8, 101.0])
