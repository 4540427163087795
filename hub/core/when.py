"""When something happened in a room whose wall clock may be wrong.

A Pi without a battery-backed clock starts in the past. Its monotonic clock is right, so a message of the present gives
the moment of boot by the hub's clock, and with it the moment of every other message of that boot.
"""

from __future__ import annotations

from wire.messages import Stamp

BACKFILLED_S = 120.0
"""An event heard later than this after it happened is history: it never pages."""


class BootClock:
    """The hub's estimate of when a room's present boot began."""

    __slots__ = ("_began_s", "_boot")

    def __init__(self) -> None:
        self._boot = ""
        self._began_s = 0.0

    def hear(self, stamp: Stamp, received_s: float) -> None:
        """Learn from any message that is no leftover. A message comes late, never early, so the least offset holds."""
        began_s = received_s - stamp.mono_s
        if stamp.boot != self._boot or began_s < self._began_s:
            self._boot, self._began_s = stamp.boot, began_s

    def at_s(self, stamp: Stamp, received_s: float) -> float:
        """Unix seconds at which the message was made: its own clock if disciplined, else ours, else its own as it is.

        Never later than it was received: an event of the future would stand above all others.
        """
        if not stamp.synced and stamp.boot == self._boot:
            return min(self._began_s + stamp.mono_s, received_s)
        return min(stamp.wall_s, received_s)
