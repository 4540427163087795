"""From a symptom to a remedy: strikes, the climb from rung to rung, settling, recovery and giving up."""

from __future__ import annotations

from dataclasses import replace

from agent.core import acts, boots, flapping, leases, looks, staging
from agent.core.events import Effect, Record, RecordKind, Tell
from agent.core.facts import Instant
from agent.core.interlock import permit, within_budgets
from agent.core.lifecycles import LATCH, LatchSignal, Supply
from agent.core.phases import OPEN, Phase, Signal, after
from agent.core.reasons import QUIET, SELF_ENDING, Decision, Reason, refused_if
from agent.core.remedies import Method, Remedy
from agent.core.rule import Diagnosis, Rule, Verdict
from agent.core.state import Fault, LoadState, RoomState
from agent.core.transitions import following

Step = tuple[RoomState, tuple[Effect, ...]]

SETTLED_STRIKES = 2
"""Fresh symptoms after the settle time that make a rung count as failed."""
WITHDRAWN_MAX = 6
"""After so many acts in a row that were permitted and not begun a person is called: a log-in that always takes longer
than a witness is good for would be tried every few seconds, unheard. It is tried again after the cool-off [J]."""
LINE_BUSY_MAX = 3
"""A line that was not free so often in a row has its device to blame: the next rung needs no line [J]."""


def judge(state: RoomState, rule: Rule, now: Instant) -> Step:
    """Count one fresh look at the rule's symptom, then see what follows from it."""
    fault = state.fault(rule.name)
    if fault.phase is Phase.REMEDYING or _busy(state, rule):
        return state, ()
    diagnosis = rule.diagnose(state.view(now), state.policy)
    excused = _inhibited(state, rule) or _settling(state, rule, now) or _starting(state, rule, now)
    if diagnosis.verdict is Verdict.FAULTY and excused:
        diagnosis = replace(diagnosis, verdict=Verdict.UNKNOWN)
    if diagnosis.verdict is not Verdict.UNKNOWN:
        state = _looked(state, rule, diagnosis.verdict is Verdict.FAULTY)
    match diagnosis.verdict:
        case Verdict.HEALTHY:
            return _passed(state, rule, fault, diagnosis, now)
        case Verdict.FAULTY:
            return _struck(state, rule, fault, diagnosis, now)
        case Verdict.UNKNOWN:
            return put(state, replace(fault, passes=0)), ()


def _looked(state: RoomState, rule: Rule, faulty: bool) -> RoomState:
    history = flapping.with_look(state.looks.get(rule.name, ()), faulty)
    flaps = flapping.flaps(history, rule.name in state.flapping)
    names = state.flapping | {rule.name} if flaps else state.flapping - {rule.name}
    return replace(state, looks={**state.looks, rule.name: history}, flapping=names)


def _passed(state: RoomState, rule: Rule, fault: Fault, diagnosis: Diagnosis, now: Instant) -> Step:
    if fault.phase is Phase.CLEAR:
        return state, ()
    if fault.phase is Phase.SUSPECTED:
        return put(state, Fault(rule.name, after(fault.phase, Signal.PASS))), ()
    passes = fault.passes + 1
    if passes == 1 and fault.phase is Phase.SETTLING:
        state = _measured(state, rule, fault, now)
    if passes < rule.passes:
        return put(state, replace(fault, passes=passes, strikes=0, well_s=now.mono_s)), ()
    phase = after(fault.phase, Signal.RECOVERED)
    cleared = Record(
        RecordKind.FAULT_CLEARED, rule.name, fault.fault_id, rule.severity, phase,
        reason="healed_by_room" if fault.phase is Phase.SETTLING else "recovered",
        since_wall_s=fault.since_wall_s, evidence=diagnosis.evidence,
        detail={"acts": fault.acts, "lasted_s": round(now.mono_s - fault.since_s, 1)},
    )  # fmt: skip
    state = put(state, Fault(rule.name, phase))
    effects: tuple[Effect, ...] = (cleared, Tell(rule.name, phase, {}))
    if rule.power_loss:
        state, more = staging.mains_back(state, now)
        effects += more
    back = state.policy.remedies.get(rule.on_clear)
    if back is not None and fault.acts and permit(back, state, now).allowed:
        state, more = acts.start(state, back, now)
        effects += more
    return state, effects


