"""When the room is about to be used, and when it certainly is not."""

from agent.core.facts import Instant
from agent.core.policy import Policy
from agent.core.timelines import UNSTEPPED, Timelines

PREPARE_S = 3600.0
"""Everything is on an hour before a meeting (rooms-vn, procedure)."""
NIGHT_H = (1.0, 4.0)
"""Local hours in which no room is used: for tests and upkeep."""


def wanted(policy: Policy, now: Instant) -> bool:
    """True from an hour before a meeting until its end. A wall clock that is off shifts this, and harms nobody."""
    return any(m.start_s - PREPARE_S <= now.wall_s < m.end_s for m in policy.meetings)


def by_itself_s(policy: Policy, now: Instant) -> float:
    """How long the room leaves its own line alone while the cause may lie outside it and pass."""
    waits = policy.waits
    return waits.by_itself_before_meeting_s if wanted(policy, now) else waits.by_itself_s


def trial_runs(policy: Policy, now: Instant, times: Timelines = UNSTEPPED) -> bool:
    """Whether a trial connection is under way, and no real meeting by any time that it may be. Never without a
    disciplined clock, nor soon after it was stepped."""
    running = [m for m in policy.meetings if m.start_s <= now.wall_s < m.end_s]
    real = [m for m in policy.meetings if not m.trial]
    if any(m.start_s <= wall_s < m.end_s for m in real for wall_s in times.walls(now)) or times.doubtful(now):
        return False
    return now.synced and bool(running)


def at_night(policy: Policy, now: Instant) -> bool:
    """Whether it is night in the room, by a disciplined clock."""
    hour = (now.wall_s + policy.utc_offset_s) % 86_400 / 3600
    return now.synced and NIGHT_H[0] <= hour < NIGHT_H[1]
