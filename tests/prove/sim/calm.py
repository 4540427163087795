"""Since when nothing has stood in the way of an act on a hung codec, by the truth: for the promise that it is acted on.

Whatever an honest agent may wait for counts: people, calls, meetings, the supply, its own limits by their true age.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.store.base import UNSENT, ActRow, Batch
from sim.physics import Hang
from tests.prove import promised as p
from tests.prove.sim.card import SimStore
from tests.prove.sim.clock import EPOCH_S

if TYPE_CHECKING:
    from tests.prove.sim.world import World

LOAD = "codec"
MEETING_MARGIN_S = 1500.0
"""Before a meeting: nothing may begin that would not be over 5 minutes before it, however long this codec boots."""
MARGIN_S = 90.0
"""After a lie of a sensor, or bad mains: until honest looks have replaced what was said."""
RESTARTS = frozenset({"codec_restart", "codec_power_cycle"})
HOUR_S, DAY_S = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Intent:
    """A restart of the codec as journalled, in true seconds."""

    began_s: float
    cycled: bool
    synced: bool
    boot: str


class Calm:
    """One room's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.since_s = math.inf
        """Since when; infinity: something is in the way just now."""
        self.acted_s = -math.inf
        """When an act on the codec last began."""
        self.unsure_s = -math.inf
        self.disturbed_s = -math.inf
        """When the agent last started, or was last told of bad mains."""
        self.clockless_s = -math.inf
        """When its clock was last undisciplined: restarts of earlier boots counted as just begun until then, and a
        fault that was given to a person over them is tried again after half an hour."""
        self.why = ""
        self._latched = False
        self._intents: dict[int, Intent] = {}
        """Restarts of the codec that the journal holds, begun or not."""

    def tend(self) -> None:
        """Look again."""
        world = self._world
        self.disturbed_s = max(self.disturbed_s, world.ledger.alive_since_s, world.ledger.supply_bad_s)
        self._note_latch()
        self.why = self._in_the_way()
        self.since_s = math.inf if self.why else min(self.since_s, world.now_s)

    def waited_s(self) -> float:
        """For how long a hung codec that may be acted upon has not been acted upon."""
        return self._world.now_s - self.since_s if self.acted_s < self.since_s < math.inf else 0.0

    def patience_s(self) -> float:
        """How long that may be."""
        now_s = self._world.now_s
        # An intent without an act counts too: who dies between the two cannot know whether it began.
        if any(age_s < 2 * HOUR_S for age_s, _ in self._ages_s()) or any(
            now_s - restart.began_s < 2 * HOUR_S for restart in self._world.place.restarts if restart.load == LOAD
        ):
            return p.ACTED_AGAIN_S
        if now_s - self.clockless_s < HOUR_S:
            return p.ACTED_AGAIN_S
        return p.ACTED_AFTER_START_S if now_s - self.disturbed_s < HOUR_S / 2 else p.ACTED_WITHIN_S

    def _in_the_way(self) -> str:
        world, now_s = self._world, self._world.now_s
        board, place, ledger = world.board, world.place, world.ledger
        codec = place.codec
        if codec.hang is Hang.NONE or not codec.running() or codec.upgrading or codec.booting(now_s):
            return "the codec does not hang"
        if world.senses.lies or place.call_up_s(now_s) >= 0:
            self.unsure_s = now_s
        if board is None or board.stopping or now_s - self.unsure_s < MARGIN_S:
            return "a call, a lie or no agent"
        room = place.room
        if not (room.mains.present and room.gateway_up()) or now_s - ledger.supply_bad_s < MARGIN_S:
            return "the supply or the network"
        if not board.synced:
            self.clockless_s = now_s
        if not (board.synced and isinstance(board.store, SimStore)) or board.room.journal_broken:
            return "the clock or the card"
        if board.room.state.policy.safe_mode or board.act_on(LOAD) or board.act_on("switch") or self._busy():
            return "what the agent is doing"
        if ledger.fresh("ups.on_battery", now_s) is True or ledger.wet(now_s) or self._booked():
            return "the people, the air or the battery"
        if now_s - world.line.denied_s < p.LEASE_S + MARGIN_S:
            return "the hub"
        return self._limits()

    def _busy(self) -> bool:
        board = self._world.board
        return board is not None and "codec_hung" in board.room.state.flapping

    def _booked(self) -> bool:
        """Whether people have the room, as far as it knows: two wall clocks differ by their drift at most."""
        world, force = self._world, self._world.judge.force
        wall_s = EPOCH_S + world.now_s
        if force is None:
            return False
        near = any(one.start_s - MEETING_MARGIN_S <= wall_s < one.end_s + p.CALL_GRACE_S for one in force.meetings)
        return near or wall_s < force.maintenance_until_s + p.CALL_GRACE_S or world.clock.lied

    def _ages_s(self) -> list[tuple[float, bool]]:
        """True ages of the codec's restarts, and whether they were cycles. What began under an undisciplined clock in
        an earlier boot counts from this boot on."""
        clock, now_s = self._world.clock, self._world.now_s
        return [
            (now_s - (one.began_s if one.synced or one.boot == clock.boot else clock.booted_s), one.cycled)
            for one in self._intents.values()
        ]

    def opened(self, acts: Mapping[int, tuple[ActRow, str]]) -> None:
        """The journal as a start finds it: of a commit that was torn late enough the intents count too."""
        died_s = self._world.ledger.died_at_s
        for act_id, (row, outcome) in acts.items():
            if act_id not in self._intents and outcome != UNSENT:
                self._intend(row, self._world.now_s if died_s is None else died_s)

    def _intend(self, row: ActRow, began_s: float) -> None:
        if row.load == LOAD and row.remedy in RESTARTS:
            self._intents[row.act_id] = Intent(began_s, row.method == "cycle", row.synced, row.boot)

    def committed(self, batch: Batch) -> None:
        """A commit is on the card: whoever dies after it cannot know whether the act began."""
        for row in batch.begun:
            self._intend(row, self._world.now_s)
        for act_id, outcome in batch.ended:
            if outcome == UNSENT:
                self._intents.pop(act_id, None)

    def _note_latch(self) -> None:
        """A day's budget that is used up: one more act that is asked for leaves the codec to a person."""
        day = [cycled for age_s, cycled in self._ages_s() if age_s < DAY_S * 1.001]
        promise = p.LOADS[LOAD]
        self._latched = self._latched or len(day) >= promise.a_day or sum(day) >= promise.cycles_a_day

    def cleared(self) -> None:
        """A person has cleared the latches."""
        self._latched = False

    def _limits(self) -> str:
        world, now_s = self._world, self._world.now_s
        ages_s, promise = self._ages_s(), p.LOADS[LOAD]
        hour = [cycled for age_s, cycled in ages_s if age_s < HOUR_S * 1.01]
        if self._latched:
            return "a day's budget"
        if len(hour) >= promise.an_hour or sum(hour) >= promise.cycles_an_hour:
            return "an hour's budget"
        mine = [one.ready_s for one in world.place.restarts if one.load == LOAD]
        settled_s = max((ready_s for ready_s in mine if ready_s < math.inf), default=-math.inf)
        lately = min((age_s for age_s, _ in ages_s), default=math.inf) < promise.hold_on_s + MARGIN_S
        return "hold-on" if lately or now_s < settled_s + MARGIN_S else ""
