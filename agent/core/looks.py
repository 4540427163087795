"""Looking once more before an act that could disturb a call, and orders that wait for that look.

A call may have begun since the last look. So the interlock asks for witnesses of this very moment (`Reason.LOOKING`),
and whoever has been refused for that has them asked at once; the act is tried again when they have answered.
"""

from __future__ import annotations

from dataclasses import replace

from agent.core import acts
from agent.core.events import AskWitnesses, Effect, OrderReceived, Record, RecordKind
from agent.core.facts import Instant
from agent.core.interlock import permit
from agent.core.reasons import Decision, Reason
from agent.core.state import PendingOrder, RoomState

Step = tuple[RoomState, tuple[Effect, ...]]

ORDERS_MAX = 4
"""Orders waiting at a time; one more is refused at once."""


def look_first(state: RoomState, decision: Decision, now: Instant) -> Step:
    """Have the witnesses of a call asked at once if that is what the act is refused for."""
    if decision.reason is not Reason.LOOKING or now.mono_s - state.look_asked_s < state.policy.waits.ask_again_s:
        return state, ()
    return replace(state, look_asked_s=now.mono_s), (AskWitnesses(),)


def ordered(state: RoomState, event: OrderReceived, now: Instant) -> Step:
    """Obey an order to act, let it wait for a look, or refuse it."""
    order = PendingOrder(event.command_id, event.action, event.by, now.mono_s, event.confirmed)
    decision = _permitted(state, order, now)
    if decision.reason is Reason.LOOKING and len(state.waiting) < ORDERS_MAX:
        return look_first(replace(state, waiting=(*state.waiting, order)), decision, now)
    return _ended(state, order, decision, now)


def again(state: RoomState, now: Instant) -> Step:
    """Try the orders that wait, oldest first: each begins, waits on, or is refused."""
    effects: tuple[Effect, ...] = ()
    for order in state.waiting:
        decision = _permitted(state, order, now)
        if decision.reason is Reason.LOOKING and now.mono_s - order.since_s <= state.policy.waits.order_s:
            state, more = look_first(state, decision, now)
        else:
            state = replace(state, waiting=tuple(other for other in state.waiting if other is not order))
            state, more = _ended(state, order, decision, now)
        effects += more
    return state, effects


def _permitted(state: RoomState, order: PendingOrder, now: Instant) -> Decision:
    remedy = state.policy.remedies.get(order.action)
    if remedy is None:
        return Decision(Reason.UNKNOWN_ACTION)
    return permit(remedy, state, now, confirmed=bool(order.confirmed))


def _ended(state: RoomState, order: PendingOrder, decision: Decision, now: Instant) -> Step:
    """Begin what is ordered, or tell why not."""
    remedy = state.policy.remedies.get(order.action)
    if remedy is not None and decision.allowed:
        return acts.start(state, remedy, now, command=order.command, by=order.by, confirmed=order.confirmed)
    load = remedy.load if remedy else ""
    fault_id, rule = acts.fault_on(state, load)
    refused = Record(
        RecordKind.COMMAND_REFUSED, rule, fault_id, reason=decision.reason or "", remedy=order.action, load=load,
        command=order.command, by=order.by,
    )  # fmt: skip
    return state, (refused,)
