"""The project's own files, as the house rules look at them."""

from __future__ import annotations

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("wire", "agent", "hub", "sim")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is or may come under version control, relative to the root; all of the source in an export."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        paths = [Path(name.decode()) for name in listed.stdout.split(b"\0") if name]
    else:
        paths = [
            path.relative_to(ROOT) for top in (*PACKAGES, "tests", "tools", "docs") for path in (ROOT / top).rglob("*")
        ]
    return tuple(path for path in paths if (ROOT / path).is_file() and "node_modules" not in path.parts)


def python(*tops: str) -> tuple[Path, ...]:
    """Tracked Python files, of these top folders or of all."""
    return tuple(path for path in tracked() if path.suffix == ".py" and (not tops or path.parts[0] in tops))


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse((ROOT / path).read_text("utf-8"), str(path))


def module(path: Path) -> str:
    """Its dotted name."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Dotted names of every module it imports, also inside functions. `from a import b` gives both `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def docs() -> tuple[Path, ...]:
    """Tracked Markdown files."""
    return tuple(path for path in tracked() if path.suffix == ".md")
