"""When does an agent that dies again and again stop acting, and when may it act again? Pure.

Starts count within one boot of the board, by that boot's own clock: mains that flicker start the board anew each time,
and on a board without a clock and a time server weeks lie between two equal moments of the wall clock. An agent that
ends in order takes its start back. What is left when it starts is a crash, or, in another boot, a power cut.

Five crashes within ten minutes are safe mode: the room tells, and switches nothing (pi facts, watchdog). It ends half
an hour after the last crash, while the agent runs or over its end in order, and with the boot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

KEY = "starts"
"""Of the text in the store's small values."""
CRASHES_MAX = 5
CRASH_WINDOW_S = 600.0
SAFE_S = 1800.0
STARTS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Starts:
    """What is known of the agent's starts. Moments are seconds of that boot's clock, which goes on in sleep."""

    boot: str = ""
    power_cuts: int = 0
    """Boots that ended without the agent's goodbye, since the journal was begun: a power cut, or the board's own
    watchdog. They are told, and lead to nothing."""
    crashes: int = 0
    """Within the window when the present run began."""
    safe_until_s: float = 0.0
    """0: no safe mode."""
    at_s: tuple[float, ...] = ()
    """Starts of this boot within the window that no end in order has taken back, the present one last."""

    def safe(self, mono_s: float) -> bool:
        """Whether nothing may be switched at this moment."""
        return mono_s < self.safe_until_s


def begun(before: Starts, boot: str, mono_s: float) -> Starts:
    """A run of the agent begins."""
    if before.boot != boot:
        return Starts(boot, before.power_cuts + bool(before.at_s), at_s=(mono_s,))
    recent = tuple(at_s for at_s in before.at_s if 0 <= mono_s - at_s <= CRASH_WINDOW_S)
    again = before.safe(mono_s) and bool(before.at_s)
    latest_s = mono_s + SAFE_S
    return replace(
        before,
        crashes=len(recent),
        safe_until_s=latest_s if again or len(recent) >= CRASHES_MAX else min(before.safe_until_s, latest_s),
        at_s=(*recent, mono_s)[-STARTS_KEPT:],
    )


def lifted(now: Starts, mono_s: float) -> Starts:
    """Safe mode has lasted long enough: this run counts as if it had just begun."""
    return replace(now, crashes=0, safe_until_s=0.0, at_s=(mono_s,))


def ended(now: Starts) -> Starts:
    """A run ends in order: no start is left to count. A safe mode goes on until its time."""
    return replace(now, at_s=())


def text(starts: Starts) -> str:
    """As the store keeps it."""
    numbers = (starts.power_cuts, starts.crashes, f"{starts.safe_until_s:.1f}", *(f"{x:.1f}" for x in starts.at_s))
    return " ".join(map(str, (starts.boot, *numbers)))


def parse(kept: str) -> Starts:
    """What `text` has written; anything else is no start at all."""
    boot, *numbers = kept.split() or [""]
    try:
        power_cuts, crashes, safe_until_s, *at_s = map(float, numbers)
        return Starts(boot, int(power_cuts), int(crashes), safe_until_s, tuple(at_s))
    except (ValueError, OverflowError):
        return Starts()
