"""A device that boots when it gets power, may hang, and may refuse to come up: switch, converter, display, fan."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Profile:
    """How a device behaves. Watts and seconds."""

    name: str
    boot_s: float
    """From power to service."""
    on_w: float
    boot_w: float = 0.0
    """Draw while starting; 0: the same as when it serves."""
    discharge_s: float = 5.0
    """A shorter loss of power does not reset it: its supply's capacitors carry it over."""


class Device:
    """One device on one supply. Times are those the caller gives; call `power` in the order of time."""

    def __init__(self, profile: Profile, now_s: float) -> None:
        self.profile = profile
        self.powered = True
        self.hung = False
        """Runs and does nothing; only a real loss of power ends it."""
        self.latched = False
        """Its protection or its button has switched it off; a loss of power resets it."""
        self.dead = False
        """Its supply has failed: nothing but a person helps."""
        self.ready_at_s = now_s
        self._cut_at_s = inf

    def power(self, on: bool, now_s: float) -> None:
        """The supply comes or goes."""
        if on == self.powered:
            return
        self.powered = on
        if not on:
            self._cut_at_s = now_s
        elif now_s - self._cut_at_s >= self.profile.discharge_s:
            self._reset(now_s)

    def _reset(self, now_s: float) -> None:
        self.hung = False
        self.latched = False
        self.ready_at_s = now_s + self.profile.boot_s

    def running(self) -> bool:
        """Whether it takes power at all."""
        return self.powered and not self.latched and not self.dead

    def booting(self, now_s: float) -> bool:
        """Whether it is starting."""
        return self.running() and now_s < self.ready_at_s

    def serving(self, now_s: float) -> bool:
        """Whether it does its work."""
        return self.running() and not self.hung and now_s >= self.ready_at_s

    def serving_from_s(self) -> float:
        """Since when it serves, given that it does: later than the moment anyone looked."""
        return self.ready_at_s

    def draw_w(self, now_s: float) -> float:
        """What it takes from its supply."""
        if not self.running():
            return 0.0
        return self.profile.boot_w or self.profile.on_w if self.booting(now_s) else self.profile.on_w