def _measured(state: RoomState, rule: Rule, fault: Fault, now: Instant) -> RoomState:
    """Learn how long the load that was restarted took to serve again."""
    remedy = state.policy.remedies[rule.ladder[fault.rung]] if fault.rung < len(rule.ladder) else None
    if remedy is None or not remedy.restarts:
        return state
    own = state.load(remedy.load)
    if own.ended_s is None or own.ended_s >= now.mono_s:
        return state
    took_s = now.mono_s - own.ended_s
    if staging.serves(state, remedy.load, own.ended_s, now) is False:
        return state  # what made the fault pass is no start: a codec draws power long before it serves
    own = replace(own, boot_s=boots.learned(state.policy.load_of(remedy), own, took_s), ended_s=None)
    return replace(state, loads={**state.loads, remedy.load: own})


def _struck(state: RoomState, rule: Rule, fault: Fault, diagnosis: Diagnosis, now: Instant) -> Step:
    again = fault.strikes > 0 and now.mono_s - fault.struck_s < state.policy.waits.strike_gap_s
    if again and fault.phase not in OPEN:
        return state, ()  # looks asked for in a row are one look: a moment is no evidence
    strikes = fault.strikes + 1
    known = replace(
        fault, strikes=strikes, struck_s=now.mono_s, passes=0, reason=diagnosis.reason, evidence=diagnosis.evidence
    )
    if fault.phase in OPEN:
        return advance(put(state, known), rule, now)
    if fault.phase is Phase.CLEAR:
        known = replace(known, since_s=now.mono_s, since_wall_s=now.wall_s)
    lasted_s = now.mono_s - known.since_s
    if strikes < rule.strikes or lasted_s < rule.confirm_s:
        return put(state, moved(known, Signal.STRIKE, now)), ()
    known = replace(moved(known, Signal.CERTAIN, now), fault_id=state.next_id)
    words = rule.told(state.view(now), state.policy)
    confirmed = Record(
        RecordKind.FAULT_CONFIRMED, rule.name, known.fault_id, rule.severity, known.phase, diagnosis.reason,
        known.since_wall_s, diagnosis.evidence, words=words, detail={"strikes": strikes},
    )  # fmt: skip
    state = put(replace(state, next_id=state.next_id + 1), known)
    state, more = advance(state, rule, now)
    return state, (confirmed, Tell(rule.name, known.phase, words), *more)


def advance(state: RoomState, rule: Rule, now: Instant) -> Step:
    """See whether a fault can take its next step: act, climb, wait, give up or be tried again."""
    fault = state.fault(rule.name)
    guards = state.policy.guards
    match fault.phase:
        case Phase.SETTLING:
            over_s = now.mono_s - fault.settle_until_s
            struck = over_s > 0 and fault.strikes >= min(SETTLED_STRIKES, rule.strikes)
            if not struck and over_s <= guards.refused_escalate_s:
                return state, ()
            fault = replace(moved(fault, Signal.ACT_FAILED, now), rung=fault.rung + 1, strikes=0)
            return climb(put(state, fault), rule, now)
        case Phase.SUSPECTED:
            if now.mono_s - fault.struck_s <= state.policy.waits.suspicion_s:
                return state, ()
            return put(state, Fault(rule.name, after(fault.phase, Signal.PASS))), ()
        case Phase.CONFIRMED:
            return climb(state, rule, now)
        case Phase.ESCALATED:
            return _rearm(state, rule, fault, now)
        case _:
            return state, ()


def climb(state: RoomState, rule: Rule, now: Instant) -> Step:
    """Try the rungs from the present one on until one may act, one has to wait, or none is left."""
    effects: tuple[Effect, ...] = ()
    fault = state.fault(rule.name)
    while fault.rung < len(rule.ladder):
        remedy = state.policy.remedies[rule.ladder[fault.rung]]
        decision = _permitted(state, rule, remedy, now)
        reason = decision.reason
        if reason is None:
            fault = replace(moved(fault, Signal.ACT, now), refused="", act_id=state.next_id, acts=fault.acts + 1)
            state, more = acts.start(put(state, fault), remedy, now, rule=rule)
            return state, effects + more
        if reason != fault.refused and reason not in QUIET:
            effects += (_refused(rule, fault, remedy, reason),)
        if reason is Reason.LEASE:
            state, more = _asked(state, rule, fault, remedy, now)
            effects += more
        state, more = looks.look_first(state, decision, now)
        effects += more
        if not decision.passing:
            if reason is Reason.BUDGET_DAY:
                state, more = _latched(state, rule, fault, remedy)
                effects += more
            fault = replace(fault, rung=fault.rung + 1, refused="")
            continue
        goes_on = bool(fault.refused) and not _ends_soon(state, remedy, reason, now)
        waiting_s = fault.waiting_since_s if goes_on else now.mono_s
        fault = replace(fault, refused=reason, waiting_since_s=waiting_s)
        if now.mono_s - waiting_s <= state.policy.guards.refused_escalate_s:
            return put(state, fault), effects
        return give_up(state, rule, fault, reason, now, effects)
    return give_up(state, rule, fault, "ladder_exhausted" if rule.ladder else "person_needed", now, effects)


