"""What the agent's shell is trusted with: the connection, what it was told, and leave to act."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from agent.core.remedies import Method
from tests.prove.invariants.base import SLACK_S, Moment, invariant, order_of
from tests.prove.promised import HEARD_WITHIN_S, LEASE_S, SECRET_MARGIN_S
from tests.prove.sim.clock import EPOCH_S

if TYPE_CHECKING:
    from tests.prove.sim.world import World

TOLD_LATE_S = 12.0
"""The engine hears of a new connection this late at most."""


@invariant("step")
def room_is_heard(w: World, _moment: Moment) -> str:
    """While the way to the hub works, nothing that the room has to tell waits for more than twenty minutes."""
    board, judge = w.board, w.judge
    if board is None or not w.line.works() or not w.line.hub.up or not board.store.pending():
        judge.unheard_since_s = math.inf
        return ""
    # From the first turn that has something to tell: of a room at rest no turn is made for hours.
    judge.unheard_since_s = min(judge.unheard_since_s, w.now_s)
    waits_s = w.now_s - max(judge.unheard_since_s, w.ledger.alive_since_s)
    return f"the room has not been heard for {waits_s:.0f} s" if waits_s > HEARD_WITHIN_S else ""


@invariant("step")
def told_secret_meeting_is_not_measured(w: World, _moment: Moment) -> str:
    """No sound is measured around a secret meeting that a document told of, once it has reached the room."""
    handed, wall_s = w.line.handed, EPOCH_S + w.now_s
    if handed is None or w.board is None or w.board.sound_measured is not True:
        return ""
    for meeting in handed.meetings:
        begins_s, ends_s = meeting.start_s - SECRET_MARGIN_S, meeting.end_s + SECRET_MARGIN_S
        if not meeting.secret or w.judge.nobody_knows(meeting.start_s, meeting.end_s):
            continue
        if begins_s + SLACK_S < wall_s < ends_s - SLACK_S:
            return f"the microphone's gate is open {wall_s - meeting.start_s:.0f} s after a secret meeting's start"
    return ""


@invariant("act")
def denied_lease_is_kept(w: World, moment: Moment) -> str:
    """A connected room restarts nothing by itself for five minutes after the hub has denied it a lease."""
    order, line, client = order_of(moment), w.line, w.line.client
    own = bool(order.act.fault) and order.remedy.restarts and order.remedy.method is not Method.STAGED
    if not own or client is None or not client.open or w.now_s - client.up_since_s < TOLD_LATE_S:
        return ""
    denied_ago_s = w.now_s - line.denied_s
    if line.denied_s < max(line.granted_s, w.ledger.alive_since_s) or not SLACK_S < denied_ago_s < LEASE_S - SLACK_S:
        return ""
    return f"{order.remedy.name} began {denied_ago_s:.0f} s after the hub had denied it"
