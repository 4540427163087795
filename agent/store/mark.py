"""What must not be forgotten with the journal, in a small file of its own beside it: latches, and the newest restart.

A journal that has lost its end, or all of itself, would otherwise let a load be cycled that waits for a person, or be
restarted again at once. Written when one of the two changes, a few times a day at most.
"""

from __future__ import annotations

import contextlib
import logging
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from agent.core.remedies import LOADS

log = logging.getLogger(__name__)

BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Mark:
    """See the module."""

    act_id: int = 0
    """The newest restart that was journalled in this epoch."""
    latched: frozenset[str] = frozenset()


def path_of(database: Path) -> Path:
    """Where the mark of a journal lies."""
    return database.with_name(f"{database.name}.mark")


def read(path: Path) -> Mark | None:
    """The mark; None when there is none that can be read."""
    try:
        with path.open("rb") as file:
            check, _, body = file.read(BYTES_MAX).decode("ascii").rstrip("\n").partition(" ")
        act_id, *latched = body.split()
        if check != _check(body) or not LOADS.keys() >= set(latched):
            return None
        return Mark(int(act_id), frozenset(latched))
    except (OSError, ValueError):
        return None


def write(path: Path, mark: Mark) -> bool:
    """Keep it, whole or not at all. False, with a word in the log, when the card does not take it."""
    body = " ".join((str(mark.act_id), *sorted(mark.latched)))
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(f"{_check(body)} {body}\n".encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        with contextlib.suppress(OSError):
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error)
        return False
    return True


def _check(body: str) -> str:
    return f"{zlib.crc32(body.encode('ascii')):08x}"
