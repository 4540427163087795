"""What an act may take from a meeting: the interlock asks here."""

from __future__ import annotations

from agent.core import boots, stages
from agent.core.facts import Instant, View
from agent.core.reasons import ALLOWED, Decision, Reason, refused_if
from agent.core.remedies import Load, Method, Remedy
from agent.core.state import RoomState

USELESS_LOOKS = 3


def far_from_meetings(state: RoomState, now: Instant) -> Decision:
    """Refuse from shortly before a meeting until its end. A trial is no meeting: there the call guard alone holds."""
    meetings = [m for m in state.policy.meetings if not m.trial]
    walls = state.times.known(now)
    if meetings and not walls:
        return Decision(Reason.CLOCK_UNKNOWN)
    near_s = state.policy.guards.meeting_near_s
    near = any(m.start_s - near_s <= wall_s < m.end_s for m in meetings for wall_s in walls)
    return refused_if(near, Reason.MEETING_NEAR)


def meeting_spared(
    remedy: Remedy, load: Load, state: RoomState, now: Instant, *, ordered: bool, grave: bool, confirmed: bool
) -> Decision:
    """Whether a restart in the call's path would take something from a meeting.

    Before a meeting nothing begins that does not serve again some minutes before the start; in the last quarter of an
    hour the room itself begins it only for a fault that leaves it without a meeting. A codec that is proven useless has
    nothing to lose: one act a load may begin until the start. In a meeting only an order of the centre with the word of
    a person in the room, once a load.
    """
    meetings = [m for m in state.policy.meetings if not m.trial]
    walls = state.times.known(now)
    if meetings and not walls:
        return Decision(Reason.CLOCK_UNKNOWN)
    guards, own = state.policy.guards, state.load(load.name)
    ready_s = _ready_after_s(remedy, load, state) + guards.meeting_margin_s
    # A clock that was stepped leaves more than one time that it may be: by each of them the meeting is spared.
    for meeting, wall_s in ((m, wall_s) for m in meetings for wall_s in walls if wall_s < m.end_s):
        left_s = meeting.start_s - wall_s
        if left_s <= 0:  # it runs
            if not confirmed or any(at_s >= now.mono_s + left_s for at_s in own.acts_s):
                return Decision(Reason.MEETING_NEAR)
        elif left_s <= guards.meeting_near_s and not (ordered or grave):
            return Decision(Reason.MEETING_NEAR)
        elif left_s < ready_s:
            # Each earlier act by what it was: a cycle has to begin earlier than a restart to be ready in time.
            served_s = ready_s - (load.off_s if remedy.method is Method.CYCLE else 0.0)
            too_late_s = now.mono_s + left_s - served_s
            spent = any(at_s >= too_late_s - (load.off_s if at_s in own.cycles_s else 0.0) for at_s in own.acts_s)
            if spent or not useless(state.view(now), state.policy.waits.look_s):
                return Decision(Reason.MEETING_NEAR)
    return ALLOWED


def _ready_after_s(remedy: Remedy, load: Load, state: RoomState) -> float:
    """How long the load is out of service by this act, at most, until two looks have seen it serve; in seconds."""
    looks_s = 2 * state.policy.waits.look_s
    if remedy.method is Method.STAGED:
        return stages.longest_s(state) + looks_s
    own = state.load(load.name)
    boot_s = max(boots.settle_s(remedy, load, own), load.boot_s, own.boot_s)
    return (load.off_s if remedy.method is Method.CYCLE else 0.0) + boot_s + looks_s


def useless(view: View, look_s: float) -> bool:
    """Whether no meeting can be held with this codec: two independent ways to it are dead, and stay so.
    `look_s`: between two looks at it.

    All of them lead through the board's own network port. Without a carrier there, or just after, silence is no proof:
    the codec has a cable of its own.
    """
    carried_s = view.seen("codec.api").attempt_at_s - view.seen("net.link").alike_since_s
    carrier = view.is_true("net.link") and carried_s >= USELESS_LOOKS * look_s
    if view.fitted("net.link") and not carrier:
        return False
    dead = [view.stays_false(key, USELESS_LOOKS, look_s / 2) for key in ("codec.ping", "codec.tcp", "codec.sip")]
    return view.stays_false("codec.api", USELESS_LOOKS, look_s / 2) and any(dead)
