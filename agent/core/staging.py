"""Mains lost and back: what is switched off meanwhile, and in which order the room returns.

Everything that starts at once draws an inrush that a weak village feeder answers with the next dip, and a codec that is
up before its switch registers nowhere. So the room waits until the mains has been good for a while, then a share of a
minute that its own name decides, and then lets one load after the other come back, each when the one before serves.
No stage waits for ever: one that does not come back is told of, and the next one follows.
"""

from __future__ import annotations

from dataclasses import replace

from agent.core import acts, looks, stages
from agent.core.events import Effect, Record, RecordKind, RemedyDone
from agent.core.facts import Instant
from agent.core.interlock import mains_bad, permit
from agent.core.lifecycles import STAGE, StageSignal, StageState, Supply
from agent.core.phases import OPEN, Phase
from agent.core.reasons import Reason
from agent.core.state import RoomState, Staged
from agent.core.transitions import following

Step = tuple[RoomState, tuple[Effect, ...]]
Advance = tuple[RoomState, tuple[Effect, ...], RemedyDone | None]
"""With the end of the act that a staged boot serves, for the ladder."""

PROOFS = {
    "switch": ("net.gateway",),
    "converter": ("net.hub", "net.beyond"),
    "codec": ("codec.api",),
    "camera": ("codec.camera",),
    "pc": ("pc.alive",),
    "amplifier": ("amp.draw_w",),
}
"""By load: facts of which one proves that it serves. Loads without any are given their settle time."""


def restarted(state: RoomState, now: Instant, *, rebooted: bool) -> Step:
    """Begin the return anew that the end of the agent has broken off.

    After a start of the board it always is: what took the board's power took that of the room. A process that ended
    alone leaves what was shed off; unless the outage goes on, it was in the middle of the return.
    """
    broken_off = not _mains_lost(state) and any(own.supply is Supply.SHED for own in state.loads.values())
    return mains_back(state, now) if rebooted or broken_off else (state, ())


def mains_back(state: RoomState, now: Instant) -> Step:
    """Begin the return after an outage: order alone, and whatever was shed comes back in its turn."""
    order = stages.fitted(state)
    if not order or state.staged is not None:
        return state, ()
    began = Record(RecordKind.RETURN_BEGAN, detail={"stages": " ".join(order)})
    return replace(state, staged=Staged(order, now.mono_s)), (began,)


def advance(state: RoomState, now: Instant) -> Advance:
    """What the passing of time asks for: switch off extras while the mains is lost, or go on with the return."""
    if _mains_lost(state) and mains_bad(state.view(now), state.policy):
        if state.staged is not None:  # lost again in mid-return: it begins anew when the mains is back
            return _ended(state, state.staged, "mains_lost", now)
        return (*_shed(state, now), None)
    staged = state.staged
    if staged is None:
        return (*_overdue(state, now), None)
    if not staged.stages:
        return _ended(state, staged, "", now)
    if staged.stands is StageState.SWITCHED:
        return (*_await(state, staged, now), None)
    if not staged.cut and now.mono_s < _calm_at_s(state, staged):
        return state, (), None
    return (*_switch(state, staged, now), None)


def _mains_lost(state: RoomState) -> bool:
    """Whether the fault is open, whatever the mains looks like at this moment."""
    return any(rule.power_loss and state.fault(name).phase in OPEN for name, rule in state.rules.items())


def _calm_at_s(state: RoomState, staged: Staged) -> float:
    """When the mains will have been good for long enough; a dip in mid-return starts the wait again."""
    guards = state.policy.guards
    calm_since_s = staged.began_s if state.mains_bad_s is None else max(staged.began_s, state.mains_bad_s)
    return calm_since_s + guards.return_calm_s + guards.return_spread_s * state.policy.room_hash


def _shed(state: RoomState, now: Instant) -> Step:
    """Switch off one more extra; the relays' own stagger spaces them."""
    for name in stages.STAGES:
        load = state.policy.loads.get(name)
        own = state.load(name)
        off = state.policy.remedies.get(f"{name}_off")
        if load is None or off is None or not load.shed or own.off or own.act_id:
            continue
        if permit(off, state, now).allowed:
            return acts.start(state, off, now, by=acts.FOR_OUTAGE)
    return state, ()


