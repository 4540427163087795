"""The judges of the device families are what their rows say: there, foreign, of that licence, and at work."""

from __future__ import annotations

import ast
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.devices.judges import JUDGES, NONE, Judge
from tools import device_docs, judges
from tools.judges import Case, Recorded, Verdict

ROOT = Path(__file__).parents[2]
RECORDED = judges.recorded()
FAMILIES = {name for kind in device_docs.kinds() for name in device_docs.modules(kind)}
LIVE = [judge for judge in JUDGES if judge.tests]
INSTALLED = [judge for judge in JUDGES if judge.source.startswith("pypi:")]


def named(judge: Judge) -> str:
    return f"{judge.family} by {judge.name}"


def test_every_family_has_a_judge_or_says_that_it_has_none() -> None:
    judged = {judge.family for judge in JUDGES}
    assert judged | set(NONE) == FAMILIES, "tests/devices/judges.py: a row, or a word in NONE"
    assert not judged & set(NONE)


@pytest.mark.parametrize("judge", LIVE, ids=named)
def test_a_judge_is_called_by_the_tests_that_it_names(judge: Judge) -> None:
    for test in judge.tests:
        path, _, function = test.partition("::")
        text = (ROOT / path).read_text("utf-8")
        names = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
        assert not function or function in names, f"{test} is not there"
        called = (ROOT / judge.helper).read_text("utf-8") if judge.helper else text
        assert judge.calls
        assert judge.calls in called, f"{judge.helper or path} does not call {judge.name}"
        assert not judge.helper or Path(judge.helper).stem in text, f"{path} does not use {judge.helper}"


@pytest.mark.parametrize("judge", INSTALLED, ids=named)
def test_its_licence_is_that_of_its_package(judge: Judge) -> None:
    assert judges.licence(judge.source.removeprefix("pypi:")) == judge.licence


@pytest.mark.parametrize("judge", [judge for judge in JUDGES if judge.source.startswith("npm:")], ids=named)
def test_its_licence_is_that_of_the_lock(judge: Judge) -> None:
    lock = json.loads((ROOT / "tests/node/package-lock.json").read_text("utf-8"))
    assert lock["packages"][f"node_modules/{judge.source.removeprefix('npm:')}"]["license"] == judge.licence


@pytest.mark.parametrize("judge", [judge for judge in JUDGES if judge.source.startswith("debian:")], ids=named)
def test_its_licence_is_in_the_packages_copyright_file(judge: Judge) -> None:
    told = Path("/usr/share/doc", judge.source.removeprefix("debian:"), "copyright")
    assert told.is_file(), f"{judge.source} is not installed: make test"
    words = told.read_text("utf-8", "replace").split()
    assert judge.licence in {word.strip(".,;()") for word in words}


@pytest.mark.parametrize("judge", [judge for judge in JUDGES if judge.kind == "strings"], ids=named)
def test_strings_are_in_recordings_that_are_not_invented(judge: Judge) -> None:
    own = judges.of(judge, RECORDED)
    assert sum(one.answers for one in own) > 0, f"no recording of {judge.family} names {judge.name!r} in its `# origin`"


def test_every_recording_that_claims_a_source_has_a_row() -> None:
    known = {(one.family, one.name) for judge in JUDGES for one in judges.of(judge, RECORDED)}
    lost = [f"{one.family}/{one.name}: {one.source}" for one in RECORDED
            if one.origin not in ("", "invented") and (one.family, one.name) not in known]  # fmt: skip
    assert lost == [], "tests/devices/judges.py has no row with a phrase of these sources"


def test_no_row_stands_twice() -> None:
    assert [row for row, number in Counter((judge.family, judge.name) for judge in JUDGES).items() if number > 1] == []


FILE = Judge("visca", "a paper", "strings", "paper", "the maker's", "frames")
LIVING = replace(FILE, name="a client", kind="client", tests=("tests/x.py::test_it",), calls="client")
TAKEN = [
    Recorded("visca", "on", "paper", "a paper of Sony's", 3),
    Recorded("visca", "off", "invented", "a paper, as it might be", 5),
    Recorded("pjlink", "on", "paper", "a paper too", 7),
]


def test_strings_and_cases_are_counted_of_its_own_recordings_alone() -> None:
    nodes = ["t.py::test_a[visca/on]", "t.py::test_a[visca/on-3]", "t.py::test_a[3-visca/on]",
             "t.py::test_a[visca/on_2]", "t.py::test_a[visca/off]", "t.py::test_a[pjlink/on]",
             "t.py::test_a"]  # fmt: skip
    cases = [Case(node, node != "t.py::test_a[visca/on-3]") for node in nodes]
    assert judges.verdict(FILE, TAKEN, cases) == Verdict(FILE, Counter(paper=3), 3, 2)


def test_cases_of_a_program_are_those_of_its_tests_and_of_no_other_family() -> None:
    nodes = ["tests/x.py::test_it", "tests/x.py::test_it[tcp]", "tests/x.py::test_it[visca-1]",
             "tests/x.py::test_it[pjlink-1]", "tests/x.py::test_its", "tests/y.py::test_it"]  # fmt: skip
    cases = [Case(node, True) for node in nodes]
    assert judges.verdict(LIVING, TAKEN, cases) == Verdict(LIVING, Counter(), 3, 3)


def test_a_family_counts_once_and_only_by_what_make_test_runs() -> None:
    told = [Verdict(FILE, Counter(paper=3), 2, 2), Verdict(LIVING, Counter(), 1, 1),
            Verdict(replace(FILE, family="cec"), Counter(paper=1), 4, 0),
            Verdict(replace(FILE, family="pjlink"), Counter(driver=1), 1, 1)]  # fmt: skip
    text, number = judges.report(told)
    assert number == 2
    assert f"2 of {3 + len(NONE)} families have a judge in `make test`" in text
    assert "1 a program, 1 only strings of a device or a driver, 0 only strings of the maker's paper" in text


def test_too_few_families_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(judges, "collected", lambda _: [Case("tests/sim/test_jsxapi.py::test_a", True)])
    assert judges.main() == 1
    said = capsys.readouterr()
    assert said.err == "only 1 families have a judge: give tests/devices/judges.py more\n"


def test_at_least_six_families_are_judged_by_programs_in_make_test() -> None:
    """Of rows alone, without collecting: a mark in the text of a test's function or file would leave it out."""
    kept = set()
    for judge in LIVE:
        texts = {(ROOT / test.partition("::")[0]).read_text("utf-8") for test in judge.tests}
        if not any(f"pytest.mark.{mark}" in text for text in texts for mark in judges.LEFT_OUT):
            kept.add(judge.family)
    assert len(kept) >= judges.FAMILIES_MIN
