"""The hub's answer to an act of the room's own: a budget of the whole fleet, so that no mistake restarts a province."""

from __future__ import annotations

from dataclasses import replace

from agent.core.events import Effect, OrderReceived, Record, RecordKind
from agent.core.facts import Instant
from agent.core.lifecycles import LEASE, LeaseSignal, LeaseState
from agent.core.reasons import ALLOWED, Decision, Reason, refused_if
from agent.core.state import Lease, RoomState
from agent.core.transitions import following

GRANTED = "lease_granted"
DENIED = "lease_denied"
ANSWERS = frozenset({GRANTED, DENIED})


def answered(state: RoomState, event: OrderReceived, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    """Take the answer. It permits nothing by itself: the act it is about passes the whole interlock again."""
    lease = _after(state.lease, LeaseSignal.GRANT if event.action == GRANTED else LeaseSignal.DENY, now)
    done = Record(RecordKind.REMEDY_DONE, remedy=event.action, outcome="done", command=event.command_id, by=event.by)
    return replace(state, lease=lease), (done,)


def asked(lease: Lease, now: Instant) -> Lease:
    """The hub is being asked."""
    return _after(lease, LeaseSignal.ASK, now)


def used(lease: Lease, now: Instant) -> Lease:
    """An act takes with it whatever there is."""
    return _after(lease, LeaseSignal.USE, now)


def in_force(lease: Lease, now: Instant, holds_s: float) -> bool:
    """Whether the hub has been asked, or has answered, so lately that it counts."""
    return lease.state is not LeaseState.NONE and now.mono_s - lease.since_s < holds_s


def leased(state: RoomState, now: Instant) -> Decision:
    """Whether an act of the room's own has its lease, or a connected hub had its time to give one and was silent."""
    guards, lease = state.policy.guards, state.lease
    if not in_force(lease, now, guards.lease_s):
        return Decision(Reason.LEASE)
    match lease.state:
        case LeaseState.GRANTED:
            return ALLOWED
        case LeaseState.DENIED:
            return Decision(Reason.FLEET_BUDGET)
        case _:
            return refused_if(now.mono_s - lease.since_s < guards.lease_wait_s, Reason.LEASE)


def _after(lease: Lease, signal: LeaseSignal, now: Instant) -> Lease:
    state = following(LEASE, lease.state, signal)
    return Lease() if state is LeaseState.NONE else Lease(state, now.mono_s)
