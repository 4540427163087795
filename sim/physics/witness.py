"""What truly happened in a room, kept apart from anything an agent believes or reports.

The demonstration counts acts during calls from here: an agent that misjudges a call would otherwise acquit itself.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

ENTRIES_MAX = 5000
"""Bound of each list: a room that moves a relay every ten seconds fills it in half a day."""

CALL_PATH = frozenset({"codec", "switch", "converter", "display", "camera", "pc"})
"""Loads whose loss of power, or restart, ends or spoils a call."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something was switched or restarted, with the true state of the call at that moment."""

    at_s: float
    load: str
    what: str
    """`cut`, `restore` or the name of the command the device obeyed."""
    in_call: bool
    needless: bool = False
    """Whether this cut something of the line that was working."""

    @property
    def harmed_call(self) -> bool:
        """Whether a call was up and this took something out of its path."""
        return self.in_call and self.what in ("cut", "restart") and self.load in CALL_PATH


@dataclass(frozen=True, slots=True)
class Outage:
    """One device did not serve, from when to when, beside what one plain boot of it takes."""

    load: str
    from_s: float
    until_s: float
    boot_s: float

    @property
    def lasted_s(self) -> float:
        """Length of the outage."""
        return self.until_s - self.from_s


@dataclass(slots=True)
class Witness:
    """The log of one room."""

    acts: deque[Act] = field(default_factory=lambda: deque(maxlen=ENTRIES_MAX))
    outages: deque[Outage] = field(default_factory=lambda: deque(maxlen=ENTRIES_MAX))
    calls_lost: int = 0
    """Calls that ended because something in their path stopped, whoever did it."""
    harmed: int = 0
    """Acts that took something out of the path of a call that was up."""
    needless: int = 0
    """Cuts of a switch or converter that was working."""

    def act(self, act: Act) -> None:
        """Note an act."""
        self.acts.append(act)
        self.harmed += act.harmed_call
        self.needless += act.needless

    def outage(self, outage: Outage) -> None:
        """Note a device that serves again."""
        self.outages.append(outage)
