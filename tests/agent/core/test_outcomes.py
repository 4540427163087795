"""The end of an act: its load, its fault, and what it has used up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.acts import start
from agent.core.events import RecordKind, RemedyDone
from agent.core.lifecycles import Supply
from agent.core.phases import Phase
from agent.core.remedies import REMEDIES
from agent.core.state import Act, Fault, LoadState
from tests.agent.core.toy import room, toy
from tests.agent.core.world import World


@pytest.mark.parametrize(
    ("proof", "reason"),
    [
        ({"draw_before_w": 40.0, "draw_off_w": 20.1}, "no_effect"),
        ({"draw_before_w": 40.0, "draw_off_w": 20.0}, ""),  # half of it is another load on the same line
        ({"draw_before_w": 9.0, "draw_off_w": 5.0}, "no_effect"),
        ({"draw_before_w": 9.0, "draw_off_w": 4.9}, ""),  # what a supply without a load draws
        ({"draw_before_w": 100.0, "draw_off_w": 30.0}, ""),
        ({"draw_off_w": 40.0}, ""),
        ({"draw_before_w": 40.0}, ""),
        ({}, ""),
    ],
)
def test_a_cycle_during_which_the_load_went_on_drawing_has_failed(proof: dict[str, float], reason: str) -> None:
    world = room()
    act = Act(9, "codec_power_cycle", "codec", world.mono_s, world.mono_s + 99.0)
    world.state = replace(world.state, acts={9: act}, next_id=10)
    world.feed(RemedyDone(9, ok=True, proof=proof))
    (done,) = world.records(RecordKind.REMEDY_DONE)
    assert (done.reason, done.outcome) == (reason, "failed" if reason else "done")


def ended(world: World, act: Act, done: RemedyDone, **own: object) -> LoadState:
    """The act's load after its end; `own` is how it stood before."""
    before = LoadState(act_id=act.act_id, **own)  # type: ignore[arg-type]
    world.state = replace(world.state, acts={act.act_id: act}, loads={act.load: before}, next_id=10)
    world.feed(done)
    return world.state.load(act.load)


def an_act(world: World, remedy: str = "codec_restart", load: str = "codec", fault: str = "toy") -> Act:
    return Act(9, remedy, load, world.mono_s, world.mono_s + 99.0, fault)


def test_an_order_that_never_reached_its_device_uses_up_nothing() -> None:
    world = room()
    unsent = RemedyDone(9, ok=False, reason="unreachable", proof={"sent": False})
    act = an_act(world)
    own = ended(world, act, unsent, acts_s=(1.0, 2.0, act.started_s))
    assert own == LoadState(acts_s=(1.0, 2.0))


@pytest.mark.parametrize(("sent", "moved_s"), [(False, 400.0), (True, 1000.0)])
def test_a_cycle_that_was_not_begun_has_moved_no_relay(sent: bool, moved_s: float) -> None:
    world = World(mono_s=1000.0)
    world.state = replace(world.state, last_relay_s=400.0)
    world.state, _ = start(world.state, REMEDIES["codec_power_cycle"], world.now)
    world.feed(RemedyDone(1, ok=False, reason="relay_failed", proof={} if sent else {"sent": False}))
    assert world.state.last_relay_s == moved_s


def test_a_relay_that_failed_to_move_has_switched_nothing() -> None:
    world = room()
    failed = RemedyDone(9, ok=False, reason="relay")
    assert not ended(world, an_act(world, "light_off", "light"), failed).off
    before = Supply.SHED
    assert ended(world, an_act(world, "light_on", "light"), failed, supply=before).supply is before


@pytest.mark.parametrize(
    ("by", "ok", "command", "supply"),
    [
        ("shed", True, "", Supply.SHED),
        ("shed", False, "", Supply.ON),  # it went on burning: what a person switches off then stays off
        ("lan", True, "c1", Supply.OFF),
        ("shed", True, "c1", Supply.OFF),  # a person of that name
    ],
)
def test_what_was_switched_off_for_an_outage_alone_comes_back_with_the_mains(
    by: str, ok: bool, command: str, supply: Supply
) -> None:
    world = room()
    act = replace(an_act(world, "light_off", "light"), by=by, command=command)
    assert ended(world, act, RemedyDone(9, ok=ok)).supply is supply


@pytest.mark.parametrize("ok", [True, False])
@pytest.mark.parametrize(
    ("rule", "phase", "act_id"),
    [
        ("toy", Phase.CONFIRMED, 9),  # it has been taken from the act by a restart of the agent
        ("toy", Phase.REMEDYING, 8),  # it awaits another act
        ("gone", Phase.REMEDYING, 9),  # nobody knows its rule any more
    ],
)
def test_the_end_of_an_act_moves_only_the_fault_that_waits_for_it(
    rule: str, phase: Phase, act_id: int, ok: bool
) -> None:
    world = room()
    fault = Fault(rule, phase, 7, act_id=act_id)
    world.state = replace(world.state, faults={rule: fault})
    ended(world, an_act(world, fault=rule), RemedyDone(9, ok=ok))
    assert world.state.fault(rule) == fault


def test_what_passed_before_an_act_proves_nothing_about_it() -> None:
    world = room(phase=Phase.REMEDYING, act_id=9, passes=1, strikes=4)
    ended(world, an_act(world), RemedyDone(9, ok=True))
    assert (toy(world).phase, toy(world).passes, toy(world).strikes) == (Phase.SETTLING, 0, 0)


def test_an_act_that_began_ends_the_count_of_those_that_did_not() -> None:
    for ok in (True, False):
        world = room(phase=Phase.REMEDYING, act_id=9, withdrawn=3, lines_busy=2)
        ended(world, an_act(world), RemedyDone(9, ok=ok, reason="" if ok else "unreachable"))
        assert (toy(world).withdrawn, toy(world).lines_busy) == (0, 0)


@pytest.mark.parametrize(("reason", "kept"), [("no_journal", "no_journal"), ("in_call", ""), ("late", "")])
def test_of_an_act_that_was_withdrawn_only_a_card_that_took_no_intent_is_remembered(reason: str, kept: str) -> None:
    world = room(phase=Phase.REMEDYING, act_id=9, acts=1)
    ended(world, an_act(world), RemedyDone(9, ok=False, reason=reason, proof={"sent": False}))
    fault = toy(world)
    assert (fault.phase, fault.refused, fault.acts, fault.withdrawn) == (Phase.CONFIRMED, kept, 0, 1)
