"""What stands in for the store when the card cannot be written at start: the room is watched, nothing is switched.

An act needs a journal that outlives a crash, or a load could stay off with nobody knowing. So intents are refused
(`no_journal`); events are kept in memory under an epoch of their own and reach the hub while the agent lives.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from pathlib import Path

from agent.store.base import Batch, Store, StoreError
from agent.store.memory import MemoryStore
from agent.store.place import writable
from agent.store.sqlite import SqliteStore

log = logging.getLogger(__name__)


class UnwrittenStore(MemoryStore):
    """Implements `Store`, and takes no intent."""

    durable = False

    def __init__(self, why: str) -> None:
        """`why` is what the technician is told at every refused act."""
        super().__init__(secrets.token_hex(6))
        self.why = why

    def commit(self, batch: Batch) -> None:
        """Keep the batch in memory. Raises StoreError when it holds an intent."""
        if batch.begun:
            raise StoreError(self.why)
        super().commit(batch)


def open_store(path: Path, board: str = "") -> Store:
    """The store in this file, or what stands in for it when the card cannot be written. Raises nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteStore(path, board)
    except (StoreError, OSError, sqlite3.Error) as error:
        log.error("%s; the room is watched, and nothing will be switched", error)
        return UnwrittenStore(str(error))


def mended(path: Path) -> bool:
    """Whether a start would find a journal now. Tried on a file beside it first, to leave a bad card in peace."""
    if not writable(path.parent):
        return False
    try:
        SqliteStore(path).close()
    except (StoreError, OSError, sqlite3.Error):
        return False
    return True
