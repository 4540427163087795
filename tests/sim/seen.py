"""Everything that a light room can observe of itself."""

from __future__ import annotations

import random

from agent.core.facts import Reading
from sim import observe
from sim.physics import RoomPhysics


def everything(room: RoomPhysics, chance: random.Random) -> dict[str, Reading]:
    """Both the quick and the slow looks."""
    quick = observe.codec(room) | observe.display(room) | observe.power(room, chance) | observe.network(room)
    slow = observe.line(room, chance) | observe.sound(room, chance) | observe.pc(room)
    return quick | slow | observe.air(room, chance)
