"""Performs what the interlock has permitted and the journal holds. Power comes back, whatever happens in between."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from agent.core.events import Record, RecordKind, RemedyDone, StartRemedy
from agent.core.facts import Value
from agent.core.remedies import OFF_MAX_S, Load, Method
from agent.ports import LATE, Effector, InTime, LateError, Outcome, RelayError, Relays, Sleep, always

log = logging.getLogger(__name__)

RESTORE_FOR_S = 12.0
"""So long the act's own thread goes on trying, longer than an outlet's word lags behind its relay; then the guard."""
RESTORE_PAUSE_S = 0.5
REPORT_WAIT_S = 2.0
METER_LAG_S = 2.0
"""A meter's value is an average over its last second: what it says this soon after the cut may be from before."""
GUARD_MARGIN_S = 2.0
"""The guard steps in when a load stays off this much longer than its cycle should have lasted."""
DARK_TOLD_AFTER_S = 30.0
"""A load that cannot be given power for so long is told of: after an outage switch and outlet boot first [J]."""


class Actuators:
    """One act a load at a time, each in a thread of its own that ends with the act."""

    def __init__(
        self,
        relays: Relays | None,
        effectors: Sequence[Effector],
        report: Callable[[RemedyDone], None],
        draw_w: Callable[[str, float], float | None] = lambda _load, _since_s: None,
        sleep: Sleep = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._relays = relays
        self._effectors = {name: effector for effector in effectors for name in effector.remedies}
        self._report = report
        self._draw_w = draw_w
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._off_until_s: dict[str, float] = {}
        self._busy: set[str] = set()
        self._told: set[str] = set()
        self._unreported: set[int] = set()
        self._dark_since_s: dict[str, float] = {}
        self._dark_told: set[str] = set()
        self._stopping = threading.Event()

    def start(self, order: StartRemedy, in_time: InTime = always) -> None:
        """Begin the act. Its end is reported as a RemedyDone, exactly once; a staged one is the engine's own to end.

        `in_time` is asked in the act's own thread, at its beginning and right before anything is sent or moves. On its
        no the act ends as `LATE`, with nothing done.
        """
        if order.remedy.method is Method.STAGED:
            return
        with self._lock:
            taken = order.load.name in self._busy
            if not taken:
                self._busy.add(order.load.name)
                self._unreported.add(order.act.act_id)
        if taken:  # the engine never does this; if it did, two acts on one load would be worse than a refusal
            self._report(RemedyDone(order.act.act_id, ok=False, reason="load_busy"))
            return
        name = f"act-{order.act.act_id}"
        threading.Thread(target=self._perform, args=(order, in_time), name=name, daemon=True).start()

    def _perform(self, order: StartRemedy, in_time: InTime) -> None:
        def begins() -> bool:
            """Whoever waits for a lock when the agent ends would cut with nobody left to give the power back."""
            return not self._stopping.is_set() and in_time()

        try:
            outcome = self._outcome(order, begins) if begins() else _late()
        except LateError:
            outcome = _late()
        except Exception as error:  # an act that raises still has to be closed
            log.exception("act %d failed in a way that is our bug", order.act.act_id)
            outcome = Outcome(ok=False, reason="bug", proof={"error": str(error)[:100]})
        with self._lock:
            self._busy.discard(order.load.name)
        self._report(RemedyDone(order.act.act_id, outcome.ok, outcome.reason, outcome.proof))
        with self._lock:
            self._unreported.discard(order.act.act_id)

    def _outcome(self, order: StartRemedy, in_time: InTime) -> Outcome:
        remedy, load = order.remedy, order.load
        if remedy.method is Method.API:
            effector = self._effectors.get(remedy.name)
            return effector.perform(remedy.name, in_time) if effector else Outcome(ok=False, reason="not_fitted")
        if self._relays is None or load.name not in self._relays.names:
            return Outcome(ok=False, reason="not_fitted")
        try:
            if remedy.method is Method.CYCLE:
                return self._cycle(self._relays, load, in_time)
            if remedy.method is Method.ON:
                self._relays.restore(load.name)
            else:
                self._relays.cut(load.name, in_time=in_time)
        except RelayError as error:
            return Outcome(ok=False, reason="relay", proof={"error": str(error)[:100]})
        return Outcome(ok=True, proof=_known(powered=self._relays.powered(load.name)))

    def _cycle(self, relays: Relays, load: Load, in_time: InTime) -> Outcome:
        off_s = min(load.off_s, OFF_MAX_S)
        proof: dict[str, Value] = _known(draw_before_w=self._draw_w(load.name, float("-inf")))
        began_s, late = self._monotonic(), False

        def begins() -> bool:
            """The last question before the cut, and so the moment from which the load may be dark."""
            nonlocal began_s, late
            late = not in_time()
            if not late:
                began_s = self._monotonic()
                with self._lock:
                    self._off_until_s[load.name] = began_s + off_s
            return not late

        try:
            relays.cut(load.name, off_s, begins)
            powered = relays.powered(load.name)
            proof |= _known(line_cut=None if powered is None else not powered)
            end_s = began_s + off_s
            while (left_s := end_s - self._monotonic()) > 0 and not self._stopping.is_set():
                self._sleep(min(left_s, 0.5))
            proof |= _known(draw_off_w=self._draw_w(load.name, began_s + METER_LAG_S))
        finally:
            restored = not late and self._restore(relays, load.name)
            if restored:  # otherwise the guard goes on trying for as long as it takes
                with self._lock:
                    self._off_until_s.pop(load.name, None)
        proof["off_s"] = round(self._monotonic() - began_s, 1)
        proof["line_restored"] = restored
        return Outcome(ok=restored, reason="" if restored else "relay", proof=proof)

    def _restore(self, relays: Relays, load: str) -> bool:
        until_s, number = self._monotonic() + RESTORE_FOR_S, 1
        while True:
            try:
                relays.restore(load)
            except RelayError as error:
                if number == 1:
                    log.error("could not give power back to %s: %s; trying again", load, error)
            else:
                if number > 1:
                    log.error("%s has power again, at try %d", load, number)
                return True
            if self._monotonic() >= until_s:
                return False
            self._sleep(RESTORE_PAUSE_S)
            number += 1

    def guard(self) -> list[str]:
        """Re-power every load that stays off beyond its bound; called by the loop, which is not the act's own thread.

        One try a call: the loop must not stand still over a broken line or an outlet that does not answer. Returns the
        loads that have power again.
        """
        now_s = self._monotonic()
        with self._lock:
            late = [load for load, until_s in self._off_until_s.items() if now_s > until_s + GUARD_MARGIN_S]
        return [load for load in late if self._rescue(load)]

    def _rescue(self, load: str) -> bool:
        try:
            if self._relays is not None and not self._relays.prod(load):
                return False
        except RelayError as error:
            if load not in self._told:
                log.error("%s is without power beyond its bound, and its relay fails: %s", load, error)
                self._told.add(load)
            return False
        log.error("%s stayed without power beyond its bound: it has been given back", load)
        self._told.discard(load)
        with self._lock:
            self._off_until_s.pop(load, None)
        return True

    def news(self) -> list[Record]:
        """What there is to tell since the last call, by the loop: a load that cannot be given power, and its end."""
        now_s, faults = self._monotonic(), self._relays.faults() if self._relays is not None else {}
        told = [self._lit(load, now_s) for load in sorted(self._dark_since_s.keys() - faults.keys())]
        for load, why in sorted(faults.items()):
            since_s = self._dark_since_s.setdefault(load, now_s)
            if load not in self._dark_told and now_s - since_s >= DARK_TOLD_AFTER_S:
                self._dark_told.add(load)
                told.append(Record(RecordKind.POWER_MISSING, load=load, detail={"error": why[:100]}))
        return [record for record in told if record is not None]

    def _lit(self, load: str, now_s: float) -> Record | None:
        dark_s = round(now_s - self._dark_since_s.pop(load))
        if load not in self._dark_told:
            return None
        self._dark_told.discard(load)
        return Record(RecordKind.POWER_BACK, load=load, detail={"after_s": dark_s})

    def close(self, wait_s: float = 6.0) -> None:
        """End every cycle now, by giving power back, and wait until that has been reported; at most `wait_s`.

        An order to a device may take longer than a goodbye has time for: it is waited for only `REPORT_WAIT_S`.
        """
        self._stopping.set()
        began_s = self._monotonic()
        while (waited_s := self._monotonic() - began_s) < wait_s:
            with self._lock:
                off, unreported = bool(self._off_until_s), bool(self._unreported)
            if not off and (not unreported or waited_s >= REPORT_WAIT_S):
                return
            self._sleep(0.05)


def _late() -> Outcome:
    return Outcome(ok=False, reason=LATE, proof={"sent": False})


def _known(**values: Value | None) -> dict[str, Value]:
    return {key: value for key, value in values.items() if value is not None}
