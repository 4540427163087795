"""A scenario carried out: its first round once, then, while nobody has said when to end, what comes again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sim.director import Director, Planned
from sim.faults import FAULTS
from sim.places import Place
from sim.scenario import Line, Scenario

CALL_LEAD_S = 4.0
"""A call is up for this long before the fault that comes in it."""
HEALED_S = 300.0
"""What no end is set for is over by then, or a person's."""
REST_S = 3600.0
"""A room is left alone for this long: the same fault within the hour is told as one that recurs."""
SHORT_REST_S = 300.0
"""The same in a small province, where every other room rests as well."""


class Struck(Protocol):
    """The province, as far as a scenario needs it."""

    places: list[Place]

    @property
    def real_kinds(self) -> dict[str, str]:
        """Rooms with real agents, and how their codec is reached."""

    def suits(self, room: str, fault: str) -> bool:
        """Whether a light room is fitted for what is expected of a fault."""

    def tell(self, rooms: tuple[str, ...], **order: Any) -> None:
        """Give an order about rooms. Raises ControlError."""


class Morning:
    """Carries a scenario out, a turn at a time."""

    def __init__(
        self, province: Struck, plan: Scenario, seed: int, said: Callable[[Line, tuple[str, ...]], None]
    ) -> None:
        """`said` hears of every fault as it comes, and in which rooms."""
        self._province = province
        self._said = said
        self._director = Director(plan, province.places, province.real_kinds, seed, province.suits)
        self._todo = self._director.first_round()
        self._calls = [planned for planned in self._todo if planned.line.call_s]
        self._again = [
            (line.at_s + (0 if line.again_only else self._director.period_s(line)), line)
            for line in self._director.recurring()
        ]
        self._struck: list[tuple[float, Planned]] = []
        """When it is over."""
        self._resting: list[tuple[float, Planned]] = []
        """Since when."""

    @property
    def left(self) -> int:
        """Faults of the first round that have not come yet."""
        return len(self._todo)

    def turn(self, now_s: float, *, open_ended: bool) -> None:
        """Do what is due. Raises ControlError."""
        for planned in [planned for planned in self._calls if planned.at_s - CALL_LEAD_S <= now_s]:
            self._calls.remove(planned)
            self._province.tell(planned.rooms, do="call", lasts_s=planned.line.call_s + CALL_LEAD_S)
        for planned in [planned for planned in self._todo if planned.at_s <= now_s]:
            self._todo.remove(planned)
            self._inject(planned, now_s)
        if open_ended:
            self._recur(now_s)

    def _inject(self, planned: Planned, now_s: float) -> None:
        line, rooms = planned.line, planned.rooms
        self._province.tell(rooms, do="inject", fault=line.fault, args=dict(line.args), lasts_s=line.lasts_s)
        self._struck.append((now_s + (line.lasts_s or HEALED_S), planned))
        self._said(line, rooms)

    def _recur(self, now_s: float) -> None:
        """Let faults come again elsewhere, so that a console left running has something to show."""
        for entry in [entry for entry in self._struck if entry[0] <= now_s]:
            self._struck.remove(entry)
            self._resting.append(entry)
            self._director.over(entry[1].rooms)
        self._free(now_s - REST_S)
        for entry_s, line in [entry for entry in self._again if entry[0] <= now_s]:
            self._again.remove((entry_s, line))
            self._again.append((now_s + self._director.period_s(line), line))
            rooms = self._director.choose(line, again=True)
            if not rooms:
                self._free(now_s - SHORT_REST_S, line)
                rooms = self._director.choose(line, again=True)
            if rooms:
                if line.call_s:
                    self._province.tell(rooms, do="call", lasts_s=line.call_s)
                self._inject(Planned(now_s, line, rooms), now_s)

    def _free(self, before_s: float, like: Line | None = None) -> None:
        """Rooms that rest since then may be struck again; `like`: only those that this line may choose."""
        for entry in [entry for entry in self._resting if entry[0] <= before_s]:
            line, rooms = entry[1].line, entry[1].rooms
            if like is None or (line.on == like.on and FAULTS[line.fault].scope == FAULTS[like.fault].scope):
                self._resting.remove(entry)
                self._director.free(line, rooms)


def title_of(line: Line, rooms: int) -> tuple[str, str]:
    """What happens, for people: in Vietnamese and in English."""
    kind = FAULTS[line.fault]
    return f"Sự cố tại {rooms} phòng: {kind.vi}", f"Fault in {rooms} room{'s' * (rooms != 1)}: {kind.title}"
