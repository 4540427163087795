"""Until when a room's looks would only repeat the last ones, and may be left out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from agent.core.interlock import permit
from agent.core.phases import OPEN, Phase
from agent.core.reasons import Reason
from agent.core.remedies import REMEDIES
from agent.core.state import Fault
from tests.prove.sim.board import Board

if TYPE_CHECKING:
    from tests.prove.sim.real import RealBoard
    from tests.prove.sim.world import World

OUTSIDE = frozenset(
    {
        Reason.IN_CALL,
        Reason.CALL_UNKNOWN,
        Reason.WITNESSES_DISAGREE,
        Reason.MEETING_NEAR,
        Reason.MAINTENANCE,
        Reason.CLOCK_UNKNOWN,
        Reason.ON_BATTERY,
        Reason.CONDENSATION,
        Reason.LATCHED,
    }
)
"""Refusals that only a happening ends."""
STILL_S = 60.0
"""After a happening and after a start of the agent every look is made for so long."""
UNSAID_S = 900.0
"""A codec that does not serve is looked at for so long while no fault is open: it may still be booting."""
SWEEPS = 10
"""And so many more sweeps of a codec that takes its time."""


def rests_until_s(world: World, board: Board | RealBoard) -> float:
    """In true seconds; now, when something is under way or may change by itself."""
    still_s = STILL_S + SWEEPS * world.place.sweep_s
    codec = world.place.codec
    if not codec.serving(world.now_s) and not any(fault.phase in OPEN for fault in board.room.state.faults.values()):
        still_s = UNSAID_S
    quiet = (
        all(lie.kind != "noisy" for lie in world.senses.lies.values())
        and world.now_s - world.last_change_s > still_s
        and world.now_s - world.ledger.alive_since_s > still_s
        and not board.acts
        and board.room.state.staged is None
        and (not board.store.pending() if board.session.online else not world.line.works())
        and world.place.steady(world.now_s)
    )
    if not quiet:
        return world.now_s
    until_s = world.changes[0] if world.changes else world.end_s
    return min([until_s, *(_tried_again_s(world, board, fault) for fault in board.room.state.faults.values())])


def _tried_again_s(world: World, board: Board | RealBoard, fault: Fault) -> float:
    """When time alone moves a fault: never while it is clear or has no ladder, after the cool-off when all rungs are
    tried, at the next happening when what it waits for is outside the room's reach."""
    if fault.phase is Phase.CLEAR:
        return math.inf
    rule = board.room.state.rules[fault.rule]
    ladder = rule.ladder
    if fault.phase is not Phase.ESCALATED or fault.rule in board.room.state.flapping:
        return world.now_s
    if not ladder:
        return math.inf
    latched = any(board.room.state.load(REMEDIES[name].load).latched for name in ladder)
    if fault.rung >= len(ladder) and latched:
        return math.inf  # it waits for a person, who is a happening
    if fault.rung >= len(ladder):
        return world.clock.true_s(fault.phase_since_s + board.room.state.policy.guards.rearm_s)
    # By the refusal of this moment: the one that is noted may have passed, and another one ends by itself.
    remedy = REMEDIES[ladder[fault.rung]]
    decision = permit(remedy, board.room.state, board.now, own=True, grave=rule.leaves_no_meeting)
    return math.inf if decision.reason in OUTSIDE else world.now_s
