"""Loss, round trip and jitter over the latest echoes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import pairwise

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import checked

ABOUT = About(
    "the way to the hub",
    (Tested("echoes to the hub", "the kernel", "tests/probes/test_network_and_board.py"),),
    facts=("net.loss_pct", "net.rtt_ms", "net.jitter_ms"),
)

KEYS = ("net.loss_pct", "net.rtt_ms", "net.jitter_ms")


class Quality:
    """A sliding window of round trips; a lost echo is None."""

    def __init__(self, window: int) -> None:
        self._rtts_s: deque[float | None] = deque(maxlen=max(2, window))

    def add(self, rtts_s: Iterable[float | None]) -> None:
        """Take the echoes of one observation, in order."""
        self._rtts_s.extend(rtts_s)

    def readings(self) -> dict[str, Reading]:
        """Loss over the window; mean round trip; jitter as the mean difference of *successive* answered echoes.

        A lost echo between two answered ones breaks their succession: counting across it would make loss look like
        jitter. With nothing answered there is no round trip to speak of ("timeout").
        """
        rtts = list(self._rtts_s)
        answered = [rtt for rtt in rtts if rtt is not None]
        if not rtts:
            return dict.fromkeys(KEYS, NoReading("timeout"))
        steps = [abs(b - a) for a, b in pairwise(rtts) if a is not None and b is not None]
        return checked(
            {
                "net.loss_pct": 100.0 * (len(rtts) - len(answered)) / len(rtts),
                "net.rtt_ms": 1000 * sum(answered) / len(answered) if answered else NoReading("timeout"),
                "net.jitter_ms": 1000 * sum(steps) / len(steps) if steps else NoReading("timeout"),
            }
        )