def _permitted(state: RoomState, rule: Rule, remedy: Remedy, now: Instant) -> Decision:
    """The interlock's word, after making sure that the fault is still there: old evidence authorises nothing."""
    decision = permit(remedy, state, now, own=True, grave=rule.leaves_no_meeting)
    if not decision.allowed and not decision.passing:
        return decision
    if remedy.method is Method.STAGED and _takes_no_part(state, rule, now):
        return Decision(Reason.BUDGET_HOUR)
    if too_early(state, rule, now):  # before what passes: nobody looks or asks for a lease while it only waits
        return Decision(Reason.NOT_YET)
    if not decision.allowed:
        return decision
    fault = state.fault(rule.name)
    paused_s = now.mono_s - fault.phase_since_s
    if fault.refused == Reason.NO_JOURNAL and paused_s < state.policy.waits.journal_pause_s:
        return Decision(Reason.NO_JOURNAL)
    if _busy(state, rule) or _settling(state, rule, now):
        return Decision(Reason.SETTLING)
    if rule.name in state.flapping:
        return Decision(Reason.FLAPPING)
    seen = not _inhibited(state, rule) and rule.diagnose(state.view(now), state.policy).verdict is Verdict.FAULTY
    return refused_if(not seen, Reason.NO_EVIDENCE)


def _takes_no_part(state: RoomState, rule: Rule, now: Instant) -> bool:
    """Whether the faulty load itself may not be cycled while the whole room is restarted: all others would be for
    nothing."""
    cycle = state.policy.remedies.get(f"{rule.loads[0]}_power_cycle") if rule.loads else None
    return cycle is not None and not within_budgets(cycle, state, now).allowed


def too_early(state: RoomState, rule: Rule, now: Instant) -> bool:
    """Whether the rule has its ladder wait: the fault may end by itself, or an act would be for nothing."""
    if rule.act_after_s is None:
        return False
    fault = state.fault(rule.name)
    wait_s = rule.act_after_s(state.view(now), state.policy)
    return now.mono_s - max(fault.since_s, fault.well_s) < wait_s


def _ends_soon(state: RoomState, remedy: Remedy, reason: Reason, now: Instant) -> bool:
    """Whether a refusal ends by our own clock within minutes, so that nobody has to be called over it."""
    if reason is not Reason.HOLD_ON:
        return reason in SELF_ENDING
    load = state.policy.load_of(remedy)
    acts_s = state.load(load.name).acts_s
    return not acts_s or acts_s[-1] + load.hold_on_s - now.mono_s <= state.policy.waits.longest_hold_s


def _person_only(state: RoomState, rule: Rule) -> bool:
    """Whether a latch leaves nothing of the ladder to try: the fault stays with its person until it is cleared."""
    rungs = [state.policy.remedies[name] for name in rule.ladder]
    return any(state.load(remedy.load).latched for remedy in rungs if remedy.restarts)


def _asked(state: RoomState, rule: Rule, fault: Fault, remedy: Remedy, now: Instant) -> Step:
    """Ask the hub for a lease, unless that has just been done."""
    if leases.in_force(state.lease, now, state.policy.guards.lease_s):
        return state, ()
    wanted = Record(
        RecordKind.LEASE_WANTED, rule.name, fault.fault_id, rule.severity, fault.phase, remedy=remedy.name,
        load=remedy.load,
    )  # fmt: skip
    return replace(state, lease=leases.asked(state.lease, now)), (wanted,)


def _latched(state: RoomState, rule: Rule, fault: Fault, remedy: Remedy) -> Step:
    """A load that is asked for more than a day's cycles is broken: it waits for a person from now on."""
    own = state.load(remedy.load)
    if own.latched:
        return state, ()
    told = Record(RecordKind.LOAD_LATCHED, rule.name, fault.fault_id, rule.severity, fault.phase, load=remedy.load)
    own = replace(own, latch=following(LATCH, own.latch, LatchSignal.DAY_SPENT))
    return replace(state, loads={**state.loads, remedy.load: own}), (told,)


def _refused(rule: Rule, fault: Fault, remedy: Remedy, reason: Reason) -> Record:
    return Record(
        RecordKind.REMEDY_REFUSED, rule.name, fault.fault_id, rule.severity, fault.phase, reason,
        evidence=fault.evidence, remedy=remedy.name, load=remedy.load,
    )  # fmt: skip


