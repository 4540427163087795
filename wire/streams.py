"""What a command says, on whatever it is said: a terminal without Vietnamese letters, a pipe whose reader has gone, or
nothing at all. What a command has done stands by then, so none of these may end it with a traceback."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence


def spoken(main: Callable[[Sequence[str] | None], int], given: Sequence[str] | None = None) -> int:
    """Run a command so that its output cannot end it, and give its exit code."""
    _ready()
    try:
        return main(given)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


class _Patient(io.RawIOBase):
    """A descriptor whose reader may go: what is written then is thrown away."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._gone = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        if not self._gone:
            try:
                return os.write(self._number, view)
            except BrokenPipeError:
                self._gone = True
        return view.nbytes


def _ready() -> None:
    """Have letters that the terminal does not know written as `\\u1ed1`, and what nobody reads thrown away."""
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: `>&-`
            # By its number too, or the next file that is opened would be written into by a stray print.
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
        if number and (stream is None or (stream is getattr(sys, f"__{name}__") and _number(stream) == number)):
            encoding = stream.encoding if stream is not None else "utf-8"
            bytes_out = io.BufferedWriter(_Patient(number))
            at_once = number == 2 or os.isatty(number)
            made = io.TextIOWrapper(bytes_out, encoding, errors="backslashreplace", line_buffering=at_once)
            setattr(sys, name, made)


def _number(stream: io.TextIOWrapper) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # a test's own
        return -1
