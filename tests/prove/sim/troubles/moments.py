"""What comes at the wrong moment: shortly before people need the room."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.prove.sim.chaos import KINDS, Happening, kind
from tests.prove.sim.clock import EPOCH_S
from wire import messages as m


@kind("camera hangs before a meeting", 0.4, 600.0, 2400.0)
def _before_a_meeting(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    """There is time enough to restart it, and the meeting would be held without it too."""
    start_s = at_s + 1000.0
    meeting = m.Meeting("m", "Giao ban", EPOCH_S + start_s, EPOCH_S + start_s + lasts_s)
    return (
        Happening(at_s, "camera hangs before a meeting", lambda world: world.line.hub.want(meetings=[meeting])),
        *KINDS["camera hangs"].make(dice, start_s - dice.uniform(500.0, 860.0), 0.0),
        Happening(start_s + lasts_s, "meeting ends", lambda world: world.line.hub.want(meetings=[])),
    )
