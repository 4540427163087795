"""Upkeep at night: rarely, never near a meeting, never made up for, and remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.events import DesiredChanged, Restarted, StartRemedy, Tick
from agent.core.policy import Meeting
from agent.core.routines import DAY_S, advance
from agent.core.state import Act, Staged
from agent.core.timelines import Timeline
from tests.agent.core.test_staging import live, names
from tests.agent.core.world import IDLE, WALL_S, World

TWO_AT_NIGHT_S = 19 * 3600.0
"""02:00 at UTC+7, in seconds of the UTC day."""


def at_two(day: int, **changes: object) -> World:
    """A room at two o'clock of some night, that has never done any upkeep."""
    start_s = (WALL_S // DAY_S + day) * DAY_S + TWO_AT_NIGHT_S - WALL_S
    world = World(mono_s=start_s)
    world.state = replace(world.state, policy=replace(world.state.policy, **changes))  # type: ignore[arg-type]
    return world


def nights(world: World, count: int) -> list[str]:
    done: list[str] = []
    for _ in range(count):
        done += names(live(world, 60, IDLE))
        world.mono_s += DAY_S - 60
    return done


def test_every_month_the_ups_and_every_week_the_codec() -> None:
    done = nights(at_two(1), 62)
    assert done.count("ups_self_test") == 2
    assert done.count("codec_wake") == 8


def test_rooms_do_not_begin_all_at_once() -> None:
    first, second = at_two(1), at_two(1, room_hash=0.9)
    assert "ups_self_test" not in nights(first, 28)
    assert "ups_self_test" in nights(second, 28)


def test_by_day_nothing_is_done() -> None:
    world = at_two(1, room_hash=0.99)
    world.mono_s += 8 * 3600
    assert nights(world, 40) == []


def test_not_in_a_night_with_a_meeting_near_and_not_without_a_clock() -> None:
    world = at_two(1, room_hash=0.99)
    nights(world, 1)
    now_s = WALL_S + world.mono_s
    world.feed(DesiredChanged(1, (Meeting("m", "Trực", now_s + 3000, now_s + 9000),)))
    assert names(live(world, 60, IDLE)) == []
    world.mono_s += DAY_S - 60
    world.synced = False
    assert names(live(world, 60, IDLE)) == []
    world.synced = True
    assert names(live(world, 60, IDLE)) != []


def test_a_restart_does_not_forget_when_it_was_done() -> None:
    world = at_two(1)
    now_s = WALL_S + world.mono_s
    world.feed(Restarted(routines={"ups_self_test": now_s - 29 * DAY_S, "codec_wake": now_s - DAY_S}))
    assert nights(world, 1) == []
    assert "ups_self_test" in nights(world, 1)


def test_a_clock_that_was_set_back_brings_nothing_forward() -> None:
    world = at_two(1)
    world.feed(Restarted(routines={"ups_self_test": WALL_S + world.mono_s + 400 * DAY_S}))
    world.see(IDLE)
    world.feed(Tick())
    assert world.state.routines["ups_self_test"] <= WALL_S + world.mono_s
    assert nights(world, 3) == []


def due(world: World, **changes: object) -> list[str]:
    """What begins at once when the codec's hour is due to the second and the UPS was tested this very moment."""
    now_s = world.now.wall_s
    routines = {"ups_self_test": now_s, "codec_wake": now_s - 7 * DAY_S}
    world.see(IDLE)
    world.state = replace(world.state, routines=routines, **changes)  # type: ignore[arg-type]
    state, effects = advance(world.state, world.now)
    assert state.routines["ups_self_test"] == now_s, "done is done"
    return [effect.remedy.name for effect in effects if isinstance(effect, StartRemedy)]


def test_upkeep_is_due_to_the_second_and_waits_for_whatever_else_goes_on() -> None:
    assert due(at_two(1, room_hash=0.5)) == ["codec_wake"]
    assert due(at_two(1), acts={4: Act(4, "fan_on", "fan", 0.0, 9e9)}) == []
    assert due(at_two(1), staged=Staged((), 0.0)) == []


def test_a_province_that_was_ten_years_ahead_tests_no_battery_over_it() -> None:
    """For as long as the other time may be the right one none begins, and what was due for ever is due by its turn."""
    world = at_two(1, room_hash=0.5)
    now_s = world.now.wall_s
    world.feed(Restarted(routines={"ups_self_test": now_s - 10 * DAY_S, "codec_wake": now_s - DAY_S}))
    live(world, 60, IDLE)
    true = world.state.times
    for offset_s in (3650 * DAY_S, -3650 * DAY_S):
        world.state = replace(world.state, times=replace(true, kept=(*true.kept, Timeline(offset_s, world.mono_s))))
        assert due(world) == []
    world.state = replace(world.state, times=true)
    long_ago = {"ups_self_test": now_s - 3650 * DAY_S, "codec_wake": now_s - 3650 * DAY_S}
    world.state = replace(world.state, routines=long_ago)
    state, effects = advance(world.state, world.now)
    assert effects == ()
    assert state.routines["ups_self_test"] == pytest.approx(world.now.wall_s - 15 * DAY_S)


@pytest.mark.parametrize(("ago_d", "begun"), [(60.0, ["ups_self_test"]), (60.1, []), (89.0, [])])
def test_what_has_been_due_for_as_long_again_counts_as_just_done(ago_d: float, begun: list[str]) -> None:
    world = at_two(1, room_hash=0.0)
    world.see(IDLE)
    now_s = WALL_S + world.mono_s
    world.state = replace(world.state, routines={"ups_self_test": now_s - ago_d * DAY_S, "codec_wake": now_s})
    world.state, effects = advance(world.state, world.now)
    assert [one.act.remedy for one in effects if isinstance(one, StartRemedy)] == begun
