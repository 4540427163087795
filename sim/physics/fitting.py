"""What a room has, how it behaves, and what its agent is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sim.physics.codec import CodecProfile
from sim.physics.device import Profile

ON_UPS = frozenset({"codec", "switch", "converter"})
"""Loads behind the UPS, with the board. Everything else hangs on the grid."""

LINE = frozenset({"switch", "converter"})
"""Loads whose cut is needless while they work: nothing but their own hang is mended by it."""

NORMALLY_OPEN = frozenset({"light", "fan", "amplifier"})
"""Loads that rest off: their relay lets power through only while it is energised (docs/wiring.md)."""

CodecWatch = Literal["asked", "pinged", "unwatched"]
"""`asked`: over its control interface; `pinged`: it tells nothing, and answers echo, TCP and SIP; `unwatched`: nobody
looks at it at all."""

OF_METERS = frozenset({"mains.voltage_v", "mains.frequency_hz", "room.draw_w", "display.draw_w"})


def profiles(scale: float = 1.0) -> dict[str, Profile]:
    """Usual devices, with every duration multiplied. Boot times as in `agent.core.remedies.LOADS`, draws [J]."""
    return {
        profile.name: profile
        for profile in (
            CodecProfile(boot_s=150 * scale, register_s=8 * scale, discharge_s=5 * scale),
            Profile("switch", 45 * scale, 9, discharge_s=3 * scale),
            Profile("converter", 30 * scale, 4, discharge_s=3 * scale),
            Profile("display", 20 * scale, 95, discharge_s=1 * scale),
            Profile("light", 0.0, 72, discharge_s=0),
            Profile("fan", 0.0, 45, discharge_s=0),
            Profile("splitter", 10 * scale, 6, discharge_s=1 * scale),
            Profile("amplifier", 5 * scale, 20, discharge_s=1 * scale),
            Profile("pc", 60 * scale, 40, discharge_s=1 * scale),
        )
    }


@dataclass(frozen=True, slots=True)
class Fitting:
    """What a room has and how it behaves. Amplifier, splitter and PC are there when `profiles` names them."""

    profiles: Mapping[str, Profile] = field(default_factory=profiles)
    ups_runtime_s: float = 900.0
    """0: no UPS."""
    climate_tau_s: float = 1800.0
    board_boot_s: float = 20.0
    beyond: bool = True
    """Whether the room knows of a second target beyond the converter, besides the hub."""
    codec: CodecWatch = "asked"
    meters: bool = True
    """Whether the draws and the mains are measured."""
    sound_meter: bool = True
    """Whether the sound level is."""
    mute_of: frozenset[str] = frozenset()
    """Facts that this room's devices cannot tell though others of their kind can."""

    def tells(self, fact: str) -> bool:
        """Whether the agent is told this fact, as far as that differs from room to room."""
        group, _, name = fact.partition(".")
        if fact in self.mute_of:
            return False
        if group == "codec" and name == "draw_w":
            return self.meters and self.codec != "unwatched"
        if group == "codec":
            return self.codec == "asked" or (self.codec == "pinged" and name in ("ping", "tcp", "sip"))
        if group == "amp":
            return self.meters and "amplifier" in self.profiles
        of_part = {"pc": "pc" in self.profiles, "ups": self.ups_runtime_s > 0, "sound": self.sound_meter}
        return of_part.get(group, self.meters or fact not in OF_METERS)
