"""What the outlets of a network have in common: smart plugs and switched power strips. Pure.

An outlet is asked for its state, told to give power, and told to take it. A `cut` for a cycle carries the time after
which the outlet gives power back **by itself**, so that a load does not stay dark when the room's agent, the network or
the switch between them dies in the middle.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from agent.core.exchange import HttpReply, HttpRequest
from agent.core.facts import NoReading


@dataclass(frozen=True, slots=True)
class OutletState:
    """What an outlet says of itself; None where it says nothing."""

    on: bool | None = None
    draw_w: float | None = None
    voltage_v: float | None = None
    frequency_hz: float | None = None
    timer_s: float | None = None
    """Within this time it will change by itself, as it says: its own give-back is still to come."""


class Rest(enum.Enum):
    """What an outlet does when nobody gives it an order: when its own power comes back, and afterwards."""

    ON = "gives power, whatever was before, and leaves it"
    DARK = "may stay dark"
    MOVES = "gives or takes power by a timer of its own"
    LOCKED = "is on and takes no order"
    UNSAID = "does not say"


class WebOutlet(Protocol):
    """The dialect of an outlet with a web interface: which requests to make, and what the replies say."""

    asking_ends_a_cut: bool
    """Whether any request to the device, about whichever of its outlets, makes it give back at once what it was told to
    cut for a while: then nothing may be asked meanwhile."""

    def look(self) -> tuple[HttpRequest, ...]:
        """Ask for its state; what the replies say is put together by `state`."""
        ...

    def give(self) -> HttpRequest:
        """Give power, and leave it on."""
        ...

    def cut(self, give_back_s: float | None) -> HttpRequest:
        """Take power; None: for good, for loads that may stay off."""
        ...

    def state(self, replies: tuple[HttpReply, ...]) -> OutletState | NoReading:
        """What the replies to `look` say; never raises."""
        ...

    def refusal(self, reply: HttpReply) -> str:
        """Why an order was not taken: a reason as in `NoReading`, empty when it was."""
        ...

    def rest(self) -> tuple[HttpRequest, ...]:
        """Ask what the outlet does by itself; what the replies say is put together by `rests`."""
        ...

    def rests(self, replies: tuple[HttpReply, ...]) -> Rest:
        """What the replies to `rest` say; never raises."""
        ...


def fed(value: object) -> float | None:
    """A voltage or a frequency of the mains that feeds the outlet itself: since it answers, it is not zero."""
    return real(value) or None


def real(value: object) -> float | None:
    """A number out of JSON; flags, texts and what is not finite are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        made = float(value)
    except OverflowError:
        return None
    return made if abs(made) < float("inf") else None


def magnitude(value: float | None) -> float | None:
    """A draw without its sign."""
    return None if value is None else abs(value)
