"""How a promise is registered, and what is happening when it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agent.core.events import StartRemedy
from agent.store.base import Batch

if TYPE_CHECKING:
    from tests.prove.sim.world import World

When = Literal["act", "restart", "relay", "step", "commit", "ack", "end"]

SLACK_S = 3.0
"""Between the true clock and a disciplined one, and for what an act takes to begin."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is happening just now; the fields that belong to it are set."""

    order: StartRemedy | None = None
    call_up_s: float = -1.0
    load: str = ""
    on: bool = False
    batch: Batch | None = None
    seq: int = 0


Check = Callable[["World", Moment], str]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise."""

    name: str
    says: str
    when: When
    check: Check


REGISTERED: dict[str, Invariant] = {}
"""In the order in which Python met them."""


def invariant(when: When) -> Callable[[Check], Check]:
    """Register a promise and the moment at which it is checked."""

    def register(check: Check) -> Check:
        name = check.__name__
        REGISTERED[name] = Invariant(name, " ".join((check.__doc__ or "").split()), when, check)
        return check

    return register


def order_of(moment: Moment) -> StartRemedy:
    """The act that begins."""
    assert moment.order is not None
    return moment.order
