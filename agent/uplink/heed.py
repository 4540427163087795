"""What a room makes of the hub's signed word on how far it has the room's events. Pure.

An acknowledgement is not signed. Whoever holds the broker can forge one, and can say in `fleet` that another database
speaks. The desired document is signed: where it says less than the room believes to be known, the room was lied to, or
the hub has lost what it had.
"""

from __future__ import annotations

from dataclasses import dataclass

from wire.messages import Has

SURELY = "surely"
"""Small value of the store: up to which number the hub has everything, under its signature."""


@dataclass(frozen=True, slots=True)
class Heeded:
    """What follows from it."""

    surely: int
    meta: dict[str, str]
    """What must be kept."""
    rewind: bool
    """Whether everything above `surely` is to be sent again."""


def heeded(has: Has | None, *, epoch: str, first: int, mark: int, hub: str) -> Heeded | None:
    """`epoch` is the room's, `first` its first number, `mark` the highest number that the room believes to be known,
    `hub` the epoch of the hub's database as the room knows it. None: nothing was said of this epoch."""
    if has is None or has.epoch != epoch:
        return None
    surely = max(has.seq, first - 1)
    meta = {SURELY: str(surely)} | ({"hub_epoch": has.hub} if has.hub != hub else {})
    return Heeded(surely, meta, rewind=surely < mark)


def surely_of(meta: dict[str, str]) -> int | None:
    """What was kept of it."""
    kept = meta.get(SURELY, "")
    return int(kept) if kept.isascii() and kept.isdigit() else None
