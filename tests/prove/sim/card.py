"""The real store on a card that a power cut leaves half written.

SQLite in WAL mode with `synchronous=FULL` flushes a commit before it returns. So what a power cut may leave of a
commit under way is any part of the sectors it was writing; a card that lies about flushing may lose more, and that is
tried apart (`lose_tail`).
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

from agent.store.base import Batch, StoreError
from agent.store.sqlite import SqliteStore
from tests.prove.sim.crash import POWER, Crash

SECTOR_BYTES = 512
AWAY = "away"
"""While a file of this name lies beside the database, the card does not answer."""
Files = dict[str, bytes]


def files_of(path: Path) -> Files:
    """Database and log as they are on the card now."""
    parts = {suffix: path.with_name(path.name + suffix) for suffix in ("", "-wal")}
    return {suffix: part.read_bytes() for suffix, part in parts.items() if part.exists()}


def leave(path: Path, files: Files) -> None:
    """Make the card hold just this. The index of the log is memory, and gone."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    for suffix, content in files.items():
        path.with_name(path.name + suffix).write_bytes(content)


class SimStore(SqliteStore):
    """`agent.store.sqlite.SqliteStore`, with places to crash and an account of what was committed."""

    def __init__(self, path: Path, *board: str) -> None:
        if path.with_name(AWAY).exists():
            raise StoreError("the card does not answer")
        super().__init__(path, *board)
        self.crash_at: Callable[[str], str] = lambda _boundary: ""
        self.on_commit: Callable[[Batch], None] = lambda _batch: None
        self.on_ack: Callable[[int], None] = lambda _seq: None
        self.before_tear: Files | None = None
        self.stall: Callable[[Batch], object] = lambda _batch: None
        """Called while a commit is under way: a card that is slow lets time go on."""

    def cross(self, boundary: str) -> None:
        """One boundary. Raises Crash."""
        mode = self.crash_at(boundary)
        if mode:
            raise Crash(boundary, mode)

    def commit(self, batch: Batch) -> None:
        """Commit, with the crashes before, in and after it."""
        self.cross("commit.before")
        torn = self.crash_at("commit.torn")
        before = files_of(self.path) if torn else {}
        with self._lock:
            self.stall(batch)
            super().commit(batch)
        if torn:
            self.before_tear = before
            raise Crash("commit.torn", POWER)
        self.on_commit(batch)
        self.cross("commit.after")

    def ack(self, seq: int) -> bool:
        """Forget events, with the crashes around it."""
        self.cross("ack.before")
        self.on_ack(seq)
        taken = super().ack(seq)
        self.cross("ack.after")
        return taken

    def held(self) -> set[int]:
        """The numbers of all events on the card, acknowledged or not."""
        return {seq for (seq,) in self._db.execute("SELECT seq FROM outbox")}

    def _flushes(self) -> bool:
        """Whether SQLite is told to flush each commit (`PRAGMA synchronous` FULL or more)."""
        with contextlib.suppress(Exception):
            return int(self._db.execute("PRAGMA synchronous").fetchone()[0]) >= 2
        return True

    def fail(self, broken: bool) -> None:
        """Let every write fail from now on, or no longer, as a card that has become read-only does."""
        with contextlib.suppress(Exception):
            self._db.execute(f"PRAGMA query_only={int(broken)}")

    def die(self, dice: random.Random, *, power: bool = True) -> None:
        """End without closing: the files stay as a kill or a power cut leaves them."""
        files = files_of(self.path)
        if power and not self._flushes():  # the log lay in the kernel's memory, since its last checkpoint
            log = files.get("-wal", b"")
            files["-wal"] = log[: dice.randint(0, len(log))]
        if self.before_tear is not None:
            files = torn(self.before_tear, files, dice)
        with contextlib.suppress(Exception):
            self._db.close()
        leave(self.path, files)


def torn(before: Files, after: Files, dice: random.Random) -> Files:
    """What a power cut during the commit may leave: first the log is written and flushed, then the database."""
    if dice.random() < 0.7:  # the log is under way
        return {"": before.get("", b""), "-wal": _mixed(before.get("-wal", b""), after.get("-wal", b""), dice)}
    return {"": _mixed(before.get("", b""), after.get("", b""), dice), "-wal": after.get("-wal", b"")}


def _mixed(old: bytes, new: bytes, dice: random.Random) -> bytes:
    """Any subset of the changed sectors, cut at any byte of what was added."""
    made = bytearray(old.ljust(len(new), b"\0")) if dice.random() < 0.5 else bytearray(old)
    for at in range(0, len(new), SECTOR_BYTES):
        fresh = new[at : at + SECTOR_BYTES]
        if old[at : at + SECTOR_BYTES] != fresh and dice.random() < 0.5:
            if len(made) < at:
                made.extend(b"\0" * (at - len(made)))
            made[at : at + len(fresh)] = fresh
    if len(made) > len(old):
        del made[dice.randint(len(old), len(made)) :]
    return bytes(made)


def lose_tail(path: Path, dice: random.Random) -> str:
    """What a card that lies about flushing may do: cut the log at any byte, or garble its end. Says what it did."""
    log = path.with_name(path.name + "-wal")
    content = log.read_bytes() if log.exists() else b""
    if not content:
        return ""
    at = dice.randrange(len(content))
    if dice.random() < 0.5:
        log.write_bytes(content[:at])
        return f"log cut at byte {at} of {len(content)}"
    log.write_bytes(content[:at] + dice.randbytes(len(content) - at))
    return f"log garbled from byte {at} of {len(content)}"


def ruin(path: Path, dice: random.Random) -> None:
    """A database that cannot be read at all."""
    leave(path, {"": dice.randbytes(4096 * 3)})
