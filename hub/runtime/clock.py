"""The hub's clock: the machine's wall clock as long as that runs evenly, and not where it was set until that is judged.

All of the hub that lives in its process asks this clock, so that a step is taken by all of them at one moment: the
moment at which what stands in the database has been moved along (`hub.runtime.timekeeper`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

STEP_S = 5.0
"""More than this between two looks is a step. A time server that slews stays far below it: the writer looks once a
second, and chrony's greatest rate is 8 % (chrony.conf(5), `maxslewrate`)."""
AT_ONCE_S = 0.2
"""Two clocks that were read further apart than this say nothing of each other."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """The kernel's id of this boot; empty where it has none."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


def boot_time_s() -> float:
    """Seconds since the boot, which never step."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class HubClock:
    """Unix seconds that never step by themselves. May be called from any thread."""

    def __init__(
        self, wall: Callable[[], float] = time.time, mono: Callable[[], float] = boot_time_s, boot: str | None = None
    ) -> None:
        """`mono` never steps; `boot` names the start of the machine since which it counts."""
        self._wall, self._mono = wall, mono
        self.boot = boot_id() if boot is None else boot
        self._offset_s = wall() - mono()

    def __call__(self) -> float:
        """Now."""
        began_s = self._mono()
        wall_s = self._wall()
        if abs(wall_s - began_s - self._offset_s) > STEP_S:
            return self._mono() + self._offset_s
        if self._mono() - began_s < AT_ONCE_S:
            self._offset_s = wall_s - began_s
        return wall_s

    def mono_s(self) -> float:
        """Seconds that never step."""
        return self._mono()

    def off_s(self) -> float:
        """How far the machine's clock has been set away from this one; 0 while it runs evenly."""
        off_s = self._wall() - self._mono() - self._offset_s
        return off_s if abs(off_s) > STEP_S else 0.0

    def resume(self, wall_s: float, mono_s: float) -> None:
        """Go on by the time of an earlier process, which read both at one moment of this boot."""
        self._offset_s = wall_s - mono_s

    def take(self, by_s: float) -> None:
        """Take a step: from now on it is so much later."""
        self._offset_s += by_s
