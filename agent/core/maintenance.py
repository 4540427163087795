"""Whether people work on the room: then it tells, and does not act. Pure."""

from __future__ import annotations

from agent.core.facts import Instant
from agent.core.reasons import Decision, Reason, refused_if
from agent.core.state import RoomState

LONGEST_S = 7 * 86_400.0 + 5.0
"""No window ends further ahead than this (`wire.bounds`): a clock by which it does is wrong, or the window is."""


def is_open(state: RoomState, now: Instant) -> bool | None:
    """Whether the window is open by any time that it may be; None where no such time, or none that can be right, is
    known."""
    until_s = state.policy.maintenance_until_s
    left_s = [until_s - wall_s for wall_s in state.times.known(now)]
    said = [left > 0 for left in left_s if left <= LONGEST_S]
    return any(said) if said else None


def maintained(state: RoomState, now: Instant) -> Decision:
    """Refuse while people work on the room.

    A clock that was stepped leaves more than one time that it may be: by any of them it may still be open. Who cannot
    tell takes it for open, but not when a disciplined clock has seen its end, and no longer than anybody works on a
    room.
    """
    until_s = state.policy.maintenance_until_s
    opened = is_open(state, now)
    if opened or until_s <= state.maintenance_over_s:
        return refused_if(opened is True, Reason.MAINTENANCE)
    blind = opened is None and state.blind.lasts_s(until_s, now) < state.policy.guards.maintenance_blind_s
    return refused_if(blind, Reason.MAINTENANCE)
