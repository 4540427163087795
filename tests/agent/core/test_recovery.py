"""What an agent does with its journal after a crash, a reboot or a lost clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

import agent.rules
from agent.core.engine import initial
from agent.core.events import CommandReceived, PastAct, Restarted
from agent.core.facts import Instant
from agent.core.phases import Phase
from agent.core.recovery import began_s
from tests.agent.core.test_codec_hung_story import HUNG, hung_world
from tests.agent.core.world import IDLE, WALL_S, World, policy


def reborn(old: World, event: Restarted) -> World:
    """The room after its agent came back, on the same boot."""
    world = World(initial(policy(), agent.rules.load()), old.mono_s + 5)
    world.feed(event)
    return world


def restarted(old: World) -> Restarted:
    acts = tuple(
        PastAct(a.act_id, a.remedy, a.load, Instant(a.started_s, WALL_S + a.started_s), same_boot=True, fault=a.fault)
        for a in old.state.acts.values()
    )
    return Restarted(
        open_acts=acts, open_faults=tuple(old.state.faults.values()), next_id=old.state.next_id, commands=("c0",)
    )


def test_an_interrupted_act_is_closed_and_its_fault_goes_on() -> None:
    old = hung_world()
    world = reborn(old, restarted(old))
    (done,) = world.records("remedy_done")
    assert done.outcome == "interrupted"
    assert world.phase("codec_hung") is Phase.CONFIRMED
    assert world.state.fault("codec_hung").fault_id == old.state.fault("codec_hung").fault_id
    world.run(HUNG, 200)
    assert world.remedies() == [], "the interrupted restart still has to settle"
    world.run(IDLE, 30)
    assert world.records("fault_cleared")[0].fault_id == old.state.fault("codec_hung").fault_id


def test_ids_are_never_reused_and_old_commands_never_obeyed() -> None:
    old = hung_world()
    world = reborn(old, restarted(old))
    assert world.state.next_id == old.state.next_id
    world.feed(CommandReceived("c0", "light_on", "lan"))
    assert world.remedies() == []


def test_hold_on_survives_a_restart() -> None:
    old = hung_world()
    ended = Restarted(past_acts=restarted(old).open_acts, boots={"codec": 40.0})
    world = reborn(old, ended)
    world.run(IDLE, 20)
    world.feed(CommandReceived("c1", "codec_power_cycle", "lan"))
    world.run(IDLE, 100)
    world.feed(CommandReceived("c2", "codec_power_cycle", "lan"))
    assert [refused.reason for refused in world.records("command_refused")] == ["settling", "hold_on"]


def test_a_device_that_still_starts_is_not_judged_after_a_restart() -> None:
    """The act had ended before the agent did: its device needs the rest of its settle time all the same."""
    old = hung_world()
    old.finish()
    settled_s = old.state.load("codec").settle_until_s
    old.mono_s += 20
    act = old.started()[-1].act
    past = PastAct(act.act_id, act.remedy, act.load, Instant(act.started_s, WALL_S + act.started_s), same_boot=True)
    world = reborn(old, Restarted(past_acts=(past,), open_faults=tuple(old.state.faults.values())))
    world.run(HUNG, settled_s - world.mono_s - 10)
    assert world.remedies() == [], "a slow start looks like a hang"
    world.run(HUNG, 60)
    assert world.remedies() == ["codec_power_cycle"]


@pytest.mark.parametrize(
    ("then", "now", "same_boot", "began"),
    [
        (Instant(100, 5000), Instant(400, 5300), True, 100),
        (Instant(100, 5000), Instant(50, 5300), False, -250),
        (Instant(100, 5000, synced=False), Instant(50, 5300), False, 50),
        (Instant(100, 5000), Instant(50, 5300, synced=False), False, 50),
        (Instant(100, 9000), Instant(50, 5300), False, 50),  # the clock stepped back
        (Instant(900, 5000), Instant(400, 5300), True, 400),  # a journal from the future
    ],
)
def test_a_stepped_clock_cannot_shorten_a_limit(then: Instant, now: Instant, same_boot: bool, began: float) -> None:
    assert began_s(PastAct(1, "codec_restart", "codec", then, same_boot), now) == began


def test_a_fault_whose_rule_was_removed_is_closed() -> None:
    old = hung_world()
    fault = replace(old.state.fault("codec_hung"), rule="gone", phase=Phase.ESCALATED)
    world = reborn(old, Restarted(open_faults=(fault,)))
    assert world.records("fault_cleared")[0].reason == "rule_removed"


def test_a_rung_that_was_cut_short_is_tried_again_after_settling() -> None:
    old = hung_world()
    world = reborn(old, restarted(old))
    world.run(HUNG, 225 + 20)
    assert world.remedies() == ["codec_restart"], "the same rung, within the load's limits"
