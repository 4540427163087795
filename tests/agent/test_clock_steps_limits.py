"""Clocks that step, as in `test_clock_steps`, and power cuts at the wrong time: how often a load is restarted."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.core.timelines import DOUBT_S
from tests.agent.clock_room import DAY_S, HEALED_S, HOUR_S, YEARS_S, Installation, by_step, settled, step


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    return settled(tmp_path)


@pytest.mark.parametrize("how", ["same process", "agent restarts", "power cut at the wrong time", "power cut twice"])
@by_step
def test_budgets_are_neither_wider_nor_used_up_for_long(place: Installation, step_s: float, how: str) -> None:
    """Restarts before the step, in it and after it: in truth never more than a day allows. Then the day is over."""
    place.hung, place.heals = True, set()
    place.run(HOUR_S / 2, 20.0)
    step(place, step_s)
    place.run(HOUR_S / 4, 10.0)
    if how == "agent restarts":
        place.start_board(same_boot=True)
    elif how != "same process":
        place.start_board(off_s=120.0)
    place.run(HOUR_S / 2, 20.0)
    step(place, 0.0)
    place.run(HOUR_S / 4, 10.0)
    if how == "power cut twice":
        place.start_board(off_s=120.0)
    place.run(20 * HOUR_S, 60.0)
    cycles = [at_s for name, at_s in place.begun if name == "codec_power_cycle"]
    for at_s in place.restarts():
        day = [other for other in place.restarts() if at_s - DAY_S < other <= at_s]
        hour = [other for other in place.restarts() if at_s - HOUR_S < other <= at_s]
        assert len(day) <= 6
        assert len(hour) <= 3
    assert all(len([o for o in cycles if at_s - DAY_S < o <= at_s]) <= 3 for at_s in cycles)
    place.hung = False
    place.run(300.0)
    place.order("clear_latches")
    place.run(8 * HOUR_S, 60.0)
    place.heals = {"codec_restart", "codec_power_cycle"}
    assert place.hangs() <= HEALED_S


@pytest.mark.parametrize("boots_right", [True, False], ids=["boots right", "boots wrong"])
@by_step
def test_restarts_of_weeks_ago_do_not_become_new_by_a_power_cut_at_the_wrong_time(
    place: Installation, step_s: float, boots_right: bool
) -> None:
    """What was restarted three times long ago is healed all the same, at the wrong time and afterwards."""
    for _ in range(3):
        place.order("codec_power_cycle")
        place.run(HOUR_S, 60.0)
    assert len(place.begun) == 3
    place.start_board(off_s=20 * DAY_S)
    place.run(600.0, 10.0)
    if boots_right:
        place.start_board(off_s=120.0)  # wrong from its first moment on, so that nobody sees a step
        place.clock.step_s = step_s
        place.run(HOUR_S / 2, 20.0)
        place.clock.step_s = 0.0
        place.start_board(off_s=120.0)
        place.run(200.0, 10.0)
    else:
        step(place, step_s)
        place.run(HOUR_S / 2, 20.0)
        place.start_board(off_s=120.0)
        place.run(HOUR_S / 2, 20.0)
        step(place, 0.0)
    place.run(DOUBT_S, 10.0)
    assert place.hangs() <= HEALED_S
    place.run(700.0)
    ident = place.order("codec_power_cycle")
    place.run(10.0)
    assert place.replies[ident] == "done"
    place.start_board(off_s=120.0)
    place.run(HOUR_S, 30.0)
    assert place.hangs() <= HEALED_S
    assert not any(load.latched for load in place.room.state.loads.values())


def test_acts_of_ten_years_ahead_do_not_count_as_just_done_after_every_start(place: Installation) -> None:
    """The whole boot was wrong, and nobody saw a step. What it did counts for a day of running, and not for ten years
    of mornings."""
    place.start_board(off_s=60.0)
    place.clock.step_s = YEARS_S
    place.run(600.0, 10.0)
    for _ in range(3):
        place.order("codec_power_cycle")
        place.run(HOUR_S, 60.0)
    assert len(place.begun) == 3
    place.clock.step_s = 0.0
    for _ in range(4):
        place.start_board(off_s=14 * HOUR_S)
        place.run(7 * HOUR_S, 60.0)
    place.run(20.0)
    ident = place.order("codec_power_cycle")
    place.run(10.0)
    assert place.replies[ident] == "done"
