"""What a room keeps to itself: whether a secret meeting is on, and the gate before the microphone."""

from __future__ import annotations

import time
from collections.abc import Callable

from agent.core.facts import Instant
from agent.core.secrecy import Secrecy, secrecy
from agent.core.state import RoomState
from agent.core.timelines import seen
from agent.uplink.session import Incoming, Session

HOLD_S = 5.0
"""What the loop said holds for so long: it says so every second. A loop that hangs measures nothing."""


class Discretion:
    """Knows whether the hub has said, since it was last connected, which desired document is in force."""

    def __init__(self) -> None:
        self._told_in = 0

    def heed(self, incoming: Incoming) -> None:
        """Take note of a message. A document that cannot be believed leaves the room not knowing."""
        if incoming.told_in:
            self._told_in = incoming.told_in

    def doubt(self) -> None:
        """A message was lost: it may have been a document."""
        self._told_in = 0

    def secrecy(self, session: Session | None, state: RoomState, now: Instant) -> Secrecy:
        """How it stands now."""
        told = session is not None and session.online and session.connection == self._told_in
        return secrecy(
            state.policy, state.view(now), told=told, times=seen(state.times, now), doubted=state.in_doubt(now),
            quiet_until_s=state.quiet_until_s,
        )  # fmt: skip


def since_boot_s() -> float:
    """Monotonic, and it goes on while the board sleeps: what was said before a sleep is old after it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class MeteringGate:
    """Closed until the loop opens it, and again soon after the loop has stopped saying so. One thread sets it, probes
    ask it."""

    def __init__(self, monotonic: Callable[[], float] = since_boot_s) -> None:
        self._monotonic = monotonic
        self._said: tuple[Secrecy, float] = (Secrecy.UNKNOWN, 0.0)

    def set(self, now: Secrecy) -> None:
        """Say how it stands now."""
        self._said = (now, self._monotonic())

    def closed(self) -> str:
        """Why nothing may be measured just now; empty when it may."""
        said, at_s = self._said
        if said is Secrecy.OPEN and self._monotonic() - at_s > HOLD_S:
            return str(Secrecy.UNKNOWN)
        return "" if said is Secrecy.OPEN else str(said)
