"""The example of a guide, done in a copy of the project as the document says, and judged there.

A block of code goes into a file by the comment above it: `<!-- path -->` for a whole file, `<!-- path, after: LINE -->`
or `<!-- path, before: LINE -->` for lines that go beside one that stands in it once.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from zlib import crc32

from tests.house.source import ROOT

BLOCK = re.compile(r"^<!-- ([^\s,]+)(?:, (before|after): ([^\n]+))? -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOLDERS = ("agent", "hub", "wire", "sim", "tools", "docs", "tests")
_PASSING = {"__pycache__", "node_modules"}
_IGNORED = shutil.ignore_patterns(*_PASSING, ".*")


def copied(place: Path) -> None:
    """The project's own files, without what tools have left there."""
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, place / folder, ignore=_IGNORED)
    for name in ("pyproject.toml", "Makefile", "README.md"):
        shutil.copy(ROOT / name, place / name)


def done(place: Path, guide: str) -> None:
    """Do in the copy what the guide's blocks say."""
    blocks = BLOCK.findall((place / guide).read_text("utf-8"))
    assert blocks, f"{guide} has no block that follows a comment with the path of its file"
    for name, side, line, text in blocks:
        path = place / name
        if not side:
            assert not path.exists(), f"{guide}: {name} is there already, say before or after which line this goes"
            path.write_text(text, "utf-8")
            continue
        lines = path.read_text("utf-8").splitlines(keepends=True)
        found = [number for number, old in enumerate(lines) if old.strip() == line]
        assert len(found) == 1, f"{guide}: {name} has {len(found)} lines {line!r}; name one that stands there once"
        lines.insert(found[0] + (side == "after"), text)
        path.write_text("".join(lines), "utf-8")


def contents(place: Path) -> dict[str, int]:
    """Every file of the copy by its path, with what tells its text from another."""
    files = (path for folder in FOLDERS for path in (place / folder).rglob("*"))
    return {
        str(path.relative_to(place)): crc32(path.read_bytes())
        for path in files
        if path.is_file() and not _PASSING & set(path.relative_to(place).parts)
    }


def changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """Paths of files that are new, gone, or say something else."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def ran(place: Path, *command: str) -> str:
    """What a tool of this project says in the copy, with its return code."""
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    run = subprocess.run(
        [sys.executable, "-m", *command], cwd=place, env=environment, capture_output=True, text=True, timeout=300
    )
    return f"{run.stdout}{run.stderr}\nrc={run.returncode}"


def judged(place: Path, *selection: str) -> str:
    """What pytest says in the copy."""
    return ran(place, "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist", *selection)
