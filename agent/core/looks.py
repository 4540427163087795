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
from agent.core.lifecycles import ORDER, OrderSignal, OrderState
from agent.core.reasons import Decision, Reason
from agent.core.state import PendingOrder, RoomState
from agent.core.transitions import following

Step = tuple[RoomState, tuple[Effect, ...]]

ORDERS_MAX = 4
"""Orders waiting at a time; one more is refused at once."""


def look_first(state: RoomState, decision: Decision, now: Instant) -> Step:
    """Have the witnesses of a call asked at once if that is what the act is refused for."""
    asked_s = state.look_asked_s
    lately = asked_s is not None and now.mono_s - asked_s < state.policy.waits.ask_again_s
    if decision.reason is not Reason.LOOKING or lately:
        return state, ()
    return replace(state, look_asked_s=now.mono_s), (AskWitnesses(),)


def ordered(state: RoomState, event: OrderReceived, now: Instant) -> Step:
    """Obey an order to act, let it wait for a look, or refuse it."""
    return _tried(state, PendingOrder(event.command_id, event.action, event.by, now.mono_s, event.confirmed), now)


def again(state: RoomState, now: Instant) -> Step:
    """Try the orders that wait, oldest first: each begins, waits on, or is refused."""
    effects: tuple[Effect, ...] = ()
    for order in state.waiting:
        state, more = _tried(state, order, now)
        effects += more
    return state, effects


def _tried(state: RoomState, order: PendingOrder, now: Instant) -> Step:
    """See what the interlock says of it now: it begins, waits (on), or is refused."""
    decision = _permitted(state, order, now)
    tried = replace(order, state=following(ORDER, order.state, _signal(state, order, decision, now)))
    others = tuple(other for other in state.waiting if other is not order)
    if tried.state is OrderState.WAITING:
        return look_first(replace(state, waiting=(*others, tried)), decision, now)
    state = replace(state, waiting=others)
    return _begun(state, tried, now) if tried.state is OrderState.BEGUN else _refused(state, tried, decision)


def _signal(state: RoomState, order: PendingOrder, decision: Decision, now: Instant) -> OrderSignal:
    if decision.allowed:
        return OrderSignal.PERMIT
    if order.state is OrderState.WAITING:
        may_wait = now.mono_s - order.since_s <= state.policy.waits.order_s
    else:
        may_wait = len(state.waiting) < ORDERS_MAX
    return OrderSignal.LOOK if decision.reason is Reason.LOOKING and may_wait else OrderSignal.REFUSE


def _permitted(state: RoomState, order: PendingOrder, now: Instant) -> Decision:
    remedy = state.policy.remedies.get(order.action)
    if remedy is None:
        return Decision(Reason.UNKNOWN_ACTION)
    return permit(remedy, state, now, confirmed=bool(order.confirmed))


def _begun(state: RoomState, order: PendingOrder, now: Instant) -> Step:
    remedy = state.policy.remedies[order.action]
    return acts.start(state, remedy, now, command=order.command, by=order.by, confirmed=order.confirmed)


def _refused(state: RoomState, order: PendingOrder, decision: Decision) -> Step:
    """Tell why not."""
    remedy = state.policy.remedies.get(order.action)
    load = remedy.load if remedy else ""
    fault_id, rule = acts.fault_on(state, load)
    refused = Record(
        RecordKind.COMMAND_REFUSED, rule, fault_id, reason=decision.reason or "", remedy=order.action, load=load,
        command=order.command, by=order.by,
    )  # fmt: skip
    return state, (refused,)
