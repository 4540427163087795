"""What lies between a room and its hub: what is down, what is touched, and that nothing is touched for nothing."""

from __future__ import annotations

import pytest

from agent.core.events import DesiredChanged
from agent.core.facts import Instant
from agent.core.policy import Meeting
from agent.uplink.session import Incoming
from sim import scenario
from sim.faults import FAULTS
from sim.light import LightRoom, Shared
from sim.physics import Fitting
from tests.sim.test_healing import CALM_S, PATIENCE_S, WALL_S, Run, put

WAIT_S, WAIT_BEFORE_MEETING_S, LATE_S = 600.0, 180.0, 60.0
FOUND_S = 75.0
"""Told within this, as ever: three looks over 45 s."""


def room(*, beyond: bool = True, meeting: bool = False) -> Run:
    """A room in peace, with or without a second target, and a meeting within the hour."""
    run = Run(fitting=Fitting(beyond=beyond), meeting_in_s=PATIENCE_S if meeting else 0.0)
    run.pass_s(CALM_S)
    return run


@pytest.mark.parametrize("beyond", [True, False])
@pytest.mark.parametrize(("meeting", "wait_s"), [(False, WAIT_S), (True, WAIT_BEFORE_MEETING_S)])
def test_a_hung_converter_is_cycled_after_the_wait_and_once(beyond: bool, meeting: bool, wait_s: float) -> None:
    run = room(beyond=beyond, meeting=meeting)
    put(run, "converter_hang")
    run.pass_s(FOUND_S)
    assert list(run.open_faults()) == ["uplink_lost"], "told as early as ever"
    run.pass_s(wait_s - FOUND_S)
    assert run.done == []
    run.pass_s(LATE_S)
    assert run.done == ["converter_power_cycle"]
    run.until_clear()
    run.pass_s(3600)
    assert run.done == ["converter_power_cycle"]
    assert run.physics.witness.needless == 0


@pytest.mark.parametrize("fault", ["ring_down", "hub_off"])
@pytest.mark.parametrize("meeting", [False, True])
def test_while_something_beyond_answers_the_converter_is_never_touched(fault: str, meeting: bool) -> None:
    run = room(meeting=meeting)
    put(run, fault)
    run.pass_s(FOUND_S)
    assert list(run.open_faults()) == ["hub_unreachable"]
    run.pass_s(PATIENCE_S - 1000)
    assert run.done == []
    FAULTS[fault].lift(run.physics, run.now_s)
    run.pass_s(FOUND_S)
    assert not run.open_faults()


@pytest.mark.parametrize("fault", ["ring_down", "hub_off"])
def test_without_a_second_target_a_short_outage_costs_nothing_and_a_long_one_a_single_cycle(fault: str) -> None:
    short = room(beyond=False)
    put(short, fault)
    short.pass_s(WAIT_S - 10)
    FAULTS[fault].lift(short.physics, short.now_s)
    short.pass_s(WAIT_S)
    assert short.done == []
    long = room(beyond=False)
    put(long, fault)
    long.pass_s(4 * 3600)
    assert long.done == ["converter_power_cycle"]


def test_the_ring_of_the_demonstration_costs_no_room_its_converter() -> None:
    plan = scenario.load("morning")
    ring = next(line for line in plan.lines if line.fault == "ring_down")
    for number in range(23):
        at_s = 5000.0
        light = LightRoom(f"ph-{number}", Shared(0.1), Instant(at_s, WALL_S), number)
        start_s = WALL_S + plan.meeting_in_min * 60
        light.hear(Incoming([DesiredChanged(1, (Meeting("m", "x", start_s, start_s + 2700),))]), Instant(at_s, WALL_S))
        down_s, up_s = at_s + ring.at_s, at_s + ring.at_s + ring.lasts_s
        for moment_s, change in ((down_s, FAULTS["ring_down"].put), (up_s, None), (up_s + 30.0, None)):
            while at_s < moment_s:
                at_s = min(moment_s, max(at_s + 0.05, light.due_s))
                light.turn(Instant(at_s, WALL_S + at_s - 5000.0))
            if change is not None:
                change(light.physics, at_s, {})
            elif moment_s == up_s:
                assert light.troubled
                FAULTS["ring_down"].lift(light.physics, at_s)
        assert light.room.state.fault("hub_unreachable").phase == "clear"
        assert not [act for act in light.physics.witness.acts if act.load in ("converter", "switch")]
