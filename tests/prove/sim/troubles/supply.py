"""Mains, air and light."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.prove.sim.chaos import KINDS, Do, Happening, kind, window

if TYPE_CHECKING:
    from tests.prove.sim.world import World


def _volts(low: float, high: float) -> Do:
    def act(world: World) -> None:
        world.place.room.mains.volts = world.dice.uniform(low, high)
        world.place.room.advance(world.now_s)

    return act


_good = _volts(220.0, 232.0)
window("mains lost", 1.2, 3.0, 1500.0)(_volts(0.0, 20.0))(_good)
window("mains weak", 0.8, 20.0, 1200.0)(_volts(150.0, 196.0))(_good)
window("mains high", 0.3, 20.0, 600.0)(_volts(243.0, 260.0))(_good)


@kind("mains flickers", 0.5, 30.0, 400.0)
def _flicker(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    found: list[Happening] = []
    while lasts_s > 0:
        gone_s, back_s = dice.uniform(0.2, 8.0), dice.uniform(2.0, 40.0)
        found += KINDS["mains lost"].make(dice, at_s, gone_s)
        at_s, lasts_s = at_s + gone_s + back_s, lasts_s - gone_s - back_s
    return found


def _air(**values: float | bool) -> Do:
    def act(world: World) -> None:
        for name, value in values.items():
            setattr(world.place.room.climate, name, value)

    return act


window("humid", 0.5, 600.0, 4800.0)(_air(humidity_pct=97.0))(_air(humidity_pct=66.0))
window("hot", 0.4, 1800.0, 5400.0)(_air(cooling=False, outdoor_c=42.0))(_air(cooling=True, outdoor_c=31.0))


def _light(on: bool) -> Do:
    def act(world: World) -> None:
        world.place.room.wall_switch = on

    return act


window("dark", 0.7, 600.0, 3600.0)(_light(False))(_light(True))
