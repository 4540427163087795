"""The hub's answer to an act of the room's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.events import OrderReceived, Record, RecordKind, RemedyDone
from agent.core.leases import ANSWERS, DENIED, GRANTED, answered
from agent.core.lifecycles import LeaseState
from agent.core.state import Lease
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.world import IDLE, World


def test_an_answer_holds_from_the_moment_it_comes() -> None:
    world = World()
    asked = replace(world.state, lease=Lease(LeaseState.ASKED, 990.0))
    granted, _ = answered(asked, OrderReceived("l1", GRANTED, "hub"), world.now)
    denied, _ = answered(asked, OrderReceived("l1", DENIED, "hub"), world.now)
    assert granted.lease == Lease(LeaseState.GRANTED, world.mono_s)
    assert denied.lease == Lease(LeaseState.DENIED, world.mono_s)


@pytest.mark.parametrize("answer", sorted(ANSWERS))
def test_the_hub_hears_that_its_answer_was_taken(answer: str) -> None:
    world = World()
    effects = world.feed(OrderReceived("l1", answer, "hub"))
    assert effects == (Record(RecordKind.REMEDY_DONE, remedy=answer, outcome="done", command="l1", by="hub"),)


def leased() -> World:
    """A connected room whose codec hangs, and which the hub has let restart it."""
    world = World()
    online = {"hub.session": True}
    world.run(IDLE | online, 10)
    world.run(HUNG | online, 25)
    world.feed(OrderReceived("l1", GRANTED, "hub"))
    world.run(HUNG | online, 10)
    assert world.remedies() == ["codec_restart"]
    return world


def test_an_act_that_was_not_begun_gives_its_leave_back() -> None:
    """The hub counts each leave against the whole fleet's budget, and may deny the next."""
    world = leased()
    given = world.state.acts[max(world.state.acts)].lease
    assert world.state.lease == Lease(), "one leave, one act"
    world.feed(RemedyDone(max(world.state.acts), ok=False, reason="late", proof={"sent": False}))
    assert world.state.lease == given
    world.run(HUNG | {"hub.session": True}, 12)
    assert world.remedies() == ["codec_restart"] * 2
    assert len(world.records(RecordKind.LEASE_WANTED)) == 1


@pytest.mark.parametrize("sent", [True, False])
def test_a_leave_comes_back_for_what_was_not_sent_alone_and_never_over_a_newer_one(sent: bool) -> None:
    world = leased()
    newer = Lease(LeaseState.ASKED, world.mono_s) if not sent else Lease()
    world.state = replace(world.state, lease=newer)
    world.feed(RemedyDone(max(world.state.acts), ok=False, reason="timeout", proof={"sent": sent}))
    assert world.state.lease == newer
