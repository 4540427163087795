"""The hub's answer to an act of the room's own: a budget of the whole fleet, so that no mistake restarts a province."""

from __future__ import annotations

from dataclasses import replace

from agent.core.events import Effect, OrderReceived, Record, RecordKind
from agent.core.facts import Instant
from agent.core.state import Lease, RoomState

GRANTED = "lease_granted"
DENIED = "lease_denied"
ANSWERS = frozenset({GRANTED, DENIED})


def answered(state: RoomState, event: OrderReceived, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    """Take the answer. It permits nothing by itself: the act it is about passes the whole interlock again."""
    until_s = now.mono_s + state.policy.guards.lease_s
    granted = event.action == GRANTED
    lease = (
        Lease(state.lease.asked_s, until_s=until_s) if granted else Lease(state.lease.asked_s, denied_until_s=until_s)
    )
    done = Record(RecordKind.REMEDY_DONE, remedy=event.action, outcome="done", command=event.command_id, by=event.by)
    return replace(state, lease=lease), (done,)
