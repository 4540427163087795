"""Whether a secret meeting is on ("họp mật"), as far as the room can know. Unknown never authorises measuring sound."""

from __future__ import annotations

from enum import StrEnum

from agent.core.facts import Instant, View
from agent.core.policy import Meeting, Policy
from agent.core.timelines import UNSTEPPED, Timelines

BEFORE_S = 900.0
"""People sit down and talk before a meeting begins [J]; the room is locked as ready ten minutes before (rooms-vn)."""
AFTER_S = 900.0
OVERRUN_S = 7200.0
"""A call that goes on after the meeting's end is taken for the meeting for this long [J]."""


class Secrecy(StrEnum):
    """The values are words of the wire, and reasons of a `NoReading`."""

    OPEN = "open"
    """Certainly no secret meeting."""
    MEETING = "secret_meeting"
    UNKNOWN = "not_told"
    """The schedule, the time or whether a call goes on is not known."""


def secrecy(
    policy: Policy,
    view: View,
    *,
    told: bool,
    times: Timelines = UNSTEPPED,
    doubted: bool = False,
    quiet_until_s: float = 0.0,
) -> Secrecy:
    """How it stands at this moment. `told`: the hub is connected and has said since then which document is in force.
    `doubted`: the journal speaks against the clock. `quiet_until_s`: monotonic, see `RoomState`.

    Without a disciplined clock nobody can say that a listed meeting is over or far away: it counts as on. What is on by
    any of the times that it may be is on: a step of the clock ends no meeting. And for a while after one nobody knows.
    """
    now, secret = view.now, [meeting for meeting in policy.meetings if meeting.secret]
    listed = [_by_the_schedule(meeting, wall_s) for meeting in secret for wall_s in times.walls(now)]
    if Secrecy.MEETING in listed or (secret and (not now.synced or doubted or now.mono_s < quiet_until_s)):
        return Secrecy.MEETING
    if Secrecy.UNKNOWN in listed and view.fitted("codec.in_call") and not view.is_false("codec.in_call"):
        return Secrecy.MEETING if view.is_true("codec.in_call") else Secrecy.UNKNOWN
    if secret and times.doubtful(now):
        return Secrecy.UNKNOWN
    return Secrecy.OPEN if told and now.synced else Secrecy.UNKNOWN


def quiet_for_s(policy: Policy, times: Timelines, now: Instant, quiet_until_s: float) -> float:
    """For how long a secret meeting that is on stays so at most, by any time that it may be, in seconds; 0: none is."""
    secret = [meeting for meeting in policy.meetings if meeting.secret]
    walls = times.walls(now) if now.synced else times.known(now)
    left_s = [
        meeting.end_s + AFTER_S - wall_s
        for meeting in secret
        for wall_s in walls
        if _by_the_schedule(meeting, wall_s) is Secrecy.MEETING
    ]
    return max([0.0, *left_s, quiet_until_s - now.mono_s if secret else 0.0])


def _by_the_schedule(meeting: Meeting, now_s: float) -> Secrecy:
    """How it stands with one secret meeting; UNKNOWN after its end, where it depends on whether a call goes on."""
    if now_s < meeting.start_s - BEFORE_S or now_s >= meeting.end_s + OVERRUN_S:
        return Secrecy.OPEN
    return Secrecy.MEETING if now_s < meeting.end_s + AFTER_S else Secrecy.UNKNOWN
