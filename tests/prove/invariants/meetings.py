"""Planned meetings: what may be restarted near one, and what is kept to itself in a secret one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.core.events import StartRemedy
from tests.prove.invariants.base import SLACK_S, Moment, invariant, order_of
from tests.prove.promised import (
    CALL_PATH,
    ENDS_MEETING,
    LOADS,
    MEETING_NEAR_S,
    READY_BEFORE_S,
    SECRET_MARGIN_S,
    TWO_LOOKS_S,
)  # fmt: skip
from tests.prove.sim.clock import EPOCH_S

if TYPE_CHECKING:
    from tests.prove.sim.world import World

JUST_MENDED_S = 20.0
"""A fault may pass in the moments between the look that showed it and the act."""


@invariant("act")
def meeting_undisturbed(w: World, moment: Moment) -> str:
    """What a planned meeting needs is not restarted near it, but where the room would have no meeting otherwise.

    Nothing in a call's path begins that would not serve again 5 minutes before the start. From 15 minutes before it
    begins by itself only for a codec that hangs or has no power, or a network that is lost. What is proven useless may
    be restarted once all the same until the start. From the start to the end only a person's confirmed order is obeyed,
    one a load and meeting. A trial connection is no meeting in this promise.
    """
    order = order_of(moment)
    if not order.remedy.restarts or order.load.name not in CALL_PATH or w.judge.force is None or w.clock.lied:
        return ""
    for meeting in w.judge.force.meetings:
        wrong = "" if meeting.trial else _disturbs(w, order, meeting, meeting.start_s - EPOCH_S - w.now_s)
        if wrong:
            return wrong
    return ""


def _disturbs(w: World, order: StartRemedy, meeting: Any, to_start_s: float) -> str:
    load, name = order.load.name, order.remedy.name
    if w.now_s >= meeting.end_s - EPOCH_S - SLACK_S or abs(to_start_s) <= SLACK_S:
        return ""
    if to_start_s < 0:
        if not w.ledger.confirmed.get(order.act.command, False):
            return f"{name} began {-to_start_s:.0f} s after the start of a meeting"
        return f"{name} is the second one in a meeting" if _restarted_since(w, load, to_start_s) else ""
    if to_start_s < MEETING_NEAR_S - SLACK_S and not order.act.command and not _leaves_no_meeting(w, order):
        return f"{name} for {order.act.fault or 'no fault'} began {to_start_s:.0f} s before the start of a meeting"
    takes_s = _takes_s(w, order)
    if takes_s <= to_start_s - READY_BEFORE_S + SLACK_S:
        return ""
    if w.place.useless(w.now_s) and not _restarted_since(w, load, to_start_s - READY_BEFORE_S - takes_s):
        return ""
    return f"{name} began {to_start_s:.0f} s before the start of a meeting and needs {takes_s:.0f} s"


def _restarted_since(w: World, load: str, from_now_s: float) -> bool:
    return any(one.load == load and one.began_s > w.now_s + from_now_s + SLACK_S for one in w.place.restarts)


def _takes_s(w: World, order: StartRemedy) -> float:
    """Until it serves again and has been seen to: by the longer of the promised and the measured boot."""
    promise, board = LOADS[order.load.name], w.board
    measured_s = board.room.state.load(order.load.name).boot_s if board is not None else 0.0
    off_s = promise.off_s if order.remedy.method == "cycle" else 0.0
    return off_s + max(promise.boot_s, measured_s) + TWO_LOOKS_S


def _leaves_no_meeting(w: World, order: StartRemedy) -> bool:
    """Whether the fault that the act is for, or that the whole room is restarted for, truly is of that kind."""
    named = order.act.fault in ENDS_MEETING or not order.act.fault
    return named and w.now_s - max(w.judge.lied_s, w.judge.no_meeting_s) <= JUST_MENDED_S


@invariant("step")
def no_sound_in_a_secret_meeting(w: World, _moment: Moment) -> str:
    """From 15 minutes before a secret meeting that the room knows of until 15 minutes after it no sound is measured,
    whatever its clock does meanwhile.

    But for a board that was off when the meeting came near, and to which the time server then lies, from the first word
    on, that it was off for longer: by nothing can it know.
    """
    board, force = w.board, w.judge.force
    if board is None or force is None or board.sound_measured is not True:
        return ""
    wall_s = EPOCH_S + w.now_s
    for meeting in force.meetings:
        margin_s = 0.0 if w.clock.lied else SECRET_MARGIN_S
        if not meeting.secret or w.judge.nobody_knows(meeting.start_s, meeting.end_s):
            continue
        if meeting.start_s - margin_s + SLACK_S < wall_s < meeting.end_s + margin_s - SLACK_S:
            return f"sound is measured {wall_s - meeting.start_s:.0f} s after the start of a secret meeting"
    return ""