def give_up(state: RoomState, rule: Rule, fault: Fault, reason: str, now: Instant, effects: tuple[Effect, ...]) -> Step:
    """Call a person: nothing of the ladder is left, or it waits for too long. `effects`: what comes before that."""
    fault = replace(moved(fault, Signal.GIVE_UP, now), gave_up=fault.reason)
    words = rule.told(state.view(now), state.policy)
    escalated = Record(
        RecordKind.FAULT_ESCALATED, rule.name, fault.fault_id, rule.severity, fault.phase, reason,
        fault.since_wall_s, fault.evidence, words=words, detail={"acts": fault.acts},
    )  # fmt: skip
    return put(state, fault), (*effects, escalated, Tell(rule.name, fault.phase, words))


def _rearm(state: RoomState, rule: Rule, fault: Fault, now: Instant) -> Step:
    """Try again when what forbade the waiting rung has passed or the evidence is another, or after the cool-off."""
    if not rule.ladder:
        return state, ()
    if fault.withdrawn >= WITHDRAWN_MAX and now.mono_s - fault.phase_since_s < state.policy.guards.rearm_s:
        return state, ()  # permission was not what it lacked
    if fault.rung < len(rule.ladder):
        remedy = state.policy.remedies[rule.ladder[fault.rung]]
        decision = _permitted(state, rule, remedy, now)
        if decision.reason is Reason.LEASE:
            return _asked(state, rule, fault, remedy, now)
        if decision.reason is not None:
            told = fault.refused if decision.reason in QUIET else decision.reason  # what is told is what forbids it now
            return looks.look_first(put(state, replace(fault, refused=told)), decision, now)
        fault, reason = moved(fault, Signal.REARM, now), "permitted"
    elif fault.reason != fault.gave_up:
        fault, reason = replace(moved(fault, Signal.REARM, now), rung=0), "new_evidence"
    elif _person_only(state, rule):
        return state, ()
    elif now.mono_s - fault.phase_since_s >= state.policy.guards.rearm_s:
        fault, reason = replace(moved(fault, Signal.REARM, now), rung=0), "cool_off"
    else:
        return state, ()
    fault = replace(fault, refused="", strikes=0, withdrawn=0)
    rearmed = Record(RecordKind.FAULT_REARMED, rule.name, fault.fault_id, rule.severity, fault.phase, reason)
    state, effects = climb(put(state, fault), rule, now)
    return state, (rearmed, *effects)


def moved(fault: Fault, signal: Signal, now: Instant) -> Fault:
    """The fault after the signal. Raises ImpossibleTransitionError where its phase has none."""
    phase = after(fault.phase, signal)
    return fault if phase is fault.phase else replace(fault, phase=phase, phase_since_s=now.mono_s)


def put(state: RoomState, fault: Fault) -> RoomState:
    """The room with the fault as it stands now."""
    return replace(state, faults={**state.faults, fault.rule: fault})


def _names_with_upstream(state: RoomState, rule: Rule) -> tuple[str, ...]:
    names = dict.fromkeys(rule.loads)
    for name in rule.loads:
        load = state.policy.loads.get(name)
        names.update(dict.fromkeys(load.upstream if load else ()))
    return tuple(names)


def _with_upstream(state: RoomState, rule: Rule) -> tuple[LoadState, ...]:
    return tuple(state.load(name) for name in _names_with_upstream(state, rule))


def _busy(state: RoomState, rule: Rule) -> bool:
    return any(load.act_id for load in _with_upstream(state, rule))


def _settling(state: RoomState, rule: Rule, now: Instant) -> bool:
    return any(now.mono_s < load.settle_until_s for load in _with_upstream(state, rule))


def _starting(state: RoomState, rule: Rule, now: Instant) -> bool:
    """Whether a load may still be starting with the power that came back to the room, or has none yet. Nothing is done
    to it before its turn has come, and what has been seen to serve since then has had it."""
    staged = state.staged
    if staged is None or staged.cut:
        return False
    passed_s = now.mono_s - staged.began_s
    return any(
        state.load(name).supply is Supply.SHED or passed_s < boots.starts_s(state.policy.loads[name], state.load(name))
        for name in _names_with_upstream(state, rule)
        if name in staged.stages
    )


def _inhibited(state: RoomState, rule: Rule) -> bool:
    return any(state.fault(cause).phase is not Phase.CLEAR for cause in rule.inhibited_by)
