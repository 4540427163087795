"""Whether a database's file is still where it was opened, and a fresh copy for the place where it is not."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path


def identity(path: Path) -> tuple[int, int] | None:
    """What tells this file from another one of the same name; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def writable(folder: Path) -> bool:
    """Whether a file of one page can be written and flushed there. Leaves nothing behind."""
    probe = folder / ".writable"
    try:
        with probe.open("wb") as out:
            out.write(b"x" * 4096)
            out.flush()
            os.fsync(out.fileno())
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return True


def copied(db: sqlite3.Connection, path: Path) -> Path:
    """All that an open database holds, flushed to a file beside the place. Raises OSError and sqlite3.Error."""
    fresh = path.with_name(f"{path.name}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(fresh)) as target:
        db.backup(target)
    with fresh.open("rb") as written:
        os.fsync(written.fileno())
    return fresh
