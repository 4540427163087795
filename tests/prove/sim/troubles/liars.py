"""Sensors that say what is not so."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.prove.sim.chaos import Happening, kind
from tests.prove.sim.senses import Lie

if TYPE_CHECKING:
    from tests.prove.sim.world import World


LIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("codec.draw_w", ("silent", "stale", "stuck", "noisy", "milli", "high", "low")),
    ("codec.in_call", ("flip", "stuck", "silent")),
    ("codec.api", ("silent",)),
    ("codec.camera", ("flip", "stuck")),
    ("codec.registered", ("flip",)),
    ("mains.voltage_v", ("silent", "stuck", "noisy", "milli", "high")),
    ("ups.on_battery", ("flip", "stuck", "silent")),
    ("env.humidity_pct", ("stuck", "high", "silent", "noisy")),
    ("env.temp_c", ("stuck", "high", "silent")),
    ("net.gateway", ("flip", "silent")),
    ("net.hub", ("flip", "silent")),
    ("net.link", ("flip", "silent")),
    ("codec.volume_pct", ("stuck", "noisy", "low")),
)


@kind("a sensor lies", 6.0, 60.0, 2400.0)
def _lies(dice: random.Random, at_s: float, lasts_s: float) -> Sequence[Happening]:
    key, kinds = dice.choice(LIES)
    how = dice.choice(kinds)
    mark = f"lie {key}"

    def begin(world: World) -> None:
        world.senses.lies[key] = Lie(how)

    def end(world: World) -> None:
        world.senses.lies.pop(key, None)

    return Happening(at_s, mark, begin, how), Happening(at_s + lasts_s, f"{mark} ends", end)
