"""What the loop needs of the outside world, as small interfaces. Shells implement them; tests and rooms of the
simulator implement them too, and pass the same contract suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from agent.core.facts import Instant, Reading, Value


class Clock(Protocol):
    """Time comes in as a parameter, so that no test has to sleep."""

    def now(self) -> Instant:
        """The present moment."""
        ...


class Asked(dict[str, Reading]):
    """Readings of many questions, each with the moment at which its own question was sent.

    What a slow line answers at the end of a sweep may be 8 s younger than the sweep's beginning. A plain mapping counts
    as asked when the look began, which is never too late.
    """

    asked_s: dict[str, float]
    """By fact, on the clock of `agent.transports.clock`; a fact that is not here was asked when the look began."""
    cut_short = False
    """It gave way to what was urgent, and left out what was not answered by then: it is to look again soon."""

    def __init__(self, readings: Mapping[str, Reading] | None = None, asked_s: Mapping[str, float] | None = None):
        super().__init__(readings or {})
        self.asked_s = dict(asked_s or {})


class Probe(Protocol):
    """Something that looks at one device or one part of the room. Runs in a thread of its own."""

    name: str
    """Source of its observations, e.g. `codec`."""
    keys: tuple[str, ...]
    """Every fact it can report: what it cannot report in time becomes `NoReading("timeout")`."""
    period_s: float
    deadline_s: float
    """`observe` returns within this; the loop reports a time-out for it otherwise and goes on without it."""

    def observe(self) -> Mapping[str, Reading]:
        """Look once. Blocks at most `deadline_s`. Never raises for a fault of device or link: that is a NoReading."""
        ...

    def close(self) -> None:
        """Let go of sockets and lines. May be called from another thread, more than once."""
        ...


@runtime_checkable
class Witness(Protocol):
    """A probe that can be asked for its word on a call alone, without the sweep of its other questions."""

    def attest(self) -> Mapping[str, Reading]:
        """Ask whether a call is up, and nothing else; called in a thread of its own while `observe` may run.

        A sweep under way gives way, and leaves out what it has not been answered. Blocks at most 5 s. Never raises.
        """
        ...


InTime = Callable[[], bool]
"""Whether what was permitted may still be done. Asked in the last moment before bytes are sent or a contact moves: a
lock may have been waited for meanwhile, and a call have begun."""


def always() -> bool:
    """For acts that nobody has to look again for."""
    return True


LATE = "late"
"""Reason of an act that was not begun because `InTime` said no: nothing was sent, and it uses up no budget."""

BUSY = "busy"
"""Reason of an act for which the line to its device was not free in time: nothing was sent, no budget is used up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an act ended. `reason` is empty when it worked; `proof` holds what was measured meanwhile."""

    ok: bool
    reason: str = ""
    proof: Mapping[str, Value] = field(default_factory=dict)


class Effector(Protocol):
    """What performs API remedies of one device: `codec_restart`, `codec_wake`."""

    remedies: frozenset[str]

    def perform(self, remedy: str, in_time: InTime = always) -> Outcome:
        """Send the order and wait for the device's word that it was taken. Blocks at most 20 s. Never raises.

        `in_time` is asked right before the order's first byte. On False nothing is sent, and the outcome is `LATE` with
        `sent: False`; the conversation that was opened for it is kept for the next try.
        """
        ...


class Relays(Protocol):
    """What switches the room's loads. `cut` and `restore` speak of the load's power, whatever the contact and the pin's
    level. Lines of the board answer at once; an outlet of the network may take seconds, or never answer."""

    names: frozenset[str]

    def cut(self, load: str, give_back_s: float | None = None, in_time: InTime = always) -> None:
        """Take power from the load. Raises RelayError when it cannot be driven: then it may be cut all the same.

        `in_time` is asked right before; on False nothing moves, and LateError is raised.

        `give_back_s`: this is a cycle, and what can give power back by itself does so after that time.
        """
        ...

    def restore(self, load: str) -> None:
        """Give power to the load, and know that it has it. Idempotent; raises RelayError."""
        ...

    def prod(self, load: str) -> bool:
        """Give power to the load without waiting. True: it has it; False: it is being worked on, until it has.

        Raises RelayError when a line of the board cannot be driven.
        """
        ...

    def powered(self, load: str) -> bool | None:
        """True when the load gets power, by what drives it; None when that does not answer."""
        ...

    def faults(self) -> Mapping[str, str]:
        """Why which load cannot be given the power that it should have. Asks nothing, and waits for nothing."""
        ...

    def close(self) -> None:
        """Let go without moving a contact."""
        ...


class LateError(Exception):
    """`InTime` said no: the load was not touched."""


class RelayError(Exception):
    """The relay's line could not be driven. The text is one sentence for the technician."""


Sleep = Callable[[float], None]
