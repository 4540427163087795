"""The probes' threads: each probe looks in its own rhythm, and reports with the moment at which it was asked.

A probe past its deadline is told of as silent, and replaced when it hangs. Those that can rule out a call are asked
apart, in threads of their own: a sweep of many questions may take longer than a witness is good for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.core.events import Observed
from agent.core.facts import NoReading, Observation, Reading
from agent.core.interlock import WITNESSES
from agent.ports import Asked, Clock, Probe, Witness

log = logging.getLogger(__name__)

BREATH_S = 0.1
"""Between two looks of a probe that takes longer than its period."""
ABANDON_S = 30.0
"""A probe this long past its deadline is replaced; its thread ends when, and if, it returns."""
ABANDONED_MAX = 3
"""Threads of one probe that may hang at a time; beyond it the probe rests until one returns."""
ATTEST_S = 5.0
"""A witness answers within this (`agent.ports.Witness`)."""

Put = Callable[[Observed], None]


@dataclass(slots=True)
class Worker:
    """One probe and its thread."""

    probe: Probe
    period_s: float
    kick: threading.Event = field(default_factory=threading.Event)
    looking_since_s: float = 0.0
    """0 while it is not looking."""
    generation: int = 0
    hanging: int = 0
    reported: bool = False
    attesting_since_s: float = 0.0
    """0 while its witness is not being asked."""
    attesting: int = 0
    """Threads in which it is being asked; more than one when it hangs."""


class ProbeThreads:
    """Start them once; `close` lets each end when it returns. `put` takes what they have seen, from any thread."""

    def __init__(self, probes: Sequence[Probe], clock: Clock, put: Put, scale: float) -> None:
        self.workers = [Worker(probe, max(0.1, probe.period_s * scale)) for probe in probes]
        self._clock = clock
        self._put = put
        self._closed = threading.Event()

    def start(self) -> None:
        """Let every probe look from now on."""
        for worker in self.workers:
            self.employ(worker)

    def close(self) -> None:
        """Let go of every probe's line; no thread reports any more."""
        self._closed.set()
        for worker in self.workers:
            worker.generation += 1
            worker.kick.set()
            worker.probe.close()

    def look_now(self) -> None:
        """Let every probe look at once, besides its rhythm."""
        for worker in self.workers:
            worker.kick.set()

    def ask_witnesses(self) -> None:
        """Let those be asked that can rule out a call."""
        for worker in self.workers:
            if isinstance(worker.probe, Witness):
                self._ask_apart(worker, worker.probe)
            elif not WITNESSES.isdisjoint(worker.probe.keys):
                worker.kick.set()

    def overdue(self, now_s: float) -> list[Observed]:
        """Silence of the probes that are past their deadline, each told once; those that hang are replaced."""
        found: list[Observed] = []
        for worker in self.workers:
            since_s = worker.looking_since_s
            if not since_s:
                continue
            late_s = now_s - since_s - worker.probe.deadline_s
            if late_s > 0 and not worker.reported:
                worker.reported = True
                silent = dict.fromkeys(worker.probe.keys, NoReading("timeout"))
                found.append(_observed(worker.probe.name, silent, since_s, now_s))
            if late_s > ABANDON_S and worker.hanging < ABANDONED_MAX:
                log.error("probe %s hangs: its thread is left behind and replaced", worker.probe.name)
                worker.generation += 1
                worker.hanging += 1
                self.employ(worker)
        return found

    def employ(self, worker: Worker) -> None:
        """Give the probe a thread; one that it had before reports nothing more."""
        worker.looking_since_s, worker.reported = 0.0, False
        name = f"probe-{worker.probe.name}"
        threading.Thread(target=self._look, args=(worker, worker.generation), name=name, daemon=True).start()

    def _look(self, worker: Worker, generation: int) -> None:
        """A probe's thread: look, report, wait. It reports nothing more once it has been replaced."""
        began_s = self._clock.now().mono_s
        while worker.generation == generation and not self._closed.is_set():
            worker.kick.clear()
            worker.reported = False
            worker.looking_since_s = asked_s = self._clock.now().mono_s
            readings = _safely(worker.probe.observe, worker.probe.name, worker.probe.keys)
            if worker.generation != generation:
                worker.hanging -= 1
                return
            worker.looking_since_s = 0.0
            if readings:
                self._put(_observed(worker.probe.name, readings, asked_s, self._clock.now().mono_s))
            # A fixed rhythm: looks that take long must not thin out what the rules call fresh (three polls).
            began_s += worker.period_s
            now_s = self._clock.now().mono_s
            if began_s < now_s or (isinstance(readings, Asked) and readings.cut_short):
                began_s = now_s + BREATH_S
            if worker.kick.wait(began_s - now_s):
                began_s = self._clock.now().mono_s

    def _ask_apart(self, worker: Worker, witness: Witness) -> None:
        now_s = self._clock.now().mono_s
        late_s = now_s - worker.attesting_since_s - ATTEST_S if worker.attesting else 0.0
        if late_s > 0:
            worker.kick.set()  # it hangs: a whole look has to say it meanwhile
        if worker.attesting and (late_s <= ABANDON_S or worker.attesting >= ABANDONED_MAX):
            return  # its answer is on its way
        worker.attesting_since_s = now_s
        worker.attesting += 1
        name = f"witness-{worker.probe.name}"
        threading.Thread(target=self._attest, args=(worker, witness), name=name, daemon=True).start()

    def _attest(self, worker: Worker, witness: Witness) -> None:
        asked_s = self._clock.now().mono_s
        keys = [key for key in worker.probe.keys if key in WITNESSES]
        readings = _safely(witness.attest, worker.probe.name, keys)
        worker.attesting -= 1
        if readings and not self._closed.is_set():
            self._put(_observed(worker.probe.name, readings, asked_s, self._clock.now().mono_s))


def _safely(look: Callable[[], Mapping[str, Reading]], name: str, keys: Iterable[str]) -> Mapping[str, Reading]:
    try:
        return look()
    except Exception:
        log.exception("probe %s failed: this is our bug", name)
        return dict.fromkeys(keys, NoReading("bug"))


def _observed(name: str, readings: Mapping[str, Reading], asked_s: float, ended_s: float) -> Observed:
    """A look. What does not say when it was asked counts as asked when the look began."""
    stamps = dict.fromkeys(readings, asked_s)
    if isinstance(readings, Asked):
        stamps |= {key: at_s for key, at_s in readings.asked_s.items() if key in stamps}
    return Observed(Observation(name, dict(readings), stamps, ended_s))
