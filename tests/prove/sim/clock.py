"""The clocks of a board without a battery: monotonic since its boot, and a wall clock that may be anything.

Assumed, and no more than this: while the time server disciplines the wall clock it is right, but in a secret meeting,
when it may lie; it steps only after the agent has had a look at the lost discipline (`STEP_AFTER_S`).
"""

from __future__ import annotations

import random

EPOCH_S = 1_790_000_000.0
"""Unix seconds at the true second 0 of every simulation."""
BOOT_MONO_S = 18.0
"""What the monotonic clock shows when the agent may start: kernel and services come first."""
DRIFT_PPM = 80.0
SYNC_S = 25.0
"""How long the time server must have been reachable before it disciplines the clock."""
STEP_AFTER_S = 45.0
RTC_LATE_MAX_S = 6 * 3600.0
"""A board without a battery starts with the time at which it last wrote its card, up to this long ago."""


class BoardClock:
    """True seconds to what the board believes."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.drift = dice.uniform(-DRIFT_PPM, DRIFT_PPM) * 1e-6
        self.boots = 0
        self.disciplined = True
        self.server = True
        """Whether the time server answers at all."""
        self.lie_s = 0.0
        """So much the disciplined clock is wrong: its time server lies."""
        self.lied = False
        """Whether it ever was."""
        self._boot_s = 0.0
        self._error_s = 0.0
        self._reachable_since_s = 0.0
        self._lost_s = 0.0
        self.reboot(0.0)
        self.disciplined = True

    def reboot(self, now_s: float) -> None:
        """A new boot: the monotonic clock begins anew, and the wall clock is late."""
        self.boots += 1
        self._boot_s = now_s
        self._error_s = -self._dice.uniform(0.0, RTC_LATE_MAX_S)
        self._reachable_since_s = now_s
        self.disciplined = False

    @property
    def booted_s(self) -> float:
        """The true moment at which this boot began."""
        return self._boot_s

    @property
    def boot(self) -> str:
        """The kernel's id of this boot."""
        return f"{self.boots:032x}"

    def mono_s(self, now_s: float) -> float:
        """The board's monotonic clock at a true moment."""
        return BOOT_MONO_S + (now_s - self._boot_s) * (1.0 + self.drift)

    def true_s(self, mono_s: float) -> float:
        """The true moment at which this boot's monotonic clock shows `mono_s`."""
        return self._boot_s + (mono_s - BOOT_MONO_S) / (1.0 + self.drift)

    def wall_s(self, now_s: float) -> float:
        """The board's wall clock at a true moment."""
        return EPOCH_S + now_s + (self.lie_s if self.disciplined else self._error_s)

    def mislead(self, by_s: float) -> None:
        """The time server lies from now on; 0: no longer."""
        self.lie_s = by_s
        self.lied = True

    def step(self, by_s: float, now_s: float) -> bool:
        """Somebody sets the wall clock. False while the time server holds it, or had just held it."""
        if self.disciplined or now_s - self._lost_s < STEP_AFTER_S:
            return False
        self._error_s += by_s
        return True

    def tend(self, reachable: bool, now_s: float) -> bool:
        """Let the time server do its work; whether the clock is disciplined now."""
        if not (reachable and self.server):
            self._reachable_since_s = now_s
            if self.disciplined:
                self.disciplined, self._error_s, self._lost_s = False, 0.0, now_s
        elif now_s - self._reachable_since_s >= SYNC_S:
            self.disciplined = True
        return self.disciplined
