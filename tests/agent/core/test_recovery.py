"""What an agent does with its journal after a crash, a reboot or a lost clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

import agent.rules
from agent.core.engine import initial
from agent.core.events import OrderReceived, PastAct, RecordKind, Restarted
from agent.core.facts import Instant
from agent.core.phases import Phase
from agent.core.recovery import began_s
from agent.core.state import Fault
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
    (done,) = world.records(RecordKind.REMEDY_DONE)
    assert done.outcome == "interrupted"
    assert world.phase("codec_hung") is Phase.CONFIRMED
    assert world.state.fault("codec_hung").fault_id == old.state.fault("codec_hung").fault_id
    world.run(HUNG, 200)
    assert world.remedies() == [], "the interrupted restart still has to settle"
    world.run(IDLE, 30)
    assert world.records(RecordKind.FAULT_CLEARED)[0].fault_id == old.state.fault("codec_hung").fault_id


def test_ids_are_never_reused_and_old_commands_never_obeyed() -> None:
    old = hung_world()
    world = reborn(old, restarted(old))
    assert world.state.next_id == old.state.next_id
    world.feed(OrderReceived("c0", "light_on", "lan"))
    assert world.remedies() == []


def test_hold_on_survives_a_restart() -> None:
    old = hung_world()
    ended = Restarted(past_acts=restarted(old).open_acts, boots={"codec": 40.0})
    world = reborn(old, ended)
    world.run(IDLE, 20)
    world.feed(OrderReceived("c1", "codec_power_cycle", "lan"))
    world.run(IDLE, 100)
    world.feed(OrderReceived("c2", "codec_power_cycle", "lan"))
    assert [refused.reason for refused in world.records(RecordKind.COMMAND_REFUSED)] == ["settling", "hold_on"]


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
    assert world.records(RecordKind.FAULT_CLEARED)[0].reason == "rule_removed"


def test_a_rung_that_was_cut_short_is_tried_again_after_settling() -> None:
    old = hung_world()
    world = reborn(old, restarted(old))
    world.run(HUNG, 225 + 20)
    assert world.remedies() == ["codec_restart"], "the same rung, within the load's limits"


NOW_S = 5000.0


def past(number: int, remedy: str, load: str, **more: object) -> PastAct:
    """An act of this boot, begun 100 s ago."""
    began = Instant(NOW_S - 100.0, WALL_S + NOW_S - 100.0)
    return replace(PastAct(number, remedy, load, began, same_boot=True), **more)  # type: ignore[arg-type]


def reborn_with(event: Restarted) -> World:
    world = World(initial(policy(), agent.rules.load()), NOW_S)
    world.feed(event)
    return world


def test_only_restarts_count_against_a_budget_and_acts_of_an_unknown_kind_against_none() -> None:
    acts = (past(1, "light_on", "light"), past(2, "of_a_later_version", "light"))
    for event in (Restarted(past_acts=acts), Restarted(open_acts=acts)):
        own = reborn_with(event).state.load("light")
        assert (own.acts_s, own.settle_until_s) == ((), 0.0)


def test_a_restart_by_order_settles_from_its_beginning_and_a_cycle_from_its_end() -> None:
    for remedy, end_s in (("codec_restart", 0.0), ("codec_power_cycle", 30.0)):
        world = reborn_with(Restarted(past_acts=(past(1, remedy, "codec"),), boots={"codec": 200.0}))
        assert world.state.load("codec").settle_until_s == NOW_S - 100.0 + end_s + 1.5 * 200.0


def test_what_was_measured_goes_to_a_load_that_is_off_as_well() -> None:
    own = reborn_with(Restarted(off_loads=("light",), boots={"light": 3.0})).state.load("light")
    assert (own.off, own.boot_s) == (True, 3.0)


def test_an_open_act_that_served_no_open_fault_is_closed_under_its_own_name() -> None:
    acts = (past(4, "codec_restart", "codec", command="c-9"), past(5, "light_on", "light", fault="room_dark"))
    first, second = reborn_with(Restarted(open_acts=acts)).records(RecordKind.REMEDY_DONE)
    assert (first.rule, first.fault_id, first.command, first.outcome) == ("", 0, "c-9", "interrupted")
    assert (second.rule, second.fault_id, second.command, second.reason) == ("room_dark", 0, "", "agent_restarted")


@pytest.mark.parametrize(
    ("remedy", "rebooted", "outcome", "reason"),
    [
        ("board_reboot", True, "done", ""),
        ("board_reboot", False, "interrupted", "agent_restarted"),
        ("codec_restart", True, "interrupted", "agent_restarted"),
    ],
)
def test_a_board_that_was_told_to_start_anew_and_did_has_done_it(
    remedy: str, rebooted: bool, outcome: str, reason: str
) -> None:
    load = remedy.split("_", maxsplit=1)[0]
    world = reborn_with(Restarted(open_acts=(past(1, remedy, load),), rebooted=rebooted))
    (done,) = world.records(RecordKind.REMEDY_DONE)
    assert (done.outcome, done.reason) == (outcome, reason)
    assert len(world.records(RecordKind.RETURN_BEGAN)) == rebooted, "and the return of the room is told as well"


def test_of_the_faults_in_a_journal_each_is_taken_for_what_it_is() -> None:
    """One that was only suspected is forgotten, one without a rule closed, one of no load goes on at once."""
    faults = (
        Fault("mains_weak", Phase.SUSPECTED, 0, strikes=1),
        Fault("gone", Phase.ESCALATED, 8),
        Fault("board_supply_weak", Phase.ESCALATED, 9, strikes=3, passes=1, since_wall_s=WALL_S + NOW_S),
    )
    world = reborn_with(Restarted(open_faults=faults))
    (closed,) = world.records(RecordKind.FAULT_CLEARED)
    assert (closed.rule, closed.fault_id, closed.reason) == ("gone", 8, "rule_removed")
    assert list(world.state.faults) == ["board_supply_weak"]
    resumed = world.state.fault("board_supply_weak")
    assert (resumed.strikes, resumed.passes, resumed.since_s) == (0, 0, NOW_S)
    assert (resumed.settle_until_s, resumed.phase_since_s) == (NOW_S, NOW_S)


def test_a_fault_goes_on_from_where_it_began_in_this_boot_whatever_the_clock_shows_now() -> None:
    """Ten years older, every act of before would count as done for this very fault."""
    fault = Fault("board_supply_weak", Phase.ESCALATED, 9, since_s=NOW_S - 60.0, since_wall_s=WALL_S - 3650 * 86_400.0)
    resumed = reborn_with(Restarted(open_faults=(fault,))).state.fault("board_supply_weak")
    assert resumed.since_s == NOW_S - 60.0
    ahead = replace(fault, since_s=NOW_S + 1.0, since_wall_s=WALL_S + NOW_S - 5.0)
    assert reborn_with(Restarted(open_faults=(ahead,))).state.fault("board_supply_weak").since_s == NOW_S - 5.0
    later = reborn_with(Restarted(open_faults=(replace(fault, since_wall_s=WALL_S + NOW_S),), rebooted=True))
    assert later.state.fault("board_supply_weak").since_s == NOW_S, "of another boot"
