"""Which rooms a scenario strikes: chosen by a seed, again and again, and no room too often."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.faults import FAULTS
from sim.places import Place, by_cluster, by_commune
from sim.scenario import Line, Scenario

FULL = 300
"""A province of fewer rooms is struck in proportion, each fault in one room at least."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to inject: rooms chosen."""

    at_s: float
    line: Line
    rooms: tuple[str, ...]


class Director:
    """Chooses rooms for the lines: none twice in a round, whole communes and clusters where the fault wants them."""

    def __init__(
        self,
        scenario: Scenario,
        places: list[Place],
        real: Mapping[str, str],
        seed: int,
        suits: Callable[[str, str], bool] = lambda room, fault: True,  # noqa: ARG005
    ) -> None:
        """`real`: room id to kind, of those with real agents. `suits`: whether a light room (by its id) is fitted for
        what is expected of a fault (by its name)."""
        self._scenario = scenario
        self._chance = random.Random(seed)
        self._real = dict(real)
        self._suits = suits
        self._communes = by_commune(places)
        self._clusters = by_cluster(places)
        self._rooms = [place.room for place in places]
        self._share = min(1.0, len(places) / FULL)
        self._struck: set[str] = set()
        """Rooms in which it is not over."""
        self._resting: dict[str, set[str]] = {"room": set(), "commune": set(), "cluster": set()}
        """Rooms that were struck some time ago, by the scope of what it was: a ring spares no room a hung codec."""

    def first_round(self) -> list[Planned]:
        """Everything of the scripted morning, in order of time. Lines that find no free room are left out."""
        wide_first = {"cluster": 0, "commune": 1, "room": 2}
        lines = [line for line in self._scenario.lines if not line.again_only]
        # What needs much room chooses first: a cluster is only whole while none of its rooms is taken.
        chosen = [(line, self.choose(line)) for line in sorted(lines, key=lambda x: wide_first[FAULTS[x.fault].scope])]
        return sorted((Planned(line.at_s, line, rooms) for line, rooms in chosen if rooms), key=lambda p: p.at_s)

    def recurring(self) -> list[Line]:
        """Lines that come again."""
        return [line for line in self._scenario.lines if line.every_s > 0]

    def period_s(self, line: Line) -> float:
        """How often it comes again. Where a small province has less than one room for it, more seldom."""
        whole = FAULTS[line.fault].scope != "room" or line.on != "light"
        return line.every_s / (1.0 if whole else min(1.0, line.count * self._share))

    def over(self, rooms: tuple[str, ...]) -> None:
        """These rooms are as before, and rest."""
        self._struck.difference_update(rooms)

    def free(self, line: Line, rooms: tuple[str, ...]) -> None:
        """They have rested, and may be struck again by what is as wide as this line."""
        self._resting[FAULTS[line.fault].scope].difference_update(rooms)

    def choose(self, line: Line, *, again: bool = False) -> tuple[str, ...]:
        """Rooms for one line; empty when too few are free. `again`: single rooms everywhere are struck by now, so that
        hardly a cluster is whole: the one with the fewest of them will do."""
        scope = FAULTS[line.fault].scope
        count = max(1, round(line.count * self._share))
        resting = self._resting[scope]
        if scope != "room":
            groups = [
                (sum(room in self._struck for room in rooms), self._chance.random(), rooms)
                for rooms in (self._clusters if scope == "cluster" else self._communes).values()
                if not any(room in resting or room in self._real for room in rooms)
            ]
            free = sorted(group for group in groups if (group[0] < len(group[2]) if again else not group[0]))
            rooms = tuple(room for group in free[:count] for room in group[2]) if len(free) >= count else ()
        elif line.on == "light":
            fit = [
                room
                for room in self._rooms
                if room not in self._real and self._is_free(room) and self._suits(room, line.fault)
            ]
            rooms = tuple(self._chance.sample(fit, count)) if len(fit) >= count else ()
        else:
            fit = [room for room, kind in self._real.items() if kind == line.on and self._is_free(room)]
            rooms = tuple(fit[:count])
        self._struck.update(rooms)
        resting.update(rooms)
        return rooms

    def _is_free(self, room: str) -> bool:
        return room not in self._struck and room not in self._resting["room"]
