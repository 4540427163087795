"""`make mutants`: change `agent/core` in small ways, one at a time, and see whether its tests notice.

A changed line that no test notices is a line that nobody has pinned. Each survivor is killed by a new test, or listed
in `tests/agent/core/equivalent_mutants.txt` with the reason why it changes nothing; anything else fails the command.
A file has some hundred mutants, and each runs its tests: no part of `make test`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORK = ROOT / ".mutants"
EQUIVALENT = ROOT / "tests" / "agent" / "core" / "equivalent_mutants.txt"
CONFIG = """\
[mutmut]
source_paths=agent
only_mutate=
{files}
pytest_add_cli_args_test_selection=
  tests/agent/core
  tests/agent/rules
also_copy=
  wire
use_git_change_detection=false
{args}
"""
NOTICED = ("killed", "timeout", "caught by type check", "segfault", "suspicious")


def stage(files: list[str], chosen_tests: str) -> None:
    """A copy of what the engine's tests need, and nothing else: mutmut copies whole folders."""
    shutil.rmtree(WORK, ignore_errors=True)
    skip = shutil.ignore_patterns("__pycache__", "test_engine_stateful.py")  # needs the simulation, and is slow
    for name in ("agent", "wire", "tests/agent/core", "tests/agent/rules"):
        shutil.copytree(ROOT / name, WORK / name, ignore=skip)
    for name in ("tests/__init__.py", "tests/agent/__init__.py"):
        shutil.copy(ROOT / name, WORK / name)
    args = f"pytest_add_cli_args=\n  -k\n  {chosen_tests}" if chosen_tests else ""
    chosen = "\n".join(f"  agent/core/{name}" for name in files)
    (WORK / "setup.cfg").write_text(CONFIG.format(files=chosen, args=args), "utf-8")


def listed() -> dict[str, str]:
    """Survivors that change nothing: the changed line as mutmut shows it, to the reason."""
    found: dict[str, str] = {}
    line = ""
    for text in EQUIVALENT.read_text("utf-8").splitlines():
        if text.startswith("+"):
            line = text[1:].strip()
        elif text.startswith("  ") and line:
            found[line] = text.strip()
    return found


def mutmut(*words: str) -> str:
    """Run mutmut in its folder; what it printed."""
    program = Path(sys.executable).with_name("mutmut")
    done = subprocess.run([program, *words], cwd=WORK, capture_output=True, text=True, check=False)
    return done.stdout


def results() -> dict[str, str]:
    """Every mutant's name and what became of it."""
    rows = re.findall(r"^\s*(\S+): (.+)$", mutmut("results", "--all", "true"), re.MULTILINE)
    return dict(rows)


def changed(name: str) -> str:
    """The line that a mutant has, as far as its diff shows."""
    lines = [x[1:].strip() for x in mutmut("show", name).splitlines() if x.startswith("+") and not x.startswith("+++")]
    return " ".join(lines)


def main() -> int:
    """0: every mutant was noticed or is listed as equivalent; 1: some were not, or the list names what is gone.

    The latter only where all files were asked for: of some alone nobody can tell.
    """
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("files", nargs="*", default=["*.py"], help="files of agent/core; default: all")
    parser.add_argument("--children", type=int, default=2, help="processes at a time; default: 2")
    parser.add_argument("--tests", default="", help="only tests that match this, as pytest's -k: sooner, and stricter")
    arguments = parser.parse_args()
    stage(arguments.files, arguments.tests)
    subprocess.run(
        [Path(sys.executable).with_name("mutmut"), "run", "--max-children", str(arguments.children)],
        cwd=WORK, check=False,
    )  # fmt: skip
    found, known = results(), listed()
    if not found:
        sys.stderr.write("mutmut made no mutant: see its words above\n")
        return 1
    survivors = {name: changed(name) for name, became in found.items() if became not in NOTICED}
    strange = {name: line for name, line in survivors.items() if line not in known}
    for name, line in strange.items():
        print(f"{name}\n  + {line}")
    counts = Counter(name.rsplit(".", 1)[0].removeprefix("agent.core.") for name in found)
    for module, count in sorted(counts.items()):
        alive = [name for name in strange if name.startswith(f"agent.core.{module}.")]
        listed_here = [n for n in survivors if n not in strange and n.startswith(f"agent.core.{module}.")]
        print(f"{module:12} {count:5} mutants, {len(alive):3} unnoticed, {len(listed_here):3} equivalent")
    gone = set(known) - set(survivors.values()) if arguments.files == ["*.py"] else set()
    for line in sorted(gone):
        print(f"listed as equivalent, and no mutant is so any more:\n  + {line}")
    return 1 if strange or gone else 0


if __name__ == "__main__":
    sys.exit(main())
