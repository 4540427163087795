"""The loop: many threads look, one thread decides.

Probes block, so each has a thread of its own; what they see goes through one bounded queue. The loop's thread drains
it, steps the engine, commits journal and outbox in one transaction, and only then hands acts to the actuators. Nothing
but this thread feeds the watchdog.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from agent.actuators import Actuators
from agent.core.events import Event, Observed, Tick
from agent.core.facts import Instant, NoReading, Observation
from agent.core.secrecy import Secrecy
from agent.gate import Discretion, MeteringGate
from agent.ports import Clock, Probe
from agent.publisher import Publisher
from agent.room import Room
from agent.session import Session
from agent.snapshots import Samples, Snapshots
from wire import messages as m

log = logging.getLogger(__name__)

QUEUE_MAX = 500
BREATH_S = 0.1
"""Between two looks of a probe that takes longer than its period."""
TICK_S = 1.0
CONNECTION_EVERY_S = 10.0
"""How often the engine is told anew that the hub is there."""
ABANDON_S = 30.0
"""A probe this long past its deadline is replaced; its thread ends when, and if, it returns."""
ABANDONED_MAX = 3
"""Threads of one probe that may hang at a time; beyond it the probe rests until one returns."""


@dataclass(slots=True)
class _Worker:
    """One probe and its thread."""

    probe: Probe
    period_s: float
    kick: threading.Event = field(default_factory=threading.Event)
    looking_since_s: float = 0.0
    """0 while it is not looking."""
    generation: int = 0
    hanging: int = 0
    reported: bool = False


class Loop:
    """Runs until `stop`. `turn` is one round, and can be driven by a test without any thread."""

    def __init__(
        self,
        room: Room,
        probes: Sequence[Probe],
        actuators: Actuators,
        clock: Clock,
        *,
        publisher: Publisher | None = None,
        feed_watchdog: Callable[[], object] = lambda: None,
        on_clock_synced: Callable[[bool], None] = lambda _: None,
        gate: MeteringGate | None = None,
    ) -> None:
        self.room = room
        self.dropped = 0
        """Readings dropped because the queue was full."""
        self._clock = clock
        self._actuators = actuators
        self._publisher = publisher
        self._feed_watchdog = feed_watchdog
        self._on_clock_synced = on_clock_synced
        self._scale = scale = room.state.policy.time_scale
        self._gate = gate or MeteringGate()
        self._discretion = Discretion()
        self._secrecy = Secrecy.UNKNOWN
        self._online: bool | None = None
        self._online_due_s = 0.0
        self._workers = [_Worker(probe, max(0.1, probe.period_s * scale)) for probe in probes]
        self._queue: queue.Queue[Event] = queue.Queue(QUEUE_MAX)
        self._stop = threading.Event()
        self._tick_s = max(0.1, TICK_S * scale)
        self._next_tick_s = 0.0
        self._snapshots = Snapshots(scale)
        self._samples = Samples(scale)

    def put(self, event: Event) -> None:
        """Give the loop an event, from any thread. A full queue drops its oldest reading, never an act's outcome."""
        while True:
            try:
                self._queue.put_nowait(event)
                return
            except queue.Full:
                self._make_room()

    def _make_room(self) -> None:
        kept: list[Event] = []
        try:
            while True:
                oldest = self._queue.get_nowait()
                if isinstance(oldest, Observed):
                    self.dropped += 1
                    break
                kept.append(oldest)
        except queue.Empty:
            log.error("the queue is full of outcomes: this is our bug")
        for event in kept:
            self.put(event)

    def wake(self) -> None:
        """Let the loop take a turn now."""
        self.put(Tick())

    def run(self) -> None:
        """Start the probes and turn until `stop`."""
        for worker in self._workers:
            self._employ(worker)
        while not self._stop.is_set():
            self.turn(self._wait())
        for worker in self._workers:
            worker.generation += 1
            worker.kick.set()
            worker.probe.close()

    def stop(self) -> None:
        """End `run` within a tick. Safe in a signal handler: it takes no lock that the interrupted loop may hold."""
        self._stop.set()

    def finish(self) -> None:
        """One last turn over what still waits, such as the end of an act, after `run` has ended."""
        self.turn(self._wait())

    def _wait(self) -> list[Event]:
        """The next events, at most until the next tick is due."""
        left_s = self._next_tick_s - self._clock.now().mono_s
        events: list[Event] = []
        try:
            events.append(self._queue.get(timeout=max(0.01, min(left_s, self._tick_s))))
            while len(events) < QUEUE_MAX:
                events.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        return events

    def turn(self, events: Sequence[Event]) -> None:
        """One round: step, commit, then act and report."""
        now = self._clock.now()
        self._take_incoming(now)
        self._be_discreet(now)
        for event in events:
            if isinstance(event, Observed):
                self._sample(event, now)
            self.room.feed(event, now)
        if now.mono_s >= self._next_tick_s:
            self._next_tick_s = now.mono_s + self._tick_s
            self._overdue(now)
            self._connection(now)
            self.room.feed(Tick(), now)
        self._be_discreet(now)
        self._actuators.guard()
        for record in self._actuators.news():
            self.room.record(record, now)
        for order in self.room.commit(now):
            self._actuators.start(order)
        if self.room.recheck:
            self.room.recheck = False
            for worker in self._workers:
                worker.kick.set()
        self._publish(now)
        if self._publisher is None or self._publisher.alive(now.mono_s):
            self._feed_watchdog()

    def _be_discreet(self, now: Instant) -> None:
        """Open or close the gate before the microphone, by the schedule as it is known at this moment."""
        session = self._publisher.session if self._publisher is not None else None
        self._secrecy = self._discretion.secrecy(session, self.room.state, now)
        self._gate.set(self._secrecy)

    def _connection(self, now: Instant) -> None:
        """Let the engine know whether the hub can be asked: at once when that changes, else now and then."""
        online = self._publisher is not None and self._publisher.session.online
        if online != self._online or now.mono_s >= self._online_due_s:
            self._online, self._online_due_s = online, now.mono_s + CONNECTION_EVERY_S * self._scale
            self.room.feed(Observed(Observation("hub", {"hub.session": online})), now)

    def _take_incoming(self, now: Instant) -> None:
        if self._publisher is None:
            return
        while True:
            try:
                incoming = self._publisher.inbox.get_nowait()
            except queue.Empty:
                break
            self._discretion.heed(incoming)
            for key, value in incoming.meta.items():
                self.room.remember_meta(key, value)
            for record in incoming.records:
                log.warning("%s: %s %s", record.kind, record.reason, dict(record.detail))
                self.room.record(record, now)
            for event in incoming.events:
                self.room.feed(event, now)
        if self._publisher.overflowed:
            self._publisher.overflowed = False
            self._discretion.doubt()

    def _sample(self, event: Observed, now: Instant) -> None:
        if self._secrecy is not Secrecy.MEETING:
            self._samples.add(event, now)
        synced = event.observation.readings.get("net.clock_synced")
        if isinstance(synced, bool):
            self._on_clock_synced(synced)

    def _publish(self, now: Instant) -> None:
        publisher = self._publisher
        if publisher is None:
            return
        while self.room.replies:
            command, reply = self.room.replies.popleft()
            publisher.offer(partial(_reply, command, reply))
        state = self._snapshots.due(self.room, now, self._secrecy)
        if state is not None:
            publisher.offer(partial(_state, state))
        batch = self._samples.due(self.room.who, now)
        if batch is not None:
            publisher.offer(partial(_metrics, batch))

    def _overdue(self, now: Instant) -> None:
        """Report probes that are past their deadline, and replace those that hang."""
        for worker in self._workers:
            if not worker.looking_since_s:
                continue
            late_s = now.mono_s - worker.looking_since_s - worker.probe.deadline_s
            if late_s > 0 and not worker.reported:
                worker.reported = True
                silent = dict.fromkeys(worker.probe.keys, NoReading("timeout"))
                self.room.feed(Observed(Observation(worker.probe.name, silent)), now)
            if late_s > ABANDON_S and worker.hanging < ABANDONED_MAX:
                log.error("probe %s hangs: its thread is left behind and replaced", worker.probe.name)
                worker.generation += 1
                worker.hanging += 1
                self._employ(worker)

    def _employ(self, worker: _Worker) -> None:
        worker.looking_since_s, worker.reported = 0.0, False
        name = f"probe-{worker.probe.name}"
        threading.Thread(target=self._look, args=(worker, worker.generation), name=name, daemon=True).start()

    def _look(self, worker: _Worker, generation: int) -> None:
        """A probe's thread: look, report, wait. It reports nothing more once it has been replaced."""
        began_s = self._clock.now().mono_s
        while worker.generation == generation and not self._stop.is_set():
            worker.kick.clear()
            worker.reported = False
            worker.looking_since_s = self._clock.now().mono_s
            try:
                readings = dict(worker.probe.observe())
            except Exception:
                log.exception("probe %s failed: this is our bug", worker.probe.name)
                readings = dict.fromkeys(worker.probe.keys, NoReading("bug"))
            if worker.generation != generation:
                worker.hanging -= 1
                return
            worker.looking_since_s = 0.0
            if readings:
                self.put(Observed(Observation(worker.probe.name, readings)))
            # A fixed rhythm: looks that take long must not thin out what the rules call fresh (three polls).
            began_s += worker.period_s
            now_s = self._clock.now().mono_s
            if began_s < now_s:
                began_s = now_s + BREATH_S
            if worker.kick.wait(began_s - now_s):
                began_s = self._clock.now().mono_s


def _reply(command: str, reply: m.Reply, session: Session) -> None:
    session.offer_reply(command, reply)


def _state(state: m.State, session: Session) -> None:
    session.offer_state(state)


def _metrics(batch: m.MetricBatch, session: Session) -> None:
    session.offer_metrics(batch)
