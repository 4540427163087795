"""A process that writes the audit log from two connections until it is killed. Says `on` after its first row."""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
from pathlib import Path

from hub.access.auth import Sessions
from hub.store import audit
from hub.store.db import open_db, transaction

PAUSE_S = 0.004
"""Between two rows, as the hub's writer pauses between commits: SQLite hands its lock to whoever asks first."""


def _write(db: sqlite3.Connection) -> None:
    pause = threading.Event()
    for number in range(10**9):
        with transaction(db):
            db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('last', ?)", (str(number),))
            audit.append(db, time.time(), "máy ghi", "wrote", {"number": number})
        pause.wait(PAUSE_S)


def main(path: Path) -> None:
    """Write for ever."""
    db, sessions = open_db(path), Sessions(path, time.time)
    threading.Thread(target=_write, args=(db,), daemon=True).start()
    for number in range(10**9):
        sessions.audit("trang", "login_failed", {"number": str(number)})
        if number == 0:
            sys.stdout.write("on\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
