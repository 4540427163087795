"""What a start makes of its journal, value by value."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.events import PastAct, RecordKind, Restarted
from agent.core.facts import Instant, Seen
from agent.core.phases import Phase
from agent.core.state import Blind, Fault, RoomState
from tests.agent.core.world import WALL_S, World

NOW_S = 1000.0


def restored(event: Restarted) -> RoomState:
    world = World(mono_s=NOW_S)
    world.feed(event)
    return world.state


@pytest.mark.parametrize(("rebooted", "ended_at_s"), [(True, 0.0), (False, NOW_S)])
def test_the_journal_ended_before_this_boot_or_before_this_process(rebooted: bool, ended_at_s: float) -> None:
    state = restored(Restarted(ends_s=(WALL_S,), quiet_s=600.0, rebooted=rebooted))
    assert (state.ends_at_s, state.quiet_until_s) == (ended_at_s, ended_at_s + 600.0)


def test_no_secret_meeting_then_none_now() -> None:
    assert restored(Restarted(ends_s=(WALL_S,))).quiet_until_s == 0.0


@pytest.mark.parametrize(("said_s", "age_s"), [(NOW_S - 50.0, 50.0), (NOW_S - 0.5, 0.5), (NOW_S + 5.0, 0.0)])
def test_a_codec_that_takes_firmware_said_so_before_the_start(said_s: float, age_s: float) -> None:
    told = Instant(NOW_S - age_s, WALL_S + NOW_S - age_s, synced=True)
    assert restored(Restarted(upgrading_s=said_s)).facts["codec.upgrading"] == Seen(good=True, good_at=told)


def test_a_codec_that_never_said_so_takes_none() -> None:
    assert "codec.upgrading" not in restored(Restarted()).facts


def test_an_act_that_began_at_this_very_second_needs_no_later_date() -> None:
    began = Instant(5.0, WALL_S + NOW_S, synced=True)
    state = restored(Restarted(past_acts=(PastAct(1, "codec_restart", "codec", began, same_boot=False),)))
    assert state.undated == ()
    assert state.load("codec").acts_s == (NOW_S,)


@pytest.mark.parametrize(
    ("since_s", "rebooted", "known_s"),
    [
        (0.5, False, 0.5),
        (NOW_S, False, NOW_S),
        (NOW_S + 0.5, False, NOW_S - 100.0),
        (0.0, False, NOW_S - 100.0),
        (0.5, True, NOW_S - 100.0),
    ],
)
def test_a_fault_goes_on_since_when_it_began(since_s: float, rebooted: bool, known_s: float) -> None:
    fault = Fault("codec_hung", Phase.ESCALATED, 3, since_s=since_s, since_wall_s=WALL_S + NOW_S - 100.0)
    state = restored(Restarted(open_faults=(fault,), rebooted=rebooted))
    assert state.fault("codec_hung").since_s == known_s


def test_acts_that_were_withdrawn_before_the_start_count_no_more() -> None:
    fault = Fault("codec_hung", Phase.CONFIRMED, 3, strikes=4, passes=1, act_id=9, withdrawn=5, lines_busy=2)
    kept = restored(Restarted(open_faults=(fault,))).fault("codec_hung")
    assert (kept.strikes, kept.passes, kept.act_id, kept.withdrawn, kept.lines_busy) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(("at_s", "lasted_s"), [(NOW_S - 5.0, 65.0), (NOW_S, 60.0), (NOW_S + 5.0, 60.0)])
def test_a_window_that_nobody_can_end_has_lasted_what_passed(at_s: float, lasted_s: float) -> None:
    now = Instant(NOW_S, WALL_S, synced=False)
    assert Blind(7.0, 60.0, at_s).lasts_s(7.0, now) == lasted_s
    assert Blind(7.0, 60.0, at_s).lasts_s(8.0, now) == 0.0, "another window"


def test_what_a_window_has_lasted_is_counted_on_from_the_start() -> None:
    assert restored(Restarted(blind=(7.0, 60.0))).blind == Blind(7.0, 60.0, NOW_S)


def test_an_open_act_of_a_fault_that_the_journal_lost_is_closed_all_the_same() -> None:
    world = World(mono_s=NOW_S)
    act = PastAct(4, "codec_restart", "codec", replace(world.now, mono_s=900.0), same_boot=True, fault="codec_hung")
    world.feed(Restarted(open_acts=(act,)))
    (ended,) = world.records(RecordKind.REMEDY_DONE)
    assert (ended.rule, ended.fault_id, ended.outcome) == ("codec_hung", 0, "interrupted")
