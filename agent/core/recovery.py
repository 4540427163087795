"""What a restarted agent makes of its journal: limits still count, open acts are closed, open faults go on."""

from __future__ import annotations

from dataclasses import replace

from agent.core import ages, boots, staging, timelines
from agent.core.events import Effect, PastAct, Record, RecordKind, Restarted
from agent.core.facts import Instant, Seen
from agent.core.lifecycles import Latch, Supply
from agent.core.maintenance import is_open
from agent.core.phases import OPEN, Phase
from agent.core.remedies import Method, Remedy
from agent.core.state import ACTS_KEPT, COMMANDS_KEPT, Blind, Fault, LoadState, RoomState, Undated

UNDATED_MAX = ACTS_KEPT // 2
"""Restarts of a load whose age is not known yet."""


def restored(state: RoomState, event: Restarted, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    """The room as the journal knows it. Loads of open acts are re-powered by the shell before this is called."""
    state = replace(state, ages=ages.parse(event.ages, now.mono_s))
    undated = _undated(state, event, now)
    loads = _loads(state, event, undated, now)
    began_at_s = 0.0 if event.rebooted else now.mono_s  # whatever the journal knows was before that
    faults, gone = _open_faults(state, event, loads, now)
    effects: list[Effect] = [*(_ended(act, event) for act in event.open_acts), *gone]
    state = replace(
        state,
        facts={**state.facts, **_upgrading(event, now)},
        loads=loads,
        faults={**state.faults, **faults},
        next_id=max(event.next_id, state.next_id),
        mains_bad_s=None if event.mains_bad_s is None else min(event.mains_bad_s, now.mono_s),
        desired_version=event.desired_version,
        blind=Blind(*event.blind, now.mono_s),
        maintenance_over_s=event.maintenance_over_s,
        undated=tuple(
            Undated(
                act.load,
                state.policy.remedies[act.remedy].method is Method.CYCLE,
                _at_latest_s(act, event, state, now),
                act.started.wall_s,
            )
            for act in undated
        ),
        ends_s=event.ends_s,
        ends_at_s=began_at_s,
        quiet_until_s=began_at_s + event.quiet_s if event.quiet_s else 0.0,
        routines=dict(event.routines),
        commands=event.commands[-COMMANDS_KEPT:],
        times=timelines.known(event.offsets_s, now, event.lasts_s),
    )
    state, more = staging.restarted(state, now, rebooted=event.rebooted)
    return state, (*effects, *more)


def _loads(state: RoomState, event: Restarted, undated: list[PastAct], now: Instant) -> dict[str, LoadState]:
    """What each load has behind it; one whose act was under way starts from it anew."""
    loads = {
        name: replace(load, supply=Supply.OFF if name in event.off_loads else Supply.ON)
        for name, load in state.loads.items()
    }
    for name in event.shed_loads:
        own = loads.get(name, LoadState())
        if own.off:
            loads[name] = replace(own, supply=Supply.SHED, off_since_s=now.mono_s)
    for name in event.latched_loads:
        loads[name] = replace(loads.get(name, LoadState()), latch=Latch.LATCHED)
    for name, boot_s in event.boots.items():
        loads[name] = replace(loads.get(name, LoadState()), boot_s=boot_s)
    counted = {act.act_id for act in undated}
    for act in sorted((*event.past_acts, *event.open_acts), key=lambda a: a.act_id):
        remedy = state.policy.remedies.get(act.remedy)
        if remedy is None or not remedy.restarts or (_may_be_dated(act, now) and act.act_id not in counted):
            continue
        booked_s = _at_latest_s(act, event, state, now)
        loads[act.load] = _booked(state, loads.get(act.load, LoadState()), remedy, booked_s)
    return loads


def _ended(act: PastAct, event: Restarted) -> Record:
    """The end of an act that was under way, for the record."""
    fault_id = next((fault.fault_id for fault in event.open_faults if fault.rule == act.fault), 0)
    # A board that was told to start anew, and did, has done what it was told.
    done = act.remedy == "board_reboot" and event.rebooted
    return Record(
        RecordKind.REMEDY_DONE, act.fault, fault_id, reason="" if done else "agent_restarted",
        act_id=act.act_id, remedy=act.remedy, load=act.load, outcome="done" if done else "interrupted",
        command=act.command,
    )  # fmt: skip


def _open_faults(
    state: RoomState, event: Restarted, loads: dict[str, LoadState], now: Instant
) -> tuple[dict[str, Fault], list[Effect]]:
    """The faults that go on, and the end of those whose rule the room no longer has."""
    faults: dict[str, Fault] = {}
    gone: list[Effect] = []
    for fault in event.open_faults:
        rule = state.rules.get(fault.rule)
        if fault.phase not in OPEN:
            continue
        if rule is None:
            gone.append(Record(RecordKind.FAULT_CLEARED, fault.rule, fault.fault_id, reason="rule_removed"))
            continue
        settled = [loads[name].settle_until_s for name in rule.loads if name in loads]
        faults[fault.rule] = _resumed(fault, max(settled, default=now.mono_s), now, rebooted=event.rebooted)
    return faults, gone


def _upgrading(event: Restarted, now: Instant) -> dict[str, Seen]:
    """That the codec takes new firmware, as it said before the agent started: it is silent meanwhile, as if it hung."""
    if event.upgrading_s is None:
        return {}
    age_s = max(0.0, now.mono_s - event.upgrading_s)
    said = replace(now, mono_s=now.mono_s - age_s, wall_s=now.wall_s - age_s)
    return {"codec.upgrading": Seen(good=True, good_at=said)}


def _may_be_dated(act: PastAct, now: Instant) -> bool:
    """Whether the act's age may be known once the clock tells it, and is not known now."""
    return not act.same_boot and act.started.synced and not (now.synced and act.started.wall_s <= now.wall_s)


def _at_latest_s(act: PastAct, event: Restarted, state: RoomState, now: Instant) -> float:
    """When the act began, on this boot's clock, or the latest moment at which it can have begun."""
    if act in event.open_acts:  # it may have begun long after its intent was written
        return now.mono_s
    return began_s(act, now, state.ages.at_least_s(act.act_id, now.mono_s))


def _undated(state: RoomState, event: Restarted, now: Instant) -> list[PastAct]:
    """Restarts of earlier boots that count as just begun until their age is known: of each load the newest.

    More of them than any day's budget would push those of this boot out of what is remembered.
    """
    remedies = state.policy.remedies
    found = [
        act
        for act in sorted((*event.past_acts, *event.open_acts), key=lambda a: a.act_id, reverse=True)
        if act.remedy in remedies and remedies[act.remedy].restarts and _may_be_dated(act, now)
    ]
    kept: list[PastAct] = []
    for act in found:
        if sum(one.load == act.load for one in kept) < UNDATED_MAX:
            kept.append(act)
    return kept[::-1]


def dated(state: RoomState, now: Instant) -> RoomState:
    """What a disciplined clock tells: the true age of what was booked as late as it may have begun, and whether the
    maintenance is over.

    An act is never taken for older than it is: neither by a clock that stands before it, nor by the step that lies
    between the clock that dated it and this one. A clock that stands before what the journal knows of can only make it
    younger.
    """
    if state.doubted is None:
        state = replace(state, doubted=state.disagrees(now))
    state = _window_seen(state, now)
    wall_s, left, loads = _dating_s(state, now), [], dict(state.loads)
    for one in state.undated:
        own, true_s = loads[one.load], min(one.booked_s, now.mono_s - (wall_s - one.wall_s))
        if wall_s < one.wall_s:
            left.append(one)
            continue
        acts_s = _moved(own.acts_s, one.booked_s, true_s)
        cycles_s = _moved(own.cycles_s, one.booked_s, true_s) if one.cycled else own.cycles_s
        loads[one.load] = replace(own, acts_s=acts_s, cycles_s=cycles_s)
    return replace(state, undated=tuple(left), loads=loads)


def _dating_s(state: RoomState, now: Instant) -> float:
    """The earliest time that it may be, by the clock that dated the acts of the journal."""
    walls, ends_s = state.times.known(now), state.ends_s
    if not ends_s:
        return min(walls)
    # A time before what the journal knows of cannot be right, if another one can.
    wall_s = min((one for one in walls if one >= ends_s[0]), default=min(walls))
    stepped_s = max((end_s for end_s in ends_s if end_s <= wall_s), default=ends_s[0]) - ends_s[0]
    return wall_s - max(0.0, stepped_s)


def _window_seen(state: RoomState, now: Instant) -> RoomState:
    """Note that the end of the maintenance was seen, and take that back when the clock says otherwise."""
    until_s = state.policy.maintenance_until_s
    opened, over = is_open(state, now), until_s <= state.maintenance_over_s
    if opened is False and not over:
        return replace(state, maintenance_over_s=until_s)
    return replace(state, maintenance_over_s=0.0) if opened and over else state


def _moved(times_s: tuple[float, ...], from_s: float, to_s: float) -> tuple[float, ...]:
    """The times with one of them at another place, oldest first."""
    if from_s not in times_s:
        return times_s
    at = times_s.index(from_s)
    return tuple(sorted((*times_s[:at], *times_s[at + 1 :], to_s)))


def _booked(state: RoomState, own: LoadState, remedy: Remedy, began_s: float) -> LoadState:
    """A load with one more restart of the past. It may still be starting from it."""
    load = state.policy.load_of(remedy)
    cycled = remedy.method is Method.CYCLE
    settled_s = began_s + (load.off_s if cycled else 0.0) + boots.settle_s(remedy, load, own)
    return replace(
        own,
        acts_s=tuple(sorted((*own.acts_s, began_s)))[-ACTS_KEPT:],
        cycles_s=tuple(sorted((*own.cycles_s, began_s)))[-ACTS_KEPT:] if cycled else own.cycles_s,
        settle_until_s=max(own.settle_until_s, settled_s),
    )


def began_s(act: PastAct, now: Instant, age_s: float = 0.0) -> float:
    """When an act of the journal began, on this boot's monotonic clock; never later than now.

    Across boots only the wall clock connects the two, and only when it was disciplined then and is now. Otherwise the
    act counts as begun `age_s` ago, which it is at least: a clock that stepped cannot shorten a limit.
    """
    if act.same_boot:
        return min(act.started.mono_s, now.mono_s)
    if act.started.synced and now.synced:
        return now.mono_s - max(age_s, now.wall_s - act.started.wall_s)
    return now.mono_s - age_s


def _resumed(fault: Fault, settle_until_s: float, now: Instant, *, rebooted: bool) -> Fault:
    """The fault on this boot's clock.

    An act that was under way may have had its effect or not: a cycle cut short is too short for a supply to discharge.
    Its load settles first; when the fault is still there then, the same rung is tried again within the load's limits.
    """
    phase = Phase.CONFIRMED if fault.phase is Phase.REMEDYING else fault.phase
    known = not rebooted and 0 < fault.since_s <= now.mono_s
    return replace(
        fault,
        phase=phase,
        strikes=0,
        passes=0,
        act_id=0,
        withdrawn=0,
        lines_busy=0,
        since_s=fault.since_s if known else now.mono_s - max(0.0, now.wall_s - fault.since_wall_s),
        phase_since_s=now.mono_s,
        waiting_since_s=now.mono_s,
        well_s=now.mono_s,
        settle_until_s=max(settle_until_s, now.mono_s),
    )
