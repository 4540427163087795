"""The order in which a room's loads come back, and how long each may take."""

from __future__ import annotations

from dataclasses import replace

from agent.core.facts import Instant
from agent.core.remedies import REPORT_S
from agent.core.rule import Verdict
from agent.core.state import RoomState, Staged

STAGES = ("switch", "converter", "codec", "camera", "splitter", "display", "pc", "amplifier", "light", "fan")
"""What carries the network first, what makes noise last."""
STAGE_BOOTS = 3.0
"""A stage that does not serve after this many of its boot times is passed over, and told of."""


def fitted(state: RoomState) -> tuple[str, ...]:
    """The stages of this room: its loads on relays, in their order."""
    return tuple(name for name in STAGES if name in state.policy.relays and name in state.policy.loads)


def patience_s(state: RoomState, load: str) -> float:
    """How long a stage may take to serve once it has its power, in seconds."""
    boot_s = max(state.policy.loads[load].boot_s, state.load(load).boot_s)
    return max(STAGE_BOOTS * boot_s, state.policy.waits.stage_min_s)


def longest_s(state: RoomState) -> float:
    """How long all stages can take together at most, in seconds: waiting for permission, cycle and patience of each."""
    wait_s = state.policy.guards.refused_escalate_s + REPORT_S
    return sum(wait_s + state.policy.loads[name].off_s + patience_s(state, name) for name in fitted(state))


def stands_for(state: RoomState, now: Instant) -> tuple[bool, bool]:
    """Whether the whole room is being restarted by an order; and whether for a fault that leaves it without a meeting,
    and that has not been seen to pass meanwhile."""
    act = state.acts.get(state.staged.act_id) if state.staged is not None else None
    rule = state.rules.get(act.fault) if act is not None else None
    stays = rule is not None and rule.diagnose(state.view(now), state.policy).verdict is not Verdict.HEALTHY
    return act is not None and bool(act.command), stays and rule is not None and rule.leaves_no_meeting


def whole_room(state: RoomState, act_id: int, now: Instant) -> RoomState:
    """Begin the staged boot of the whole room: every load is power-cycled in its turn, as far as that is allowed."""
    return replace(state, staged=Staged(fitted(state), now.mono_s, cut=True, act_id=act_id))
