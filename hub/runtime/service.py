"""The running hub: session with the broker, the writer, and what the console may ask of both."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from contextlib import closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from hub.changes import marks, meetings, orders, restored
from hub.changes.orders import OrderMessage
from hub.changes.rollouts import Rollouts
from hub.core.leases import Budget
from hub.core.room_clocks import RoomClocks
from hub.history.retention import Retention
from hub.intake.apply import Applier
from hub.intake.hooks import Hooks, Job
from hub.intake.ingest import unread
from hub.intake.intake import Intake
from hub.intake.link import Broker, Link, Received
from hub.intake.writer import Writer
from hub.port import Change, HubBusyError, Marked, Ordered, Subscription
from hub.runtime import timekeeper
from hub.runtime.audit_syslog import Forwarder, Place
from hub.runtime.clock import HubClock
from hub.runtime.timekeeper import Timekeeper
from hub.runtime.watchdog import Watchdog
from hub.signer.client import TRY_LATER, SignerClient, SignRefusedError, Unsigned
from hub.store.audit import HeadLogger
from hub.store.db import hub_epoch, open_reader
from hub.store.orders import waiting_again
from wire.envelope import Kind
from wire.messages import Ack, Fleet, encode
from wire.topics import FLEET, KEYS, Leaf, Topic, hub_filters

log = logging.getLogger(__name__)
T = TypeVar("T")

STALL_S = 10.0
"""A longer gap between two looks at the clock is a stalled hub or a clock that was set: rooms get their time anew."""
ASKED_S = 3.0
"""How long a person's change waits for the writer before they are told to try again."""
ASKING_MAX = 12
"""Changes of people that wait at the same time; each has a thread of the console's, and pages need some as well."""
DESIRED_EVERY_S = 10.0
"""How soon a changed schedule or list of keys reaches the rooms."""
DESIRED_AT_ONCE = 50
"""Documents signed and published in one go: the writer does other things as well."""


def program_version() -> str:
    """The installed version, or empty when run from a bare folder."""
    try:
        return version("diemcau")
    except PackageNotFoundError:
        return ""


