"""The hub's answer to an act of the room's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.events import CommandReceived, Record
from agent.core.leases import ANSWERS, DENIED, GRANTED, answered
from agent.core.state import Lease
from tests.agent.core.world import World


def test_an_answer_holds_for_its_time_and_the_asking_is_remembered() -> None:
    world = World()
    asked = replace(world.state, lease=Lease(asked_s=990.0))
    until_s = world.mono_s + world.state.policy.guards.lease_s
    granted, _ = answered(asked, CommandReceived("l1", GRANTED, "hub"), world.now)
    denied, _ = answered(asked, CommandReceived("l1", DENIED, "hub"), world.now)
    assert granted.lease == Lease(990.0, until_s=until_s)
    assert denied.lease == Lease(990.0, denied_until_s=until_s)


@pytest.mark.parametrize("answer", sorted(ANSWERS))
def test_the_hub_hears_that_its_answer_was_taken(answer: str) -> None:
    world = World()
    effects = world.feed(CommandReceived("l1", answer, "hub"))
    assert effects == (Record("remedy_done", remedy=answer, outcome="done", command="l1", by="hub"),)
