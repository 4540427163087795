"""What else is asked of the interlock: who may not wait, who is asked about again, and what one look shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.facts import NoReading, Reading
from agent.core.interlock import in_call, mains_bad, must_hurry, needs_a_last_look, shows_a_call
from agent.core.remedies import LOADS, REMEDIES
from agent.core.stages import stands_for
from tests.agent.core.world import World


@pytest.mark.parametrize(
    ("remedy", "hurries"),
    [("codec_power_cycle", True), ("amplifier_off", True), ("fan_off", False), ("light_on", False)],
)
def test_what_a_call_would_suffer_from_may_not_wait_for_a_lock(remedy: str, hurries: bool) -> None:
    assert must_hurry(REMEDIES[remedy], LOADS[REMEDIES[remedy].load]) is hurries


def test_what_may_run_in_a_trial_alone_may_not_wait_for_a_lock_either() -> None:
    remedy = replace(REMEDIES["light_on"], trial_only=True)
    assert must_hurry(remedy, LOADS["light"])


@pytest.mark.parametrize(
    ("looked", "limit_w", "shown"),
    [
        ({"codec.in_call": True}, 40.0, True),
        ({"codec.in_call": False}, 40.0, False),
        ({"codec.in_call": NoReading("timeout")}, 40.0, False),
        ({"codec.draw_w": 40.0}, 40.0, True),
        ({"codec.draw_w": 41}, 40.0, True),
        ({"codec.draw_w": 39.9}, 40.0, False),
        ({"codec.draw_w": 1.0}, 1.0, True),
        ({"codec.draw_w": 90.0}, 0.0, False),
        ({"codec.draw_w": NoReading("timeout")}, 40.0, False),
        ({"codec.in_call": False, "codec.draw_w": 40.0}, 40.0, True),
        ({}, 40.0, False),
    ],
)
def test_one_look_shows_a_call_by_either_witness(looked: dict[str, Reading], limit_w: float, shown: bool) -> None:
    policy = World().state.policy
    limits = replace(policy.thresholds, call_draw_w=limit_w)
    assert shows_a_call(looked, replace(policy, thresholds=limits)) is shown


@pytest.mark.parametrize(
    ("looked", "said"),
    [
        ({"codec.in_call": True}, True),
        ({"codec.in_call": False, "codec.draw_w": 20.0}, False),
        ({"codec.in_call": False, "codec.draw_w": 41.0}, None),
        ({"codec.in_call": NoReading("timeout"), "codec.draw_w": 0.0}, False),
        ({"codec.in_call": NoReading("timeout")}, None),
        ({}, None),
    ],
)
def test_whether_a_call_is_up_is_said_only_where_it_is_known(looked: dict[str, Reading], said: bool | None) -> None:
    world = World()
    world.see(looked)
    limits = replace(world.state.policy.thresholds, call_draw_w=40.0)
    assert in_call(world.state.view(world.now), replace(world.state.policy, thresholds=limits)) is said


@pytest.mark.parametrize(
    ("remedy", "asked"),
    [
        ("codec_power_cycle", True), ("codec_restart", True), ("amplifier_off", True), ("codec_unmute", True),
        ("light_on", False), ("codec_wake", False), ("room_staged_boot", False),
    ],
)  # fmt: skip
def test_what_takes_something_away_is_asked_about_once_more(remedy: str, asked: bool) -> None:
    assert needs_a_last_look(REMEDIES[remedy]) is asked


def test_a_room_that_is_not_restarted_stands_for_nothing() -> None:
    world = World()
    assert stands_for(world.state, world.now) == (False, False)


@pytest.mark.parametrize(
    ("battery", "volts", "bad"),
    [
        (False, 230.0, False), (False, 120.0, True), (False, 290.0, True), (True, 230.0, True),
        (NoReading("timeout"), 120.0, True), (NoReading("timeout"), NoReading("timeout"), False),
        (True, NoReading("timeout"), True),
    ],
)  # fmt: skip
def test_the_mains_is_bad_by_either_meter(battery: Reading, volts: Reading, bad: bool) -> None:
    world = World()
    world.see({"ups.on_battery": battery, "mains.voltage_v": volts})
    assert mains_bad(world.state.view(world.now), world.state.policy) is bad
