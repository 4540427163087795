"""Between permit and act: the interlock is asked once more when the journal holds the intent.

The card may have needed a minute to take it, and people may have joined a meeting meanwhile. Whoever performs acts
takes in all looks that have waited, and then asks here. An act that needs a fresh look is held until the witnesses of a
call have answered; one that is refused now is closed as not sent, and uses up no limit.
"""

from __future__ import annotations

import enum
from dataclasses import replace

from agent.core import acts, ladder, looks, outcomes
from agent.core.events import Effect, RemedyDone
from agent.core.facts import Instant
from agent.core.interlock import needs_a_last_look, permit, witnessed
from agent.core.phases import Phase
from agent.core.reasons import Decision, Reason
from agent.core.remedies import Method
from agent.core.rule import Verdict
from agent.core.state import Act, RoomState

STAGED_BY = ("staged_boot", "return")
AWAITED = frozenset({Reason.LOOKING, Reason.STAGGER})
"""Refusals that a look or some seconds may end: the act is held, and not withdrawn."""


class Handover(enum.Enum):
    """What becomes of an act that was permitted."""

    BEGINS = "begins"
    HELD = "held"
    WITHDRAWN = "withdrawn"


def asked_again(state: RoomState, act_id: int, now: Instant) -> tuple[RoomState, tuple[Effect, ...], Handover]:
    """Whether the act may begin at this very moment; it counts as begun from now on when it does."""
    act = state.acts.get(act_id)
    if act is None:
        return state, (), Handover.WITHDRAWN
    remedy = state.policy.remedies[act.remedy]
    if not needs_a_last_look(remedy):
        return _unasked(state, act, now)
    decision, evidence = _decision(acts.unbooked(state, act), act, now), _evidence(state, act, now)
    if decision.allowed and evidence is Verdict.FAULTY:
        return acts.rebooked(state, act, now), (), Handover.BEGINS
    # Unknown: a sweep was given up for the witnesses, or is on its way.
    awaited = decision.reason in AWAITED or (decision.allowed and evidence is Verdict.UNKNOWN)
    reason = decision.reason or Reason.NO_EVIDENCE
    if awaited and _may_wait(state, act, now):
        state, effects = looks.look_first(_held(state, act, now), decision, now)
        return state, effects, Handover.HELD
    state, effects = outcomes.finished(state, RemedyDone(act_id, ok=False, reason=reason, proof={"sent": False}), now)
    return state, effects, Handover.WITHDRAWN


def journal_back(state: RoomState) -> RoomState:
    """The room once its journal can be written again: a fault that was given to a person for want of that alone does
    not wait for the cool-off."""
    faults = {
        name: replace(fault, withdrawn=0)
        for name, fault in state.faults.items()
        if fault.phase is Phase.ESCALATED and fault.refused == Reason.NO_JOURNAL
    }
    return replace(state, faults={**state.faults, **faults})


def _unasked(state: RoomState, act: Act, now: Instant) -> tuple[RoomState, tuple[Effect, ...], Handover]:
    """What takes nothing away is not asked about. But a relay that gives power keeps its distance to the others, which
    a slow card would hand over in the same moment; that delays it, and never keeps a load dark."""
    if state.policy.remedies[act.remedy].method is not Method.ON:
        return state, (), Handover.BEGINS
    if _decision(acts.unbooked(state, act), act, now).reason is Reason.STAGGER and _may_wait(state, act, now):
        return _held(state, act, now), (), Handover.HELD
    return acts.rebooked(state, act, now), (), Handover.BEGINS


def _may_wait(state: RoomState, act: Act, now: Instant) -> bool:
    return now.mono_s - _waits_since_s(act, now) <= state.policy.waits.last_look_s


def _waits_since_s(act: Act, now: Instant) -> float:
    return now.mono_s if act.waits_since_s is None else act.waits_since_s


def _held(state: RoomState, act: Act, now: Instant) -> RoomState:
    deadline_s = now.mono_s + acts.bound_s(state, state.policy.remedies[act.remedy])
    held = replace(act, waits_since_s=_waits_since_s(act, now), deadline_s=deadline_s)
    return replace(state, acts={**state.acts, act.act_id: held})


def _decision(state: RoomState, act: Act, now: Instant) -> Decision:
    """The interlock's word on the act, in a room that knows nothing of it yet."""
    rule = state.rules.get(act.fault)
    decision = permit(
        state.policy.remedies[act.remedy], state, now, own=rule is not None or act.own_as == "routine",
        staged=act.own_as in STAGED_BY, leased=True, grave=rule is not None and rule.leaves_no_meeting,
        confirmed=bool(act.confirmed),
    )  # fmt: skip
    if decision.allowed and rule is not None and ladder.too_early(state, rule, now):
        # What speaks against an act although the fault is there: something beyond the converter answers again.
        return Decision(Reason.NOT_YET)
    if decision.reason is Reason.CALL_UNKNOWN:  # the witnesses may know, if they were asked long ago
        seen = witnessed(state.view(now), state.policy)
        return decision if seen.allowed else seen
    return decision


def _evidence(state: RoomState, act: Act, now: Instant) -> Verdict:
    """Whether the fault that the act serves is still there; an order needs none."""
    rule = state.rules.get(act.fault)
    return Verdict.FAULTY if rule is None else rule.diagnose(state.view(now), state.policy).verdict
