"""How far a room's events are known without a gap: what the cumulative acknowledgement may say.

A room keeps each event until the hub acknowledges it. The acknowledgement is cumulative, so it must never run ahead of
a gap. A gap closes in two ways: the missing event arrives, or the room says by `floor` that it no longer has it.
"""

from __future__ import annotations

from collections.abc import Iterable

ABOVE_MAX = 100_000
"""Events remembered beyond a gap: more than a room holds. What is not remembered is not acknowledged, and comes
again."""


class Contiguity:
    """The events of one (room, epoch) that have been committed. Sequence numbers begin at 1."""

    __slots__ = ("_above", "acked")

    def __init__(self, acked: int = 0, above: Iterable[int] = ()) -> None:
        self.acked = acked
        """Every event up to here is committed, or the room no longer has it."""
        self._above: set[int] = set()
        for seq in above:
            self.add(seq)

    def add(self, seq: int, floor: int = 1) -> bool:
        """Note one committed event and the room's floor at that time. True when `acked` rose.

        Any order and any number of repeats lead to the same end. A floor above the event itself is impossible, since
        the room still held that event; it is taken as the event's own number.
        """
        before = self.acked
        self.acked = max(self.acked, min(floor, seq) - 1)
        if seq > self.acked and (seq == self.acked + 1 or len(self._above) < ABOVE_MAX):
            self._above.add(seq)
        while self.acked + 1 in self._above:
            self.acked += 1
        if self.acked != before and self._above:
            self._above = {seq for seq in self._above if seq > self.acked}
        return self.acked > before

    @property
    def waiting(self) -> int:
        """How many events are committed beyond a gap."""
        return len(self._above)
