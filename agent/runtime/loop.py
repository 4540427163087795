"""The loop: many threads look, one thread decides.

Probes block, so each has a thread of its own; what they see goes through one bounded queue. The loop's thread drains
it, steps the engine, commits journal and outbox in one transaction, takes in what has come meanwhile, and only then
hands to the actuators what the interlock still permits. Nothing but this thread feeds the watchdog.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from functools import partial

from agent.core.events import Event, Observed, OrderReceived, RemedyDone, StartRemedy, Tick
from agent.core.facts import Instant, Observation
from agent.core.handover import Handover
from agent.core.interlock import must_hurry, shows_a_call
from agent.core.secrecy import Secrecy
from agent.ports import LATE, Clock, InTime, Probe, always
from agent.power.actuators import Actuators
from agent.runtime.probe_threads import ProbeThreads
from agent.runtime.room import Room
from agent.runtime.snapshots import Samples, Snapshots
from agent.uplink.gate import Discretion, MeteringGate
from agent.uplink.publisher import Publisher
from agent.uplink.session import Session
from wire import messages as m

log = logging.getLogger(__name__)

QUEUE_MAX = 500
TICK_S = 1.0
CONNECTION_EVERY_S = 10.0
"""How often the engine is told anew that the hub is there."""


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
        self._scale = scale = room.time_scale
        self._gate = gate or MeteringGate()
        self._discretion = Discretion()
        self._secrecy = Secrecy.UNKNOWN
        self._online: bool | None = None
        self._online_due_s = 0.0
        self.probes = ProbeThreads(probes, clock, self.put, scale)
        self._held: list[StartRemedy] = []
        """Acts that the journal holds and that wait for a last look."""
        self._call_shown_s = float("-inf")
        """When a look last came that shows a call, whether the loop has taken it in or stands still."""
        self._queue: queue.Queue[Event] = queue.Queue(QUEUE_MAX)
        self._stop = threading.Event()
        self._tick_s = max(0.1, TICK_S * scale)
        self._next_tick_s = 0.0
        self._snapshots = Snapshots(scale)
        self._samples = Samples(scale)

    def put(self, event: Event) -> None:
        """Give the loop an event, from any thread. A full queue drops its oldest reading, and an act's outcome only if
        it holds nothing else."""
        if isinstance(event, Observed) and any(
            shows_a_call(one.readings, self.room.state.policy) for one in event.observations
        ):
            self._call_shown_s = self._clock.now().mono_s
        while True:
            try:
                self._queue.put_nowait(event)
                return
            except queue.Full:
                self._make_room()

    def _make_room(self) -> None:
        kept: list[RemedyDone] = []
        with contextlib.suppress(queue.Empty):  # the loop has taken the rest meanwhile
            while len(kept) < QUEUE_MAX:
                oldest = self._queue.get_nowait()
                if not isinstance(oldest, RemedyDone):
                    self.dropped += isinstance(oldest, Observed)
                    break
                kept.append(oldest)
        if len(kept) == QUEUE_MAX:  # whoever reports must not try for ever; the engine ends such an act by its deadline
            log.error("the queue holds nothing but outcomes: that of act %d is lost, by our bug", kept.pop(0).act_id)
        for event in kept:
            self.put(event)

    def wake(self) -> None:
        """Let the loop take a turn now. With a full queue it has every reason to already."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(Tick())

    def run(self) -> None:
        """Start the probes and turn until `stop`."""
        self.probes.start()
        while not self._stop.is_set():
            self.turn(self._wait())
        self.probes.close()

    def stop(self) -> None:
        """End `run` within a tick. Safe in a signal handler: it takes no lock that the interrupted loop may hold."""
        self._stop.set()

    def finish(self) -> None:
        """Take in what still waits, such as the end of an act, after `run` has ended. Nothing begins any more."""
        now = self._clock.now()
        self._take_in((), now)
        for order in (*self._held, *self.room.commit(now)):
            self.room.feed(RemedyDone(order.act.act_id, ok=False, reason=LATE, proof={"sent": False}), now)
        self._held = []
        self._publish(now)

    def _wait(self) -> list[Event]:
        """The next events, at most until the next tick is due."""
        left_s = self._next_tick_s - self._clock.now().mono_s
        try:
            first = self._queue.get(timeout=max(0.01, min(left_s, self._tick_s)))
        except queue.Empty:
            return []
        return [first, *self._waiting()]

    def _waiting(self) -> list[Event]:
        """What is in the queue now."""
        events: list[Event] = []
        with contextlib.suppress(queue.Empty):
            while len(events) < QUEUE_MAX:
                events.append(self._queue.get_nowait())
        return events

    def turn(self, events: Sequence[Event]) -> None:
        """One round: take in all that waits, step, commit, ask the interlock once more, then act and report."""
        now = self._clock.now()
        self._take_in(events, now)
        if now.mono_s >= self._next_tick_s:
            self._next_tick_s = now.mono_s + self._tick_s
            self._connection(now)
            self.room.feed(Tick(), now)
        self._be_discreet(now)
        self._actuators.guard()
        for record in self._actuators.news():
            self.room.record(record, now)
        self._hand_over()
        if not self._held:  # meanwhile the card is left alone: a write may take longer than a look holds
            self._held = self.room.commit(now)
            self._hand_over()
        self._ask_probes()
        now = self._clock.now()
        self._publish(now)
        if self._publisher is None or self._publisher.alive(now.mono_s):
            self._feed_watchdog()

    def _take_in(self, events: Sequence[Event], now: Instant) -> None:
        """Let everything be known before anything decides: what the hub wants, then all looks together, then the ends
        of acts, and orders last."""
        orders = self._take_incoming(now)
        self._be_discreet(now)
        waiting = [*events, *self._waiting(), *self.probes.overdue(now.mono_s)]
        looks = [event for event in waiting if isinstance(event, Observed)]
        for look in looks:
            self._sample(look, now)
        observations = [one for look in looks for one in look.observations]
        if observations:
            self.room.feed(Observed(observations[0], tuple(observations[1:])), now)
        # A tick that waits has woken the loop, and is not taken in: it would close as unreported what has ended since.
        ends = [event for event in waiting if not isinstance(event, Observed | Tick)]
        for event in (*ends, *orders):
            self.room.feed(event, now)

    def _hand_over(self) -> None:
        """Perform what the journal holds, if the interlock agrees still: the card may have taken a minute."""
        if not self._held:
            return
        now = self._clock.now()
        self._take_in((), now)
        held, self._held = self._held, []
        for order in held:
            handover = self.room.ask_again(order, now)
            if handover is Handover.BEGINS:
                self._actuators.start(order, self._in_time(order, now))
            elif handover is Handover.HELD:
                self._held.append(order)

    def _in_time(self, order: StartRemedy, now: Instant) -> InTime:
        """Until when an act that a call would suffer from may begin, whatever lock or log-in it waits for: for as long
        as a witness is good for, and until any look shows a call. The loop may not get to take that look in."""
        if not must_hurry(order.remedy, order.load):
            return always
        # Locks and log-ins are not compressed, where time is.
        until_s = now.mono_s + self.room.state.policy.guards.witness_s / self._scale
        return lambda: self._clock.now().mono_s <= until_s and self._call_shown_s < now.mono_s

    def _ask_probes(self) -> None:
        if self.room.recheck:
            self.room.recheck = False
            self.probes.look_now()
        if self.room.witnesses:
            self.room.witnesses = False
            self.probes.ask_witnesses()

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

    def _take_incoming(self, now: Instant) -> list[OrderReceived]:
        """Put in force what the hub wants; returns what it orders."""
        orders: list[OrderReceived] = []
        if self._publisher is None:
            return orders
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
                if isinstance(event, OrderReceived):
                    orders.append(event)
                else:
                    self.room.feed(event, now)
        if self._publisher.overflowed:
            self._publisher.overflowed = False
            self._discretion.doubt()
        return orders

    def _sample(self, event: Observed, now: Instant) -> None:
        if self._secrecy is not Secrecy.MEETING:
            self._samples.add(event, now)
        for observation in event.observations:
            synced = observation.readings.get("net.clock_synced")
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


def _reply(command: str, reply: m.Reply, session: Session) -> None:
    session.offer_reply(command, reply)


def _state(state: m.State, session: Session) -> None:
    session.offer_state(state)


def _metrics(batch: m.MetricBatch, session: Session) -> None:
    session.offer_metrics(batch)
