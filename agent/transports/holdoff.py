"""After a refused password: wait, longer every time. Trying on every poll would lock the account."""

from __future__ import annotations

from agent.transports.errors import LinkFault

FIRST_S, MAX_S = 60.0, 1800.0
"""Usual lock-outs count 3 to 5 refusals within minutes: doubling from a minute stays below them."""


class HoldOff:
    """Whether a password may be tried. Times are the caller's monotonic seconds."""

    def __init__(self) -> None:
        self._until_s = float("-inf")
        self._wait_s = FIRST_S

    def holds(self, now_s: float) -> bool:
        """Whether the password must not be sent now."""
        return now_s < self._until_s

    def check(self, now_s: float, who: str) -> None:
        """Raises LinkFault while the password of `who`, e.g. `the codec`, must not be sent."""
        if self.holds(now_s):
            raise LinkFault("denied", f"{who} refused our password; waiting before the next try")

    def refused(self, now_s: float) -> None:
        """The password was refused: wait 1, 2, 4 … 30 minutes."""
        self._until_s = now_s + self._wait_s
        self._wait_s = min(self._wait_s * 2, MAX_S)

    def accepted(self) -> None:
        """The password was taken: the next refusal starts from the shortest wait."""
        self._until_s = float("-inf")
        self._wait_s = FIRST_S
