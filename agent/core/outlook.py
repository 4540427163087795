"""What comes next of an open fault: which act, how long it takes, and when what forbids it may end."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from agent.core import stages
from agent.core.facts import Instant
from agent.core.lifecycles import LeaseState
from agent.core.phases import Phase
from agent.core.policy import Policy
from agent.core.reasons import Reason
from agent.core.remedies import Load, Method, Remedy
from agent.core.rule import Rule
from agent.core.state import Fault, LoadState, RoomState

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """Fields as in `wire.messages.FaultNow`."""

    act: str = ""
    takes_s: float = 0.0
    left_s: float = 0.0


def outlook(state: RoomState, rule: Rule, fault: Fault, now: Instant) -> Outlook:
    """The outlook of one open fault; an empty one when no rung is left. Times that are not known are 0."""
    if fault.rung >= len(rule.ladder):
        return Outlook()
    remedy = state.policy.remedies[rule.ladder[fault.rung]]
    takes_s = _off_s(state, remedy) + _effect_s(state, remedy)
    if fault.phase is Phase.REMEDYING:
        act = state.acts.get(fault.act_id)
        left_s = act.started_s + takes_s - now.mono_s if act else 0.0
    elif fault.phase is Phase.SETTLING:
        left_s = fault.phase_since_s + _effect_s(state, remedy) - now.mono_s
    else:
        ends_s = _refusal_ends_s(fault.refused, state, rule, remedy, now)
        left_s = max(0.0, ends_s - now.mono_s) if ends_s is not None and isfinite(ends_s) else 0.0
    return Outlook(remedy.name, round(takes_s, 1), round(left_s, 1))


def _off_s(state: RoomState, remedy: Remedy) -> float:
    return state.policy.load_of(remedy).off_s if remedy.method is Method.CYCLE else 0.0


def _effect_s(state: RoomState, remedy: Remedy) -> float:
    """From the end of the act, or the return of power, until it has its effect: by the boot times measured here."""
    if remedy.settle_s > 0:
        return remedy.settle_s
    if remedy.method is Method.STAGED:
        loads = [state.policy.loads[name] for name in stages.fitted(state)]
        return sum(load.off_s + _boot_s(state, load) for load in loads)
    return _boot_s(state, state.policy.load_of(remedy))


def _boot_s(state: RoomState, load: Load) -> float:
    """As measured in this room; until then as the catalogue or the room's settings have it."""
    return state.load(load.name).boot_s or load.boot_s


def _refusal_ends_s(refused: str, state: RoomState, rule: Rule, remedy: Remedy, now: Instant) -> float | None:
    """Monotonic time when the refusal may end at the earliest; None, or infinite by a rule, when nobody can say."""
    load, policy = state.policy.load_of(remedy), state.policy
    own = state.load(load.name)
    match refused:
        case Reason.MEETING_NEAR:
            left_s = _meeting_left_s(policy, now)
            return None if left_s is None else now.mono_s + left_s
        case Reason.MAINTENANCE:
            return now.mono_s + policy.maintenance_until_s - now.wall_s
        case Reason.HOLD_ON if own.acts_s:
            return own.acts_s[-1] + load.hold_on_s
        case Reason.SETTLING:
            return max([own.settle_until_s, *(state.load(name).settle_until_s for name in rule.loads)])
        case Reason.MIN_OFF:
            return None if own.off_since_s is None else own.off_since_s + load.min_off_s
        case Reason.MAINS_UNSTABLE:
            return None if state.mains_bad_s is None else state.mains_bad_s + policy.guards.mains_calm_s
        case Reason.FLEET_BUDGET:
            denied = state.lease.state is LeaseState.DENIED
            return state.lease.since_s + policy.guards.lease_s if denied else None
        case Reason.BUDGET_HOUR:
            return _hour_ends_s(remedy, load, own, now)
        case Reason.NOT_YET if rule.act_after_s is not None:
            fault = state.fault(rule.name)
            return max(fault.since_s, fault.well_s) + rule.act_after_s(state.view(now), policy)
    return None


def _meeting_left_s(policy: Policy, now: Instant) -> float | None:
    """Until the end of the nearest meeting that is not over; None where there is none."""
    coming = [meeting for meeting in policy.meetings if not meeting.trial and now.wall_s < meeting.end_s]
    return min(coming, key=lambda one: one.start_s).end_s - now.wall_s if coming else None


def _hour_ends_s(remedy: Remedy, load: Load, own: LoadState, now: Instant) -> float | None:
    """When the oldest restart or cycle that counts against the hour's budget is an hour old; None: none does."""
    cycles_s = own.cycles_s if remedy.method is Method.CYCLE else ()
    frees_s: list[float] = []
    for acts_s, most in ((own.acts_s, load.budget_per_hour), (cycles_s, load.cycles_per_hour)):
        recent_s = [at_s for at_s in acts_s if now.mono_s - at_s < HOUR_S]
        if len(recent_s) >= most:
            frees_s.append(recent_s[-most] + HOUR_S)
    return max(frees_s, default=None)
