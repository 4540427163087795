"""Small things that a review should not have to look for."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from tests.house.source import ROOT, python, tracked, tree

BINARY = {".png", ".woff2", ".ico", ".db", ".jpg", ".gz", ".bin"}
SLEEP_MAX_S = 0.1
"""A test may poll for what another process does; it may not wait for time to pass."""


def _texts() -> dict[str, str]:
    return {
        path.as_posix(): (ROOT / path).read_text("utf-8", "replace")
        for path in tracked()
        if path.suffix not in BINARY and "vendor" not in path.parts
    }


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
    assert not [name for name, text in _texts().items() if marks.search(text) and not name.endswith("-lock.json")]


def test_no_file_knows_where_it_was_written() -> None:
    """A path of somebody's own machine works nowhere else."""
    shared = {"/", "/tmp", "/var/tmp", "/opt", "/srv", "/usr/src"}  # names that mean the same on every machine
    places = [] if str(ROOT.parent) in shared else [f"{ROOT.parent}/"]
    homes = re.compile(r"/home/(?!pi\b|diemcau\b|user\b)[a-z]+/|/" + "root/")
    texts = _texts()
    assert not [name for name, text in texts.items() if any(place in text for place in places) or homes.search(text)]


def test_no_test_is_skipped() -> None:
    """What a test lacks on this machine is a failure that says so: a green run has run everything."""
    skips = re.compile(r"pytest\.(?:importor)?skip\b|mark\.skip|skipTest")
    mine = "tests/house/test_tidy.py"
    tests = {name: text for name, text in _texts().items() if name.startswith("tests/") and name != mine}
    assert tests
    assert not [name for name, text in tests.items() if name.endswith(".py") and skips.search(text)]


def test_locks_name_public_registries_only() -> None:
    hosts = set(re.findall(r'(?:url|registry) = "https?://([^/"]+)', (ROOT / "uv.lock").read_text("utf-8")))
    assert hosts == {"files.pythonhosted.org", "pypi.org"}
    resolved = re.findall(r'"resolved": "https?://([^/"]+)', (ROOT / "tests/node/package-lock.json").read_text("utf-8"))
    assert set(resolved) <= {"registry.npmjs.org"}


def test_text_is_clean() -> None:
    for name, text in _texts().items():
        assert "\r\n" not in text or "recordings" in name or "golden" in name, f"{name}: carriage returns"
        assert not re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE), f"{name}: an unfinished merge"


@pytest.mark.parametrize("path", [p for p in tracked() if p.suffix == ".sh" or p.as_posix() == ".ci/run"], ids=str)
def test_scripts_stop_at_the_first_fault(path: Path) -> None:
    text = (ROOT / path).read_text("utf-8")
    assert text.startswith("#!/bin/"), path
    assert re.search(r"^set -[a-z]*e[a-z]*u|^set -[a-z]*u[a-z]*e", text, re.MULTILINE), f"{path}: set -eu"
    assert os.access(ROOT / path, os.X_OK), path


def _sleeps(node: ast.AST, polling: bool = False) -> list[int]:
    """Lines of `time.sleep` that are not a short pause of a loop."""
    found = []
    for child in ast.iter_child_nodes(node):
        inner = polling or isinstance(child, ast.While | ast.For)
        if (
            isinstance(child, ast.Call)
            and isinstance(child.func, ast.Attribute)
            and child.func.attr == "sleep"
            and isinstance(child.func.value, ast.Name)
            and child.func.value.id == "time"
        ):
            given = child.args[0]
            short = isinstance(given, ast.Constant) and float(str(given.value)) <= SLEEP_MAX_S
            if not (inner and short):
                found.append(child.lineno)
        found += _sleeps(child, inner)
    return found


@pytest.mark.parametrize("path", [p for p in python("tests") if p.parts[1] != "bench"], ids=str)
def test_no_test_sleeps(path: Path) -> None:
    assert not _sleeps(tree(path)), f"{path} waits for time to pass: give it a clock, or poll for what it waits for"
