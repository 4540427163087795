"""`make judges`: who judges each family of devices, how many strings it has given, and how many cases it decides.

A judge is a program or a file of strings that nobody of this project wrote; the rows are in `tests/devices/judges.py`.
Cases are what pytest collects, strings are the answers of the recordings. Ends with 1 when fewer than `FAMILIES_MIN`
families have a judge that runs in `make test`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.devices.judges import JUDGES, NONE, Judge

ROOT = Path(__file__).parents[1]
RECORDINGS = ROOT / "tests/devices/recordings"
ORIGIN = re.compile(r"^# origin (\w+): (.*)$", re.MULTILINE)
QUESTION = re.compile(r"^>>> ", re.MULTILINE)
FAMILIES_MIN = 6
FAMILIES = frozenset({judge.family for judge in JUDGES} | set(NONE))
LEFT_OUT = frozenset({"prove", "bench", "fleet"})
"""Marks of tests that `make test` leaves out; see the Makefile."""
WORDS_OF_LICENCE = {"GNU General Public License v3 (GPLv3)": "GPL-3.0"}
"""What PyPI's classifiers call by a name of their own."""
FILE_OF_LICENCE = {"This is free and unencumbered software": "Unlicense", "Redistribution and use": "BSD-2-Clause"}
"""What a licence's file begins with or holds, where the metadata of the package is silent."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is known of one recording without playing it."""

    family: str
    name: str
    origin: str
    """`transcript`, `driver`, `paper`, `invented`; empty where it does not say."""
    source: str
    answers: int


@dataclass(frozen=True, slots=True)
class Case:
    """One test as pytest collects it."""

    node: str
    in_make_test: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one judge has judged."""

    judge: Judge
    strings: Counter[str] = field(default_factory=Counter)
    """Answers of its recordings by their origin; empty of what speaks live."""
    cases: int = 0
    in_make_test: int = 0


def recorded() -> list[Recorded]:
    """Every recording."""
    found = []
    for path in sorted(RECORDINGS.glob("*/*.txt")):
        text = path.read_text("utf-8")
        said = ORIGIN.search(text)
        origin, source = (said[1], said[2]) if said else ("", "")
        found.append(Recorded(path.parent.name, path.stem, origin, source, len(QUESTION.findall(text))))
    return found


def of(judge: Judge, found: Iterable[Recorded]) -> list[Recorded]:
    """The recordings that hold this judge's strings; none of what is invented."""
    if judge.kind != "strings":
        return []
    return [
        one for one in found if one.family == judge.family and judge.name in one.source and one.origin != "invented"
    ]


def verdict(judge: Judge, recordings: Iterable[Recorded], cases: Iterable[Case]) -> Verdict:
    """What a judge has judged: in the tests that it names, or else in all those of its recordings."""
    own = of(judge, recordings)
    strings = Counter[str]()
    for one in own:
        strings[one.origin] += one.answers
    names = [f"{one.family}/{one.name}" for one in own]
    chosen = [case for case in cases if _is_of(case.node, judge, names)]
    return Verdict(judge, strings, len(chosen), sum(case.in_make_test for case in chosen))


def _is_of(node: str, judge: Judge, recordings: Iterable[str]) -> bool:
    """A test that names another family among its parameters is that one's."""
    function, _, parameters = node.partition("[")
    words = parameters.removesuffix("]").split("-")
    if any(function == test or function.startswith(f"{test}::") for test in judge.tests):
        return judge.family in words or not FAMILIES.intersection(words)
    return any(name in words for name in recordings)


class _Collector:
    """A plugin of pytest that keeps what was collected."""

    def __init__(self) -> None:
        self.cases: list[Case] = []

    def pytest_collection_finish(self, session: object) -> None:
        """Called once all files have been read."""
        for item in session.items:  # type: ignore[attr-defined]
            marks = {mark.name for mark in item.iter_markers()}
            self.cases.append(Case(item.nodeid, not marks & LEFT_OUT))


