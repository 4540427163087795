"""Who may know whom. The graph is import-linter's; what pure code may use of Python itself stands here."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import PACKAGES, ROOT, imported, module, python, tree

PURE = ("agent.core", "agent.rules", "agent.devices", "hub.core")
"""Packages without time, chance, threads, input or output: they can be tested and reasoned about as plain functions."""

HARMLESS = {
    "__future__", "abc", "bisect", "collections", "dataclasses", "enum", "functools", "hashlib", "heapq", "ipaddress",
    "itertools", "json", "math", "operator", "re", "string", "struct", "types", "typing", "msgspec", "unicodedata",
    "urllib", "xml",
}  # fmt: skip
FINDERS = {"agent/rules/__init__.py": {"importlib", "pkgutil"}}
"""Rules are found by scanning their folder: the only import that is not plain computation."""

IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__"}


def _pure_files() -> list[Path]:
    return [path for path in python(*PACKAGES) if module(path).startswith(PURE)]


def test_import_contracts_hold() -> None:
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-3000:]


def test_every_pure_package_is_there() -> None:
    assert {name for name in PURE if any(module(path).startswith(name) for path in _pure_files())} == set(PURE)


@pytest.mark.parametrize("path", _pure_files(), ids=str)
def test_pure_code_computes_and_nothing_else(path: Path) -> None:
    allowed = HARMLESS | FINDERS.get(path.as_posix(), set())
    foreign = {name.split(".")[0] for name in imported(path)} - set(PACKAGES) - allowed
    assert not foreign, f"{path} is pure and imports {', '.join(sorted(foreign))}"
    calls = {n.func.id for n in ast.walk(tree(path)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not calls & IMPURE_CALLS


@pytest.mark.parametrize("path", python(*PACKAGES), ids=str)
def test_nobody_imports_a_main(path: Path) -> None:
    mains = {f"{package}.main" for package in PACKAGES} - {module(path)}
    if path.parts[0] == "sim":
        mains -= {"agent.main"}  # the simulator starts real agents
    assert not imported(path) & mains


@pytest.mark.parametrize("path", [p for p in python("agent") if module(p).startswith("agent.transports")], ids=str)
def test_a_transport_knows_no_device_and_no_rule(path: Path) -> None:
    banned = ("agent.rules", "agent.probes", "agent.devices", "agent.store", "wire")
    assert not [name for name in imported(path) if name.startswith(banned)]
