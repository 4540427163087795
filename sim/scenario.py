"""Scenario files: which faults come when, to how many rooms, and what must become of them.

One file serves the demonstration, tests and training. A scenario names no rooms: it says how many, so that it fits a
province of any size. Every mistake in a file is one clear sentence.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from sim.faults import FAULTS

ROOM_KINDS = ("light", "cisco_serial", "cisco_tcp", "poly_tcp", "generic")


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
    meeting_every_min: float = 0.0
    """The same meeting again, from start to start; 0: once."""


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
    _only(f"{name}: meeting", meeting, {"title", "in_min", "lasts_min", "every_min"})
    rows = tree.get("faults", [])
    if not isinstance(rows, list) or not rows:
        raise ScenarioError(f"{name}: there are no faults; add at least one [[faults]]")
    lines = tuple(_line(f"{name}: faults[{number}]", row) for number, row in enumerate(rows, 1))
    made = Scenario(
        name,
        {str(key): str(value) for key, value in title.items()},
        lines,
        str(meeting.get("title", "")),
        _number(f"{name}: meeting", meeting, "in_min", 0.0, 0, 1440),
        _number(f"{name}: meeting", meeting, "lasts_min", 45.0, 1, 1440),
        _number(f"{name}: meeting", meeting, "every_min", 0.0, 0, 1440),
    )
    if found := _TIME.search(made.meeting_title):
        raise ScenarioError(
            f"{name}: meeting: the title says {found.group()}, and the meeting starts in_min after the demonstration:"
            " leave the time out"
        )
    if 0 < made.meeting_every_min < made.meeting_min:
        raise ScenarioError(f"{name}: meeting: every_min must not be below lasts_min, or the meeting meets itself")
    return made


_TIME = re.compile(r"\b\d{1,2}(?::\d{2}|\s*(?:h|giờ)\s*\d{0,2})\b", re.IGNORECASE)
"""A time of day: 07:30, 7h30, 8 giờ."""


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
