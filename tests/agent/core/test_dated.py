"""What a disciplined clock makes of acts that count as just begun, value by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.events import PastAct, Restarted
from agent.core.facts import Instant
from agent.core.interlock import permit
from agent.core.lifecycles import Latch, Supply
from agent.core.recovery import UNDATED_MAX, dated
from agent.core.remedies import REMEDIES
from agent.core.state import LoadState, RoomState, Undated
from agent.core.timelines import Timeline, Timelines
from tests.agent.core.world import IDLE, WALL_S, World, policy

NOW = Instant(1000.0, WALL_S, synced=True)
BEGAN_S = WALL_S - 7200.0


def waiting(*acts: tuple[str, float], **others: object) -> RoomState:
    """A room whose acts, each with its load and the time at which it began, were booked at second 60."""
    state = World().state
    loads = {name: replace(state.load(name), acts_s=(60.0,), cycles_s=(60.0,)) for name, _ in acts}
    undated = tuple(Undated(name, True, 60.0, began_s) for name, began_s in acts)
    return replace(state, loads={**state.loads, **loads}, undated=undated, **others)  # type: ignore[arg-type]


def age_s(state: RoomState, now: Instant = NOW) -> float:
    """How old the codec's one restart is after that."""
    (act_s,) = dated(state, now).load("codec").acts_s
    return now.mono_s - act_s


@pytest.mark.parametrize(
    ("ends_s", "expected_s"),
    [
        ((), 7200.0),
        ((WALL_S - 600.0,), 7200.0),
        ((WALL_S - 600.0, WALL_S - 900.0), 7200.0),
        ((WALL_S - 3600.0, WALL_S - 600.0), 7200.0 - 3000.0),
        ((WALL_S - 3600.0, WALL_S), 7200.0 - 3600.0),
        ((WALL_S - 3600.0, WALL_S + 1.0), 7200.0),
    ],
)
def test_a_step_between_the_clock_that_dated_an_act_and_this_one_makes_it_younger(
    ends_s: tuple[float, ...], expected_s: float
) -> None:
    assert age_s(waiting(("codec", BEGAN_S), ends_s=ends_s)) == expected_s


def test_of_two_times_the_earliest_that_the_journal_allows_dates() -> None:
    end_s = WALL_S - 3600.0
    times = Timelines((Timeline(end_s - NOW.mono_s, NOW.mono_s), Timeline(end_s - 9.0 - NOW.mono_s, NOW.mono_s)))
    assert age_s(waiting(("codec", BEGAN_S), ends_s=(end_s,), times=times)) == 3600.0


def test_an_act_that_begins_at_this_very_second_is_dated_and_one_after_it_is_not() -> None:
    state = dated(waiting(("display", WALL_S + 1.0), ("codec", WALL_S), ("camera", BEGAN_S)), NOW)
    assert [one.load for one in state.undated] == ["display"]
    assert state.load("display").acts_s == (60.0,)
    assert state.load("camera").cycles_s == state.load("camera").acts_s == (NOW.mono_s - 7200.0,)


@pytest.mark.parametrize("doubted", [True, False])
def test_the_first_disciplined_clock_of_a_start_is_judged_once(doubted: bool) -> None:
    ends_s = (WALL_S + 500.0,) if doubted else (WALL_S - 500.0,)
    assert dated(waiting(ends_s=ends_s), NOW).doubted is doubted
    assert dated(waiting(ends_s=ends_s, doubted=not doubted), NOW).doubted is not doubted


def maintained(until_s: float, over_s: float) -> RoomState:
    return replace(World().state, policy=policy(maintenance_until_s=until_s), maintenance_over_s=over_s)


@pytest.mark.parametrize(
    ("until_s", "over_s", "noted_s"),
    [
        (WALL_S - 50.0, 0.0, WALL_S - 50.0),
        (WALL_S - 50.0, WALL_S - 50.0, WALL_S - 50.0),
        (WALL_S - 50.0, WALL_S + 50.0, WALL_S + 50.0),
        (WALL_S + 50.0, WALL_S + 50.0, 0.0),
        (WALL_S + 50.0, WALL_S - 50.0, WALL_S - 50.0),
        (0.0, WALL_S - 50.0, WALL_S - 50.0),
    ],
)
def test_the_end_of_a_maintenance_is_noted_when_seen_and_taken_back_when_the_clock_says_otherwise(
    until_s: float, over_s: float, noted_s: float
) -> None:
    assert dated(maintained(until_s, over_s), NOW).maintenance_over_s == noted_s


def restored(event: Restarted) -> RoomState:
    world = World(mono_s=1000.0, synced=False)
    world.feed(event)
    return world.state


def test_a_load_that_was_shed_is_off_since_this_start_and_a_name_that_is_no_load_is_none() -> None:
    state = restored(Restarted(off_loads=("light",), shed_loads=("light", "a_load_of_old")))
    assert (state.load("light").supply, state.load("light").off_since_s) == (Supply.SHED, 1000.0)
    assert "a_load_of_old" not in state.loads


def test_a_latched_load_keeps_what_else_is_known_of_it() -> None:
    load = restored(Restarted(off_loads=("light",), latched_loads=("light",))).load("light")
    assert (load.latch, load.supply) == (Latch.LATCHED, Supply.OFF)


def test_of_each_load_the_newest_restarts_wait_for_a_date_oldest_first() -> None:
    def past(act_id: int, load: str) -> PastAct:
        began = Instant(5.0, WALL_S + act_id, synced=True)
        return PastAct(act_id, f"{load}_power_cycle", load, began, same_boot=False)

    codec = [past(n, "codec") for n in range(1, UNDATED_MAX + 4)]
    camera = [past(n, "camera") for n in range(200, 203)]
    state = restored(Restarted(past_acts=(*codec, *camera)))
    known = [(one.load, one.wall_s - WALL_S) for one in state.undated]
    assert known == [("codec", n) for n in range(4, UNDATED_MAX + 4)] + [("camera", n) for n in range(200, 203)]


@pytest.mark.parametrize(
    ("dated_s", "reason"), [((), "clock_unknown"), ((10.0,), "clock_unknown"), ((10.0, 20.0, 30.0), "budget_hour")]
)
def test_a_budget_that_dated_restarts_alone_have_spent_does_not_wait_for_the_clock(
    dated_s: tuple[float, ...], reason: str
) -> None:
    """Three restarts an hour are its budget; three more are of earlier boots, and nobody knows of when."""
    world = World(mono_s=3000.0)
    world.run(IDLE, 20)
    own = LoadState(acts_s=(*dated_s, 2500.0, 2500.0, 2500.0))
    undated = tuple(Undated("codec", False, 2500.0, WALL_S - 9e6) for _ in range(3))
    world.state = replace(world.state, loads={**world.state.loads, "codec": own}, undated=undated)
    assert permit(REMEDIES["codec_restart"], world.state, world.now).reason == reason
