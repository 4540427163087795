"""The only reader of clocks in the agent."""

from __future__ import annotations

import time
from pathlib import Path

from agent.core.facts import Instant

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """The kernel's id of this boot, 32 hex digits."""
    return BOOT_ID.read_text("ascii").strip().replace("-", "")


def now_s() -> float:
    """Seconds since the boot, on the clock of every `mono_s`: it goes on while the board sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SystemClock:
    """Monotonic time that goes on while the board sleeps, and wall time with what is known of its discipline."""

    synced = False
    """Set by whoever learns it: the network probe's `net.clock_synced`."""

    def now(self) -> Instant:
        """The present moment."""
        return Instant(now_s(), time.time(), self.synced)
