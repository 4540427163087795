"""The engine: a pure function from a room, an event and a moment to the room after it and the effects to perform.

It decides, and never acts: no clock, no randomness, no input or output. The shell commits what `step` returns before it
performs any of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agent.core import ages, ladder, leases, looks, outcomes, recovery, routines, staging, timelines
from agent.core.events import (
    DesiredChanged,
    Effect,
    Event,
    Observed,
    OrderReceived,
    Recheck,
    Record,
    RecordKind,
    RemedyDone,
    Restarted,
    Tick,
)
from agent.core.facts import SLOW, Instant, Observation, Seen, plausible
from agent.core.interlock import WITNESSES, mains_bad, shows_bad_mains
from agent.core.lifecycles import LATCH, LatchSignal, Supply
from agent.core.maintenance import is_open
from agent.core.phases import Phase
from agent.core.policy import Policy
from agent.core.rule import Rule
from agent.core.state import COMMANDS_KEPT, Blind, LoadState, RoomState
from agent.core.transitions import following

__all__ = ["CLEAR_LATCHES", "initial", "rests_off", "step"]

CLEAR_LATCHES = "clear_latches"
"""The order that lets latched loads be acted upon again."""

_NEVER = Seen()


def initial(policy: Policy, rules: Iterable[Rule]) -> RoomState:
    """A room of which nothing is known yet, with the rules its policy has not switched off."""
    return RoomState(
        policy=policy,
        rules={r.name: r for r in rules if r.name not in policy.disabled},
        loads={name: LoadState(supply=Supply.OFF) for name in rests_off(policy)},
    )


def rests_off(policy: Policy) -> tuple[str, ...]:
    """Loads on relays that are off until somebody switches them on: lights and fans."""
    return tuple(sorted(n for n in policy.relays if n in policy.loads and policy.loads[n].may_stay_off))


def step(state: RoomState, event: Event, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    """The room after the event, and what is to be done, in this order."""
    if now.synced:
        state = recovery.dated(state, now)
    match event:
        case Observed():
            return _observed(state, event, now)
        case RemedyDone():
            return outcomes.finished(state, event, now)
        case OrderReceived():
            return _commanded(state, event, now)
        case DesiredChanged():
            return _desired(state, event, now)
        case Restarted():
            return recovery.restored(state, event, now)
        case Tick():
            return _tick(state, now)


def _observed(state: RoomState, event: Observed, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    """Take note of every look, and only then judge: each rule once, however many looks at its symptom waited."""
    looked: set[str] = set()
    for whole in event.observations:
        observation = _heeded(state, whole, now)
        state = _noted(state, observation, now)
        looked.update(observation.readings)
    effects: list[Effect] = []
    # Causes are judged before their consequences, so that one look at a dead line does not raise both.
    for rule in sorted(state.rules.values(), key=lambda r: len(r.inhibited_by)):
        if rule.symptom_in(state.facts) in looked:
            state, more = ladder.judge(state, rule, now)
            effects += more
    state, more = looks.again(state, now)
    return state, (*effects, *more)


def _heeded(state: RoomState, observation: Observation, now: Instant) -> Observation:
    """The look without the answers that were too slow for it, where the one before is still fresh.

    A device on a slow line tells its facts in turn: were each look's rest unknown, no fault of it would ever pass. A
    witness of a call is unknown all the same, and so is whether the device lives, which an older silence belies.
    """
    view = state.view(now)

    def counts(key: str) -> bool:
        return key in WITNESSES or key.endswith(".api") or view.value(key) is None

    heeded = {key: reading for key, reading in observation.readings.items() if reading != SLOW or counts(key)}
    return replace(observation, readings=heeded)


def _noted(state: RoomState, observation: Observation, now: Instant) -> RoomState:
    facts, ended_s = dict(state.facts), observation.ended_s
    heard_s = now.mono_s if ended_s is None else min(ended_s, now.mono_s)
    for key, reading in observation.readings.items():
        asked_s = min(observation.asked_s.get(key, now.mono_s), now.mono_s)
        asked = now
        if asked_s != now.mono_s:
            asked = replace(now, mono_s=asked_s, wall_s=now.wall_s - (now.mono_s - asked_s))
        facts[key] = facts.get(key, _NEVER).with_reading(plausible(key, reading), asked, heard_s)
    state = replace(state, facts=facts)
    # A late answer is no news of the present, but the mains that it saw was bad a moment ago.
    bad = mains_bad(state.view(now), state.policy) or shows_bad_mains(observation.readings, state.policy)
    return replace(state, mains_bad_s=now.mono_s) if bad else state


def _tick(state: RoomState, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    state = _counted_blind(replace(state, times=timelines.seen(state.times, now)), now)
    state = replace(state, ages=ages.passed(state.ages, min(state.acts, default=state.next_id) - 1, now.mono_s))
    effects: list[Effect] = []
    for act in tuple(state.acts.values()):
        if now.mono_s > act.deadline_s:
            state, more = outcomes.finished(state, RemedyDone(act.act_id, ok=False, reason="no_report"), now)
            effects += more
    for name, fault in tuple(state.faults.items()):
        rule = state.rules.get(name)
        if rule is not None and fault.phase is not Phase.CLEAR:
            state, more = ladder.advance(state, rule, now)
            effects += more
    state, more = looks.again(state, now)
    effects += more
    state, more = routines.advance(state, now)
    effects += more
    state, more, ended = staging.advance(state, now)
    effects += more
    if ended is not None:
        state, more = outcomes.finished(state, ended, now)
        effects += more
    return state, tuple(effects)


def _commanded(state: RoomState, event: OrderReceived, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    if event.command_id in state.commands:
        return state, ()  # delivered twice: the first one counts
    state = replace(state, commands=(*state.commands, event.command_id)[-COMMANDS_KEPT:])
    if event.action == "recheck":
        done = Record(RecordKind.REMEDY_DONE, remedy="recheck", outcome="done", command=event.command_id, by=event.by)
        return state, (Recheck(), done)
    if event.action == CLEAR_LATCHES:
        return _cleared(state, event)
    if event.action in leases.ANSWERS:
        return leases.answered(state, event, now)
    return looks.ordered(state, event, now)


def _cleared(state: RoomState, event: OrderReceived) -> tuple[RoomState, tuple[Effect, ...]]:
    """A person has looked after the loads that were cut too often: they may be acted upon again."""
    names = [name for name, load in state.loads.items() if load.latched]
    loads = {
        name: replace(load, latch=following(LATCH, load.latch, LatchSignal.CLEARED))
        for name, load in state.loads.items()
    }
    done = Record(
        RecordKind.REMEDY_DONE, remedy=CLEAR_LATCHES, outcome="done", command=event.command_id, by=event.by,
        detail={"loads": " ".join(sorted(names))},
    )  # fmt: skip
    return replace(state, loads=loads), (done,)


def _desired(state: RoomState, event: DesiredChanged, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    if event.version <= state.desired_version and not event.anew:
        return state, ()
    policy = replace(state.policy, meetings=event.meetings, maintenance_until_s=event.maintenance_until_s)
    state = _counted_blind(replace(state, policy=policy, desired_version=event.version), now)
    return state, (
        Record(RecordKind.DESIRED_APPLIED, detail={"version": event.version, "meetings": len(event.meetings)}),
    )


def _counted_blind(state: RoomState, now: Instant) -> RoomState:
    """Count how long a maintenance window is open for want of a clock that can be right, over starts too: a room
    without a time server that is switched off every evening would never act again."""
    until_s = state.policy.maintenance_until_s
    lasted_s = state.blind.lasts_s(until_s, now) if not now.synced or is_open(state, now) is None else 0.0
    return replace(state, blind=Blind(until_s, lasted_s, now.mono_s) if until_s > 0 else Blind())
