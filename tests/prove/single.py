"""One fault alone in a quiet room: what an outage comes to when nothing else is wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.prove.rooms import Result, simulate
from tests.prove.sim import troubles
from tests.prove.sim.crash import Plan

KINDS = (
    "codec hangs softly", "codec hangs hard", "codec switches itself off", "camera hangs", "switch hangs",
    "converter hangs",
)  # fmt: skip
"""Faults that the agent can heal, of the kinds in `chaos`."""
DAYS = 1800 / 86_400
ROOMS = 20


def measured(first_seed: int, rooms: int = ROOMS) -> Iterator[Result]:
    """Each fault in so many rooms, at a random moment of the probes' rhythm."""
    for number, kind in enumerate(KINDS):
        for n in range(rooms):
            seed = first_seed + 1000 * number + n
            at_s = random.Random(seed).uniform(120.0, 180.0)
            script = [*troubles.single(kind, at_s, 0.0, random.Random(seed))]
            yield simulate(seed, DAYS, plan=Plan(), script=script, calm_s=0.0)
