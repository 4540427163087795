"""The clock that follows the machine's and does not step with it."""

from __future__ import annotations

import pytest

from hub.runtime.clock import AT_ONCE_S, STEP_S, HubClock


class Machine:
    def __init__(self) -> None:
        self.wall_s, self.mono_s, self.between_s = 1e9, 50.0, 0.0
        self.clock = HubClock(self.wall, lambda: self.mono_s, "b")

    def wall(self) -> float:
        self.mono_s += self.between_s
        self.wall_s += self.between_s
        return self.wall_s

    def go_on(self, for_s: float, slew: float = 0.0) -> None:
        self.mono_s += for_s
        self.wall_s += for_s * (1 + slew)


def test_slewing_is_followed_and_a_step_is_not() -> None:
    machine = Machine()
    for _ in range(1000):
        machine.go_on(1.0, slew=0.08)  # chrony's greatest rate
        assert machine.clock() == machine.wall_s
    machine.wall_s += STEP_S + 1
    assert machine.clock() == pytest.approx(machine.wall_s - STEP_S - 1)
    machine.go_on(100.0)
    assert machine.clock() == pytest.approx(machine.wall_s - STEP_S - 1)
    assert machine.clock.off_s() == pytest.approx(STEP_S + 1)
    machine.clock.take(machine.clock.off_s())
    assert machine.clock() == pytest.approx(machine.wall_s)
    assert machine.clock.off_s() == 0.0


def test_two_clocks_that_were_read_apart_say_nothing() -> None:
    machine = Machine()
    machine.between_s = STEP_S - 1  # the process stood still between the two
    assert machine.clock() == pytest.approx(machine.wall_s)
    machine.between_s = 0.0
    assert machine.clock.off_s() == 0.0
    assert machine.clock() == pytest.approx(machine.wall_s)
    assert AT_ONCE_S < STEP_S


def test_time_of_an_earlier_process_goes_on() -> None:
    machine = Machine()
    machine.clock.resume(5e8, 40.0)
    assert machine.clock() == pytest.approx(5e8 + 10.0)
    assert machine.clock.off_s() == pytest.approx(1e9 - 5e8 - 10.0)
