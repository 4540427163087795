"""Boot times as measured in this room: what a device really needs, not what a table says.

A settle time that is too short turns one slow start into the next act; one that is too long keeps a room waiting.
"""

from __future__ import annotations

from agent.core.remedies import Load, Remedy
from agent.core.state import LoadState

SHORTEST = 0.25
LONGEST = 4.0
"""Bounds of a measured boot time, in units of the catalogue's or the room's configured one. What serves sooner has not
restarted, or a sensor lies: it teaches nothing. What takes longer counts as this."""
FORGET = 0.3
"""Share of the new measurement when a boot was faster than known; a slower one counts at once."""
SETTLE_FACTOR = 1.5
SETTLE_MIN_S = 2.0


def learned(load: Load, state: LoadState, took_s: float) -> float:
    """The boot time to believe after one more measured start, in seconds."""
    if took_s < SHORTEST * load.boot_s:
        return state.boot_s
    bounded = min(took_s, LONGEST * load.boot_s)
    if bounded >= state.boot_s:
        return bounded
    return (1 - FORGET) * state.boot_s + FORGET * bounded


def settle_s(remedy: Remedy, load: Load, state: LoadState) -> float:
    """How long the effect of an act is awaited, in seconds: the remedy's own time, or that of a start."""
    return remedy.settle_s if remedy.settle_s > 0 else starts_s(load, state)


def starts_s(load: Load, state: LoadState) -> float:
    """How long a load may take to serve once it has its power, in seconds: 1.5 boot times.

    Never below the configured boot time's share: a start that was once fast may be slow today.
    """
    return max(SETTLE_MIN_S, SETTLE_FACTOR * max(state.boot_s, load.boot_s if state.boot_s <= 0 else 0.5 * load.boot_s))
