"""Whether the room is about to be used. Outside meetings a dark room and a sleeping codec are no faults."""

from agent.core.facts import Instant
from agent.core.policy import Policy

PREPARE_S = 3600.0
"""Everything is on an hour before a meeting (rooms-vn, procedure)."""


def wanted(policy: Policy, now: Instant) -> bool:
    """True from an hour before a meeting until its end. A wall clock that is off shifts this, and harms nobody."""
    return any(m.start_s - PREPARE_S <= now.wall_s < m.end_s for m in policy.meetings)
