"""`make mutants`: change parts of the agent in small ways, one at a time, and see whether their tests notice.

A changed line that no test notices is a line that nobody has pinned. Each survivor is killed by a new test, or listed
in the part's file of equivalent mutants with the reason why it changes nothing; anything else fails the command.
A file has some hundred mutants, and each runs its tests: no part of `make test`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.mutant_forks import NO_TESTS, SURVIVED

ROOT = Path(__file__).parent.parent
WORK = ROOT / ".mutants"
CONFIG = """\
[mutmut]
source_paths=agent
only_mutate=
{files}
pytest_add_cli_args_test_selection=
{tests}
also_copy=
  wire
use_git_change_detection=false
pytest_add_cli_args=
  -m
  not broker
{args}
"""
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|FROM|VALUES|PRAGMA|BEGIN|COMMIT|ROLLBACK)\b")
NO_MUTANT = "*no mutant has this name*"


@dataclass(frozen=True, slots=True)
class Part:
    """Modules that one selection of tests has to pin. Paths are relative to the folder of the project."""

    modules: str
    """A pattern of files."""
    tests: tuple[str, ...]
    equivalent: str
    """Mutants that change nothing: the changed line after "+", the reason below it."""
    more: tuple[str, ...] = ()
    """What the tests import beside `tests/agent`."""

    def files(self) -> list[str]:
        """Its modules that hold code."""
        return sorted(str(p.relative_to(ROOT)) for p in ROOT.glob(self.modules) if p.name != "__init__.py")


_BESIDE = ("tests/brokers.py", "tests/transports", "tests/trust")
PARTS = (
    Part("agent/core/*.py", ("tests/agent/core", "tests/agent/rules"), "tests/agent/core/equivalent_mutants.txt"),
    Part(
        "agent/uplink/session.py",
        (
            "tests/agent/test_session.py", "tests/agent/test_session_edges.py", "tests/agent/test_resend.py",
            "tests/agent/test_session_bounds.py", "tests/agent/test_desired.py", "tests/agent/test_confirmed.py",
            "tests/agent/test_heed.py", "tests/agent/test_clock_steps_documents.py",
            "tests/agent/test_session_epochs.py",
        ),
        "tests/agent/equivalent/session.txt", _BESIDE,
    ),
    Part(
        "agent/store/*.py",
        (
            "tests/agent/test_store.py", "tests/agent/test_store_edges.py", "tests/agent/test_store_words.py",
            "tests/agent/test_unwritten.py", "tests/agent/test_store_loads.py", "tests/agent/test_store_place.py",
            "tests/agent/test_store_marks.py", "tests/agent/test_store_sums.py",
            "tests/agent/test_damage.py", "tests/agent/test_heed.py", "tests/agent/test_board.py",
        ),
        "tests/agent/equivalent/store.txt", _BESIDE,
    ),
    Part(
        "agent/runtime/loop.py",
        (
            "tests/agent/test_loop.py", "tests/agent/test_loop_delays.py", "tests/agent/test_loop_bounds.py",
            "tests/agent/test_loop_hub.py", "tests/agent/test_gate.py", "tests/agent/test_publisher_alone.py",
        ),
        "tests/agent/equivalent/loop.txt", _BESIDE,
    ),
    Part(
        "agent/power/actuators.py",
        ("tests/agent/test_actuators.py", "tests/agent/test_actuators_bounds.py"),
        "tests/agent/equivalent/actuators.txt", _BESIDE,
    ),
)  # fmt: skip


def wanted(names: list[str]) -> list[tuple[Part, list[str]]]:
    """The parts to run, each with its files. A name is the end of a path: `interlock.py`, `store/sqlite.py`."""
    found = [
        (part, [file for file in part.files() if not names or any(file.endswith(f"/{name}") for name in names)])
        for part in PARTS
    ]
    return [(part, files) for part, files in found if files]


def stage(part: Part, files: list[str], chosen_tests: str) -> None:
    """A copy of what the part's tests need, and nothing else: mutmut copies whole folders."""
    shutil.rmtree(WORK, ignore_errors=True)
    # These need the simulation, or a copy of the whole project.
    skip = shutil.ignore_patterns("__pycache__", "test_engine_stateful.py", "test_add_a_rule.py")
    for name in ("agent", "wire", "tests/agent", *part.more):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, WORK / name, ignore=skip)
        else:
            shutil.copy(ROOT / name, WORK / name)
    for name in ("tests/__init__.py", "tests/effort.py"):
        shutil.copy(ROOT / name, WORK / name)
    args = f"  -k\n  {chosen_tests}" if chosen_tests else ""
    lines = ("\n".join(f"  {name}" for name in names) for names in (files, part.tests))
    (WORK / "setup.cfg").write_text(CONFIG.format(files=next(lines), tests=next(lines), args=args), "utf-8")


