"""What the loop keeps: journal, open faults and outbox. Two stores implement it, one contract suite tests both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agent.core.events import PastAct
from agent.core.facts import Instant
from agent.core.state import Fault

OUTBOX_BYTES_MAX = 64 * 2**20
"""Beyond this the oldest events are dropped, and counted: half a year of an ordinary room, so that one that was cut off
for a season, by a flood or a landslide, still tells all of it. None is dropped for its age: a clock that is ten years
ahead for an hour would make all of them old."""
KEPT_BYTES_MAX = 2 * 2**20
"""Acknowledged events that are kept all the same, the newest: a hub that was brought back from an older copy has lost
them. Some 3,000 events, weeks of an ordinary room; a copy is made every night."""
METRICS_MAX = 2000
"""Metric batches kept while the hub is away: about a day and a half at one a minute."""
ACTS_KEPT = 2000
"""Acts in the journal, the newest: weeks of every budget. Not by their age: the wall clock of a room may step by days,
and what it forgot then would be allowed again."""
COMMANDS_KEPT = 64
LOST = "lost"
"""Small value that a new journal holds when the one before could not be read, until a room has taken note of it."""
ACKED = "acked"
"""Small value: up to which number the hub has committed."""
DOUBTED = "doubted"
"""Small value: loads whose acts could not be read, `*` for all, until a room has taken note of it."""
UNSENT = "unsent"
"""Outcome of an order that certainly never reached its device: it uses up no limit, after a restart neither."""


class StoreError(Exception):
    """The journal could not be written: nothing may be switched. The text is one sentence for the technician."""


@dataclass(frozen=True, slots=True)
class ActRow:
    """The intent of one act, as journalled before it begins."""

    act_id: int
    remedy: str
    load: str
    method: str
    mono_s: float
    wall_s: float
    synced: bool
    boot: str
    fault: str = ""
    command: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class LoadRow:
    """How one load stands, beside its acts; see `agent.core.state.LoadState`."""

    off: bool = False
    shed: bool = False
    latched: bool = False
    boot_s: float = 0.0


def latched_in(loads: Mapping[str, LoadRow]) -> frozenset[str]:
    """Those that wait for a person."""
    return frozenset(load for load, row in loads.items() if row.latched)


@dataclass(slots=True)
class Batch:
    """Everything of one turn of the loop, committed in one transaction."""

    events: list[tuple[int, bytes]] = field(default_factory=list)
    """(seq, encoded event), seq from `reserve_seq`."""
    begun: list[ActRow] = field(default_factory=list)
    begun_late: list[tuple[int, Instant]] = field(default_factory=list)
    """(act id, when it began): acts that began noticeably after their intent was written."""
    ended: list[tuple[int, str]] = field(default_factory=list)
    """(act id, outcome)."""
    faults: dict[str, Fault | None] = field(default_factory=dict)
    """By rule: the open fault to keep, or None to forget it."""
    loads: dict[str, LoadRow] = field(default_factory=dict)
    """By load: those that stand otherwise than before."""
    meta: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        kept = (self.events, self.begun, self.begun_late, self.ended, self.faults, self.loads, self.meta)
        return any(kept)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a store remembers when the agent starts."""

    open_acts: tuple[PastAct, ...] = ()
    past_acts: tuple[PastAct, ...] = ()
    open_faults: tuple[Fault, ...] = ()
    loads: Mapping[str, LoadRow] = field(default_factory=dict)
    """By load, in the order of their names."""
    meta: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    """What there was before this start could not be read: nobody knows what was restarted lately."""
    doubted: frozenset[str] = frozenset()
    """Loads of which acts could not be read, `*` for all: they are given power, and their hour counts as used."""

    @property
    def used(self) -> bool:
        """Whether a room has worked with this journal: each writes its boot with its first words."""
        return bool(self.loads or "boot" in self.meta or self.open_acts or self.past_acts)

    def doubts(self, load: str) -> bool:
        """Whether it is not known what was done to this load lately."""
        return self.lost or load in self.doubted or "*" in self.doubted


class Store(Protocol):
    """Safe to call from several threads. Everything but `commit` may be called while the hub is away or back."""

    epoch: str
    """New with every new file and every other board, so that numbers are never used twice."""
    earlier: dict[str, int]
    """Epochs of this file from before it came to another board, in order, with the last number of each."""
    durable: bool
    """Whether what it keeps outlives the agent. Without that no intent is taken, and so nothing is switched."""
    dropped: int
    """Events and metric batches dropped because a bound was reached, in this epoch."""

    def remember(self, boot: str) -> Memory:
        """What was known when the agent ended; `boot` tells acts of this boot from older ones."""
        ...

    def reserve_seq(self) -> int:
        """The next event's number. Numbers rise and have gaps; the hub closes one by the floor of what follows."""
        ...

    def commit(self, batch: Batch) -> None:
        """Keep the batch, all or nothing, durably. Raises StoreError."""
        ...

    def outbox(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Unacknowledged events above this seq, oldest first; those that are only kept are not among them."""
        ...

    def discard(self, seq: int) -> None:
        """Forget an event that cannot be read, and count it as dropped."""
        ...

    def floor(self) -> int:
        """Lowest unacknowledged seq; the next one when there is none."""
        ...

    def pending(self) -> int:
        """How many events are unacknowledged."""
        ...

    def ack(self, seq: int) -> bool:
        """Note that the hub has committed every event up to this seq. They are kept all the same, to KEPT_BYTES_MAX.

        False when the card did not take it: they stay unacknowledged.
        """
        ...

    def newest(self) -> int:
        """Highest seq that was committed, 0 before the first."""
        ...

    surely: int | None
    """Up to which number the hub has everything under its signature; None: no hub has ever said so. What lies above is
    not forgotten for an acknowledgement alone, which anybody who holds the broker can forge, but for want of room."""

    def rewind(self, meta: dict[str, str], to: int = 0) -> bool:
        """Make what is kept above `to` unacknowledged again, for a hub that has not got it, and keep `meta` with that.

        False when the card did not take it, and nothing has changed.
        """
        ...

    def keep_metrics(self, batches: list[bytes]) -> None:
        """Keep metric batches for later; the oldest are dropped beyond METRICS_MAX."""
        ...

    def take_metric(self) -> bytes | None:
        """The newest kept batch, removed; None when there is none."""
        ...

    def close(self) -> None: ...