def _overdue(state: RoomState, now: Instant) -> Step:
    """Give back what has been off for too long, even when nobody knows of the mains."""
    for name, own in state.loads.items():
        if own.supply is not Supply.SHED or own.off_since_s is None:
            continue
        if now.mono_s - own.off_since_s < state.policy.guards.shed_max_s:
            continue
        on = state.policy.remedies[f"{name}_on"]
        if permit(on, state, now).allowed:
            return acts.start(state, on, now, by="return")
    return state, ()


def _switch(state: RoomState, staged: Staged, now: Instant) -> Step:
    """Let the present stage have its power, once that is permitted."""
    name = staged.stages[0]
    own = state.load(name)
    wanted = f"{name}_on" if own.supply is Supply.SHED else f"{name}_power_cycle" if staged.cut else ""
    remedy = state.policy.remedies.get(wanted)
    if remedy is None or state.policy.loads[name].own_uplink:
        return replace(state, staged=_after(staged, StageSignal.SWITCH, now)), ()
    if own.act_id:
        return state, ()
    decision = permit(remedy, state, now, staged=True)
    if decision.reason is not None:
        held = _after(staged, StageSignal.HOLD, now)
        # Near a meeting a restart whose fault has passed goes no further: its other stages are not waited for.
        over = decision.reason is Reason.MEETING_NEAR and not any(stages.stands_for(state, now))
        if not over and decision.passing and now.mono_s - held.since_s <= state.policy.guards.refused_escalate_s:
            return looks.look_first(replace(state, staged=held), decision, now)
        refused = Record(RecordKind.REMEDY_REFUSED, reason=decision.reason, remedy=remedy.name, load=name)
        return replace(state, staged=_after(staged, StageSignal.SWITCH, now)), (refused,)
    state = replace(state, staged=_after(staged, StageSignal.SWITCH, now))
    return acts.start(state, remedy, now, by="staged_boot" if staged.cut else "return")


def _await(state: RoomState, staged: Staged, now: Instant) -> Step:
    """Go on to the next stage when this one serves, has been given to a person, or has had its time."""
    name = staged.stages[0]
    own = state.load(name)
    if own.act_id:
        return state, ()
    since_s = staged.since_s if own.ended_s is None else max(staged.since_s, own.ended_s)
    proven = serves(state, name, since_s, now)
    if proven or (proven is None and now.mono_s >= own.settle_until_s):
        return replace(state, staged=_next(staged, StageSignal.SERVES, now)), ()
    waited_s = now.mono_s - since_s
    if waited_s <= stages.patience_s(state, name) and not _given_up(state, name):
        return state, ()
    passed = Record(RecordKind.STAGE_UNVERIFIED, load=name, reason="no_proof", detail={"waited_s": round(waited_s, 1)})
    return replace(state, staged=_next(staged, StageSignal.OVERDUE, now)), (passed,)


def serves(state: RoomState, load: str, since_s: float, now: Instant) -> bool | None:
    """Whether a load is proven to serve by a fact younger than its switching; None where nothing tells."""
    known = [key for key in PROOFS.get(load, ()) if state.view(now).fitted(key)]
    return any(_proves(state, key, since_s, now) for key in known) if known else None


def _proves(state: RoomState, key: str, since_s: float, now: Instant) -> bool:
    view = state.view(now)
    at = view.seen(key).good_at
    value = view.value(key)
    if value is None or at is None or at.mono_s < since_s:
        return False
    return value if isinstance(value, bool) else view.number(key) >= state.policy.thresholds.amp_on_w  # type: ignore[operator]


def _given_up(state: RoomState, load: str) -> bool:
    return any(
        state.fault(name).phase is Phase.ESCALATED and rule.loads[:1] == (load,) for name, rule in state.rules.items()
    )


def _next(staged: Staged, signal: StageSignal, now: Instant) -> Staged:
    return replace(_after(staged, signal, now), stages=staged.stages[1:])


def _after(staged: Staged, signal: StageSignal, now: Instant) -> Staged:
    stands = following(STAGE, staged.stands, signal)
    return replace(staged, stands=stands, since_s=staged.since_s if stands is staged.stands else now.mono_s)


def _ended(state: RoomState, staged: Staged, reason: str, now: Instant) -> Advance:
    state = replace(state, staged=None)
    if staged.act_id:
        return state, (), RemedyDone(staged.act_id, ok=not reason, reason=reason)
    ended = Record(RecordKind.RETURN_ENDED, reason=reason, detail={"lasted_s": round(now.mono_s - staged.began_s, 1)})
    return state, (ended,), None
