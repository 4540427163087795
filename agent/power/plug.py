"""One load on an outlet of the network. Power comes back there too, though the network may fail in the middle.

A cycle's cut tells the outlet, in the same order, to give power back by itself at the cycle's end: the agent, the
switch between them and the network may all die meanwhile. When that moment has passed the agent orders "on" all the
same, and looks until the outlet says so. An outlet's word may lag behind its relay: an "on" that it says before our own
"on" was taken may be from before the cut, and proves nothing. So may one right after it; it is looked at once more.
Whatever fails is tried again by a thread of the plug's own, for as long as it takes: the loop, which feeds the
watchdog, never waits for an outlet.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from agent.core.remedies import OFF_MAX_S
from agent.ports import InTime, LateError, RelayError, Sleep, always
from agent.probes.outlet import Outlet
from agent.transports.errors import LinkFault

log = logging.getLogger(__name__)

ORDER_S = 3.0
"""For one order or look. In a local network an outlet answers within a fraction of a second."""
FLIP_WAIT_S = 4.0
"""So close to its own give-back the outlet is not interfered with: an order at that moment might cross it."""
FLIP_LAG_S = 0.5
"""The outlet's clock and ours, and its relay's movement."""
WORD_LAG_S = 10.0
"""An outlet's word may be this much older than its relay's last movement [J]: some answer from a table that they renew
now and then."""
RETRY_S = (0.5, 30.0)
"""Pause after the first failure, and the longest; doubled in between."""


class Plug:
    """See the module. `cut` and `restore` block, at most about 2 `ORDER_S` and `FLIP_WAIT_S`; `prod` does not."""

    def __init__(
        self,
        load: str,
        outlet: Outlet,
        sleep: Sleep | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._outlet = outlet
        self._closed = threading.Event()
        self._sleep: Callable[[float], object] = sleep or self._closed.wait
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self._want_on = True
        self._is_on = False
        """By its word after our own "on"; a cut makes it doubtful at once."""
        self._given_at_s: float | None = None
        """When it last took our order to give power. None: not since our last cut, which an agent before this one may
        have ordered."""
        self._flips_at_s = float("-inf")
        """Until then the outlet may still change by itself."""
        self._looked_at_s = float("-inf")
        """When it was asked for the word that it gives power."""
        self._fault = ""
        self._worker: threading.Thread | None = None

    def cut(self, give_back_s: float | None, in_time: InTime = always) -> None:
        """Take power. Raises RelayError when it is not sure that the outlet took the order; it may be cut then.

        Raises LateError, and leaves everything as it is, when `in_time` says no: another exchange may have been waited
        for.
        """
        with self._lock:
            if not in_time():
                raise LateError(self._load)
            self._want_on = self._is_on = False
            self._given_at_s, self._fault = None, ""
            timer_s = give_back_s if self._outlet.gives_back else None
            if timer_s is not None:  # before anything is sent: the answer may be lost
                self._flips_at_s = self._monotonic() + ORDER_S + timer_s
            try:
                self._outlet.cut(timer_s, ORDER_S)
            except LinkFault as fault:
                raise RelayError(f"outlet of {self._load}: {fault}") from fault
            if timer_s is not None:
                self._flips_at_s = self._monotonic() + timer_s

    def restore(self) -> None:
        """Give power, and know by the outlet's own word that it is there. Raises RelayError."""
        try:
            with self._lock:
                self._want_on = True
                self._give()
        finally:
            self._work()  # goes on where this failed, and looks again at what it may still do or have said too early

    def prod(self) -> bool:
        """Give power without waiting: True when it is there for good, else a thread works on it until it is."""
        self._want_on = True
        if self._is_on and self._monotonic() >= self._flips_at_s:
            return True
        self._work()
        return False

    @property
    def lit(self) -> bool:
        """Whether the load has power, by the outlet's last word; asks nothing."""
        return self._is_on

    @property
    def fault(self) -> str:
        """Why the load cannot be given the power that it should have; empty while it can. Asks nothing."""
        return self._fault if self._want_on else ""

    def powered(self) -> bool | None:
        """Ask the outlet; None when it does not answer."""
        with self._lock:
            try:
                return self._outlet.look(ORDER_S).on
            except LinkFault:
                return None

    def close(self) -> None:
        """Let go; moves nothing."""
        self._closed.set()
        self._outlet.close()

    # -- the lock is held

    def _give(self) -> None:
        try:
            wait_s = self._flips_at_s - self._monotonic()
            if 0 < wait_s <= FLIP_WAIT_S:
                self._sleep(wait_s + FLIP_LAG_S)
            if self._given_at_s is None or self._given_at_s < self._flips_at_s:
                self._order()
            asked_s, state = self._monotonic(), self._outlet.look(ORDER_S)
            if not state.on:
                self._order()
                asked_s, state = self._monotonic(), self._outlet.look(ORDER_S)
        except LinkFault as fault:
            self._fault = f"outlet of {self._load}: {fault}"
            raise RelayError(self._fault) from fault
        self._is_on = bool(state.on)
        if not state.on:
            self._fault = f"outlet of {self._load}: it was told to give power, and says that it gives none"
            raise RelayError(self._fault)
        self._looked_at_s, self._fault = asked_s, ""
        if state.timer_s is not None:
            self._flips_at_s = max(self._flips_at_s, self._monotonic() + min(state.timer_s, OFF_MAX_S))

    def _order(self) -> None:
        self._outlet.give(ORDER_S)
        self._given_at_s = self._monotonic()

    def _sure_at_s(self) -> float:
        """From when on what the outlet says is its last word: no flip of its own is to come, and no word lags."""
        given_at_s = float("-inf") if self._given_at_s is None else self._given_at_s
        return max(self._flips_at_s + FLIP_LAG_S, given_at_s + WORD_LAG_S)

    # -- the worker

    def _work(self) -> None:
        with self._starting:
            if self._closed.is_set() or (self._worker is not None and self._worker.is_alive()):
                return
            self._worker = threading.Thread(target=self._until_it_is_on, name=f"plug-{self._load}", daemon=True)
            try:
                self._worker.start()
            except RuntimeError as error:  # no thread to be had now: the guard comes back at its next turn
                log.error("no thread for the outlet of %s: %s", self._load, error)
                self._worker = None

    def _until_it_is_on(self) -> None:
        pause_s, told = RETRY_S[0], False
        while not self._closed.is_set() and not self._settled():
            try:
                with self._lock:
                    if self._want_on:  # else it was cut anew, in order
                        self._give()
            except RelayError as error:
                if not told and not self._closed.is_set():
                    log.error("could not give power to %s: %s; trying again", self._load, error)
                told = True
                self._sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_S[1])
                continue
            if told:
                log.warning("%s has power again", self._load)
            pause_s, told = RETRY_S[0], False
            self._sleep(max(0.0, self._sure_at_s() - self._monotonic()))

    def _settled(self) -> bool:
        """Whether the worker has nothing left to do; then whoever has something starts another."""
        with self._starting:
            if self._want_on and not (self._is_on and self._looked_at_s >= self._sure_at_s()):
                return False
            self._worker = None
            return True
