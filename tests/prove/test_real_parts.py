"""Rooms that run the agent's own service, loop, actuators and publisher, under the simulation's clock."""

from __future__ import annotations

import pytest

from tests.effort import some
from tests.prove.mutants import MUTANTS
from tests.prove.rooms import REAL_EVERY, simulate
from tests.prove.sim.threads import Event, Lock, Queue, Stage
from tests.prove.test_mutants import caught

SHORT = 0.15
"""Days: some 13,000 s of trouble."""
SHORTER = 0.05
"""Days in which the room of the seed below dies once."""


@pytest.mark.sampled
@pytest.mark.parametrize("seed", some([200, 201, 202], always=(200,)))
def test_a_room_of_real_parts_keeps_every_promise(seed: int) -> None:
    result = simulate(seed, SHORT, rate=1.5, real=True)
    assert result.violations == [], "\n".join(result.trace[-60:])
    assert result.counted["turns"] > 0


def test_a_seed_gives_the_same_story_whatever_the_threads_do() -> None:
    one, other = (simulate(212, SHORTER, rate=1.5, real=True) for _ in range(2))
    assert one.trace_hash == other.trace_hash
    assert sum(one.deaths.values()) > 0
    assert simulate(213, SHORTER, rate=1.5, real=True).trace_hash != one.trace_hash


def test_every_tenth_room_runs_them() -> None:
    real, light = simulate(REAL_EVERY, 0.01), simulate(REAL_EVERY + 1, 0.01)
    assert real.trace_hash == simulate(REAL_EVERY, 0.01, real=True).trace_hash
    assert light.trace_hash == simulate(REAL_EVERY + 1, 0.01, real=False).trace_hash


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("interlock_is_not_asked_again", "unknown_never_authorises"),
        ("older_list_of_keys_is_believed_after_a_restart", "orders_are_good_and_obeyed_once"),
        ("overflow_is_told_to_nobody", "told_secret_meeting_is_not_measured"),
    ],
)
def test_some_bugs_of_the_shell_are_caught_at_once(name: str, promise: str) -> None:
    with MUTANTS[name].at_work():
        found = caught(name)
    assert found is not None
    assert found[1].invariant == promise


class Desk:
    """A stage without a world: what is due is done in order."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.due: list[tuple[float, int, object]] = []
        self.stage = Stage(self._later, lambda: self.now_s)

    def _later(self, after_s: float, do: object) -> None:
        self.due.append((self.now_s + after_s, len(self.due), do))

    def run(self, until_s: float = 100.0) -> None:
        while self.due:
            self.due.sort(key=lambda one: one[:2])
            at_s, _, do = self.due[0]
            if at_s > until_s:
                return
            self.due.pop(0)
            self.now_s = at_s
            do()  # type: ignore[operator]


def test_threads_wait_in_simulated_time_and_one_at_a_time() -> None:
    desk, told = Desk(), []
    stage = desk.stage
    lock, event, queue = Lock(stage), Event(stage), Queue(stage, 1)

    def first() -> None:
        with lock:
            stage.sleep(40.0)
            told.append(("first has slept", desk.now_s))
        queue.put_nowait("word")
        event.set()

    def second() -> None:
        stage.sleep(1.0)
        with lock:
            told.append(("second has the lock", desk.now_s))
        assert event.wait(5.0)
        told.append((queue.get(timeout=5.0), desk.now_s))
        assert not Event(stage).wait(7.0)
        told.append(("second has waited in vain", desk.now_s))

    threads = [stage.thread(first, "first"), stage.thread(second, "second")]
    for thread in threads:
        thread.start()
    desk.run()
    assert told == [
        ("first has slept", 40.0),
        ("second has the lock", 40.0),
        ("word", 40.0),
        ("second has waited in vain", 47.0),
    ]
    assert not any(thread.is_alive() for thread in threads)


def test_a_process_that_ends_takes_its_threads_with_it() -> None:
    desk, left = Desk(), list[object]()

    def cycle() -> None:
        try:
            desk.stage.sleep(30.0)
        finally:
            left.append(desk.now_s)
            desk.stage.sleep(1.0)
            left.append("something done after death")

    thread = desk.stage.thread(cycle, "cycle")
    thread.start()
    desk.run(until_s=10.0)
    desk.stage.end()
    assert left == [0.0]
    assert not thread.is_alive()
