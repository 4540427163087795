"""What each room of a simulated province has. Rooms differ as they do in truth: not every codec can be asked, not every
room has meters or a UPS. The shares are invented [J]; the seed decides which rooms they are.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from sim.physics.fitting import CodecWatch, Fitting, profiles

PINGED, UNWATCHED = 0.05, 0.015
"""Shares of rooms whose codec tells nothing, and of those that watch no codec at all."""
NO_METERS, NO_UPS = 0.06, 0.12
AMPLIFIER, SOUND_METER, PC = 0.7, 0.3, 0.2
"""The PC: of those whose codec can be asked."""


@cache
def whole(scale: float) -> Fitting:
    """A room with everything. Every duration is multiplied, but for the battery: what it says is compared with
    unscaled limits."""
    return Fitting(profiles(scale), ups_runtime_s=900.0, climate_tau_s=1200 * scale, board_boot_s=20 * scale)


def without(fitting: Fitting, *loads: str) -> Fitting:
    """The same without these loads."""
    return replace(fitting, profiles={name: one for name, one in fitting.profiles.items() if name not in loads})


def of_light(room: str, seed: int, scale: float) -> Fitting:
    """What a light room has, the same for the same room and seed."""
    chance = random.Random(f"{seed} {room}")
    drawn = chance.random()
    codec: CodecWatch = "pinged" if drawn < PINGED else "unwatched" if drawn < PINGED + UNWATCHED else "asked"
    meters, ups, sound = chance.random() >= NO_METERS, chance.random() >= NO_UPS, chance.random() < SOUND_METER
    fitting = whole(scale)
    # Beside a codec of which nothing is known, a PC whose software runs would make the room one that can meet.
    pc = chance.random() < PC and codec == "asked"
    absent = [*(["amplifier"] if chance.random() >= AMPLIFIER else []), *([] if pc else ["pc"])]
    return replace(
        without(fitting, *absent), codec=codec, meters=meters, sound_meter=sound,
        ups_runtime_s=fitting.ups_runtime_s if ups else 0.0,
    )  # fmt: skip
