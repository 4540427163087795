"""The way between room and hub: a broker that loses, repeats and reorders, and connections that end.

Worse than TCP allows, on purpose: every message for itself may be lost, come twice or overtake another.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

LOSS = 0.02
TWICE = 0.03
FAST_S, SLOW_S = 0.05, 4.0
SLOW = 0.1


@dataclass(slots=True)
class Quality:
    """How bad the way is. All 0 in the liveness phase."""

    loss: float = LOSS
    twice: float = TWICE
    slow: float = SLOW


Later = Callable[[float, Callable[[], None]], None]
"""Do something so many seconds from now."""


class Post:
    """Carries messages one way, with the fate of each thrown with the dice."""

    def __init__(self, dice: random.Random, later: Later) -> None:
        self._dice = dice
        self._later = later
        self.quality = Quality()
        self.under_way = 0
        self.lost = self.repeated = 0

    def send(self, deliver: Callable[[], None], *, kept: bool = False) -> None:
        """Deliver it once, twice or never, after a while. What a broker keeps it hands out to whoever subscribes."""
        dice, bad = self._dice, self.quality
        if dice.random() < bad.loss and not kept:
            self.lost += 1
            return
        copies = 2 if dice.random() < bad.twice else 1
        self.repeated += copies - 1
        for _ in range(copies):
            slow = dice.random() < bad.slow
            self.under_way += 1
            self._later(
                dice.uniform(0.05, SLOW_S) if slow else dice.uniform(0.01, FAST_S), lambda: self._arrive(deliver)
            )

    def _arrive(self, deliver: Callable[[], None]) -> None:
        self.under_way -= 1
        deliver()
