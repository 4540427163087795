"""A room installs the agent alone, the centre the hub alone: each must import without the other."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.house.source import ROOT

WALK = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [info.name for info in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in [n for n in names if not n.endswith("__main__")]:
    importlib.import_module(name)
print(len(names))
"""


def _uv() -> str:
    found = ROOT / ".venv-tools" / "bin" / "uv"
    uv = str(found) if found.exists() else shutil.which("uv")
    assert uv, "uv is missing: tools/bootstrap.sh test"
    return uv


def _run(*command: str | Path, cwd: Path, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command, cwd=cwd, env={**clean, **environment}, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("ours", "theirs"), [("agent", ("hub", "sim")), ("hub", ("agent", "sim"))])
def test_one_side_installs_and_imports_alone(ours: str, theirs: tuple[str, ...], tmp_path: Path) -> None:
    venv, place = tmp_path / "venv", tmp_path / "site"
    _run(
        _uv(), "sync", "--frozen", "--extra", ours, "--no-install-project", cwd=ROOT,
        UV_PROJECT_ENVIRONMENT=str(venv), UV_PYTHON_DOWNLOADS="never",
    )  # fmt: skip
    for package in ("wire", ours):
        shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__"))
    python = venv / "bin" / "python"
    count = _run(python, "-c", WALK, ours, cwd=tmp_path, PYTHONPATH=str(place))
    assert int(count) > 10
    _run(python, "-c", f"import {ours}.main", cwd=tmp_path, PYTHONPATH=str(place))
    for other in theirs:
        assert not (place / other).exists()


def test_the_wheel_brings_everything_that_is_no_code(tmp_path: Path) -> None:
    _run(_uv(), "build", "--wheel", "--out-dir", tmp_path, cwd=ROOT)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    data = {
        path.relative_to(ROOT).as_posix()
        for package in ("wire", "agent", "hub", "sim")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    missing = sorted(name for name in data - names if not name.endswith((".db", ".pyc")))
    assert not missing, f"not in the wheel: {missing}"
