"""The wall clock of the agent's board."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class BoardClock:
    """Disciplined by a time server, or left to itself after it was lost and set wrong by hand or a flat battery."""

    synced: bool = True
    ahead_s: float = 0.0
    """By how much it is fast."""
