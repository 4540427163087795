"""A discrete-event clock: what happens next, and a trace of what has happened."""

from __future__ import annotations

import hashlib
import heapq
from collections import deque
from collections.abc import Callable

from tests.prove.sim.crash import Crash, Vanished

TRACE_KEPT = 400


class Timeline:
    """True seconds since the beginning. Whoever dies in what happens is told to `die`."""

    def __init__(self, end_s: float) -> None:
        self.now_s = 0.0
        self.end_s = end_s
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._hash = hashlib.sha256()
        self.trace: deque[str] = deque(maxlen=TRACE_KEPT)

    def die(self, mode: str, why: str) -> None:
        """The agent is gone."""
        raise NotImplementedError

    def push(self, after_s: float, do: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        self._number += 1
        heapq.heappush(self._heap, (self.now_s + after_s, self._number, do))

    def go_on(self, until_s: float, while_true: Callable[[], bool]) -> None:
        """Let everything happen up to a moment, as long as this holds."""
        while self._heap and self._heap[0][0] <= until_s and while_true():
            self.now_s, _, do = heapq.heappop(self._heap)
            self.attempt(do)

    def attempt(self, do: Callable[[], None]) -> None:
        """Do it; the agent may die of it, or have died meanwhile."""
        try:
            do()
        except Crash as crash:
            self.die(crash.mode, crash.boundary)
        except Vanished:
            pass

    def note(self, line: str) -> None:
        """One line of the trace, which the hash covers."""
        text = f"{self.now_s:.3f} {line}"
        self._hash.update(text.encode() + b"\n")
        self.trace.append(text)

    @property
    def trace_hash(self) -> str:
        """Of everything that has happened."""
        return self._hash.hexdigest()
