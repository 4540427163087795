"""What the console tells of a room, second by second, held against what the simulation knows to be so. Pure.

A statement may lag: the room has to look, more than once, and the news have to travel. It counts from the moment on at
which it was untrue for longer than that, and until it was right again or nobody said it any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

MAY_LAG_S = 5.0
"""A number of its own, of no code of the product's."""


LOOKS_S = 5.4
"""What a room needs besides to be sure of a fault, and of its end: three looks of 10 s, in a calm room 18 s, and the
demonstration's time is a tenth (docs/simulator.md)."""
SLOW_LOOKS_S = 10.8
"""The same of what is looked at every third time: air and light."""
SLOW = frozenset({"overheating", "room_dark"})
HOT_C = 35.0
"""From here on a room is too hot: the operators' procedures."""


@dataclass(frozen=True, slots=True)
class Truth:
    """How a room is, by the physics."""

    faults: tuple[str, ...] = ()
    out: tuple[str, ...] = ()
    """Equipment that is cut or starting."""
    in_call: bool = False
    heard: bool = True
    """Whether its line and its board work."""

    temp_c: float = 26.0

    @property
    def too_hot(self) -> bool:
        """A room that cools down is not good again for a while, and is not too hot for a meeting any more."""
        return self.temp_c > HOT_C

    @property
    def troubled(self) -> bool:
        """Whether anything at all is not as it should be."""
        return bool(self.faults or self.out) or not self.heard


GOOD = Truth()
"""A room that nothing was ever put into."""


@dataclass(frozen=True, slots=True)
class Said:
    """One statement about one room. `where`: tile, row or page; `what`: a name of `HOLDS`."""

    room: str
    where: str
    what: str


HOLDS: Mapping[str, Callable[[Truth], bool]] = {
    "ready": lambda truth: not set(truth.faults) - {"overheating"} and not truth.too_hot,
    "check": lambda truth: truth.troubled,
    "fault": lambda truth: truth.troubled,
    "lost": lambda truth: not truth.heard,
    "stands": lambda truth: truth.troubled,
    "working": lambda truth: bool(truth.out),
    "in a call": lambda truth: truth.in_call,
    "unheard": lambda truth: not truth.heard,
}
"""When a statement is true. "Not known" is no statement."""


@dataclass(slots=True)
class Untruth:
    """One statement that was wrong for longer than it may lag."""

    said: Said
    since_s: float
    faults: tuple[str, ...] = ()
    """Those that were present when it began, or have just ended."""
    lasted_s: float = 0.0
    """Beyond what it may lag."""

    @property
    def may_lag_s(self) -> float:
        """What the way to the console may take, and the room's own looks."""
        return MAY_LAG_S + (SLOW_LOOKS_S if SLOW & set(self.faults) else LOOKS_S)

    def __str__(self) -> str:
        named = ", ".join(self.faults) or "nothing"
        return (
            f"{self.said.room}: {self.said.where} said {self.said.what!r}, {self.lasted_s:.1f} s too long, of {named}"
        )


def _never(_said: Said) -> bool:
    return False


@dataclass(slots=True)
class Book:
    """Everything that was told."""

    seconds: int = 0
    statements: int = 0
    untruths: list[Untruth] = field(default_factory=list)
    _wrong: dict[Said, Untruth] = field(default_factory=dict)
    _last: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By room: the faults that it last had."""

    def look(
        self, at_s: float, said: Iterable[Said], truths: Mapping[str, Truth], unseen: Callable[[Said], bool] = _never
    ) -> None:
        """One look: all that is said at this moment, and how things are. Rooms without a truth are good.

        `unseen`: what was not looked at this time; what was wrong there is taken to be wrong until the next look.
        """
        self.seconds += 1
        self._last |= {room: truth.faults for room, truth in truths.items() if truth.faults}
        wrong = set()
        for one in said:
            self.statements += 1
            truth = truths.get(one.room, GOOD)
            if HOLDS[one.what](truth):
                continue
            wrong.add(one)
            found = self._wrong.setdefault(one, Untruth(one, at_s, truth.faults or self._last.get(one.room, ())))
            found.lasted_s = max(0.0, at_s - found.since_s - found.may_lag_s)
        for over in [one for one in self._wrong if one not in wrong and not unseen(one)]:
            self._end(over)

    def close(self) -> None:
        """Nothing more is told."""
        for one in list(self._wrong):
            self._end(one)

    def _end(self, said: Said) -> None:
        found = self._wrong.pop(said)
        if found.lasted_s > 0:
            self.untruths.append(found)

    @property
    def untrue_s(self) -> float:
        """Seconds of untruth, of all statements together."""
        return sum(one.lasted_s for one in self.untruths)


_ROW = re.compile(r'<li id="r\d+" [^>]*data-room="([^"]+)".*?<small>(.*?)</small>', re.DOTALL)
_HEAD = re.compile(r'<header class="head s-(\w+)"')
_OPEN = re.compile(r'<ul class="faults">(.*?)</ul>', re.DOTALL)
"""What is open; what is over stands in a list of its own."""
_FAULT = re.compile(r'<li class="s-\w+"><a href="/incidents/\d+">.*?<small>(.*?)</small>', re.DOTALL)


def of_line(room: str, where: str, line: str) -> list[Said]:
    """What the line under a fault's title says, by its words in Vietnamese."""
    found = [Said(room, where, "stands")] if not line.startswith(("Vừa hết", "Đã hết")) else []
    if line.startswith("Phòng đang tự"):
        found.append(Said(room, where, "working"))
    if "đang trong cuộc họp" in line:
        found.append(Said(room, where, "in a call"))
    if line.startswith(("Phòng đang mất kết nối", "Phòng mất kết nối")):
        found = [Said(room, where, "unheard")]
    return found


def of_list(page: str) -> list[Said]:
    """What the rows to handle say of their rooms."""
    return [one for room, line in _ROW.findall(page) for one in of_line(room, "row", line)]


def of_page(room: str, page: str) -> list[Said]:
    """What a room's own page says."""
    head = _HEAD.search(page)
    found = [] if head is None else of_verdict(room, "page", head[1])
    faults = _OPEN.search(page)
    return found + [one for line in _FAULT.findall(faults[1] if faults else "") for one in of_line(room, "page", line)]


def of_verdict(room: str, where: str, verdict: str) -> list[Said]:
    """What a tile or a room's head says."""
    return [Said(room, where, verdict)] if verdict in HOLDS else []
