"""Booking an act that the interlock has permitted: on its load, among the acts under way, and for the record."""

from __future__ import annotations

from dataclasses import replace

from agent.core import stages
from agent.core.events import Effect, Record, StartRemedy
from agent.core.facts import Instant
from agent.core.interlock import RELAY_METHODS
from agent.core.phases import OPEN
from agent.core.remedies import REPORT_S, Method, Remedy
from agent.core.rule import Rule
from agent.core.state import ACTS_KEPT, Act, Lease, RoomState


def start(
    state: RoomState, remedy: Remedy, now: Instant, *, rule: Rule | None = None, command: str = "", by: str = ""
) -> tuple[RoomState, tuple[Effect, ...]]:
    """Begin an act that the interlock has permitted: book it on its load, then let the shell perform it."""
    load = state.policy.load_of(remedy)
    bound_s = REPORT_S + (load.off_s if remedy.method is Method.CYCLE else 0.0)
    if remedy.method is Method.STAGED:
        bound_s += stages.longest_s(state)
    act = Act(
        state.next_id, remedy.name, load.name, now.mono_s, now.mono_s + bound_s, rule.name if rule else "", command, by
    )
    own = state.load(load.name)
    acts_s = (*own.acts_s, now.mono_s)[-ACTS_KEPT:] if remedy.restarts else own.acts_s
    cycles_s = (*own.cycles_s, now.mono_s)[-ACTS_KEPT:] if remedy.method is Method.CYCLE else own.cycles_s
    fault_id, rule_name = (state.fault(rule.name).fault_id, rule.name) if rule else fault_on(state, load.name)
    state = replace(
        state,
        next_id=state.next_id + 1,
        acts={**state.acts, act.act_id: act},
        loads={**state.loads, load.name: replace(own, act_id=act.act_id, acts_s=acts_s, cycles_s=cycles_s)},
        lease=state.lease if command or not remedy.restarts else Lease(),
        last_relay_s=now.mono_s if remedy.method in RELAY_METHODS else state.last_relay_s,
    )
    started = Record(
        "remedy_started", rule_name, fault_id, act_id=act.act_id, remedy=remedy.name, load=load.name,
        command=command, by=by, evidence=state.fault(rule_name).evidence,
    )  # fmt: skip
    if remedy.method is Method.STAGED:
        state = stages.whole_room(state, act.act_id, now)
    return state, (started, StartRemedy(act, remedy, load))


def fault_on(state: RoomState, load: str) -> tuple[int, str]:
    """The open fault that an order on this load is meant for: its id and rule, or (0, "")."""
    for name, fault in state.faults.items():
        rule = state.rules.get(name)
        if rule is not None and fault.phase in OPEN and load in rule.loads:
            return fault.fault_id, name
    return 0, ""
