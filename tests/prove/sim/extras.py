"""Since when nothing has stood in the way of an extra's return after an outage, by the truth.

The agent switches amplifier, light and fan off while the mains is lost, to spare the battery. Whatever an honest agent
may wait for counts: the supply, the air, its lines, its journal, and the return that each of its starts begins anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.core.events import StartRemedy
from agent.core.remedies import Method

if TYPE_CHECKING:
    from tests.prove.sim.world import World

BY = "shed"
"""How an act says that it serves no fault and no order, but the loss of the mains."""


class Extras:
    """One room's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.since_s: dict[str, float] = {}
        """Loads that the room itself has shed, and since when nothing has kept them off."""

    def act(self, order: StartRemedy) -> None:
        """An act begins. What a person switches off is none of the room's own."""
        if order.remedy.method is not Method.OFF:
            return
        if order.act.by == BY:
            self.since_s[order.load.name] = self._world.now_s
        else:
            self.since_s.pop(order.load.name, None)

    def powered(self, load: str) -> None:
        """A load has been given power."""
        self.since_s.pop(load, None)

    def forgotten(self) -> None:
        """The journal has lost what it knew: whoever finds a light off cannot know who wanted it so."""
        self.since_s.clear()

    def tend(self) -> None:
        """Look again."""
        for load in self.since_s:
            if self._kept_off(load):
                self.since_s[load] = self._world.now_s
            else:
                self.since_s[load] = max(self.since_s[load], self._world.ledger.alive_since_s)

    def _kept_off(self, load: str) -> bool:
        world, now_s = self._world, self._world.now_s
        board, place = world.board, world.place
        if board is None or board.stopping or board.room.state.policy.safe_mode or board.room.journal_broken:
            return True
        supply = not place.room.mains.present or now_s == world.ledger.supply_bad_s
        return supply or bool(world.senses.lies) or world.ledger.wet(now_s) or not place.in_reach(load, now_s)
