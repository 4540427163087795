"""Whether a symptom comes and goes too often to be acted upon. Flapping suspends action, never telling.

After Nagios: of the last 21 looks the 20 changes are weighted, newer ones more; above the high limit it flaps, below
the low one it has stopped, and in between it stays as it was.
"""

from __future__ import annotations

from itertools import pairwise

LOOKS_KEPT = 21
HIGH_PCT = 30.0
LOW_PCT = 20.0
_OLDEST_WEIGHT = 0.75
_NEWEST_WEIGHT = 1.25


def with_look(history: tuple[bool, ...], faulty: bool) -> tuple[bool, ...]:
    """The history after one more certain look, oldest first."""
    return (*history, faulty)[-LOOKS_KEPT:]


def change_pct(history: tuple[bool, ...]) -> float:
    """Weighted share of looks that differ from the one before, 0 to 100. Before its first look all was steady."""
    changes = LOOKS_KEPT - 1
    padded = (history[:1] * (LOOKS_KEPT - len(history))) + history
    step = (_NEWEST_WEIGHT - _OLDEST_WEIGHT) / (changes - 1)
    return sum(
        (_OLDEST_WEIGHT + step * n) * 100.0 / changes
        for n, (before, after) in enumerate(pairwise(padded))
        if before != after
    )


def flaps(history: tuple[bool, ...], before: bool) -> bool:
    """Whether it flaps now, given whether it did before this look."""
    pct = change_pct(history)
    return pct >= HIGH_PCT or (before and pct >= LOW_PCT)
