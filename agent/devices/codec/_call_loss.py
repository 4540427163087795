"""Loss of a call's streams since the last look, from a count and a percentage that the device gives of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.core.facts import SLOW, NoReading, Reading

Way = Literal["RX", "TX"]


@dataclass(frozen=True, slots=True)
class Stream:
    """What a device says of one stream of a call."""

    way: Way
    name: str
    """The same from look to look."""
    lost: Reading
    """Packets lost since the call began."""
    share_pct: Reading
    """Percentage of loss."""


class LossSinceLook:
    """Remembers the counts of the last look.

    Over which time a device reckons its percentage is not known; so it counts only where packets were lost since the
    last look, and is 0 where none were. A stream seen for the first time, and a count that went back, say nothing.
    """

    def __init__(self) -> None:
        self._lost: dict[str, float] = {}

    def look(self, streams: Iterable[Stream], none: NoReading) -> Mapping[Way, Reading]:
        """The worst stream each way; `none` where nothing can be said. What was too slow is no look at all."""
        if none == SLOW:
            return {"RX": SLOW, "TX": SLOW}
        seen: dict[str, float] = {}
        worst: dict[Way, list[float]] = {"RX": [], "TX": []}
        for stream in streams:
            if not isinstance(stream.lost, float):
                continue
            key = f"{stream.way} {stream.name}"
            seen[key] = stream.lost
            before = self._lost.get(key)
            if before == stream.lost:
                worst[stream.way].append(0.0)
            elif before is not None and stream.lost > before and isinstance(stream.share_pct, float):
                worst[stream.way].append(stream.share_pct)
        self._lost = seen
        return {way: max(values, default=none) for way, values in worst.items()}