def collected(paths: Iterable[str]) -> list[Case]:
    """The tests of these files. Raises RuntimeError with pytest's words when one cannot be read."""
    import pytest

    kept, said = _Collector(), io.StringIO()
    with contextlib.redirect_stdout(said):
        options = ["--collect-only", "-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
        code = pytest.main([*options, *(str(ROOT / path) for path in paths)], plugins=[kept])
    if code != pytest.ExitCode.OK:
        raise RuntimeError(said.getvalue()[-2000:])
    return kept.cases


def licence(package: str) -> str:
    """The licence of an installed Python package, from its metadata, else from the licence that it carries."""
    told = importlib.metadata.metadata(package)
    for name in ("License-Expression", "License"):
        text = told[name].strip() if name in told else ""
        if text not in ("", "UNKNOWN") and "\n" not in text:
            return text
    for words in told.get_all("Classifier") or ():
        if words.startswith("License :: ") and words.count(" :: ") > 1:
            word = str(words).rpartition(" :: ")[2].removesuffix(" License")
            return WORDS_OF_LICENCE.get(word, word)
    for file in importlib.metadata.files(package) or []:
        if file.name.startswith("LICENSE"):
            text = str(file.read_text("utf-8"))
            return next((name for start, name in FILE_OF_LICENCE.items() if start in text), "")
    return ""


def version(source: str) -> str:
    """Which one runs here: of a package the installed one, of strings the commit; empty where nothing says so."""
    where, _, name = source.partition(":")
    if where == "pypi":
        return importlib.metadata.version(name)
    if where == "npm":
        lock = json.loads((ROOT / "tests/node/package-lock.json").read_text("utf-8"))
        return str(lock["packages"][f"node_modules/{name}"]["version"])
    if where == "debian":
        asked = ["dpkg-query", "-W", "-f", "${Version}", name]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return name.partition("@")[2][:12]


def _strings(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {origin}" for origin, number in sorted(counted.items())) or "live"


def _origins(family: str, found: Iterable[Recorded]) -> str:
    counted = Counter[str]()
    for one in found:
        if one.family == family:
            counted[one.origin or "invented"] += one.answers
    return _strings(counted) if counted else "–"


def table() -> str:
    """The table of docs/devices.md: families × judges. Without versions and cases, which change by themselves."""
    found = recorded()
    rows = ["| family | judged by | strings |", "| --- | --- | --- |"]
    for family in sorted(FAMILIES):
        judges = [
            f"**{judge.name}** ({judge.kind}, {judge.source.partition('@')[0]}, {judge.licence}): {judge.over}"
            for judge in JUDGES
            if judge.family == family
        ]
        words = "<br>".join(judges) or f"nobody: {NONE[family]}"
        rows.append(f"| `{family}` | {words} | {_origins(family, found)} |")
    return "\n".join(rows)


def report(verdicts: Iterable[Verdict]) -> tuple[str, int]:
    """What is printed, and how many families have a judge that decides at least one case of `make test`."""
    by_family: dict[str, list[Verdict]] = {family: [] for family in NONE}
    for one in verdicts:
        by_family.setdefault(one.judge.family, []).append(one)
    lines = [_line("family", "judge", "kind", "version", "licence", "strings", "cases", "make test")]
    for family, found in sorted(by_family.items()):
        if not found:
            lines.append(_line(family, f"none ({NONE[family]})", "invented", "", "", "", "0", "0"))
        for one in found:
            judge = one.judge
            counts = (_strings(one.strings), str(one.cases), str(one.in_make_test))
            lines.append(_line(family, judge.name, judge.kind, version(judge.source), judge.licence, *counts))
    judged = {family: [one for one in found if one.in_make_test] for family, found in by_family.items()}
    number = sum(map(bool, judged.values()))
    live = sum(any(one.judge.kind != "strings" for one in found) for found in judged.values())
    paper = sum(bool(found) and all(set(one.strings) == {"paper"} for one in found) for found in judged.values())
    lines.append(
        f"{number} of {len(by_family)} families have a judge in `make test` (at least {FAMILIES_MIN}): "
        f"{live} a program, {number - live - paper} only strings of a device or a driver, "
        f"{paper} only strings of the maker's paper"
    )
    return "\n".join(lines), number


def _line(*words: str) -> str:
    widths = (14, 44, 8, 22, 18, 24, 6, 9)
    return " ".join(word.ljust(width) for word, width in zip(words, widths, strict=True)).rstrip()


def main() -> int:
    """Entry point."""
    found = recorded()
    paths = {test.partition("::")[0] for judge in JUDGES for test in judge.tests}
    cases = collected(sorted(paths | {"tests/devices"}))
    text, number = report([verdict(judge, found, cases) for judge in JUDGES])
    sys.stdout.write(text + "\n")
    if number < FAMILIES_MIN:
        sys.stderr.write(f"only {number} families have a judge: give tests/devices/judges.py more\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
