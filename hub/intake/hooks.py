"""What the writer and the rest of the hub say to each other: jobs in, news and numbers out."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hub.intake.apply import Applier
from hub.port import Change

T = TypeVar("T")

Job = Callable[[sqlite3.Connection, Applier, float], tuple[T, Change]]
"""Something to do in a transaction of its own: gets connection, twins and time; gives an answer and the news."""


@dataclass
class Hooks:
    """Whom the writer tells after a commit. Called from its thread; must not block. What they raise is logged."""

    committed: Callable[[Change], None] = lambda _change: None
    acknowledge: Callable[[dict[tuple[str, str], int]], None] = lambda _acks: None
    asked: Callable[[set[str]], None] = lambda _rooms: None
    """Rooms that want a lease. They are answered by somebody else: this thread must not wait for itself."""
    listening_s: Callable[[], float | None] = lambda: None
    """Since when the hub has been hearing the broker without a break; None: it does not."""
    keep_time: Callable[[sqlite3.Connection], Callable[[], None] | None] = lambda _db: None
    """Looks at the clock before anything else, in a transaction; what it gives is called once that is committed."""
    ticks: list[Callable[[sqlite3.Connection, float], Change | None]] = field(default_factory=list)
    """Done once a second, each in a transaction."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """How the writer is, for the health page."""

    queue: int
    ingested: int
    commit_ms: float
    heard: int
    expected: int
    set_aside: int
    last_message_age_s: float | None
    """Since the last one came that was no leftover; None: none since the start."""
    failing: str
    """Why commits fail now; empty: they do not."""


class Call(Generic[T]):
    """One job on its way through the writer's thread, and what became of it."""

    def __init__(self, job: Job[T]) -> None:
        self.job = job
        self.done = threading.Event()
        self.answer: T | None = None
        self.error: BaseException | None = None
        self.given_up = threading.Event()
