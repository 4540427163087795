"""Upkeep that no fault asks for, at night and rarely: the UPS tests its battery, the codec keeps itself dry.

Each passes the same interlock as every other act, and none is made up for: a room that was not permitted last night is
asked again the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.core import acts
from agent.core.events import Effect
from agent.core.facts import Instant
from agent.core.interlock import permit
from agent.core.schedule import at_night, wanted
from agent.core.state import RoomState

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Routine:
    """One remedy, at most once in so many seconds."""

    remedy: str
    every_s: float


ROUTINES = (
    Routine("ups_self_test", 30 * DAY_S),
    Routine("codec_wake", 7 * DAY_S),  # keep-warm: an hour of its own heat dries the codec (rooms-vn, catalogue)
)


def advance(state: RoomState, now: Instant) -> tuple[RoomState, tuple[Effect, ...]]:
    """Begin the routine that is due, if the room may be disturbed now.

    A room that has never done one counts as having just done it: after a power cut 621 of them would begin at once. So
    does one whose clock says that it was due for as long again: where a whole province was ten years ahead for an hour
    all of them would. While a clock was stepped lately, none begins.
    """
    if len(state.times.known(now)) != 1 or state.times.doubtful(now):
        return state, ()
    if not at_night(state.policy, now) or wanted(state.policy, now) or state.acts or state.staged is not None:
        return state, ()
    for routine in ROUTINES:
        done_s = state.routines.get(routine.remedy)
        since_s = 0.0 if done_s is None else now.wall_s - done_s
        if done_s is None or not 0 <= since_s <= 2 * routine.every_s:  # never, or by another clock
            spread_s = state.policy.room_hash * routine.every_s
            state = replace(state, routines={**state.routines, routine.remedy: now.wall_s - spread_s})
            continue
        remedy = state.policy.remedies[routine.remedy]
        if since_s < routine.every_s or not permit(remedy, state, now, own=True).allowed:
            continue
        state = replace(state, routines={**state.routines, routine.remedy: now.wall_s})
        return acts.start(state, remedy, now, by="routine")
    return state, ()
