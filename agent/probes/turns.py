"""Whose turn it is to speak with one device: orders and witnesses go before sweeps, and no sweep is starved."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from agent.ports import Asked
from agent.transports.errors import LinkFault

GIVES_WAY_MAX = 2
"""Sweeps in a row that give way; the next is let through, and whoever is in a hurry waits for a sweep at most.

With a sweep every 10 s this keeps what only sweeps tell within three looks, after which the rules call it stale.
"""
TURN_S = 5.0
"""How long a sweep waits for an order that is under way; a probe's deadline leaves 6 s beside its time-outs."""


class InterruptedPoll(Exception):  # noqa: N818 - nobody's error: somebody else has precedence
    """The poll never began, or ends because of `close`."""


class GaveWay(Exception):  # noqa: N818 - as above
    """A poll ends for the sake of an order or a witness: what was answered by now counts."""


class OutOfTime(LinkFault):
    """The caller's time is up; the conversation may be as good as ever, and is where the device was still speaking."""

    def __init__(self, *, lives: bool = False) -> None:
        super().__init__("slow" if lives else "timeout", "no complete answer in time")


def cut_short(found: Asked | None = None) -> Asked:
    """What a sweep that gave way has found; it will be looked again soon."""
    asked = Asked() if found is None else found
    asked.cut_short = True
    return asked


class Turns:
    """One speaks at a time. Used by three threads: the probe's, the witness', and the one that acts."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held = False
        self._urgent = 0
        """Orders and witnesses that wait."""
        self._due = False
        """A sweep waits that must be let through."""
        self._yields = False
        self._left_early = False
        self._gave_way = 0

    @contextlib.contextmanager
    def sweep(self) -> Iterator[None]:
        """A poll's turn. Raises InterruptedPoll when it does not come in time."""
        with self._changed:
            self._due = self._gave_way >= GIVES_WAY_MAX
            free = self._changed.wait_for(lambda: not self._held and (self._due or not self._urgent), TURN_S)
            self._yields, self._due = not self._due, False
            if not free:
                self._gave_way += 1
                self._changed.notify_all()
                raise InterruptedPoll
            self._held = True
        self._left_early = False
        try:
            yield
        finally:
            with self._changed:
                self._gave_way = self._gave_way + 1 if self._left_early else 0
                self._release()

    def leave_early(self) -> None:
        """The sweep whose turn it is ends for the sake of somebody in a hurry."""
        self._left_early = True

    @contextlib.contextmanager
    def urgent(self, timeout_s: float) -> Iterator[bool]:
        """The turn of an order or a witness; False when another one, or a sweep let through, holds it all the time."""
        with self._changed:
            self._urgent += 1
            mine = self._changed.wait_for(lambda: not self._held and not self._due, timeout_s)
            self._urgent -= 1
            self._held = self._held or mine
            self._changed.notify_all()
        try:
            yield mine
        finally:
            if mine:
                with self._changed:
                    self._release()

    @property
    def must_give_way(self) -> bool:
        """Whether whoever speaks is a sweep, and somebody in a hurry waits."""
        return self._yields and self._urgent > 0

    def _release(self) -> None:
        self._held = self._yields = False
        self._changed.notify_all()