class Hub:
    """Everything behind the console. Satisfies `hub.port.HubPort`."""

    def __init__(
        self, db_path: Path, broker: Broker, *, beat_s: float = 60.0, commit_ms: float = 150.0,
        reconnect_window_s: float = 30.0, budget: Budget | None = None,
        sealer: SignerClient | Unsigned | None = None, keys_file: Path | None = None,
        syslog: str = "", clock: HubClock | None = None,
    ) -> None:  # fmt: skip
        """Opens the database. Raises hub.store.db.DatabaseError."""
        clock = clock or HubClock()
        self._room_clocks = room_clocks = RoomClocks()
        self._sealer = sealer or Unsigned()
        self._keys_file = keys_file
        self._keys: bytes | None = b""
        self.clock = clock
        """The time of all that runs in this process."""
        self._began_mono_s = clock.mono_s()
        self._window_s = reconnect_window_s
        self._subscriptions: set[Subscription] = set()
        self._lock = threading.Lock()
        self._few = threading.BoundedSemaphore(ASKING_MAX)
        self._listening_s: float | None = None
        self._looked_s = clock()
        self._published: dict[str, int] = {}
        self._desired_at_s = 0.0
        self._intake = Intake(
            lambda message: self._writer.offer(message), lambda topic: self._link.publish(topic, b"", retain=True),
            lambda: self._link.look_again(),
        )  # fmt: skip
        hooks = Hooks(
            committed=self._tell, acknowledge=self._acknowledge, asked=self._ask, listening_s=self._listening,
            keep_time=lambda db: self._time(db),
            ticks=[
                self._desired, Retention(lambda: self._time.rests, clock.mono_s, clock.boot),
                Rollouts(db_path.parent, lambda: self._time.doubted),
                Watchdog(db_path.parent, program_version(), lambda: self._link.connected), HeadLogger(),
                self._intake, self._again,
            ],
        )  # fmt: skip
        self._writer = Writer(db_path, beat_s=beat_s, commit_ms=commit_ms, hooks=hooks, clock=clock,
                              version=program_version(), room_clocks=room_clocks)  # fmt: skip
        with closing(open_reader(db_path)) as reader:
            self._epoch = hub_epoch(reader)
            self._time = Timekeeper(clock, room_clocks, timekeeper.load(reader))
        self._budget = budget or Budget()
        self._asking: queue.SimpleQueue[Job[Ordered | OrderMessage] | None] = queue.SimpleQueue()
        self._answering: set[str] = set()
        self._leases = threading.Thread(target=self._answer_rooms, name="leases", daemon=True)
        self._forwarder = Forwarder(db_path, syslog, self._keep_place) if syslog else None
        self._link = Link(broker, hub_filters(), self._intake.take, self._link_changed, clock, self._left_out)

    def start(self) -> None:
        """Begin; an absent broker is no error."""
        self._writer.start()
        self._leases.start()
        self._link.start()
        if self._forwarder:
            self._forwarder.start()

    def stop(self) -> None:
        """End in good order: hear no more, commit what was heard, release those who wait for news."""
        self._asking.put(None)
        self._leases.join(5)
        self._link.stop()
        if self._forwarder:
            self._forwarder.stop()
        self._writer.stop()
        for subscription in list(self._subscriptions):
            subscription.close()

    def order(
        self, room: str, action: str, by: str, why: str, incident: int | None = None, confirmed: str = ""
    ) -> Ordered:
        """See HubPort."""
        if not self._link.connected:
            return Ordered(refused="no_broker")

        def write(db: sqlite3.Connection, applier: Applier, now_s: float) -> tuple[Ordered | OrderMessage, Change]:
            return orders.write(
                db, applier, now_s, room=room, action=action, by=by, why=why, incident=incident, confirmed=confirmed
            )

        return self._send(self._change(write))

    def _change(self, job: Job[T]) -> T:
        """What a person asks for, in a transaction of its own. Raises HubBusyError after a short while."""
        if not self._few.acquire(blocking=False):
            raise HubBusyError("too many changes wait for the database")
        try:
            return self._writer.call(job, ASKED_S)
        finally:
            self._few.release()

    def _answer_rooms(self) -> None:
        """Write and send what rooms wait for, one after the other: each answer counts for the next."""
        while (job := self._asking.get()) is not None:
            try:
                self._send(self._writer.call(job))
            except HubBusyError as error:  # the room goes by its own limits
                log.warning("a room was not answered: %s", error)
                self._answering.clear()
            except Exception:  # the other rooms wait for this thread
                self._answering.clear()
                log.exception("a room was not answered")

    def _ask(self, rooms: set[str]) -> None:
        for room in sorted(rooms):

            def write(
                db: sqlite3.Connection, applier: Applier, now_s: float, room: str = room
            ) -> tuple[Ordered | OrderMessage, Change]:
                return orders.lease(db, applier, now_s, room=room, budget=self._budget)

            self._asking.put(write)

    def _again(self, db: sqlite3.Connection, _now_s: float) -> None:
        """Have orders sent once more that met a line which had just dropped."""
        for order_id in waiting_again(db):
            if order_id in self._answering:
                continue
            self._answering.add(order_id)

            def write(
                db: sqlite3.Connection, applier: Applier, now_s: float, order_id: str = order_id
            ) -> tuple[Ordered | OrderMessage, Change]:
                self._answering.discard(order_id)
                message, change = orders.again(db, applier, now_s, order_id)
                return message or Ordered(refused="no_nonce"), change

            self._asking.put(write)

    def _left_out(self, message: Received, why: str) -> None:
        """A message that never came as far as the intake: it is kept and shown all the same."""
        self._writer.offer(unread("defect", why, message, scan=True))

    def _send(self, message: Ordered | OrderMessage) -> Ordered:
        if isinstance(message, Ordered):
            return message
        # Committed before it is signed and published: an order that a room obeys is always in our records.
        failed = ""
        try:
            sealed = self._sealer.seal(Kind.COMMAND, message.payload)
            if not self._link.publish(message.topic, sealed):
                failed = "no_broker"
        except SignRefusedError as error:
            failed = error.reason
        self._writer.call(lambda db, _applier, now_s: (None, orders.sent(db, message.order, now_s, failed=failed)))
        return Ordered(refused=failed) if failed else Ordered(id=message.order.id)

    def ack_incident(self, incident: int, by: str) -> Marked:
        """See HubPort."""
        return self._change(lambda db, _applier, now_s: marks.ack(db, incident, by, now_s))

    def mark_meeting(self, meeting: str, secret: bool, by: str) -> Marked:
        """See HubPort."""
        marked = self._change(lambda db, _applier, now_s: meetings.mark_secret(db, meeting, secret, by, now_s))
        self._desired_at_s = 0.0  # the rooms are told at the next tick
        return marked

    def check_schedule(self, by: str) -> Marked:
        """See HubPort."""
        checked = self._change(lambda db, _applier, now_s: restored.check(db, by, now_s))
        self._desired_at_s = 0.0
        return checked

    def unack_incident(self, incident: int, by: str) -> Marked:
        """See HubPort."""
        return self._change(lambda db, _applier, now_s: marks.unack(db, incident, by, now_s))

    def shelve_incident(self, incident: int, by: str, until_s: float, reason: str) -> Marked:
        """See HubPort."""
        return self._change(lambda db, _applier, now_s: marks.shelve(db, incident, by, now_s, until_s, reason))

    def unshelve(self, incident: int, by: str) -> Marked:
        """See HubPort."""
        return self._change(lambda db, _applier, now_s: marks.unshelve(db, incident, by, now_s))

    def add_note(self, incident: int, by: str, text: str) -> Marked:
        """See HubPort."""
        return self._change(lambda db, _applier, now_s: marks.note(db, incident, by, now_s, text))

    def subscribe(self) -> Subscription:
        """See HubPort."""
        subscription = Subscription(self._forget)
        with self._lock:
            self._subscriptions.add(subscription)
        return subscription

    def health(self) -> dict[str, Any]:
        """See HubPort and `HEALTH_KEYS`."""
        numbers = self._writer.numbers()
        return {
            "broker_connected": self._link.connected,
            "broker": self._link.name,
            "last_message_age_s": numbers.last_message_age_s,
            "rooms_heard": numbers.heard,
            "rooms_expected": numbers.expected,
            "queue": numbers.queue,
            "set_aside": numbers.set_aside,
            "started_s": self.clock() - (self.clock.mono_s() - self._began_mono_s),
            **self._time.told(),
            "commit_ms": round(numbers.commit_ms, 1),
            "ingested": numbers.ingested,
            "version": program_version(),
            "failing": numbers.failing,
            "syslog": self._forwarder.reached if self._forwarder else "",
        }

    def _keep_place(self, place: Place) -> None:
        self._writer.call(lambda db, _applier, _now_s: (None, place.note(db)))

    def _forget(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions.discard(subscription)

    def _tell(self, change: Change) -> None:
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            try:
                subscription.put(change)
            except Exception:  # one watcher's defect must not keep the news from the others
                log.exception("a watcher could not be told")

    def _acknowledge(self, acks: dict[tuple[str, str], int]) -> None:
        for (room, epoch), seq in acks.items():
            if seq > 0:
                self._link.publish(str(Topic(room, Leaf.ACK)), encode(Ack(epoch=epoch, seq=seq, hub=self._epoch)))

    def _link_changed(self, connected: bool) -> None:
        if connected:
            self._intake.connected()
            self._listening_s = self.clock()
            self._room_clocks.connected(self._listening_s)
            self._published.clear()
            self._keys = b""
            self._desired_at_s = 0.0
            fleet = Fleet(hub_epoch=self._epoch, reconnect_window_s=self._window_s)
            self._link.publish(FLEET, encode(fleet), retain=True)
            log.info("connected to the broker %s", self._link.name)
        else:
            self._listening_s = None
            log.warning("the broker is gone")
        self._tell(Change(health=True))

    def _listening(self) -> float | None:
        """Since when the broker has been heard without a break, by a clock that ran evenly; None: it is not heard."""
        now_s, before_s = self.clock(), self._looked_s
        self._looked_s = now_s
        if self._listening_s is not None and not 0 <= now_s - before_s <= STALL_S:
            log.warning("the clock went on by %.0f s between two looks; rooms are not judged by that", now_s - before_s)
            self._listening_s = now_s
        return self._listening_s

    def _desired(self, db: sqlite3.Connection, now_s: float) -> Change | None:
        """Publish documents that are committed and not yet published, then bring them up to the schedule."""
        due = time.monotonic()
        if due < self._desired_at_s:
            return None
        self._desired_at_s = due + DESIRED_EVERY_S
        if self._link.connected:
            self._publish_keys()
        if restored.unchecked(db):
            return None  # the copy may not know which meetings are secret: rooms keep what they were told last
        if self._link.connected:
            self._publish_documents(db)
        # A document made at a wrong time could leave out the meeting that is on.
        if not self._time.doubted and meetings.refresh_desired(db, now_s):
            self._desired_at_s = 0.0  # publish with the next tick, when they are committed
        return None

    def _publish_documents(self, db: sqlite3.Connection) -> None:
        left = DESIRED_AT_ONCE
        for room, number, topic, payload in meetings.documents(db):
            if self._published.get(room) == number:
                continue
            if not left:
                self._desired_at_s = 0.0  # the others with the next tick
                return
            left -= 1
            try:
                sealed = self._sealer.seal(Kind.DESIRED, payload)
            except SignRefusedError as error:
                if error.reason in TRY_LATER:
                    return  # told by the client; tried again in a while
                log.error("the desired document %d of room %s is not signed: %s", number, room, error.reason)
                self._published[room] = number  # the other rooms do not wait for this one
                continue
            if self._link.publish(topic, sealed, retain=True):
                self._published[room] = number

    def _publish_keys(self) -> None:
        """Tell all rooms whom to believe, at every connection and whenever the list has changed."""
        if self._keys_file is None:
            return
        try:
            keys = self._keys_file.read_bytes()
        except OSError as error:
            if self._keys is not None:
                log.error("the list of keys cannot be read, rooms keep the one they have: %s", error)
            self._keys = None
            return
        if keys != self._keys and self._link.publish(KEYS, keys, retain=True):
            self._keys = keys
            self._published.clear()  # the broker keeps documents that a key has signed which may be revoked by now
