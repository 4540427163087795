"""The house has wings: folders of few modules, no circle of files or folders, and few arrows between wings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import pytest

from tests.house.source import ROOT, imported, module, python

HALL_MAX = 10
"""Modules in one folder, without those of its own folders."""
SHELVES = {
    "agent.core": "the engine: one module for each of its words, all pure",
    "agent.rules": "one file per fault, found by scanning",
    "agent.devices": "one file per protocol that several families speak",
    "agent.devices.codec": "one file per family, found by scanning",
    "agent.probes": "one file per kind of look",
    "agent.transports": "one file per kind of line",
}
"""Folders of many modules of one kind, which nobody looks for a way through."""
THIN_MAX = 3
THIN: dict[str, str] = {}
ARROWS_MAX = {"agent": 52, "hub": 58}
"""Between two wings, from the design of the house. What puts all together does not count: `main`, the hub's `app`."""


def _graph(package: str) -> dict[str, set[str]]:
    """Module to the modules of the same package that it imports."""
    modules = {module(path): path for path in python(package)}
    return {
        name: {found for one in imported(path) if (found := _known(one, modules)) and found != name}
        for name, path in modules.items()
    }


def _known(name: str, modules: Mapping[str, object]) -> str:
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name


def _folder(name: str) -> str:
    return name.rpartition(".")[0]


def _wing(name: str) -> str:
    return ".".join(name.split(".")[:2])


def _circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Those that reach themselves, as groups that reach each other."""
    reach = {one: set(others) for one, others in graph.items()}
    for middle in reach:
        for start in reach:
            if middle in reach[start]:
                reach[start] |= reach[middle]
    groups = {frozenset({other for other in found if one in reach.get(other, ())}) for one, found in reach.items()}
    return sorted(sorted(group) for group in groups if group)


def _between(graph: Mapping[str, set[str]], place: str) -> dict[str, set[str]]:
    """The same graph between wings; `place` is the package, whose own file everybody has."""
    found: dict[str, set[str]] = defaultdict(set)
    for one, others in graph.items():
        for other in others:
            if _wing(one) != _wing(other) and place not in (one, other) and not _wing(one).endswith((".main", ".app")):
                found[_wing(one)].add(_wing(other))
    return found


@pytest.mark.parametrize("package", ["wire", "agent", "hub", "sim"])
def test_no_circle_of_files(package: str) -> None:
    circles = _circles(_graph(package))
    assert not circles, f"each of these imports itself in the end: {circles}"


@pytest.mark.parametrize("package", ["agent", "hub"])
def test_no_circle_of_wings_and_few_arrows(package: str, capsys: pytest.CaptureFixture[str]) -> None:
    wings = _between(_graph(package), package)
    circles = _circles(wings)
    guilty = {
        f"{one} → {other}" for one, others in _graph(package).items() for other in others
        for circle in circles if _wing(one) in circle and _wing(other) in circle and _wing(one) != _wing(other)
    }  # fmt: skip
    assert not circles, f"circles of wings {circles}, made of {sorted(guilty)}"
    arrows = sum(len(others) for others in wings.values())
    with capsys.disabled():
        print(f"\n{package}: {arrows} arrows between wings, at most {ARROWS_MAX[package]}")
    assert arrows <= ARROWS_MAX[package]


@pytest.mark.parametrize("package", ["wire", "agent", "hub"])
def test_no_hall_is_crowded_and_no_folder_thin(package: str) -> None:
    graph = _graph(package)
    halls: dict[str, list[str]] = defaultdict(list)
    for path in python(package):
        if path.name != "__init__.py":
            halls[_folder(module(path))].append(module(path))
    crowded = {
        hall: f"{len(names)} modules: move {_loosest(graph, names)}"
        for hall, names in halls.items()
        if len(names) > HALL_MAX and hall not in SHELVES and hall != "wire"
    }
    assert not crowded
    thin = {hall: names for hall, names in halls.items() if len(names) < THIN_MAX and hall not in THIN}
    assert not thin, "too few for a folder of their own"


def _loosest(graph: Mapping[str, set[str]], names: list[str]) -> str:
    """The module with the fewest ties to its neighbours, and the wing that it knows best."""
    here = set(names)

    def ties(name: str) -> int:
        return len(graph[name] & here) + sum(name in graph[other] for other in here)

    loosest = min(sorted(names), key=ties)
    known = Counter(_folder(other) for other in graph[loosest] if other not in here)
    known.update(_folder(one) for one, others in graph.items() if loosest in others and one not in here)
    return f"{loosest} to {known.most_common(1)[0][0] if known else 'a wing of its own'}"


def test_shelves_and_exceptions_are_there() -> None:
    folders = {_folder(module(path)) for path in python("agent", "hub")}
    assert set(SHELVES) | set(THIN) <= folders
    assert (ROOT / "agent").is_dir()