def listed(part: Part) -> dict[str, str]:
    """Survivors that change nothing: the changed line as mutmut shows it, to the reason."""
    found: dict[str, str] = {}
    line, path = "", ROOT / part.equivalent
    for text in path.read_text("utf-8").splitlines() if path.exists() else ():
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


@cache
def difference(name: str) -> tuple[str, ...]:
    """The rows by which a mutant differs, each with its "-" or "+"."""
    rows = mutmut("show", name).splitlines()
    return tuple(row for row in rows if row[:1] in ("+", "-") and row[:3] not in ("+++", "---"))


def changed(name: str) -> str:
    """The line that a mutant has, as far as its diff shows."""
    return " ".join(row[1:].strip() for row in difference(name) if row[0] == "+")


def verdicts(part: Part, tests: str, children: int) -> dict[str, str]:
    """Every mutant's name and what became of it, see `tools.mutant_forks`; empty when something went wrong."""
    place = WORK / "mutants"
    # With no mutant to try, mutmut writes them all and learns which test reaches which function; then it complains.
    said = mutmut("run", NO_MUTANT)
    if not (place / "mutmut-stats.json").exists():
        sys.stderr.write(said)
        return {}
    words = ["-q", "-p", "tools.mutant_forks", "-p", "no:randomly", "--rootdir=.", "-m", "not broker"]
    words += ["--verdicts", str(WORK / "verdicts.json"), "--forks", str(children), *(["-k", tests] if tests else [])]
    environment = {**os.environ, "PYTHONPATH": f"{place}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run([sys.executable, "-m", "pytest", *words, *part.tests], cwd=place, env=environment, check=False)
    done = WORK / "verdicts.json"
    found: dict[str, str] = json.loads(done.read_text("utf-8")) if done.exists() else {}
    return found


def run(part: Part, files: list[str], tests: str, children: int) -> bool:
    """Change these files of a part. Whether every mutant was noticed or is listed as equivalent."""
    stage(part, files, tests)
    found, known = verdicts(part, tests, children), listed(part)
    if not found:
        sys.stderr.write("no mutant was tried: see the words above\n")
        return False
    survivors = {name: changed(name) for name, became in found.items() if became in (SURVIVED, NO_TESTS)}
    strange = {name: line for name, line in survivors.items() if line not in known and not same_sql(name)}
    for name, line in strange.items():
        print(f"{name}\n  + {line}")
    for module, count in sorted(Counter(name.rsplit(".", 1)[0] for name in found).items()):
        alive = [name for name in strange if name.startswith(f"{module}.")]
        same = [name for name in survivors if name not in strange and name.startswith(f"{module}.")]
        short = module.removeprefix("agent.")
        print(f"{short:18} {count:5} mutants, {len(alive):3} unnoticed, {len(same):3} equivalent")
    gone = set(known) - set(survivors.values()) if files == part.files() and not tests else set()
    for line in sorted(gone):
        print(f"listed as equivalent, and no mutant is so any more:\n  + {line}")
    return not strange and not gone


def same_sql(name: str) -> bool:
    """Whether a mutant only writes words of SQL in another case: SQLite reads them in either."""
    old, new = ("".join(row[1:] for row in difference(name) if row[0] == sign) for sign in "-+")
    return old.lower() == new.lower() and SQL.search(old) is not None


def main() -> int:
    """0: every mutant was noticed or is listed as equivalent; 1: some were not, or a list names what is gone.

    The latter only where all files of a part were asked for: of some alone nobody can tell.
    """
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("files", nargs="*", help="such as interlock.py, session.py or store/sqlite.py; default: all")
    parser.add_argument("--children", type=int, default=2, help="processes at a time; default: 2")
    parser.add_argument("--tests", default="", help="only tests that match this, as pytest's -k: sooner, and stricter")
    arguments = parser.parse_args()
    parts = wanted(arguments.files)
    if not parts:
        sys.stderr.write(f"no such file: {' '.join(arguments.files)}\n")
        return 1
    good = [run(part, files, arguments.tests, arguments.children) for part, files in parts]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
