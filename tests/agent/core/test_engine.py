"""What the engine itself does with events, apart from the parts it calls."""

from __future__ import annotations

from dataclasses import replace

from agent.core.ages import NO_AGES
from agent.core.engine import CLEAR_LATCHES
from agent.core.events import DesiredChanged, Observed, OrderReceived, RecordKind, Tick
from agent.core.facts import Instant, NoReading, Observation
from agent.core.lifecycles import Latch
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.state import Act, Fault, LoadState
from tests.agent.core.world import IDLE, World


def test_an_impossible_value_reaches_no_rule() -> None:
    world = World()
    world.see({"codec.draw_w": 9e9})
    assert world.state.facts["codec.draw_w"].attempt == NoReading("garbled")
    assert world.state.facts["codec.draw_w"].good is None


def test_a_value_is_of_the_moment_of_its_question_by_both_clocks_and_heard_when_the_look_ended() -> None:
    world = World()
    now = world.now
    world.feed(Observed(Observation("t", {"codec.api": True}, {"codec.api": now.mono_s - 8.0}, now.mono_s - 3.0)))
    seen = world.state.facts["codec.api"]
    assert seen.good_at == Instant(now.mono_s - 8.0, now.wall_s - 8.0, now.synced)
    assert seen.heard_s == now.mono_s - 3.0


def test_a_look_without_an_end_or_with_one_that_is_to_come_has_ended_now() -> None:
    for ended_s in (None, World().mono_s + 60.0):
        world = World()
        world.feed(Observed(Observation("t", {"codec.api": True}, {"codec.api": world.mono_s - 8.0}, ended_s)))
        assert world.state.facts["codec.api"].heard_s == world.mono_s


def test_an_answer_that_a_newer_one_has_overtaken_is_not_when_that_was_heard() -> None:
    world = World()
    asked_s = {"newer": world.mono_s - 2.0, "older": world.mono_s - 8.0}
    for name, ended_s in (("newer", world.mono_s - 1.0), ("older", world.mono_s)):
        world.feed(Observed(Observation("t", {"codec.api": True}, {"codec.api": asked_s[name]}, ended_s)))
    assert world.state.facts["codec.api"].heard_s == world.mono_s - 1.0


def test_what_is_over_with_are_the_acts_before_the_first_that_is_under_way() -> None:
    world = World()
    under_way = Act(3, "light_on", "light", world.mono_s, world.mono_s + 60.0)
    for acts, upto in (({3: under_way}, 2), ({}, 4)):
        world.state = replace(world.state, next_id=5, acts=acts, ages=NO_AGES)
        world.feed(Tick())
        assert world.state.ages.marks == ((upto, world.mono_s),)


def test_acts_that_report_nothing_are_each_closed_as_failed_and_each_is_told() -> None:
    world = World()
    world.see(IDLE)
    late = {
        number: Act(number, f"{load}_on", load, world.mono_s - 60.0, world.mono_s - 1.0)
        for number, load in ((1, "light"), (2, "fan"))
    }
    in_time = Act(3, "amplifier_power_cycle", "amplifier", world.mono_s, world.mono_s)
    world.state = replace(world.state, acts={**late, 3: in_time}, next_id=4)
    world.feed(Tick())
    told = [(r.act_id, r.outcome, r.reason) for r in world.records(RecordKind.REMEDY_DONE)]
    assert told == [(1, "failed", "no_report"), (2, "failed", "no_report")]
    assert list(world.state.acts) == [3], "one at its deadline may still report"


def test_a_fault_whose_rule_is_gone_stops_nobody() -> None:
    world = World()
    gone = Fault("a_rule_of_before", Phase.CONFIRMED, fault_id=1)
    world.state = replace(world.state, faults={gone.rule: gone})
    assert world.feed(Tick()) == ()
    assert world.phase(gone.rule) is Phase.CONFIRMED


def test_what_else_a_tick_brings_is_not_lost_when_a_staged_boot_ends() -> None:
    world = World()
    world.run(IDLE, 20.0)
    world.see(IDLE)
    world.feed(OrderReceived("c-1", "room_staged_boot", "lan"))
    booting = world.state.staged
    assert booting is not None
    late = Act(90, "light_on", "light", world.mono_s - 60.0, world.mono_s - 1.0)
    world.state = replace(
        world.state, staged=replace(booting, stages=()), acts={**world.state.acts, 90: late}, next_id=91
    )
    world.feed(Tick())
    assert [(r.act_id, r.outcome) for r in world.records(RecordKind.REMEDY_DONE)] == [
        (90, "failed"),
        (booting.act_id, "done"),
    ]


def test_a_person_clears_every_latch_at_once_and_it_is_told_which() -> None:
    world = World()
    world.state = replace(
        world.state,
        loads={
            name: LoadState(latch=Latch.OPEN if name == "codec" else Latch.LATCHED)
            for name in ("switch", "codec", "amplifier")
        },
    )
    world.feed(OrderReceived("c-1", CLEAR_LATCHES, "lan"))
    (done,) = world.records(RecordKind.REMEDY_DONE)
    assert done.detail == {"loads": "amplifier switch"}
    assert not any(load.latched for load in world.state.loads.values())


def test_a_desired_document_counts_once_and_whole() -> None:
    world = World()
    meeting = Meeting("m-1", "Giao ban", 1.0, 2.0)
    world.feed(DesiredChanged(3, (meeting,), maintenance_until_s=77.0))
    assert (world.state.policy.meetings, world.state.policy.maintenance_until_s) == ((meeting,), 77.0)
    assert world.state.desired_version == 3
    world.feed(DesiredChanged(3))
    world.feed(DesiredChanged(2))
    assert world.state.policy.meetings == (meeting,), "the same number again, or an older one, is not news"
    assert len(world.records(RecordKind.DESIRED_APPLIED)) == 1
