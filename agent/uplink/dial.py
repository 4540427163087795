"""One try to reach the broker, in a thread of its own: a resolver may hang for minutes, in a call that nothing can end.

Whoever waits goes round meanwhile, so that the watchdog hears that it is there. A try that takes too long is left
behind, and brought to nothing should it succeed after all; of those there are a bounded number.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from agent.ports import Clock

log = logging.getLogger(__name__)

DIAL_S = 120.0
"""Longest wait for one try: a look-up that first asks a dead server takes tens of seconds, each of the broker's
addresses ten."""
HANGING_MAX = 4
"""Tries that are left behind at the same time. With so many nothing new is tried until one of them has ended."""
ROUND_S = 0.2


class DialError(OSError):
    """Nothing came of it. One sentence."""


class Line(Protocol):
    """What is connected."""

    def give_up(self) -> None:
        """Let a try that still goes on come to nothing."""
        ...


class Dialler:
    """Called from one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._hanging = 0
        self._stuck_since_s: float | None = None

    def dial(self, line: Line, connect: Callable[[], object], goes_on: Callable[[], bool]) -> None:
        """Run `connect`, and ask `goes_on` a few times a second whether it is still wanted.

        Raises what `connect` raises, and DialError when it was left behind or not even begun.
        """
        if self._hanging >= HANGING_MAX:
            if self._stuck_since_s is None:
                self._stuck_since_s = self._clock.now().mono_s
                log.error("the look-up of the broker's name, or the way to it, has hung %d times", HANGING_MAX)
            raise DialError("earlier tries still hang")
        self._stuck_since_s = None
        one = _Try()
        threading.Thread(target=self._run, args=(one, connect), name="dial", daemon=True).start()
        until_s = self._clock.now().mono_s + DIAL_S
        while not one.over.wait(ROUND_S):
            if goes_on() and self._clock.now().mono_s < until_s:
                continue
            with self._lock:
                if one.ended:
                    break
                one.left = True
                self._hanging += 1
            line.give_up()
            raise DialError(f"the look-up of its name, or the way to it, took over {DIAL_S:.0f} s")
        if one.error is not None:
            raise one.error

    def _run(self, one: _Try, connect: Callable[[], object]) -> None:
        try:
            connect()
        except Exception as error:
            one.error = error
        with self._lock:
            one.ended = True
            self._hanging -= one.left
        one.over.set()

    def stuck_s(self) -> float:
        """For how long nothing could be tried, since all tries hang; 0: something can."""
        if self._stuck_since_s is None or self._hanging < HANGING_MAX:
            return 0.0
        return self._clock.now().mono_s - self._stuck_since_s


class _Try:
    def __init__(self) -> None:
        self.over = threading.Event()
        self.error: Exception | None = None
        self.ended = self.left = False
