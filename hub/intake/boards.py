"""Whether two boards speak for one room: a start of a board that was over speaks on.

A board's start has an id that never comes again. Once another start has spoken, the one before is over; when it says
something newer than all it had said, two boards are running. A late or repeated message is no newer, so that a broker
which delivers twice accuses nobody. Monotonic times alone are compared, and only those of one start.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wire.messages import Stamp

STARTS_KEPT = 8


@dataclass(slots=True)
class Boards:
    """The starts that were heard for one room, in the order of their last word."""

    _newest: dict[str, float] = field(default_factory=dict)

    def hear(self, stamp: Stamp) -> bool:
        """Take in a live status or state. True when it is of a start that was over, and newer than all it had said."""
        before = self._newest.get(stamp.boot)
        if before is not None and stamp.mono_s <= before:
            return False
        returned = before is not None and next(reversed(self._newest)) != stamp.boot
        self._newest.pop(stamp.boot, None)
        self._newest[stamp.boot] = stamp.mono_s
        while len(self._newest) > STARTS_KEPT:
            del self._newest[next(iter(self._newest))]
        return returned
