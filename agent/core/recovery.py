"""What a restarted agent makes of its journal: limits still count, open acts are closed, open faults go on."""

from __future__ import annotations

from dataclasses import replace

from agent.core import boots
from agent.core.events import Effect, PastAct, Record, Restarted
from agent.core.facts import Instant
from agent.core.phases import OPEN, Phase
from agent.core.remedies import REMEDIES, Method
from agent.core.state import ACTS_KEPT, COMMANDS_KEPT, Fault, LoadState, RoomState


def restored(state: RoomState, event: Restarted, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    """The room as the journal knows it. Loads of open acts are re-powered by the shell before this is called."""
    loads = {name: replace(load, off=name in event.off_loads) for name, load in state.loads.items()}
    for name, boot_s in event.boots.items():
        loads[name] = replace(loads.get(name, LoadState()), boot_s=boot_s)
    for act in sorted((*event.past_acts, *event.open_acts), key=lambda a: a.act_id):
        remedy = REMEDIES.get(act.remedy)
        if remedy is not None and remedy.restarts:
            own, load = loads.get(act.load, LoadState()), state.policy.load_of(remedy)
            began = began_s(act, now)
            acts_s = tuple(sorted((*own.acts_s, began)))[-ACTS_KEPT:]
            # It may still be starting from an act that had ended before the agent did.
            off_s = load.off_s if remedy.method is Method.CYCLE else 0.0
            settled_s = began + off_s + boots.settle_s(remedy, load, own, state.policy.time_scale)
            loads[act.load] = replace(own, acts_s=acts_s, settle_until_s=max(own.settle_until_s, settled_s))
    effects: list[Effect] = []
    for act in event.open_acts:
        remedy = REMEDIES.get(act.remedy)
        if remedy is not None and remedy.restarts:
            own = loads[act.load]
            settle_s = boots.settle_s(remedy, state.policy.load_of(remedy), own, state.policy.time_scale)
            loads[act.load] = replace(own, settle_until_s=max(own.settle_until_s, now.mono_s + settle_s))
        fault = next((f for f in event.open_faults if f.rule == act.fault), Fault(act.fault))
        effects.append(
            Record(
                "remedy_done", act.fault, fault.fault_id, reason="agent_restarted", act_id=act.act_id,
                remedy=act.remedy, load=act.load, outcome="interrupted", command=act.command,
            )
        )  # fmt: skip
    faults: dict[str, Fault] = {}
    for fault in event.open_faults:
        rule = state.rules.get(fault.rule)
        if fault.phase not in OPEN:
            continue
        if rule is None:
            effects.append(Record("fault_cleared", fault.rule, fault.fault_id, reason="rule_removed"))
            continue
        settled = [loads[name].settle_until_s for name in rule.loads if name in loads]
        faults[fault.rule] = _resumed(fault, max(settled, default=now.mono_s), now)
    state = replace(
        state,
        loads=loads,
        faults={**state.faults, **faults},
        next_id=max(event.next_id, state.next_id),
        desired_version=event.desired_version,
        commands=event.commands[-COMMANDS_KEPT:],
    )
    return state, tuple(effects)


def began_s(act: PastAct, now: Instant) -> float:
    """When an act of the journal began, on this boot's monotonic clock; never later than now.

    Across boots only the wall clock connects the two, and only when it was disciplined then and is now. Otherwise the
    act counts as just done: a clock that stepped cannot shorten a limit.
    """
    if act.same_boot:
        return min(act.started.mono_s, now.mono_s)
    if act.started.synced and now.synced:
        return now.mono_s - max(0.0, now.wall_s - act.started.wall_s)
    return now.mono_s


def _resumed(fault: Fault, settle_until_s: float, now: Instant) -> Fault:
    """The fault on this boot's clock.

    An act that was under way may have had its effect or not: a cycle cut short is too short for a supply to discharge.
    Its load settles first; when the fault is still there then, the same rung is tried again within the load's limits.
    """
    phase = Phase.CONFIRMED if fault.phase is Phase.REMEDYING else fault.phase
    return replace(
        fault,
        phase=phase,
        strikes=0,
        passes=0,
        act_id=0,
        since_s=now.mono_s - max(0.0, now.wall_s - fault.since_wall_s),
        phase_since_s=now.mono_s,
        waiting_since_s=now.mono_s,
        settle_until_s=max(settle_until_s, now.mono_s),
    )
