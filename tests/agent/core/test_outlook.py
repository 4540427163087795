"""What comes next of a fault: which act, how long it takes by the boot times measured here, when a refusal may end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.lifecycles import LeaseState
from agent.core.outlook import Outlook, outlook
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.reasons import Reason
from agent.core.remedies import LOADS, REMEDIES
from agent.core.state import Act, Fault, Lease, LoadState
from tests.agent.core.toy import RULE, room, toy
from tests.agent.core.world import WALL_S, World

CYCLE = replace(RULE, ladder=("codec_power_cycle",))
NOW_S = 1000.0
CODEC = LOADS["codec"]


def ahead(world: World, rule: object = RULE) -> Outlook:
    return outlook(world.state, rule, toy(world), world.now)  # type: ignore[arg-type]


def codec(world: World, **own: object) -> World:
    world.state = replace(world.state, loads={"codec": LoadState(**own)})  # type: ignore[arg-type]
    return world


def test_an_act_under_way_takes_what_this_room_has_measured() -> None:
    act = Act(9, "codec_power_cycle", "codec", NOW_S - 20.0, NOW_S + 99.0)
    world = room(CYCLE, phase=Phase.REMEDYING, act_id=9)
    world.state = replace(world.state, acts={9: act})
    guess_s, measured_s = CODEC.off_s + CODEC.boot_s, CODEC.off_s + 400.0
    assert ahead(world, CYCLE) == Outlook("codec_power_cycle", guess_s, guess_s - 20.0)
    assert ahead(codec(world, boot_s=400.0), CYCLE) == Outlook("codec_power_cycle", measured_s, measured_s - 20.0)
    world.state = replace(world.state, acts={})
    assert ahead(world, CYCLE).left_s == 0.0, "nobody knows when it began"


def test_the_effect_of_an_act_is_awaited_from_its_end_and_may_be_late() -> None:
    world = codec(room(phase=Phase.SETTLING, phase_since_s=NOW_S - 50.0), boot_s=400.0)
    assert ahead(world) == Outlook("codec_restart", 400.0, 350.0)
    world.mono_s += 360.0
    assert ahead(world).left_s == -10.0


def test_times_are_told_to_a_tenth_of_a_second() -> None:
    world = codec(room(phase=Phase.SETTLING, phase_since_s=NOW_S - 50.0), boot_s=400.123)
    assert ahead(world) == Outlook("codec_restart", 400.1, 350.1)


def test_a_remedy_of_less_than_a_second_has_its_own_time_too() -> None:
    world = codec(room(phase=Phase.SETTLING, phase_since_s=NOW_S), boot_s=400.0)
    remedies = {**world.state.policy.remedies, "codec_restart": replace(REMEDIES["codec_restart"], settle_s=0.5)}
    world.state = replace(world.state, policy=replace(world.state.policy, remedies=remedies))
    assert ahead(world).takes_s == 0.5


def test_the_hour_is_counted_back_from_now() -> None:
    world = codec(waiting(), acts_s=(8000.0, 8500.0, 9000.0))
    world.mono_s = 10_000.0
    assert refused(Reason.BUDGET_HOUR, world) == 1600.0


def test_what_restarts_nothing_has_its_own_time() -> None:
    wake = replace(RULE, ladder=("codec_wake",))
    world = codec(room(wake, phase=Phase.SETTLING, phase_since_s=NOW_S), boot_s=400.0)
    assert ahead(world, wake) == Outlook("codec_wake", 40.0, 40.0)


def test_the_whole_room_takes_the_sum_of_its_loads() -> None:
    staged = replace(RULE, ladder=("room_staged_boot",))
    world = room(staged, phase=Phase.CONFIRMED)
    policy = replace(world.state.policy, relays=frozenset({"switch", "codec"}))
    world.state = replace(world.state, policy=policy, loads={"codec": LoadState(boot_s=400.0)})
    switch = LOADS["switch"]
    assert ahead(world, staged).takes_s == switch.off_s + switch.boot_s + CODEC.off_s + 400.0


def test_without_a_rung_there_is_nothing_ahead() -> None:
    assert ahead(room(phase=Phase.ESCALATED, rung=1)) == Outlook()


def refused(reason: str, world: World | None = None, rule: object = CYCLE) -> float:
    world = world or room(CYCLE, phase=Phase.CONFIRMED)
    world.state = replace(world.state, faults={"toy": replace(toy(world), refused=reason)})
    return ahead(world, rule).left_s


def waiting() -> World:
    return room(CYCLE, phase=Phase.CONFIRMED)


@pytest.mark.parametrize(
    ("reason", "own", "left_s"),
    [
        (Reason.HOLD_ON, {"acts_s": (800.0, 900.0, 950.0)}, CODEC.hold_on_s - 50.0),
        (Reason.HOLD_ON, {}, 0.0),
        (Reason.SETTLING, {"settle_until_s": 1030.0}, 30.0),
        (Reason.MIN_OFF, {"off_since_s": 998.0}, CODEC.min_off_s - 2.0),
        (Reason.MIN_OFF, {}, 0.0),
        (Reason.BUDGET_HOUR, {"acts_s": (-9000.0, 100.0, 400.0, 700.0)}, 2700.0),
        (Reason.BUDGET_HOUR, {"acts_s": (100.0, 400.0), "cycles_s": (100.0, 400.0)}, 2700.0),
        (Reason.BUDGET_HOUR, {"acts_s": (100.0, 400.0, 500.0), "cycles_s": (300.0, 400.0)}, 2900.0),
        (Reason.BUDGET_HOUR, {"acts_s": (400.0,)}, 0.0),
        (Reason.IN_CALL, {"acts_s": (900.0,), "settle_until_s": 1030.0}, 0.0),
    ],
)
def test_a_refusal_of_a_load_ends_by_its_own_clock(reason: Reason, own: dict[str, object], left_s: float) -> None:
    assert refused(reason, codec(waiting(), **own)) == left_s


def test_a_restart_is_not_held_back_by_cycles() -> None:
    world = codec(room(phase=Phase.CONFIRMED), acts_s=(100.0, 400.0), cycles_s=(100.0, 400.0))
    assert refused(Reason.BUDGET_HOUR, world, RULE) == 0.0


def test_what_settles_beside_it_is_waited_for_too() -> None:
    world = waiting()
    rule = replace(CYCLE, loads=("codec", "switch"))
    world.state = replace(world.state, loads={"switch": LoadState(settle_until_s=1040.0)})
    assert refused(Reason.SETTLING, world, rule) == 40.0


def test_a_refusal_of_the_room_ends_by_what_it_rests_on() -> None:
    world = waiting()
    wall_s = WALL_S + NOW_S
    policy = replace(
        world.state.policy,
        maintenance_until_s=wall_s + 500.0,
        meetings=(
            Meeting("over", "", wall_s - 900.0, wall_s),
            Meeting("next", "", wall_s + 600.0, wall_s + 4200.0),
            Meeting("later", "", wall_s + 9000.0, wall_s + 9600.0),
            Meeting("trial", "", wall_s - 60.0, wall_s + 60.0, trial=True),
        ),
    )
    world.state = replace(world.state, policy=policy, mains_bad_s=990.0, lease=Lease(LeaseState.DENIED, 900.0))
    assert refused(Reason.MEETING_NEAR, world) == 4200.0
    assert refused(Reason.MAINTENANCE, world) == 500.0
    assert refused(Reason.MAINS_UNSTABLE, world) == policy.guards.mains_calm_s - 10.0
    assert refused(Reason.FLEET_BUDGET, world) == 200.0
    world.state = replace(world.state, lease=Lease(LeaseState.GRANTED, 900.0))
    assert refused(Reason.FLEET_BUDGET, world) == 0.0, "it has been granted meanwhile"
    assert refused(Reason.MAINS_UNSTABLE) == 0.0, "the mains has been good since the start"
    assert refused(Reason.MEETING_NEAR) == 0.0, "no meeting is known"
    world.mono_s += 700.0
    assert refused(Reason.MAINTENANCE, world) == 0.0, "it should have ended: nobody knows when it will"


def test_a_fault_that_may_end_by_itself_is_left_alone_for_as_long_as_its_rule_says() -> None:
    patient = replace(CYCLE, act_after_s=lambda *_: 600.0)
    for since_s, well_s, left_s in ((900.0, 0.0, 500.0), (900.0, 950.0, 550.0)):
        world = room(patient, phase=Phase.CONFIRMED, since_s=since_s, well_s=well_s)
        assert refused(Reason.NOT_YET, world, patient) == left_s
    by_room = replace(CYCLE, act_after_s=lambda view, policy: view.now.mono_s / 2 + policy.guards.stagger_s)
    world = room(by_room, phase=Phase.CONFIRMED, since_s=900.0)
    assert refused(Reason.NOT_YET, world, by_room) == 900.0 + 502.0 - NOW_S
    never = replace(CYCLE, act_after_s=lambda *_: float("inf"))
    assert refused(Reason.NOT_YET, room(never, phase=Phase.CONFIRMED), never) == 0.0
    assert refused(Reason.NOT_YET) == 0.0


def test_the_fault_of_another_rule_is_not_asked() -> None:
    assert outlook(waiting().state, CYCLE, Fault("toy", Phase.CONFIRMED, rung=5), waiting().now) == Outlook()
