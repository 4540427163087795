"""Both guards near a meeting can be tried over the same rooms, and the one of before is what it was."""

from __future__ import annotations

import random

import pytest

from tests.prove.meeting_rules import BEFORE, NOW, RULES, story, under
from tests.prove.rooms import Result, simulate
from tests.prove.sim import troubles
from tests.prove.sim.chaos import Happening
from tests.prove.sim.crash import Plan
from tests.prove.sim.people import EARLIEST_S, LATEST_S

HANGS_S, STARTS_S = 3000.0, 3800.0
"""The codec hangs 800 s before a meeting: time enough for its 30 s off, its boot and the 5 minutes before the start."""


def _hung_before_a_meeting(seed: int) -> Result:
    dice = random.Random(seed)
    script: list[Happening] = [
        *troubles.a_meeting(dice, 300.0, STARTS_S, 1800.0, fault_chance=0.0),
        *troubles.single("codec hangs hard", HANGS_S, 0.0, dice),
    ]
    return simulate(seed, 0.06, plan=Plan(), script=script, calm_s=0.0, real=False)


def test_both_rules_see_the_same_people() -> None:
    first, second = ([one.at_s for one in story(3, 0.5)] for _ in range(2))
    assert first == second
    dialled = [one for one in story(3, 2.0) if one.what == "somebody dials"]
    assert len(dialled) > 5
    assert EARLIEST_S < -2000 < 0 < LATEST_S


@pytest.mark.parametrize(("rule", "acts"), [(BEFORE, False), (NOW, True)])
def test_a_codec_that_hangs_in_time_is_restarted_by_the_rule_of_now_alone(rule: str, acts: bool) -> None:
    with RULES[rule]():
        result = _hung_before_a_meeting(5)
    assert bool(result.acts["codec_power_cycle"]) is acts
    assert [one for one in result.violations if one.invariant == "meeting_undisturbed"] == []


def test_a_lean_room_under_the_rule_of_before_breaks_no_promise_of_now() -> None:
    result = under(BEFORE, 2, 0.4)
    assert [one for one in result.violations if one.invariant == "meeting_undisturbed"] == []
