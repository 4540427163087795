"""What a demonstration says: a line a language, and what has to stay in sight as the last thing on the screen."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from typing import TextIO

_UP_AND_CLEAR = "\x1b[{}F\x1b[J"


class Screen:
    """Words for people: each in Vietnamese, and in English on the next line. Used from one thread."""

    def __init__(self, out: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds; a line tells how many have passed since now."""
        self._out = out
        self._clock = clock
        self._began_s = clock()
        self._pinned: list[str] = []

    def say(self, vi: str, en: str) -> None:
        """One thing. Beneath what is pinned it would push that away: so it stands above, or, where the output is no
        terminal and nothing can be moved, it is left out."""
        passed = f"[{self._clock() - self._began_s:5.1f} s] "
        lines = [passed + vi, " " * len(passed) + en]
        if not self._pinned:
            self._write(lines)
        elif self._redraws:
            self._out.write(_UP_AND_CLEAR.format(len(self._pinned)))
            self._write(lines + self._pinned)

    def pin(self, lines: Sequence[str]) -> None:
        """From now on these are the last lines."""
        self._pinned = list(lines)
        self._write(self._pinned)

    def release(self) -> None:
        """What is pinned stays where it is, and no longer has to be the last."""
        self._pinned = []

    @property
    def _redraws(self) -> bool:
        """Only lines that the terminal has not broken can be counted, and gone back over."""
        columns, rows = shutil.get_terminal_size()
        fits = max(map(len, self._pinned)) < columns and len(self._pinned) < rows
        return self._out.isatty() and fits

    def _write(self, lines: Sequence[str]) -> None:
        self._out.write("".join(f"{line}\n" for line in lines))
        self._out.flush()
