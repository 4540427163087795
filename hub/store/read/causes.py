"""Which incidents are one thing to handle: one cause, one row, however many rooms it takes down."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

MASS_MIN = 5
"""So many rooms with the same fault at about the same time are one row. The hub groups within a cluster
(`incidents.grp`); this also joins clusters, for a loss of the whole network is still one row."""
MASS_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Sign:
    """What of an incident tells whether it shares a cause. `kind`: only incidents of one kind are ever joined."""

    kind: Hashable
    opened_s: float
    group: str


def by_cause(items: Iterable[T], sign: Callable[[T], Sign]) -> list[list[T]]:
    """The items in lists of one cause each; the order within a list is that in which they were opened."""
    chains: list[list[tuple[Sign, T]]] = []
    last: dict[Hashable, list[tuple[Sign, T]]] = {}
    groups: dict[Hashable, list[tuple[Sign, T]]] = {}
    for mine, item in sorted(((sign(item), item) for item in items), key=lambda pair: pair[0].opened_s):
        chain = groups.get((mine.kind, mine.group)) if mine.group else None
        if chain is None:
            chain = last.get(mine.kind)
            if chain is None or mine.opened_s - chain[-1][0].opened_s > MASS_WITHIN_S:
                chain = []
                chains.append(chain)
            last[mine.kind] = chain
        if mine.group:
            groups[mine.kind, mine.group] = chain
        chain.append((mine, item))
    found: list[list[T]] = []
    for chain in chains:
        if len(chain) >= MASS_MIN:
            found.append([item for _, item in chain])
            continue
        found += _small(chain)
    return found


def _small(chain: list[tuple[Sign, T]]) -> list[list[T]]:
    """A chain too short to be a mass loss: only what the hub itself has grouped stays together."""
    found: dict[str, list[T]] = {}
    alone: list[list[T]] = []
    for mine, item in chain:
        if mine.group:
            found.setdefault(mine.group, []).append(item)
        else:
            alone.append([item])
    return [*found.values(), *alone]
