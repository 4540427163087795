"""Where the agent can die, and who decides that it does.

Every effect of the agent has a boundary before and after it. A process that is killed leaves the card as the kernel
sees it and the relays as they are; a board that loses its power leaves of a write in flight any part of its sectors,
and all relays at rest.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

KILL, POWER = "kill", "power"

BOUNDARIES = {
    "start.before_power": "the journal is open, no line has been claimed yet",
    "start.powered": "every load has its power back, the start is not counted yet",
    "start.counted": "the start is counted, the journal is not taken up yet",
    "start.restored": "open acts and faults are taken up, nothing of it is committed yet",
    "commit.before": "a turn is stepped, nothing of it is written",
    "commit.torn": "the commit is being written: any part of its sectors is on the card",
    "commit.after": "the commit is on the card, nothing of it is done",
    "act.before": "the act is handed out, nothing has moved",
    "act.cut": "the relay has just cut",
    "act.sent": "the order to the device has just been sent",
    "act.restored": "the relay has given power back, the end is not reported",
    "act.ended": "the device has answered, the end is not reported",
    "publish": "a message is about to be sent",
    "ack.before": "the hub's word is here, the outbox still has the events",
    "ack.after": "the outbox has forgotten them",
}
"""Every place where the agent can be ended, and what has been done by then."""

RATES = {
    "start": 0.04, "act": 0.05, "commit.torn": 0.002, "commit": 0.001, "publish": 0.0003, "ack": 0.001,
}  # fmt: skip
"""Chance of a crash each time a boundary is crossed, by the longest beginning of its name that is listed."""


class Crash(BaseException):
    """The agent is gone."""

    def __init__(self, boundary: str, mode: str) -> None:
        super().__init__(boundary)
        self.boundary = boundary
        self.mode = mode


class Vanished(BaseException):
    """The agent is gone already: what it was in the middle of ends here."""


@dataclass
class Plan:
    """When the agent dies. Without `dice` never by chance; `at` names one crossing: boundary, number, mode."""

    dice: random.Random | None = None
    at: tuple[str, int, str] | None = None
    crossed: Counter[str] = field(default_factory=Counter)
    active: bool = True
    """False in the liveness phase: nobody dies there, and nothing is counted."""

    def crash_at(self, boundary: str) -> str:
        """How the agent dies at this crossing, or empty when it lives."""
        if not self.active:
            return ""
        self.crossed[boundary] += 1
        if self.at is not None and self.at[:2] == (boundary, self.crossed[boundary]):
            return POWER if boundary == "commit.torn" else self.at[2]
        if self.dice is None:
            return ""
        rate = RATES.get(boundary) or RATES[boundary.partition(".")[0]]
        if self.dice.random() >= rate:
            return ""
        return POWER if boundary == "commit.torn" else self.dice.choice((KILL, POWER))
