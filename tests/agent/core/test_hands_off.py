"""Why people should keep their hands off too, apart from what forbids an act to the machine alone."""

from __future__ import annotations

import pytest

from agent.core.facts import Reading
from agent.core.interlock import people_may_cut
from agent.core.policy import Guards
from agent.core.reasons import Reason
from tests.agent.core.world import IDLE, World


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({}, None),
        ({"codec.in_call": True}, None),
        ({"room.attended": True, "codec.upgrading": True}, Reason.ATTENDED),
        ({"codec.upgrading": True, "ups.on_battery": True}, Reason.UPGRADING),
        ({"ups.on_battery": True}, Reason.ON_BATTERY),
        ({"env.humidity_pct": 97.0, "env.temp_c": 26.0, "env.rack_temp_c": 26.0}, Reason.CONDENSATION),
    ],
)
def test_what_forbids_it_to_people_too_is_told_whatever_else_forbids_it(
    seen: dict[str, Reading], reason: Reason | None
) -> None:
    world = World()
    world.see({**IDLE, **seen})
    assert people_may_cut(world.state, world.now).reason is reason


def test_the_word_of_new_firmware_and_of_people_outlives_its_source_for_a_while() -> None:
    guards = Guards()
    for fact, reason, lasts_s in (
        ("codec.upgrading", Reason.UPGRADING, guards.upgrade_max_s),
        ("room.attended", Reason.ATTENDED, guards.attended_max_s),
    ):
        world = World()
        world.see({**IDLE, fact: True})
        world.mono_s += lasts_s - 1.0
        assert people_may_cut(world.state, world.now).reason is reason
        world.mono_s += 1.0
        assert people_may_cut(world.state, world.now).reason is None
