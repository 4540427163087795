"""How a bug made by hand is registered, and put into the agent for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from tests.prove.sim.troubles import KINDS

Patch = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug."""

    name: str
    says: str
    patches: Callable[[], list[Patch]]
    often: tuple[str, ...] = ()
    """Troubles that bring it to light: they come more often where it is looked for."""
    real: bool = False
    """Whether it is looked for in rooms that run the agent's own shell."""
    late: bool = False
    """Whether it shows itself only when the troubles are over."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The agent has the bug."""
        made = [mock.patch.object(owner, name, new) for owner, name, new in self.patches()]
        for one in made:
            one.start()
        try:
            yield
        finally:
            for one in reversed(made):
                one.stop()


MUTANTS: dict[str, Mutant] = {}


def mutant(*often: str, real: bool = False, late: bool = False) -> Callable[[Callable[[], list[Patch]]], None]:
    """Register a bug; its docstring says what it is."""

    def register(patches: Callable[[], list[Patch]]) -> None:
        assert set(often) <= set(KINDS), often
        says = " ".join((patches.__doc__ or "").split())
        MUTANTS[patches.__name__] = Mutant(patches.__name__, says, patches, often, real, late)

    return register
