"""What has to happen, sooner or later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.core.phases import OPEN
from tests.prove.invariants.base import SLACK_S, Moment, invariant
from tests.prove.promised import SETTLED_S, SHED_BACK_S

if TYPE_CHECKING:
    from tests.prove.sim.world import World


@invariant("step")
def every_fault_settles(w: World, _moment: Moment) -> str:
    """Once troubles stop, every open fault is clear or with a person within an hour."""
    late = {rule: since_s for rule, since_s in w.judge.waiting_since.items() if w.now_s - since_s > SETTLED_S - SLACK_S}
    return f"neither clear nor escalated: {', '.join(late)}" if late else ""


@invariant("step")
def a_hung_codec_is_acted_upon(w: World, _moment: Moment) -> str:
    """A codec that hangs where nothing forbids an act is acted upon within 5 minutes.

    20 while the room returns from a loss of power, 45 when something was tried in the last two hours. What forbids one
    is judged by the truth: acts of days ago forbid nothing, however often the board has started since.
    """
    calm = w.judge.calm
    late = calm.waited_s() > calm.patience_s()
    return f"the codec has hung for {calm.waited_s():.0f} s, and nothing forbids an act" if late else ""


@invariant("step")
def what_was_shed_comes_back(w: World, _moment: Moment) -> str:
    """What the room switched off for an outage is on again 45 minutes after it, however often its agent has ended.

    The time begins anew with each start of the agent, and with each dip of the mains.
    """
    late = [load for load, since_s in w.judge.extras.since_s.items() if w.now_s - since_s > SHED_BACK_S]
    return f"still off since the outage: {', '.join(late)}" if late else ""


@invariant("end")
def outbox_drains(w: World, _moment: Moment) -> str:
    """Once troubles stop, the agent runs and its outbox becomes empty."""
    if w.board is None:
        return "no agent is running"
    return f"{w.board.store.pending()} events wait in the outbox" if w.board.store.pending() else ""


@invariant("end")
def hub_and_room_agree(w: World, _moment: Moment) -> str:
    """In the end the hub's open incidents are the room's open faults, in the same phase."""
    board = w.board
    if board is None:
        return "no agent is running"
    room = {f.fault_id: str(f.phase) for f in board.room.state.faults.values() if f.phase in OPEN}
    hub = {int(row["fault_id"]): str(row["phase"]) for row in w.line.hub.incidents(board.store.epoch)}
    return "" if room == hub else f"the room has {room}, the hub {hub}"
