"""Scenario files: which faults come when, to how many rooms, and what must become of them.

One file serves the demonstration, tests and training. A scenario names no rooms: it says how many, and the seed picks
them, so that it fits a province of any size. Every mistake in a file is one clear sentence.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from sim.faults import FAULTS
from sim.places import Place, by_cluster, by_commune

ROOM_KINDS = ("light", "cisco_serial", "cisco_tcp", "poly_tcp", "generic")

FULL = 300
"""A province of fewer rooms is struck in proportion, each fault in one room at least."""


class ScenarioError(ValueError):
    """The file cannot be used; the text is one sentence: where, what, and what would do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline."""

    at_s: float
    """After every room has been heard."""
    fault: str
    count: int = 1
    """How many rooms; for a fault of a commune or cluster, how many of those."""
    on: str = "light"
    """Which rooms it may choose: `light`, or the kind of a real one."""
    lasts_s: float = 0.0
    """Its cause ends by itself after this; 0: it does not."""
    call_s: float = 0.0
    """The room has been in a call for a moment when it comes, and the call goes on for this long."""
    args: Mapping[str, float] = field(default_factory=dict)
    every_s: float = 0.0
    """Comes again after this, elsewhere, while the demonstration is open-ended; 0: once."""
    again_only: bool = False
    """Not in the first round: `at_s` is then its first time in an open-ended run."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole file."""

    name: str
    title: Mapping[str, str]
    lines: tuple[Line, ...]
    meeting_title: str = ""
    meeting_in_min: float = 0.0
    """The meeting starts this many minutes after the demonstration; 0: none."""
    meeting_min: float = 45.0


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to inject: rooms chosen."""

    at_s: float
    line: Line
    rooms: tuple[str, ...]


def names() -> list[str]:
    """Scenarios that come with the simulator."""
    folder = resources.files("sim").joinpath("scenarios")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name: str) -> Scenario:
    """One of our own by its name, or any file by its path. Raises ScenarioError."""
    if name in names():
        text = resources.files("sim").joinpath("scenarios", f"{name}.toml").read_text("utf-8")
        return parse(text, name)
    path = Path(name)
    if not path.is_file():
        raise ScenarioError(f"there is no scenario {name!r}; there are {', '.join(names())}, or give a file's path")
    return parse(path.read_text("utf-8-sig"), path.stem)


def parse(text: str, name: str) -> Scenario:
    """Read and check a file. Raises ScenarioError."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{name}: not valid TOML: {error}") from None
    _only(name, tree, {"title", "meeting", "faults"})
    title = _table(name, tree, "title")
    meeting = _table(name, tree, "meeting")
    _only(f"{name}: meeting", meeting, {"title", "in_min", "lasts_min"})
    rows = tree.get("faults", [])
    if not isinstance(rows, list) or not rows:
        raise ScenarioError(f"{name}: there are no faults; add at least one [[faults]]")
    lines = tuple(_line(f"{name}: faults[{number}]", row) for number, row in enumerate(rows, 1))
    return Scenario(
        name,
        {str(key): str(value) for key, value in title.items()},
        lines,
        str(meeting.get("title", "")),
        _number(f"{name}: meeting", meeting, "in_min", 0.0, 0, 1440),
        _number(f"{name}: meeting", meeting, "lasts_min", 45.0, 1, 1440),
    )


_KEYS = {"at_s", "fault", "count", "on", "lasts_s", "call_s", "args", "every_s", "again_only"}


def _line(where: str, row: Any) -> Line:
    if not isinstance(row, dict):
        raise ScenarioError(f"{where}: must be a table; write it as [[faults]]")
    _only(where, row, _KEYS)
    fault = row.get("fault")
    if fault not in FAULTS:
        raise ScenarioError(f"{where}: there is no fault {fault!r}; there are {', '.join(sorted(FAULTS))}")
    kind = FAULTS[fault]
    if "at_s" not in row:
        raise ScenarioError(f"{where}: at_s is missing; give the seconds after the start")
    on = row.get("on", "light")
    if on not in ROOM_KINDS:
        raise ScenarioError(f"{where}: there are no {on!r} rooms; use one of {', '.join(ROOM_KINDS)}")
    args = _table(where, row, "args")
    _only(f"{where}: args of {fault}", args, set(kind.params) - {"call_s"})
    line = Line(
        _number(where, row, "at_s", 0.0, 0, 86400),
        fault,
        int(_number(where, row, "count", 1, 1, 664)),
        on,
        _number(where, row, "lasts_s", 0.0, 0, 86400),
        _number(where, row, "call_s", 0.0, 0, 86400),
        {key: _number(f"{where}: args", args, key, 0.0, -50, 500) for key in args},
        _number(where, row, "every_s", 0.0, 0, 86400),
        bool(row.get("again_only", False)),
    )
    if kind.expect == "recovers" and line.lasts_s == 0:
        raise ScenarioError(f"{where}: {fault} never ends by itself; give lasts_s")
    if line.call_s and "call_s" not in kind.params:
        raise ScenarioError(f"{where}: {fault} has nothing to do with a call; leave call_s out")
    if kind.scope != "room" and on != "light":
        raise ScenarioError(f"{where}: {fault} strikes a whole {kind.scope}; leave `on` out")
    if line.again_only and not line.every_s:
        raise ScenarioError(f"{where}: again_only needs every_s")
    return line


def _table(where: str, tree: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = tree.get(key, {})
    if not isinstance(found, dict):
        raise ScenarioError(f"{where}: {key} must be a table")
    return found


def _only(where: str, tree: Mapping[str, Any], known: set[str]) -> None:
    strange = sorted(set(tree) - known)
    if strange:
        raise ScenarioError(f"{where}: there is no {strange[0]!r}; known are {', '.join(sorted(known)) or 'none'}")


def _number(where: str, tree: Mapping[str, Any], key: str, default: float, low: float, high: float) -> float:
    value = tree.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ScenarioError(f"{where}: {key} must be a number from {low:g} to {high:g}, not {value!r}")
    return float(value)


class Director:
    """Chooses rooms for the lines: none twice in a round, whole communes and clusters where the fault wants them."""

    def __init__(self, scenario: Scenario, places: list[Place], real: Mapping[str, str], seed: int) -> None:
        """`real`: room id to kind, of those with real agents."""
        self._scenario = scenario
        self._chance = random.Random(seed)
        self._real = dict(real)
        self._communes = by_commune(places)
        self._clusters = by_cluster(places)
        self._rooms = [place.room for place in places]
        self._share = min(1.0, len(places) / FULL)
        self._used: set[str] = set()

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

    def free(self, rooms: tuple[str, ...]) -> None:
        """These rooms may be chosen again."""
        self._used.difference_update(rooms)

    def choose(self, line: Line) -> tuple[str, ...]:
        """Rooms for one line; empty when too few are free."""
        scope = FAULTS[line.fault].scope
        count = max(1, round(line.count * self._share))
        if scope != "room":
            groups = self._clusters if scope == "cluster" else self._communes
            free = [g for g in groups.values() if not any(r in self._used or r in self._real for r in g)]
            picked = self._chance.sample(free, count) if len(free) >= count else []
            rooms = tuple(room for group in picked for room in group)
        elif line.on == "light":
            free_rooms = [room for room in self._rooms if room not in self._used and room not in self._real]
            rooms = tuple(self._chance.sample(free_rooms, count)) if len(free_rooms) >= count else ()
        else:
            fit = [room for room, kind in self._real.items() if kind == line.on and room not in self._used]
            rooms = tuple(fit[:count])
        self._used.update(rooms)
        return rooms
