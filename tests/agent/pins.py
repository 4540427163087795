"""A pin factory for tests with real processes: levels are kept in a file, as the Pi's kernel keeps them after a crash.

`tests.agent.run_agent` uses it. Every change is appended to the file named in DIEMCAU_TEST_PINS as a line
`monotonic pin level`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path


def path() -> Path:
    """The file of the changes."""
    return Path(os.environ["DIEMCAU_TEST_PINS"])


def changes(file: Path) -> list[tuple[float, int, int]]:
    """Every change so far: (monotonic seconds, pin, level)."""
    if not file.exists():
        return []
    rows = [line.split() for line in file.read_text("ascii").splitlines()]
    return [(float(at), int(pin), int(level)) for at, pin, level in rows]


def level(file: Path, pin: int) -> int | None:
    """The level a pin was left at, None when it was never driven."""
    return next((lv for _, p, lv in reversed(changes(file)) if p == pin), None)


def note(pin: int, value: int) -> None:
    """Keep a change, at once."""
    with path().open("a", encoding="ascii") as out:
        out.write(f"{time.monotonic()} {pin} {value}\n")
