"""The end of an act: what it means for its load, for the fault that it served, and for what it has used up."""

from __future__ import annotations

from dataclasses import replace

from agent.core import acts, boots, ladder
from agent.core.events import Effect, Record, RecordKind, RemedyDone
from agent.core.facts import Instant
from agent.core.lifecycles import SUPPLY, LeaseState, Switched
from agent.core.phases import Phase, Signal
from agent.core.reasons import LINE_BUSY, WITHDRAWN, Reason
from agent.core.remedies import Method, Remedy
from agent.core.state import Act, LoadState, RoomState
from agent.core.transitions import following

Step = tuple[RoomState, tuple[Effect, ...]]

NO_EFFECT_SHARE = 0.5
"""A load whose power was cut and that still draws more than this share of before has not lost it."""


def finished(state: RoomState, event: RemedyDone, now: Instant) -> Step:
    """Close an act: let its load settle, and its fault await the effect or climb on."""
    act = state.acts.get(event.act_id)
    if act is None:
        return state, ()  # reported after its deadline: it has been closed as failed already
    remedy = state.policy.remedies[act.remedy]
    load = state.policy.load_of(remedy)
    own = replace(state.load(act.load), act_id=0)
    if event.ok and _without_effect(remedy, event, state.policy.thresholds.codec_alive_w):
        event = replace(event, ok=False, reason="no_effect")
    settle_until_s = now.mono_s + boots.settle_s(remedy, load, own)
    unsent = not event.ok and event.proof.get("sent") is False
    if remedy.restarts and unsent:
        # The order certainly never reached the device: nothing restarted, so nothing has to settle or is used up.
        own = acts.unbooked(state, act).load(act.load)
    elif remedy.restarts:
        own = replace(own, settle_until_s=settle_until_s, ended_s=now.mono_s if event.ok else None)
    if event.ok and remedy.method in (Method.ON, Method.OFF):
        own = _switched(own, act, remedy, now)
    under_way = {key: value for key, value in state.acts.items() if key != act.act_id}
    if remedy.method is Method.CYCLE and unsent:
        state = acts.unbooked(state, act)
    elif remedy.method is Method.CYCLE:
        state = replace(state, last_relay_s=now.mono_s)  # power has just come back: the next inrush waits for this one
    rule_name = act.fault or acts.fault_on(state, act.load)[1]
    fault = state.fault(rule_name)
    done = Record(
        RecordKind.REMEDY_DONE, rule_name, fault.fault_id, reason=event.reason, act_id=act.act_id, remedy=act.remedy,
        load=act.load, outcome="done" if event.ok else "failed", proof=event.proof, command=act.command, by=act.by,
    )  # fmt: skip
    state = replace(state, acts=under_way, loads={**state.loads, act.load: own})
    if unsent and state.lease.state is LeaseState.NONE:
        state = replace(state, lease=act.lease)
    rule = state.rules.get(act.fault)
    if rule is None or fault.act_id != act.act_id or fault.phase is not Phase.REMEDYING:
        return state, (done,)
    if event.ok:
        fault = ladder.moved(fault, Signal.ACT_DONE, now)
        settling = replace(fault, settle_until_s=settle_until_s, strikes=0, passes=0, withdrawn=0, lines_busy=0)
        return ladder.put(state, settling), (done,)
    lines_busy = fault.lines_busy + 1 if event.reason == LINE_BUSY else 0
    not_begun = unsent and event.reason in WITHDRAWN
    if not_begun and lines_busy < ladder.LINE_BUSY_MAX:  # the same rung waits anew
        fault = replace(
            ladder.moved(fault, Signal.WITHDRAWN, now), acts=fault.acts - 1, act_id=0, waiting_since_s=now.mono_s,
            withdrawn=fault.withdrawn + 1, lines_busy=lines_busy,
            refused=event.reason if event.reason == Reason.NO_JOURNAL else "",
        )  # fmt: skip
        if fault.withdrawn < ladder.WITHDRAWN_MAX:
            return ladder.put(state, fault), (done,)
        return ladder.give_up(state, rule, fault, event.reason, now, (done,))
    fault = replace(ladder.moved(fault, Signal.ACT_FAILED, now), rung=fault.rung + 1, withdrawn=0, lines_busy=0)
    state, more = ladder.climb(ladder.put(state, fault), rule, now)
    return state, (done, *more)


def _switched(own: LoadState, act: Act, remedy: Remedy, now: Instant) -> LoadState:
    """The load after its relay was switched and left so."""
    if remedy.method is Method.ON:
        return replace(own, supply=following(SUPPLY, own.supply, Switched.ON), off_since_s=None)
    signal = Switched.FOR_OUTAGE if act.own_as == acts.FOR_OUTAGE else Switched.OFF
    return replace(own, supply=following(SUPPLY, own.supply, signal), off_since_s=now.mono_s)


def _without_effect(remedy: Remedy, event: RemedyDone, alive_w: float) -> bool:
    """Whether a meter saw the load go on drawing while its relay was cut: a welded contact, or the wrong wire."""
    before, while_off = event.proof.get("draw_before_w"), event.proof.get("draw_off_w")
    return (
        remedy.method is Method.CYCLE
        and isinstance(before, int | float)
        and isinstance(while_off, int | float)
        and while_off >= alive_w
        and while_off > NO_EFFECT_SHARE * before
    )
