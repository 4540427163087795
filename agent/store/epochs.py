"""The names under which a room's numbers run: the present one, and those from before the card came to another board.

Numbers go on through all of them, so that each is a stretch of the same line. What was said under an earlier name is
still sent, and confirmed, under that name. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Epochs:
    """See the module."""

    present: str
    earlier: Mapping[str, int] = field(default_factory=dict)
    """By name, in order: the last number of each."""

    def __contains__(self, epoch: str) -> bool:
        return epoch == self.present or epoch in self.earlier

    def first(self, epoch: str) -> int:
        """The first number that an epoch can have."""
        before = [last for name, last in self.earlier.items() if name != epoch]
        own = self.earlier.get(epoch)
        return 1 + max((last for last in before if own is None or last < own), default=0)

    def last(self, epoch: str, newest: int) -> int:
        """The last number of an epoch; of the present one the newest of all."""
        return self.earlier.get(epoch, newest)


def read(text: str) -> dict[str, int]:
    """As `written` has kept them; what cannot be read is left out."""
    pairs = (word.partition("=") for word in text.split())
    return {name: int(last) for name, _, last in pairs if last.isascii() and last.isdigit() and len(last) < 17}


def written(earlier: Mapping[str, int]) -> str:
    """As the store keeps them."""
    return " ".join(f"{name}={last}" for name, last in earlier.items())
