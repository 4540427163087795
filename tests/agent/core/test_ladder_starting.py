"""A load that may still be starting with the power that came back to the room is not judged, to the very second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core import boots
from agent.core.lifecycles import Supply
from agent.core.phases import Phase
from agent.core.state import LoadState, Staged
from tests.agent.core.toy import ILL, later, room
from tests.agent.core.world import World

STARTS_S = 225.0
"""1.5 boot times of the codec."""


def returning(own: LoadState | None = None, *stages: str, cut: bool = False) -> World:
    """The mains has just come back, and these stages have not served yet."""
    world = room()
    staged = Staged(stages or ("codec",), world.mono_s, cut=cut, act_id=3 if cut else 0)
    world.state = replace(world.state, staged=staged, loads={"codec": own or LoadState()})
    assert boots.starts_s(world.state.policy.loads["codec"], world.state.load("codec")) == STARTS_S
    return world


def test_a_load_is_judged_from_the_end_of_its_start_on() -> None:
    world = returning()
    later(world, STARTS_S - 0.5, ILL)
    assert world.phase("toy") is Phase.CLEAR
    later(world, 0.5, ILL)
    assert world.phase("toy") is Phase.SUSPECTED


def test_a_load_that_is_still_shed_is_not_judged_however_long_that_is() -> None:
    world = returning(LoadState(supply=Supply.SHED))
    later(world, 10 * STARTS_S, ILL)
    assert world.phase("toy") is Phase.CLEAR


@pytest.mark.parametrize(("stage", "cut"), [("amplifier", False), ("codec", True)], ids=["served", "cut in its turn"])
def test_what_has_served_or_is_cut_in_its_turn_is_judged_as_ever(stage: str, cut: bool) -> None:
    world = returning(None, stage, cut=cut)
    later(world, 1.0, ILL)
    assert world.phase("toy") is Phase.SUSPECTED
