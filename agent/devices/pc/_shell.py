"""A shell's answers, cut at marks that it is told to echo: whole sections or nothing. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent.devices.lines import LineBuffer

MARK = "diemcau-mark-"
DONE, FAILED = "diemcau-done", "diemcau-failed"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,59}")
"""Of a process, a task or a unit: nothing that a shell could take for more than a word."""
LINES_MAX = 2000


def checked_name(place: str, name: str) -> str:
    """The name, where it is one. Raises ValueError with one sentence."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{place}: {name!r} must be letters, digits and . _ @ - only, without blanks")
    return name


def script(commands: Sequence[str], end: str) -> bytes:
    """Commands with a mark before each and behind the last."""
    lines = [line for number, command in enumerate(commands) for line in (f"echo {MARK}{number}", command)]
    return "".join(line + end for line in (*lines, f"echo {MARK}{len(commands)}")).encode()


class Sections:
    """What arrived between the marks. `whole` is None until the last mark came, and for ever when a line was lost."""

    def __init__(self, count: int) -> None:
        self._lines = LineBuffer()
        self._count = count
        self._at = -1
        self._kept = 0
        self._lost = False
        self._sections: list[list[str]] = [[] for _ in range(count)]

    @property
    def whole(self) -> list[list[str]] | None:
        """The lines of each section."""
        return self._sections if self._at == self._count and not self._lost else None

    @property
    def lost(self) -> bool:
        """Whether the answer is longer than anybody would believe: it will never be whole."""
        return self._lost

    def feed(self, data: bytes) -> None:
        """Take what arrived. Never raises. Marks count only in their order, and only alone on a line."""
        for line in self._lines.feed(data):
            text = line.strip()
            if text == f"{MARK}{self._at + 1}" and self._at < self._count:
                self._at += 1
            elif text and 0 <= self._at < self._count:
                self._kept += 1
                self._lost = self._lost or self._kept > LINES_MAX
                if not self._lost:
                    self._sections[self._at].append(text)
        self._lost = self._lost or self._lines.overruns > 0
