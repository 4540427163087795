"""The climb from rung to rung at its edges, with a rule made for it: strikes, settling, waiting and trying again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core import ladder
from agent.core.events import AskWitnesses, Record, RecordKind, RemedyDone, Tell, Tick
from agent.core.lifecycles import LeaseState
from agent.core.phases import Phase
from agent.core.policy import WAITS, Waits
from agent.core.reasons import Reason
from agent.core.remedies import LOADS, REMEDIES
from agent.core.rule import Severity
from agent.core.state import Fault, Lease, LoadState
from tests.agent.core.toy import ILL, RULE, WELL, WORDS, later, room, toy
from tests.agent.core.world import World

# Strikes


def test_looks_count_when_they_are_the_gap_apart_and_not_before() -> None:
    world = room()
    for seconds, strikes in ((1.0, 1), (2.9, 1), (0.1, 2)):
        later(world, seconds, ILL)
        assert toy(world).strikes == strikes
    quick = room(waits=replace(WAITS, strike_gap_s=1.5))
    for seconds, strikes in ((1.0, 1), (1.4, 1), (0.1, 2)):
        later(quick, seconds, ILL)
        assert toy(quick).strikes == strikes


def test_the_first_look_counts_even_in_the_first_seconds_of_a_clock() -> None:
    world = room()
    world.mono_s = 1.0
    world.see(ILL)
    assert world.phase("toy") is Phase.SUSPECTED


def test_a_fault_is_certain_when_it_has_lasted_and_been_seen_often_enough() -> None:
    world = room(replace(RULE, confirm_s=60.0, strikes=2))
    later(world, 1.0, ILL)
    for _ in range(3):
        later(world, 19.0, ILL)
        assert world.phase("toy") is Phase.SUSPECTED
    later(world, 3.0, ILL)
    assert world.records(RecordKind.FAULT_CONFIRMED), "at the very end of the time, which is long after the strikes"


@pytest.mark.parametrize("waits", [WAITS, replace(WAITS, suspicion_s=60.0)])
def test_a_suspicion_without_another_strike_is_dropped(waits: Waits) -> None:
    world = room(waits=waits)
    later(world, 1.0, ILL)
    later(world, waits.suspicion_s)
    assert world.phase("toy") is Phase.SUSPECTED
    later(world, 0.1)
    assert toy(world) == Fault("toy")


def test_a_strike_between_two_passes_makes_them_begin_anew() -> None:
    world = room(phase=Phase.ESCALATED, rung=1, gave_up="gone", phase_since_s=1000.0)
    for seen in (WELL, ILL, WELL):
        later(world, 10.0, seen)
    assert world.phase("toy") is Phase.ESCALATED
    later(world, 10.0, WELL)
    assert world.phase("toy") is Phase.CLEAR


# Settling, and what is learned from it


def test_a_rung_whose_effect_nobody_can_see_is_over_after_the_longest_wait() -> None:
    world = room(replace(RULE, ladder=("codec_restart", "codec_wake")), phase=Phase.SETTLING, settle_until_s=1010.0)
    later(world, 10.0 + world.state.policy.guards.refused_escalate_s)
    assert world.phase("toy") is Phase.SETTLING
    later(world, 1.0)
    assert toy(world).rung == 1


def test_a_ladder_that_has_become_shorter_harms_no_recovery() -> None:
    world = room(phase=Phase.SETTLING, rung=1, settle_until_s=9e9)
    later(world, 1.0, WELL)
    later(world, 1.0, WELL)
    assert world.phase("toy") is Phase.CLEAR


@pytest.mark.parametrize(
    ("took_s", "boot_s", "is_used_up"),
    [
        (1.0, 1.0, True),
        (0.9, 0.9, True),
        (0.0, 0.0, False),  # it has not been away
        (None, 0.0, False),  # no restart is known
    ],
)
def test_a_boot_time_is_learned_once_from_a_restart_that_is_known(
    took_s: float | None, boot_s: float, is_used_up: bool
) -> None:
    world = room(load={"codec": replace(LOADS["codec"], boot_s=2.0)}, phase=Phase.SETTLING, settle_until_s=9e9)
    ended_s = None if took_s is None else world.mono_s + 1.0 - took_s
    world.state = replace(world.state, loads={"codec": LoadState(ended_s=ended_s)})
    later(world, 1.0, WELL)
    own = world.state.load("codec")
    assert own.boot_s == pytest.approx(boot_s)
    assert own.ended_s == (None if is_used_up else ended_s)


def test_nothing_is_learned_from_a_load_that_does_not_serve_yet() -> None:
    world = room(phase=Phase.SETTLING, settle_until_s=9e9)
    world.state = replace(world.state, loads={"codec": LoadState(ended_s=world.mono_s - 100.0)})
    later(world, 1.0, {**WELL, "codec.api": False})
    assert world.state.load("codec").boot_s == 0.0


# Waiting


def held_on(remaining_s: float, waits: Waits = WAITS) -> World:
    """Confirmed, its wait long too long, and the codec restarted lately: its hold-on ends in `remaining_s`."""
    load = replace(LOADS["codec"], hold_on_s=2000.0, budget_per_hour=99, budget_per_day=99)
    world = room(load={"codec": load}, waits=waits, phase=Phase.CONFIRMED, refused="hold_on", waiting_since_s=500.0)
    world.mono_s += 10.0
    began_s = world.mono_s + remaining_s - 2000.0
    acts_s = (began_s - 900.0, began_s - 300.0, began_s)
    world.state = replace(world.state, loads={"codec": LoadState(acts_s=acts_s)})
    world.see(ILL)
    return world


@pytest.mark.parametrize(
    ("longest_hold_s", "remaining_s", "phase"),
    [
        (WAITS.longest_hold_s, 600.0, Phase.CONFIRMED),
        (WAITS.longest_hold_s, 601.0, Phase.ESCALATED),
        (300.0, 300.0, Phase.CONFIRMED),
        (300.0, 301.0, Phase.ESCALATED),
    ],
)
def test_a_hold_calls_a_person_when_it_lasts_longer_than_one_should_wait_in_silence(
    longest_hold_s: float, remaining_s: float, phase: Phase
) -> None:
    assert held_on(remaining_s, replace(WAITS, longest_hold_s=longest_hold_s)).phase("toy") is phase


def test_another_load_of_the_rule_that_is_being_acted_upon_or_settles_is_waited_for() -> None:
    for own in (LoadState(act_id=5), LoadState(settle_until_s=9e9)):
        world = room(replace(RULE, loads=("codec", "display")))
        world.see(ILL)
        world.state = replace(
            world.state, loads={"display": own}, faults={"toy": Fault("toy", Phase.CONFIRMED, 7, reason="gone")}
        )
        world.feed(Tick())
        assert toy(world).refused == Reason.SETTLING
        assert world.started() == []


def test_a_refusal_and_the_latch_that_follows_from_it_are_both_told() -> None:
    world = room(replace(RULE, ladder=("codec_power_cycle",)), phase=Phase.CONFIRMED)
    day = tuple(world.mono_s - hours * 3600.0 for hours in (20, 16, 12, 9, 6, 3))
    world.state = replace(world.state, loads={"codec": LoadState(acts_s=day)})
    later(world, 1.0, ILL)
    told = [e.kind for e in world.effects if isinstance(e, Record)]
    assert told[:2] == [RecordKind.REMEDY_REFUSED, RecordKind.LOAD_LATCHED]


# Leases


def test_the_hub_is_asked_for_a_lease_again_when_it_has_been_silent_for_as_long_as_one_lasts() -> None:
    world = room(phase=Phase.CONFIRMED)
    online = {**ILL, "hub.session": True}
    later(world, 1.0, online)
    wanted = Record(
        RecordKind.LEASE_WANTED, "toy", 7, Severity.MAJOR, Phase.CONFIRMED, remedy="codec_restart", load="codec"
    )  # fmt: skip
    assert world.records(RecordKind.LEASE_WANTED) == [wanted]
    asked_s = world.state.lease.since_s
    assert world.state.lease == Lease(LeaseState.ASKED, world.mono_s)
    guards = world.state.policy.guards
    rule = world.state.rules["toy"]
    for after_s, is_asked in ((guards.lease_s - 0.1, False), (guards.lease_s, True)):
        now = replace(world.now, mono_s=asked_s + after_s)
        state, effects = ladder._asked(world.state, rule, toy(world), REMEDIES["codec_restart"], now)
        assert (len(effects) == 1) is is_asked
        assert (state.lease.since_s == now.mono_s) is is_asked


# Giving up, and trying again


def test_who_is_given_a_fault_is_given_the_words_for_it() -> None:
    world = room(replace(RULE, ladder=()))
    for _ in range(3):
        later(world, 10.0, ILL)
    assert [e for e in world.effects if isinstance(e, Tell)][-1] == Tell("toy", Phase.ESCALATED, WORDS)


def escalated(world: World, **fault: object) -> World:
    world.see(ILL)
    begun = Fault("toy", Phase.ESCALATED, 7, reason="gone", gave_up="gone", strikes=3, struck_s=world.mono_s)
    begun = replace(begun, phase_since_s=world.mono_s, **fault)  # type: ignore[arg-type]
    world.state = replace(world.state, faults={"toy": begun}, next_id=8)
    world.effects.clear()
    return world


def test_a_fault_is_tried_again_after_the_cool_off_from_the_first_rung() -> None:
    world = escalated(room(), rung=1)
    cool_s = world.state.policy.guards.rearm_s
    later(world, cool_s - 1.0, ILL)
    assert world.records(RecordKind.FAULT_REARMED) == []
    later(world, 1.0, ILL)
    (rearmed,) = world.records(RecordKind.FAULT_REARMED)
    assert (rearmed.reason, toy(world).rung, world.remedies()) == ("cool_off", 0, ["codec_restart"])


def test_acts_that_were_withdrawn_too_often_are_tried_again_after_the_very_cool_off() -> None:
    world = escalated(room(), rung=0, withdrawn=9)
    rearm_s = world.state.policy.guards.rearm_s
    later(world, rearm_s - 0.5, ILL)
    assert world.remedies() == []
    later(world, 0.5, ILL)
    assert (world.remedies(), toy(world).withdrawn) == (["codec_restart"], 0)


def test_a_fault_whose_evidence_is_another_is_tried_again_from_the_first_rung() -> None:
    world = escalated(room(), rung=1)
    later(world, 10.0, {**ILL, "codec.software": "another"})
    (rearmed,) = world.records(RecordKind.FAULT_REARMED)
    assert (rearmed.reason, toy(world).rung, world.remedies()) == ("new_evidence", 0, ["codec_restart"])


def test_a_refusal_of_seconds_is_not_told_in_the_place_of_what_forbids_it() -> None:
    world = escalated(room(), rung=0, refused="meeting_near")
    world.state = replace(world.state, loads={"codec": LoadState(act_id=5)})
    later(world, 10.0, ILL)
    assert (world.phase("toy"), toy(world).refused) == (Phase.ESCALATED, Reason.MEETING_NEAR)


def test_a_fault_that_is_tried_again_has_its_whole_wait_before_it() -> None:
    world = escalated(room(), rung=1, refused="in_call", waiting_since_s=1000.0)
    later(world, world.state.policy.guards.rearm_s, {**ILL, "codec.in_call": True})
    assert world.phase("toy") is Phase.CONFIRMED, "it waits for the call to end, as if for the first time"


def test_what_forbids_the_next_try_of_an_escalated_fault_is_what_forbids_it_now() -> None:
    world = escalated(room(), rung=0, refused="meeting_near")
    later(world, 10.0, {**ILL, "codec.in_call": True})
    assert (world.phase("toy"), toy(world).refused) == (Phase.ESCALATED, Reason.IN_CALL)
    world.mono_s += world.state.policy.guards.witness_s + 1.0
    later(world, 1.0, {})
    assert toy(world).refused == Reason.IN_CALL, "a look of seconds is no reason to tell"


def test_an_escalated_fault_has_the_room_looked_at_before_its_next_try() -> None:
    world = escalated(room(), rung=0)
    stale_s = world.state.policy.guards.witness_s + 1.0
    world.mono_s += stale_s
    assert AskWitnesses() in world.feed(Tick())


# What explains a symptom away


@pytest.mark.parametrize(
    ("loads", "settle_s", "counts"),
    [
        ({"switch": LoadState(act_id=5)}, 0.0, False),  # upstream of the codec
        ({"switch": LoadState()}, 10.0, False),
        ({"switch": LoadState()}, 0.0, True),  # settled to the second
        ({"display": LoadState(act_id=5)}, 0.0, True),  # has nothing to do with it
    ],
)
def test_nothing_is_held_against_what_hangs_on_a_load_that_is_away(
    loads: dict[str, LoadState], settle_s: float, counts: bool
) -> None:
    world = room(replace(RULE, loads=("codec", "a load of another room")))
    world.mono_s += 10.0
    loads = {name: replace(own, settle_until_s=world.mono_s + settle_s) for name, own in loads.items()}
    world.state = replace(world.state, loads=loads)
    world.see(ILL)
    assert (toy(world).strikes == 1) is counts


@pytest.mark.parametrize(("phase", "counts"), [(Phase.CLEAR, True), (Phase.SUSPECTED, False), (Phase.ESCALATED, False)])
def test_a_consequence_is_not_judged_while_its_cause_is_even_suspected(phase: Phase, counts: bool) -> None:
    world = room(replace(RULE, inhibited_by=("cause",)))
    world.state = replace(world.state, faults={"cause": Fault("cause", phase)})
    world.see(ILL)
    assert (toy(world).strikes == 1) is counts


# Permitted and not begun


def withdraw(world: World, reason: str = "late") -> None:
    world.feed(RemedyDone(max(world.state.acts), ok=False, reason=reason, proof={"sent": False}))


@pytest.mark.parametrize("reason", ["late", Reason.LOOKING, Reason.NO_JOURNAL])
def test_an_act_that_never_gets_to_begin_calls_a_person_and_is_tried_again_after_the_cool_off(reason: str) -> None:
    """A log-in that always takes longer than a witness is good for: nobody would ever hear of it."""
    world = room(phase=Phase.CONFIRMED)
    end_s = world.mono_s + 1800.0
    while world.mono_s < end_s:
        later(world, 1.0, ILL)
        if world.state.acts:
            world.mono_s += 6.0
            withdraw(world, reason)
    assert len(world.started()) == 6
    (told,) = world.records(RecordKind.FAULT_ESCALATED)
    assert told.reason == reason
    assert (toy(world).rung, world.state.load("codec").acts_s) == (0, ()), "nothing is used up, no rung is left out"
    later(world, 200.0, ILL)
    assert len(world.started()) == 7
    world.finish()
    assert toy(world).withdrawn == 0


def test_five_acts_that_were_withdrawn_call_nobody() -> None:
    world = room(phase=Phase.CONFIRMED)
    for _ in range(5):
        while not world.state.acts:
            later(world, 1.0, ILL)
        withdraw(world)
    assert world.records(RecordKind.FAULT_ESCALATED) == []
    assert world.phase("toy") is Phase.CONFIRMED


@pytest.mark.parametrize("pause_s", [WAITS.journal_pause_s, 5.0])
def test_a_card_that_took_no_intent_is_given_its_seconds_and_no_more(pause_s: float) -> None:
    world = room(phase=Phase.CONFIRMED, waits=replace(WAITS, journal_pause_s=pause_s))
    later(world, 1.0, ILL)
    withdraw(world, Reason.NO_JOURNAL)
    later(world, pause_s - 0.5, ILL)
    assert (world.state.acts, world.phase("toy")) == ({}, Phase.CONFIRMED)
    later(world, 0.5, ILL)
    assert world.phase("toy") is Phase.REMEDYING


def test_a_rule_that_waits_acts_at_the_very_second_at_which_its_wait_is_over() -> None:
    patient = replace(RULE, act_after_s=lambda *_: 50.0)
    world = room(patient, phase=Phase.CONFIRMED, since_s=900.0)
    world.mono_s = 940.0
    later(world, 9.5, ILL)
    assert world.remedies() == []
    later(world, 0.5, ILL)
    assert world.remedies() == ["codec_restart"]


def test_a_fault_of_no_load_may_have_the_whole_room_restarted() -> None:
    world = room(replace(RULE, ladder=("room_staged_boot",), loads=()), phase=Phase.CONFIRMED, since_s=900.0)
    later(world, 10.0, ILL)
    assert world.remedies()[0] == "room_staged_boot"


def test_a_fault_that_came_in_safe_mode_is_acted_upon_as_soon_as_that_ends() -> None:
    """It ends by itself: no rung is spent on it, and the cool-off of half an hour is not waited for."""
    world = room(phase=Phase.CONFIRMED, since_s=900.0)
    normal = world.state.policy
    world.state = replace(world.state, policy=replace(normal, safe_mode=True))
    for _ in range(14):
        later(world, 10.0, ILL)
    assert (world.phase("toy"), toy(world).refused, toy(world).rung) == (Phase.ESCALATED, Reason.SAFE_MODE, 0)
    world.state = replace(world.state, policy=normal)
    later(world, 10.0, ILL)
    assert (world.phase("toy"), world.remedies()) == (Phase.REMEDYING, ["codec_restart"])
