"""Booking an act that the interlock has permitted: on its load, among the acts under way, and for the record."""

from __future__ import annotations

from dataclasses import replace

from agent.core import leases, stages
from agent.core.events import Effect, Record, RecordKind, StartRemedy
from agent.core.facts import Instant
from agent.core.interlock import RELAY_METHODS
from agent.core.phases import OPEN
from agent.core.remedies import REPORT_S, Method, Remedy
from agent.core.rule import Rule
from agent.core.state import ACTS_KEPT, Act, Lease, RoomState

FOR_OUTAGE = "shed"
"""By whom a load is switched off while the mains is lost."""


def start(
    state: RoomState,
    remedy: Remedy,
    now: Instant,
    *,
    rule: Rule | None = None,
    command: str = "",
    by: str = "",
    confirmed: str = "",
) -> tuple[RoomState, tuple[Effect, ...]]:
    """Begin an act that the interlock has permitted: book it on its load, then let the shell perform it."""
    load = state.policy.load_of(remedy)
    leased = remedy.restarts and not command
    act = Act(
        state.next_id, remedy.name, load.name, now.mono_s, now.mono_s + bound_s(state, remedy),
        rule.name if rule else "", command, by, confirmed, state.last_relay_s,
        lease=state.lease if leased else Lease(),
    )  # fmt: skip
    own = state.load(load.name)
    acts_s = (*own.acts_s, now.mono_s)[-ACTS_KEPT:] if remedy.restarts else own.acts_s
    cycles_s = (*own.cycles_s, now.mono_s)[-ACTS_KEPT:] if remedy.method is Method.CYCLE else own.cycles_s
    fault_id, rule_name = (state.fault(rule.name).fault_id, rule.name) if rule else fault_on(state, load.name)
    state = replace(
        state,
        next_id=state.next_id + 1,
        acts={**state.acts, act.act_id: act},
        loads={**state.loads, load.name: replace(own, act_id=act.act_id, acts_s=acts_s, cycles_s=cycles_s)},
        lease=leases.used(state.lease, now) if leased else state.lease,
        last_relay_s=now.mono_s if remedy.method in RELAY_METHODS else state.last_relay_s,
    )
    started = Record(
        RecordKind.REMEDY_STARTED, rule_name, fault_id, act_id=act.act_id, remedy=remedy.name, load=load.name,
        command=command, by=by, evidence=state.fault(rule_name).evidence,
        detail={"confirmed": confirmed} if confirmed else {},
    )  # fmt: skip
    if remedy.method is Method.STAGED:
        state = stages.whole_room(state, act.act_id, now)
    return state, (started, StartRemedy(act, remedy, load))


def bound_s(state: RoomState, remedy: Remedy) -> float:
    """How long an act of this kind may take until it is reported, in seconds."""
    if remedy.method is Method.STAGED:
        return REPORT_S + stages.longest_s(state)
    return REPORT_S + (state.policy.load_of(remedy).off_s if remedy.method is Method.CYCLE else 0.0)


def unbooked(state: RoomState, act: Act) -> RoomState:
    """The room as it would be without this act, which has been booked and not begun."""
    remedy, own = state.policy.remedies[act.remedy], state.load(act.load)
    others = {key: value for key, value in state.acts.items() if key != act.act_id}
    own = replace(
        own,
        act_id=0,
        acts_s=_without(own.acts_s, act.started_s) if remedy.restarts else own.acts_s,
        cycles_s=_without(own.cycles_s, act.started_s) if remedy.method is Method.CYCLE else own.cycles_s,
    )
    return replace(state, acts=others, loads={**state.loads, act.load: own}, last_relay_s=_relay_moved_s(state))


def rebooked(state: RoomState, act: Act, now: Instant) -> RoomState:
    """The act as begun at this moment, later than it was permitted: every limit counts from here."""
    remedy = state.policy.remedies[act.remedy]
    state = unbooked(state, act)
    own = state.load(act.load)
    act = replace(act, started_s=now.mono_s, deadline_s=now.mono_s + bound_s(state, remedy), begun=True)
    own = replace(
        own,
        act_id=act.act_id,
        acts_s=(*own.acts_s, now.mono_s)[-ACTS_KEPT:] if remedy.restarts else own.acts_s,
        cycles_s=(*own.cycles_s, now.mono_s)[-ACTS_KEPT:] if remedy.method is Method.CYCLE else own.cycles_s,
    )
    return replace(
        state,
        acts={**state.acts, act.act_id: act},
        loads={**state.loads, act.load: own},
        last_relay_s=now.mono_s if remedy.method in RELAY_METHODS else state.last_relay_s,
    )


def _relay_moved_s(state: RoomState) -> float | None:
    """When a relay last moved in truth, if ever: acts that are booked and not begun have moved none."""
    remedies = state.policy.remedies
    booked = [one for one in state.acts.values() if remedies[one.remedy].method in RELAY_METHODS]
    planned_s = {one.started_s for one in booked if not one.begun}
    known_s = [state.last_relay_s, *(one.relay_before_s for one in booked if not one.begun)]
    begun_s = [one.started_s for one in booked if one.begun]
    moved_s = (at_s for at_s in known_s if at_s is not None and at_s not in planned_s)
    return max([*moved_s, *begun_s], default=None)


def _without(times_s: tuple[float, ...], at_s: float) -> tuple[float, ...]:
    """The times without the latest one that is `at_s`."""
    found = len(times_s) - 1 - times_s[::-1].index(at_s) if at_s in times_s else len(times_s)
    return times_s[:found] + times_s[found + 1 :]


def fault_on(state: RoomState, load: str) -> tuple[int, str]:
    """The open fault that an order on this load is meant for: its id and rule, or (0, "")."""
    for name, fault in state.faults.items():
        rule = state.rules.get(name)
        if rule is not None and fault.phase in OPEN and load in rule.loads:
            return fault.fault_id, name
    return 0, ""
