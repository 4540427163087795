"""Hands every row of the log of who did what to this machine's syslog, in order, while the hub serves.

The place it has come to is kept in the database, so a restored copy goes on where that copy was. A row is noted as sent
only after syslog has read it: a hub that is killed in between sends a few again, which their numbers tell, and never
leaves one out. Each new way into the socket begins with the row that was sent last: a reader that died may have had it
in its hands. Whatever waits stands in the database; nothing is gathered in memory.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hub.port import Change
from hub.runtime.syslog import ANSWER_S, BATCH, PACE_S, LocalSyslog, line_of
from hub.store.db import open_reader

log = logging.getLogger(__name__)

EVERY_S = 1.0
RETRY_S = (2.0, 5.0, 15.0, 60.0)
_META = "audit_syslog"


@dataclass(frozen=True, slots=True)
class Place:
    """The newest row that syslog has taken."""

    target: str
    """The socket's path."""
    id: int = 0
    hash: str = ""

    def note(self, db: sqlite3.Connection) -> Change:
        """Keep it. Works within the caller's transaction; nobody has to be told."""
        db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_META, json.dumps({"target": self.target, "id": self.id, "hash": self.hash})),
        )
        return Change()


def place_of(db: sqlite3.Connection, target: str) -> Place:
    """How far this socket has come; another one than last time begins with the oldest row."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (_META,)).fetchone()
    try:
        found = Place(**json.loads(row[0])) if row else Place(target)
    except (ValueError, TypeError):
        found = Place(target)
    return found if found.target == target else Place(target)


class Forwarder:
    """A thread that sends what is new. `note` writes in the hub's one writer; it may raise, and is asked again."""

    def __init__(self, path: Path, target: str, note: Callable[[Place], None]) -> None:
        self._path, self._name, self._note = path, target, note
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-syslog", daemon=True)
        self._db: sqlite3.Connection | None = None
        self._place = Place(target)
        self._syslog: LocalSyslog | None = None
        self._failures = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the rows at hand."""
        self._over.set()
        self._thread.join(ANSWER_S + 2)

    @property
    def reached(self) -> str:
        """`yes`, or `no` while rows wait because nobody reads the socket."""
        return "no" if self._failures else "yes"

    def _run(self) -> None:
        pause_s = 0.0
        while not self._over.wait(pause_s):
            pause_s = self._turn()
        self._hang_up()
        if self._db is not None:
            self._db.close()

    def _turn(self) -> float:
        """Send a batch; gives the seconds until the next look."""
        try:
            more = self._some()
        except (OSError, sqlite3.Error, ValueError, OverflowError) as error:
            self._hang_up()
            if not self._failures:
                log.warning("the log of who did what does not reach %s, its rows wait here: %s", self._name, error)
            self._failures += 1
            return RETRY_S[min(self._failures, len(RETRY_S)) - 1]
        if self._failures:
            log.info("the log of who did what reaches %s again", self._name)
            self._failures = 0
        return PACE_S if more else EVERY_S

    def _some(self) -> bool:
        """Send one batch. False: there is no more."""
        if self._db is None:
            self._db = open_reader(self._path)
            self._place = place_of(self._db, self._name)
        self._begin_anew_if_forked(self._db)
        rows = self._db.execute(
            "SELECT id, at_s, by, what, detail, prev, hash FROM audit WHERE id > ? AND hash <> '' ORDER BY id LIMIT ?",
            (self._place.id if self._syslog else self._place.id - 1, BATCH),
        ).fetchall()
        if not rows:
            return False
        if self._syslog is None:
            self._syslog = LocalSyslog(self._name)
        self._syslog.send([line_of(row) for row in rows])
        place = Place(self._name, int(rows[-1]["id"]), str(rows[-1]["hash"]))
        if place != self._place:
            self._place = place
            self._keep_place()
        return len(rows) == BATCH

    def _keep_place(self) -> None:
        try:
            self._note(self._place)
        except (RuntimeError, sqlite3.Error) as error:  # a disk that is full: what was sent is sent all the same
            log.warning("the place in the log of who did what is not kept, rows may be sent again: %s", error)

    def _begin_anew_if_forked(self, db: sqlite3.Connection) -> None:
        """A log that has not the row which was sent last is another one: it is sent whole, and its hashes tell."""
        here = self._place
        if not here.id:
            return
        row = db.execute("SELECT hash FROM audit WHERE id = ?", (here.id,)).fetchone()
        pruned = db.execute("SELECT 1 FROM audit_anchors WHERE id >= ?", (here.id,)).fetchone()
        if (row is None and pruned) or (row is not None and row[0] == here.hash):
            return
        log.warning("row %d of the log of who did what is not the one that was sent: all rows are sent again", here.id)
        self._place = Place(self._name)

    def _hang_up(self) -> None:
        if self._syslog is not None:
            self._syslog.close()
            self._syslog = None
