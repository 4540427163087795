"""States and signals in one table: what every life in the engine has, and what it may not do."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeVar

State = TypeVar("State", bound=enum.StrEnum)
Signal = TypeVar("Signal", bound=enum.StrEnum)


class ImpossibleTransitionError(AssertionError):
    """Our bug, never a device's: the engine asked for a transition that the table does not have."""


def following(table: Mapping[tuple[State, Signal], State], state: State, signal: Signal) -> State:
    """The state after the signal. Raises ImpossibleTransitionError where the table has none."""
    try:
        return table[state, signal]
    except KeyError:
        raise ImpossibleTransitionError(f"{signal} in {state}") from None


def drawing(table: Mapping[tuple[State, Signal], State], first: State) -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {first}"]
    lines += [f"    {source} --> {target}: {signal}" for (source, signal), target in table.items()]
    return "\n".join(lines)
