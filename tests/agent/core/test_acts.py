"""What is booked when an act begins: on its load, among the acts under way, and for the record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.acts import bound_s, fault_on, rebooked, start, unbooked
from agent.core.events import Record, RecordKind, StartRemedy
from agent.core.facts import Evidence
from agent.core.lifecycles import LeaseState, Supply
from agent.core.phases import OPEN, Phase
from agent.core.remedies import REMEDIES, REPORT_S
from agent.core.stages import fitted, longest_s
from agent.core.state import ACTS_KEPT, Act, Fault, Lease, LoadState, RoomState
from tests.agent.core.world import World

NOW_S = 1000.0
SEEN = (Evidence("codec.api", value=False, age_s=1.0),)
GRANTED = Lease(LeaseState.GRANTED, 900.0)


def begin(
    remedy: str, *, rule: str = "", state: RoomState | None = None, **order: str
) -> tuple[RoomState, Record, Act]:
    world = World(mono_s=NOW_S)
    state = state or world.state
    after, effects = start(state, REMEDIES[remedy], world.now, rule=state.rules[rule] if rule else None, **order)
    told, begun = effects
    assert isinstance(told, Record)
    assert isinstance(begun, StartRemedy)
    assert (begun.remedy, begun.load) == (REMEDIES[remedy], state.policy.load_of(REMEDIES[remedy]))
    return after, told, begun.act


def with_fault(rule: str, phase: Phase = Phase.CONFIRMED) -> RoomState:
    return replace(World().state, faults={rule: Fault(rule, phase, fault_id=7, evidence=SEEN)}, next_id=8)


def test_an_act_is_under_way_on_its_load_until_its_bound() -> None:
    state, _, act = begin("codec_restart")
    assert act == Act(1, "codec_restart", "codec", NOW_S, NOW_S + REPORT_S)
    assert state.acts == {1: act}
    assert (state.load("codec").act_id, state.next_id) == (1, 2)


def test_a_cycle_is_given_its_off_time_as_well() -> None:
    state, _, act = begin("codec_power_cycle")
    assert act.deadline_s == NOW_S + REPORT_S + state.policy.loads["codec"].off_s


def test_a_staged_boot_is_given_what_all_its_stages_may_take_and_begins_with_the_first() -> None:
    state, _, act = begin("room_staged_boot")
    assert act.deadline_s == NOW_S + REPORT_S + longest_s(state)
    assert state.staged is not None
    assert (state.staged.stages, state.staged.cut) == (fitted(state), True)
    assert (state.staged.act_id, state.staged.began_s) == (act.act_id, NOW_S)


@pytest.mark.parametrize(
    ("remedy", "restarts", "cycles"),
    [("codec_power_cycle", 1, 1), ("codec_restart", 1, 0), ("codec_wake", 0, 0)],
)
def test_budgets_count_restarts_and_of_them_cycles(remedy: str, restarts: int, cycles: int) -> None:
    codec = begin(remedy)[0].load("codec")
    assert codec.acts_s == (NOW_S,) * restarts
    assert codec.cycles_s == (NOW_S,) * cycles


def test_the_newest_acts_are_remembered() -> None:
    past_s = tuple(float(n) for n in range(ACTS_KEPT))
    codec = LoadState(acts_s=past_s, cycles_s=past_s, boot_s=140.0)
    after = begin("codec_power_cycle", state=replace(World().state, loads={"codec": codec}))[0].load("codec")
    assert after == replace(codec, act_id=1, acts_s=(*past_s[1:], NOW_S), cycles_s=(*past_s[1:], NOW_S))


@pytest.mark.parametrize(("remedy", "moved"), [("codec_power_cycle", True), ("fan_on", True), ("codec_restart", False)])
def test_only_what_moves_a_relay_makes_the_next_relay_wait(remedy: str, moved: bool) -> None:
    assert (begin(remedy)[0].last_relay_s == NOW_S) is moved


def test_a_restart_of_the_rooms_own_uses_up_its_lease_and_nothing_else_does() -> None:
    leased = replace(World().state, lease=GRANTED)
    assert begin("codec_restart", state=leased)[0].lease == Lease()
    assert begin("codec_wake", state=leased)[0].lease == GRANTED
    assert begin("codec_restart", state=leased, command="c1")[0].lease == GRANTED
    taken = [begin("codec_restart", state=leased, command=command)[2].lease for command in ("", "c1")]
    assert taken == [GRANTED, Lease()], "what an unsent act gives back"


def test_the_record_of_an_own_act_names_the_fault_it_serves() -> None:
    _, told, act = begin("codec_restart", rule="codec_hung", state=with_fault("codec_hung"))
    assert (told.kind, told.rule, told.fault_id) == (RecordKind.REMEDY_STARTED, "codec_hung", 7)
    assert told.evidence == SEEN
    assert (told.act_id, told.remedy, told.load) == (8, "codec_restart", "codec")
    assert (told.command, told.by) == ("", "")
    assert (act.fault, act.command, act.by) == ("codec_hung", "", "")


def test_an_own_act_serves_its_fault_even_when_another_one_is_open_on_the_load() -> None:
    state = with_fault("codec_hung")
    both = replace(state, faults={**state.faults, "codec_no_power": Fault("codec_no_power", Phase.CONFIRMED, 9)})
    assert begin("codec_power_cycle", rule="codec_no_power", state=both)[1].fault_id == 9


def test_an_order_that_no_fault_asks_for_has_no_evidence() -> None:
    told = begin("codec_restart", command="c1", by="lan")[1]
    assert (told.rule, told.fault_id, told.evidence) == ("", 0, ())


def test_the_record_of_an_order_names_who_gave_it_and_the_fault_it_is_meant_for() -> None:
    _, told, act = begin("codec_restart", state=with_fault("codec_hung"), command="c1", by="lan")
    assert (told.rule, told.fault_id, told.command, told.by) == ("codec_hung", 7, "c1", "lan")
    assert (act.fault, act.command, act.by) == ("", "c1", "lan")


@pytest.mark.parametrize("phase", Phase)
def test_an_order_is_meant_for_an_open_fault_of_its_load(phase: Phase) -> None:
    state = with_fault("codec_hung", phase)
    assert fault_on(state, "codec") == ((7, "codec_hung") if phase in OPEN else (0, ""))
    assert fault_on(state, "amplifier") == (0, "")


def test_a_fault_whose_rule_is_gone_is_no_ones_aim() -> None:
    assert fault_on(replace(with_fault("codec_hung"), rules={}), "codec") == (0, "")


PAST_S = (NOW_S - 700.0, NOW_S - 600.0)


@pytest.mark.parametrize(
    ("remedy", "restarts", "cycles", "moved"),
    [("codec_power_cycle", 1, 1, True), ("codec_restart", 1, 0, False), ("codec_wake", 0, 0, False)],
)
def test_an_act_that_begins_later_counts_from_then_and_what_was_before_stays(
    remedy: str, restarts: int, cycles: int, moved: bool
) -> None:
    codec = LoadState(acts_s=PAST_S, cycles_s=PAST_S[:1], boot_s=140.0)
    before = replace(
        World().state, loads={"codec": codec, "fan": LoadState(supply=Supply.OFF)}, last_relay_s=NOW_S - 600.0
    )
    state, _, act = begin(remedy, state=before)
    later = replace(World(mono_s=NOW_S + 30.0).now)
    after = rebooked(state, act, later)
    at_s = later.mono_s
    assert after.load("codec") == replace(
        codec, act_id=act.act_id, acts_s=PAST_S + (at_s,) * restarts, cycles_s=PAST_S[:1] + (at_s,) * cycles
    )
    assert after.load("fan") == LoadState(supply=Supply.OFF)
    assert after.last_relay_s == (at_s if moved else NOW_S - 600.0)
    assert after.acts == {
        act.act_id: replace(act, started_s=at_s, deadline_s=at_s + bound_s(before, REMEDIES[remedy]), begun=True)
    }
    assert unbooked(state, act) == replace(before, next_id=state.next_id)


@pytest.mark.parametrize(("remedy", "kept"), [("codec_wake", "acts_s"), ("codec_restart", "cycles_s")])
def test_what_an_act_did_not_use_up_it_does_not_give_back(remedy: str, kept: str) -> None:
    same_moment = LoadState(acts_s=(NOW_S,), cycles_s=(NOW_S,))
    state, _, act = begin(remedy, state=replace(World().state, loads={"codec": same_moment}))
    assert getattr(unbooked(state, act).load("codec"), kept) == (NOW_S,)


@pytest.mark.parametrize(
    ("acts_s", "left_s"),
    [
        ((1.0, NOW_S, 1.0, NOW_S, 3.0), (1.0, NOW_S, 1.0, 3.0)),
        ((1.0, 2.0, NOW_S), (1.0, 2.0)),
        ((1.0, 2.0), (1.0, 2.0)),
    ],
)
def test_the_latest_of_equal_moments_is_given_back(acts_s: tuple[float, ...], left_s: tuple[float, ...]) -> None:
    state, _, act = begin("codec_restart")
    state = replace(state, loads={"codec": LoadState(act_id=act.act_id, acts_s=acts_s)})
    assert unbooked(state, act).load("codec").acts_s == left_s


def test_a_relay_that_has_never_moved_keeps_nothing_waiting() -> None:
    state, _, act = begin("fan_on", state=replace(World().state, last_relay_s=NOW_S))
    assert unbooked(state, act).last_relay_s is None, "the only known move is the one that is planned"
