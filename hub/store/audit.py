"""The log of who did what: append-only, each row bound to the one before by SHA-256.

`append` is the only function that writes it, within the transaction of the change it tells of. A row's hash is that of
the hash before it, a line feed, and the row as canonical JSON (RFC 8785's order of keys, no blanks, UTF-8). Whoever
changes, inserts or removes a row breaks the chain from there on; whoever cuts off its end is found out by a head that
was noted elsewhere: in the hub's own log once a day, and by `diemcau-hub audit head`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

GENESIS = "0" * 64
"""What the first row follows."""
DAY_S = 86_400.0
KEEP_S = 5 * 365 * DAY_S
"""Older rows may be let go; the office's own rules decide, this is the default of `audit prune`."""
_COLUMNS = "id, at_s, by, what, detail, prev, hash"


class NotInTransactionError(RuntimeError):
    """A row was to be written apart from the change it tells of: a defect of ours."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row: its number and hash. Number 0: there is none."""

    id: int
    hash: str

    def __str__(self) -> str:
        return f"{self.id}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look through the whole chain found."""

    rows: int
    head: Head
    broken: int = 0
    """Number of the first row that does not fit; 0: all fit."""
    why: str = ""
    """`changed`, `forked`, `missing` or `cut`; empty: all fit."""

    @property
    def ok(self) -> bool:
        """Whether nothing was changed, inserted or removed."""
        return not self.broken


def append(db: sqlite3.Connection, at_s: float, by: str, what: str, detail: dict[str, Any]) -> None:
    """Write one row. Raises NotInTransactionError outside of a transaction, which must have begun as a writing one."""
    if not db.in_transaction:
        raise NotInTransactionError(what)
    before = head(db)
    text = json.dumps(detail, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace").decode()
    by = by.encode("utf-8", "replace").decode()
    number = before.id + 1
    db.execute(
        f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (number, float(at_s), by, what, text, before.hash, row_hash(before.hash, number, at_s, by, what, text)),
    )


def row_hash(prev: str, number: int, at_s: float, by: str, what: str, detail: str) -> str:
    """The hash of one row, 64 hex digits."""
    row = {"id": number, "at_s": float(at_s), "by": by, "what": what, "detail": detail}
    canonical = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{prev}\n{canonical}".encode("utf-8", "replace")).hexdigest()


def head(db: sqlite3.Connection) -> Head:
    """The newest row of the chain."""
    row = db.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    row = row or db.execute("SELECT id, hash FROM audit_anchors ORDER BY id DESC LIMIT 1").fetchone()
    return Head(int(row[0]), str(row[1])) if row else Head(0, GENESIS)


def verify(db: sqlite3.Connection, expected: Head | None = None) -> Verdict:
    """Look through the whole chain. `expected`: a head that was noted before and must still be in it."""
    db.execute("BEGIN")  # one moment of the file, however long this takes
    try:
        return _verify(db, expected)
    finally:
        db.execute("ROLLBACK")


def _verify(db: sqlite3.Connection, expected: Head | None) -> Verdict:
    anchor = db.execute("SELECT id, hash FROM audit_anchors ORDER BY id DESC LIMIT 1").fetchone()
    last = Head(int(anchor[0]), str(anchor[1])) if anchor else Head(0, GENESIS)
    count, seen = 0, expected is None or expected.id <= last.id
    for row in db.execute(f"SELECT {_COLUMNS} FROM audit WHERE id > ? ORDER BY id", (last.id,)):  # noqa: S608
        number = int(row[0])
        if number != last.id + 1:
            return Verdict(count, last, last.id + 1, "missing")
        if row[5] != last.hash:
            return Verdict(count, last, number, "forked")
        if row[6] != row_hash(last.hash, *row[:5]):
            return Verdict(count, last, number, "changed")
        last, count = Head(number, row[6]), count + 1
        if expected is not None and number == expected.id:
            if row[6] != expected.hash:
                return Verdict(count, last, number, "changed")
            seen = True
    return Verdict(count, last) if seen else Verdict(count, last, last.id + 1, "cut")


def prune(db: sqlite3.Connection, before_s: float, now_s: float) -> int:
    """Let go of the rows older than a moment, and keep the hash that the rest begins at. Gives how many.

    Works within the caller's transaction. The newest row always stays. The letting go is itself a row.
    """
    newest = head(db)
    keep = db.execute("SELECT MIN(id) FROM audit WHERE at_s >= ? OR id = ?", (before_s, newest.id)).fetchone()[0]
    last = db.execute("SELECT id, hash FROM audit WHERE id < ? ORDER BY id DESC LIMIT 1", (keep,)).fetchone()
    if last is None:
        return 0
    db.execute("INSERT INTO audit_anchors (id, hash, at_s) VALUES (?, ?, ?)", (last[0], last[1], now_s))
    gone = db.execute("DELETE FROM audit WHERE id <= ?", (last[0],)).rowcount
    append(db, now_s, "hub", "audit_pruned", {"rows": gone, "up_to": last[0], "hash": last[1]})
    return gone


def rows(db: sqlite3.Connection, after: int = 0) -> Iterator[sqlite3.Row]:
    """Every row after a number, oldest first."""
    yield from db.execute(f"SELECT {_COLUMNS} FROM audit WHERE id > ? ORDER BY id", (after,))  # noqa: S608


class HeadLogger:
    """A timer of the writer: says the head in the hub's own log once a day, where the database's owner cannot reach."""

    def __init__(self) -> None:
        self._said_s: float | None = None

    def __call__(self, db: sqlite3.Connection, now_s: float) -> None:
        """Say it when a day has passed. Works within the caller's transaction."""
        if self._said_s is None or not 0 <= now_s - self._said_s < DAY_S:
            self._said_s = now_s
            log.info("audit log: newest row %s", head(db))
