"""What a restarted agent makes of its journal: limits still count, open acts are closed, open faults go on."""

from __future__ import annotations

from dataclasses import replace

from agent.core import boots, staging
from agent.core.events import Effect, PastAct, Record, Restarted
from agent.core.facts import Instant
from agent.core.phases import OPEN, Phase
from agent.core.remedies import REMEDIES, Method, Remedy
from agent.core.state import ACTS_KEPT, COMMANDS_KEPT, Fault, LoadState, RoomState


def restored(state: RoomState, event: Restarted, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    """The room as the journal knows it. Loads of open acts are re-powered by the shell before this is called."""
    loads = {name: replace(load, off=name in event.off_loads) for name, load in state.loads.items()}
    for name in (*event.shed_loads, *event.latched_loads):
        own = loads.get(name, LoadState())
        shed = name in event.shed_loads and own.off
        loads[name] = replace(own, shed=shed, off_since_s=now.mono_s, latched=name in event.latched_loads)
    for name, boot_s in event.boots.items():
        loads[name] = replace(loads.get(name, LoadState()), boot_s=boot_s)
    for act in sorted((*event.past_acts, *event.open_acts), key=lambda a: a.act_id):
        remedy = REMEDIES.get(act.remedy)
        if remedy is not None and remedy.restarts:
            loads[act.load] = _booked(state, loads.get(act.load, LoadState()), remedy, began_s(act, now))
    effects: list[Effect] = []
    for act in event.open_acts:
        remedy = REMEDIES.get(act.remedy)
        if remedy is not None and remedy.restarts:
            own = loads[act.load]
            settle_s = boots.settle_s(remedy, state.policy.load_of(remedy), own, state.policy.time_scale)
            loads[act.load] = replace(own, settle_until_s=max(own.settle_until_s, now.mono_s + settle_s))
        fault = next((f for f in event.open_faults if f.rule == act.fault), Fault(act.fault))
        # A board that was told to start anew, and did, has done what it was told.
        done = act.remedy == "board_reboot" and event.rebooted
        effects.append(
            Record(
                "remedy_done", act.fault, fault.fault_id, reason="" if done else "agent_restarted",
                act_id=act.act_id, remedy=act.remedy, load=act.load, outcome="done" if done else "interrupted",
                command=act.command,
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
        mains_bad_s=min(event.mains_bad_s, now.mono_s),
        desired_version=event.desired_version,
        routines=dict(event.routines),
        commands=event.commands[-COMMANDS_KEPT:],
    )
    if event.rebooted:  # the board was without power, and so was the room
        state, more = staging.mains_back(state, now)
        effects += more
    return state, tuple(effects)


def _booked(state: RoomState, own: LoadState, remedy: Remedy, began_s: float) -> LoadState:
    """A load with one more restart of the past. It may still be starting from it."""
    load = state.policy.load_of(remedy)
    cycled = remedy.method is Method.CYCLE
    settled_s = began_s + (load.off_s if cycled else 0.0) + boots.settle_s(remedy, load, own, state.policy.time_scale)
    return replace(
        own,
        acts_s=tuple(sorted((*own.acts_s, began_s)))[-ACTS_KEPT:],
        cycles_s=tuple(sorted((*own.cycles_s, began_s)))[-ACTS_KEPT:] if cycled else own.cycles_s,
        settle_until_s=max(own.settle_until_s, settled_s),
    )


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
        well_s=now.mono_s,
        settle_until_s=max(settle_until_s, now.mono_s),
    )
