"""The fleet's budget: how many rooms may restart something by themselves within a short time.

A mistake in a rule, or a disturbance that all rooms see alike, must not restart a province. Rooms that are connected
ask before they act; rooms that are not keep to their own limits.
"""

from __future__ import annotations

from dataclasses import dataclass

GRANTED = "lease_granted"
DENIED = "lease_denied"
BY = "hub"
"""Who gives the answer, where operators stand with their account's name."""
ROOM_GRANTS_MAX = 2
"""Grants to one room within the window: one for its act, one for the next. One room must not take the fleet's share."""
ROOM_ANSWERS_MAX = 4
"""Answers to one room within the window. An honest one asks twice in it; each answer is signed, and signatures are
counted."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Pinned by the hub's settings; no room and no message can widen it."""

    share_pct: float = 5.0
    """Of the installed rooms, 0 to 100."""
    floor: int = 5
    """A small fleet may do as many all the same."""
    window_s: float = 600.0

    def answer(self, granted: int, installed: int, to_room: int = 0) -> str:
        """The answer to one more room, when so many were granted within the window, and `to_room` to this room."""
        if to_room >= ROOM_GRANTS_MAX:
            return DENIED
        allowed = max(self.floor, int(installed * self.share_pct / 100))
        return GRANTED if granted < allowed else DENIED
