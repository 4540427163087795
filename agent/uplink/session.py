"""What a room says to its hub, and when; what it makes of the answers. Pure but for the store: no socket, no thread.

The publisher of a real room and the many light rooms of the simulator use the same session over their own connection.
An event leaves the outbox only when the hub has acknowledged its commit; a PUBACK means no more than that a broker has
taken it (mqtt facts). Commands and desired documents are checked here, before the engine hears of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

import msgspec

from agent.core.events import OrderReceived, Record, RecordKind
from agent.core.facts import Instant
from agent.store.base import Store
from agent.store.epochs import Epochs
from agent.uplink import desired as documents
from agent.uplink import report
from agent.uplink.heed import SURELY, heeded
from agent.uplink.messages import DOUBTED as DOUBTED
from agent.uplink.messages import Batches
from agent.uplink.messages import Incoming as Incoming
from agent.uplink.messages import Outgoing as Outgoing
from agent.uplink.noise import Noise
from agent.uplink.trust import Trust, unconfirmed
from wire import bounds
from wire import messages as m
from wire.envelope import Kind
from wire.topics import FLEET, KEYS, BadTopicError, Leaf, Topic, room_filter

WINDOW = 100
"""Events in flight, unacknowledged by the hub."""
RESEND_S = 30.0
"""Without any progress of the hub's acknowledgements for this long, everything unacknowledged is sent again."""
REWIND_EVERY_S = 600.0
"""A hub that names a new database makes everything kept due again at most this often, whoever says so."""
NONCE_S = 60.0
NONCE_GOOD_S = 120.0
"""A command must name a nonce issued at most this long ago, by the monotonic clock."""
FLOOR = "desired_floor"
"""Small value of the store: below which version no desired document is taken, whatever has become of the clock."""


