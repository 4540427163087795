"""Finds the message that ends the program, and has it left out: a broker sends what was not confirmed for ever.

A hub that has ended badly takes in one message at a time for a while, and names it in a small file before it looks at
it. One that stands there after two further deaths is taken for the cause. A cut of power or a kill between two messages
accuses nobody, and a kill that hits the same message twice within its fraction of a millisecond is not to be expected.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from pathlib import Path

from hub.intake.link import Received

log = logging.getLogger(__name__)

MARK, DEATHS = "intake.mark", "intake.deaths"
DEATHS_MAX = 2
CAREFUL_S = 300.0
"""How long after a bad end: a broker hands out what it holds within seconds."""
_NOBODY = b"-" * 32
_KEPT = 100


def fingerprint(message: Received) -> str:
    """Of topic and payload."""
    return hashlib.sha256(message.topic.encode("utf-8", "replace") + b"\x00" + message.payload).hexdigest()[:32]


class Suspects:
    """Used by the thread that writes. A folder that cannot be written makes it blind, and stops nothing."""

    def __init__(self, folder: Path) -> None:
        self._mark, self._book = folder / MARK, folder / DEATHS
        self._deaths: dict[str, int] = {}
        self._file = -1
        self._until_s = 0.0

    def open(self) -> None:
        """Begin; count the death that was."""
        try:
            before = self._mark.read_bytes() if self._mark.exists() else None
            if self._book.exists():
                self._deaths = _read(self._book)
            if before is not None:
                self._until_s = time.monotonic() + CAREFUL_S
                if len(before) == len(_NOBODY) and before != _NOBODY:
                    name = before.decode("ascii", "replace")
                    self._deaths[name] = self._deaths.get(name, 0) + 1
                    log.error("the hub ended over message %s, for time %d", name, self._deaths[name])
                    fresh = self._book.with_suffix(".new")
                    fresh.write_text(json.dumps(dict(list(self._deaths.items())[-_KEPT:])), "utf-8")
                    fresh.replace(self._book)
            self._file = os.open(self._mark, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.pwrite(self._file, _NOBODY, 0)
        except OSError as error:
            log.error("a message that ends the hub could not be found out: %s", error)

    @property
    def careful(self) -> bool:
        """Whether one message is to be taken in at a time."""
        return time.monotonic() < self._until_s

    def begin(self, message: Received) -> bool:
        """Name the message that is looked at next. False: it has ended the hub twice."""
        name = fingerprint(message)
        if self._deaths.get(name, 0) >= DEATHS_MAX:
            return False
        self._write(name.encode("ascii"))
        return True

    def end(self) -> None:
        """The message was looked at."""
        self._write(_NOBODY)

    def close(self) -> None:
        """The hub ends well."""
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.close(self._file)
                self._mark.unlink()
            self._file = -1

    def _write(self, name: bytes) -> None:
        if self._file >= 0:
            with contextlib.suppress(OSError):
                os.pwrite(self._file, name, 0)


def _read(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError:
        return {}
    return {str(k): v for k, v in found.items() if isinstance(v, int)} if isinstance(found, dict) else {}