class Session:
    """One room's side of the conversation. Called from one thread."""

    def __init__(
        self,
        who: report.Identity,
        store: Store,
        new_nonce: Callable[[], str],
        *,
        trust: Trust | None = None,
        counter: int = 0,
        desired_version: int = 0,
        desired_floor: int = 0,
        hub_epoch: str = "",
    ) -> None:
        self.who = who
        self.store = store
        self.epochs = Epochs(who.epoch, store.earlier)
        self.counter = counter
        self.desired_version = desired_version
        self._desired_floor = desired_floor
        """The version before one that was ahead of it by more than any clock may be wrong and nobody notice."""
        self.hub_epoch = hub_epoch
        self.rate_per_s = 20.0
        self.connection = 0
        self.online = False
        self.metrics = Batches(store, self.topic(Leaf.METRIC))
        self._new_nonce = new_nonce
        self.trust = trust or Trust()
        self._nonces: deque[tuple[str, float]] = deque(maxlen=4)
        self._sent = 0
        self._progress_s = 0.0
        self._acked = 0
        self._rewound_s = float("-inf")
        self._hub_says = ""
        self._state: bytes | None = None
        self._state_due = False
        self._replies: deque[Outgoing] = deque(maxlen=200)
        self._unread = b""
        """The newest desired document by a key that is not known yet."""
        self._early: tuple[int, bytes] | None = None
        """The newest desired document, with its version, that came from the future, by the clock of that moment."""
        self._noise = Noise()
        self._allowance = 0.0
        self._allowed_at_s = 0.0

    def topic(self, leaf: Leaf, ident: str = "") -> str:
        """This room's topic."""
        return str(Topic(self.who.room, leaf, ident))

    def subscriptions(self) -> tuple[str, ...]:
        """What to subscribe to, QoS 1, after every connect."""
        base = room_filter(self.who.room)
        return (KEYS, f"{base}/{Leaf.DESIRED}", f"{base}/{Leaf.COMMAND}/+", f"{base}/{Leaf.ACK}", FLEET)

    def last_will(self, now: Instant) -> Outgoing:
        """The will to hand to the broker when connecting: it only speeds up what the hub's own timer finds out."""
        status = m.Status(
            stamp=report.stamp(self.who, now), online=False, version=self.who.version, connection=self.connection + 1
        )
        return Outgoing(self.topic(Leaf.STATUS), m.encode(status), retain=True)

    def connected(self, now: Instant) -> None:
        """A connection stands: everything unacknowledged is due again, and so is the full state."""
        self.online = True
        self.connection += 1
        self._sent = 0
        self._progress_s = now.mono_s
        self._nonces.clear()
        self._state_due = self._state is not None
        self._early = None
        self.metrics.lost()

    def disconnected(self) -> None:
        """The connection is gone: batches in flight wait again."""
        self.online = False
        self.metrics.lost()

    def offer_state(self, state: m.State) -> None:
        """A new snapshot; only the latest one is sent."""
        self._state = m.encode(state)
        self._state_due = True

    def offer_reply(self, command: str, reply: m.Reply) -> None:
        """An answer to a command; not kept across restarts, the events say the same."""
        self._replies.append(Outgoing(self.topic(Leaf.REPLY, command), m.encode(reply)))

    def offer_metrics(self, batch: m.MetricBatch) -> None:
        """Samples of one period. They wait in memory, then in the store: newest first after an outage."""
        self.metrics.offer(m.encode(batch))

    def due(self, now: Instant) -> list[Outgoing]:
        """Everything to publish now, in this order. Call it a few times a second while connected."""
        if not self.online:
            return []
        self._rewind(now)
        out: list[Outgoing] = []
        if not self._nonces or now.mono_s - self._nonces[-1][1] >= NONCE_S:
            out.append(self._status(now))
        if self._state_due and self._state is not None:
            out.append(Outgoing(self.topic(Leaf.STATE), self._state, retain=True))
            self._state_due = False
        while self._replies:
            out.append(self._replies.popleft())
        self._allowance = min(self.rate_per_s, self._allowance + (now.mono_s - self._allowed_at_s) * self.rate_per_s)
        self._allowed_at_s = now.mono_s
        out += self._events(now)
        batches = self.metrics.due(int(self._allowance))
        self._allowance -= len(batches)
        out += batches
        return out

    def _status(self, now: Instant) -> Outgoing:
        self._nonces.append((self._new_nonce(), now.mono_s))
        status = m.Status(
            stamp=report.stamp(self.who, now), online=True, version=self.who.version, connection=self.connection,
            nonce=self._nonces[-1][0], counter=self.counter,
        )  # fmt: skip
        return Outgoing(self.topic(Leaf.STATUS), m.encode(status), retain=True)

    def _events(self, now: Instant) -> list[Outgoing]:
        if self.store.pending() == 0:
            self._progress_s = now.mono_s
            return []
        floor = self.store.floor()
        if now.mono_s - self._progress_s > RESEND_S:
            self._sent, self._progress_s = 0, now.mono_s
        room = min(WINDOW - max(0, self._sent - floor + 1), int(self._allowance))
        if room <= 0:
            return []
        out = []
        for seq, payload in self.store.outbox(max(self._sent, floor - 1), room):
            self._sent = seq
            event = self._readable(seq, payload)
            if event is None:  # the card has lost it; those behind it do not wait
                self.store.discard(seq)
                continue
            lowest = max(floor, self.epochs.first(event.stamp.epoch))
            event = msgspec.structs.replace(event, floor=lowest, hub=self.hub_epoch)
            out.append(Outgoing(self.topic(Leaf.EVENT), m.encode(event)))
        self._allowance -= len(out)
        return out

    def _readable(self, seq: int, payload: bytes) -> m.Event | None:
        """An event as it was kept. Under another number or name the hub would wait for this one for ever."""
        try:
            event = m.decode(m.Event, payload)
        except m.BadMessageError:
            return None
        return event if event.stamp.seq == seq and event.stamp.epoch in self.epochs else None

    def puback(self, token: int) -> None:
        """The broker has taken a message: enough for metrics, and for nothing else."""
        self.metrics.taken(token)

    def received(self, topic: str, payload: bytes, retained: bool, now: Instant) -> Incoming:
        """Make something of a message. Never raises: what cannot be used is refused by name."""
        incoming = self._understood(topic, payload, retained, now)
        incoming.records += self._noise.overdue(now)
        return incoming

    def _understood(self, topic: str, payload: bytes, retained: bool, now: Instant) -> Incoming:
        try:
            if topic == FLEET:
                return self._fleet(m.decode(m.Fleet, payload))
            if topic == KEYS:
                return self._keys(payload, now)
            where = Topic.parse(topic)
            if where.room != self.who.room:
                return self._noisy("foreign_room", {"topic": topic[:100]}, now)
            if where.leaf is Leaf.ACK:
                return self._ack(m.decode(m.Ack, payload), now)
            if where.leaf is Leaf.COMMAND:
                return self._command(where.id, payload, retained, now)
            if where.leaf is Leaf.DESIRED:
                return self._desired(payload, now)
        except (BadTopicError, m.BadMessageError) as error:
            noise = self._noisy("malformed", {"why": str(error)[:200]}, now)
            noise.told_in = DOUBTED if topic == self.topic(Leaf.DESIRED) else 0
            return noise
        return Incoming()

    def _noisy(self, reason: str, detail: dict[str, m.Value], now: Instant) -> Incoming:
        """Count a message that nobody should have sent here; tell of the first one, then of many at once."""
        refused = Record(RecordKind.COMMAND_REFUSED, reason=reason, detail=detail)
        return Incoming(records=self._noise.heard(refused, now))

    def _fleet(self, fleet: m.Fleet) -> Incoming:
        self.rate_per_s = min(100.0, max(1.0, fleet.rate_per_s))
        self._hub_says = fleet.hub_epoch
        if self.hub_epoch or not fleet.hub_epoch:
            return Incoming(fleet=fleet)
        self.hub_epoch = fleet.hub_epoch  # the first one this room hears of
        return Incoming(fleet=fleet, meta={"hub_epoch": fleet.hub_epoch})

    def _rewind(self, now: Instant) -> None:
        """Send again what is kept when the hub has another database: an older copy of it, or a new one.

        The new name is kept in the same transaction, so that a loss of power between the two leaves nothing out.
        """
        if self._hub_says in ("", self.hub_epoch) or now.mono_s - self._rewound_s < REWIND_EVERY_S:
            return
        self._rewound_s = now.mono_s
        nothing = {} if self.store.surely is None else {SURELY: "0"}  # the new one has not vouched for anything
        if not self.store.rewind({"hub_epoch": self._hub_says} | nothing):
            return  # tried again later; until then no floor of ours is meant for the new database
        self.store.surely = 0 if nothing else None
        self.hub_epoch = self._hub_says
        self._again(0, now)

    def _again(self, known: int, now: Instant) -> None:
        """Begin anew with what stands above this number."""
        self._sent, self._acked, self._progress_s = min(self._sent, known), known, now.mono_s
        if self._state is not None:  # with the number of events that are still to come
            state = msgspec.structs.replace(m.decode(m.State, self._state), outbox=self.store.pending())
            self.offer_state(state)

    def _ack(self, ack: m.Ack, now: Instant) -> Incoming:
        seq = self._acknowledged(ack)
        if seq > self._acked and self.store.ack(seq):
            self._acked = seq
            self._sent = max(self._sent, seq)
            if self.store.floor() > seq + 1:
                # What follows a gap in the numbers was sent while the gap could still be filled: say that it cannot.
                self._sent = seq
            self._progress_s = now.mono_s
        return Incoming()

    def _acknowledged(self, ack: m.Ack) -> int:
        """Up to which number this word is believed; 0: not at all."""
        if ack.epoch not in self.epochs or self.store.floor() < self.epochs.first(ack.epoch):
            return 0  # of what was said under an earlier name it says nothing
        if not self.hub_epoch or ack.hub != self.hub_epoch:
            return 0  # of the database that this room reports to, once it has been named
        # It may have more than a card that has lost its end, but no event that does not exist yet.
        return min(ack.seq, self.epochs.last(ack.epoch, self.store.newest()))

    def _command(self, ident: str, payload: bytes, retained: bool, now: Instant) -> Incoming:
        if retained:
            return self._refuse(ident, "retained", now)
        opened = self.trust.open(payload, Kind.COMMAND)
        if opened.refused:
            return self._stranger(ident, opened.refused, now)
        command = m.decode(m.Command, opened.body)
        reason = self._why_not(command, now)
        if command.id != ident:
            reason = "foreign_id"
        reason = reason or unconfirmed(command, now)
        if reason:
            return self._refuse(ident, reason, now, command.by, command.confirmed)
        self.counter = command.counter
        said = command.confirmed.person if command.confirmed else ""
        taken = OrderReceived(ident, command.action, command.by[:64], command.reason[:200], said)
        return Incoming([taken], meta={"counter": str(self.counter)})

    def _why_not(self, command: m.Command, now: Instant) -> str:
        """Why this order may not be obeyed, by the freshness that needs no clock; empty when it may."""
        if command.room != self.who.room:
            return "foreign_room"
        if command.boot != self.who.boot:
            return "wrong_boot"
        issued_s = next((at_s for nonce, at_s in self._nonces if nonce == command.nonce), None)
        if issued_s is None:
            return "bad_nonce"
        if now.mono_s - issued_s > min(NONCE_GOOD_S, max(0.0, command.expires_s) + NONCE_S):
            return "expired"
        return "replayed" if command.counter <= self.counter else ""

    def _keys(self, payload: bytes, now: Instant) -> Incoming:
        """A new list of the keys that may sign. What is believed survives a loss of power."""
        known = self.trust.version
        refused = self.trust.learn(payload)
        if refused:
            return self._noisy(f"keys_{refused}", {}, now)
        if self.trust.version == known:
            return Incoming()
        unread, self._unread = self._unread, b""
        incoming = self._desired(unread, now) if unread else Incoming()
        incoming.meta["keys"] = payload.decode("utf-8")
        return incoming

    def _stranger(self, ident: str, reason: str, now: Instant) -> Incoming:
        """An order that nobody believed has signed is told of as noise is: who sends one can send thousands."""
        noise = self._noisy(reason, {"command": ident}, now)
        if noise.records:
            self.offer_reply(ident, m.Reply(stamp=report.stamp(self.who, now), outcome="refused", reason=reason))
        return noise

    def _desired(self, payload: bytes, now: Instant) -> Incoming:
        opened = self.trust.open(payload, Kind.DESIRED)
        if opened.refused == "unknown_key":
            self._unread = payload  # it may have overtaken the list that knows its key, and comes but once
        if opened.refused:
            noise = self._noisy(opened.refused, {"leaf": "desired"}, now)
            noise.told_in = DOUBTED
            return noise
        desired = m.decode(m.Desired, opened.body)
        reason, anew = documents.judged(desired.version, self.desired_version, self._desired_floor, now)
        if desired.room != self.who.room:
            reason = "foreign_room"
        if reason == documents.AHEAD:
            self._early = (desired.version, payload)  # the wrong clock may be ours
        if reason:
            refused = Record(RecordKind.DESIRED_REFUSED, reason=reason, detail={"version": desired.version})
            return Incoming(records=self._noise.heard(refused, now), told_in=DOUBTED)
        fitted = documents.fitted(desired, now)
        told_in = DOUBTED if fitted.doubtful else self.connection
        if desired.version == self.desired_version:
            return Incoming(told_in=told_in)  # retained: it comes again with every connection
        kept = m.encode(fitted.document).decode("utf-8")
        meta = {"desired": kept} | self._heed(desired.has, now)
        if not anew and documents.leaps(self.desired_version, desired.version):
            self._desired_floor = self.desired_version
            meta[FLOOR] = str(self._desired_floor)
        self.desired_version = desired.version
        self._early = None
        return Incoming([replace(fitted.change, anew=anew)], list(fitted.told), meta, told_in=told_in)

    def look_again(self, now: Instant) -> Incoming:
        """Make something of a document that came too early by a clock that was wrong, once it is right. Retained, it
        comes but once."""
        if self._early is None or self._early[0] > documents.newest(now) or not now.synced:
            return Incoming()
        payload, self._early = self._early[1], None
        return self._desired(payload, now)

    def _heed(self, has: m.Has | None, now: Instant) -> dict[str, str]:
        """Go by what the hub says under its signature that it has; gives what must be kept."""
        first, mark = self.epochs.first(self.who.epoch), self.store.floor() - 1
        found = heeded(has, epoch=self.who.epoch, first=first, mark=mark, hub=self.hub_epoch)
        if found is None or (found.rewind and not self.store.rewind(found.meta, found.surely)):
            return {}
        self.store.surely = found.surely
        self.hub_epoch = found.meta.get("hub_epoch", self.hub_epoch)
        if found.rewind:
            self._again(found.surely, now)
        return found.meta

    def _refuse(
        self, ident: str, reason: str, now: Instant, by: str = "", confirmed: m.Confirmed | None = None
    ) -> Incoming:
        """Refuse an order that may well be a good one sent again: whoever has captured it can send it for ever."""
        if self._noise.answered(ident, now):
            self.offer_reply(ident, m.Reply(stamp=report.stamp(self.who, now), outcome="refused", reason=reason))
        detail: dict[str, m.Value] = {"command": ident}
        if confirmed is not None:
            detail["confirmed"] = confirmed.person[: bounds.PERSON_MAX]
        refused = Record(RecordKind.COMMAND_REFUSED, reason=reason, by=by[:64], detail=detail)
        return Incoming(records=self._noise.heard(refused, now))


desired_from = documents.kept
"""The desired document that the store kept, as the event that puts it in force again; None when there is none."""
