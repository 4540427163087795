"""A room and its hub, each with a wall clock of its own that the test steps: real loop, engine, journal and session.

The truth is `true_s`, in seconds since the story began; a monotonic clock follows it from each start of the board.
"""

from __future__ import annotations

import queue
from itertools import count
from pathlib import Path
from typing import Any

import pytest

import agent.rules
from agent.core.events import Observed, RemedyDone
from agent.core.facts import Instant, Observation, Reading
from agent.core.remedies import Method
from agent.core.secrecy import Secrecy
from agent.ports import InTime, always
from agent.power.actuators import Actuators
from agent.runtime.loop import Loop
from agent.runtime.room import Room
from agent.store.sqlite import SqliteStore
from agent.uplink.gate import MeteringGate
from agent.uplink.heed import surely_of
from agent.uplink.session import FLOOR, Incoming, Session, desired_from
from agent.uplink.trust import Trust
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.world import IDLE, WALL_S, policy
from tests.agent.test_actuators import FakeRelays
from wire import messages as m
from wire.bounds import VERSION_AHEAD_MAX_S
from wire.event_kinds import EventKind
from wire.topics import Leaf, Topic

ROOM = "r-1"
HOUR_S, DAY_S = 3600.0, 86_400.0
YEARS_S = 3650 * DAY_S
STEPS = (HOUR_S, -HOUR_S, YEARS_S, -YEARS_S)
LOOK_S = 10.0
RULES = tuple(rule for rule in agent.rules.load() if rule.name == "codec_hung")
KEYS = ("codec.api", "codec.ping", "codec.in_call", "codec.draw_w", "codec.standby", "mains.voltage_v")
BOOTED_S = 30.0
SYNCED_AFTER_S = 60.0
"""After a start of the board: until its time server has spoken."""


class Clock:
    """The board's two clocks."""

    def __init__(self) -> None:
        self.true_s = 0.0
        self.booted_s = -HOUR_S
        self.step_s = 0.0
        self.synced = False

    def now(self) -> Instant:
        return Instant(self.true_s - self.booted_s, WALL_S + self.true_s + self.step_s, self.synced)


class Hands(Actuators):
    """Performs at once, and notes when in truth."""

    def __init__(self, room: Installation) -> None:
        super().__init__(FakeRelays(), [], lambda _done: None)
        self._room = room

    def start(self, order: Any, in_time: InTime = always) -> None:
        self._room.begun.append((order.remedy.name, self._room.clock.true_s))
        if order.remedy.name in self._room.heals:
            self._room.hung = False
        if order.remedy.method is not Method.STAGED:
            self._room.loop.put(RemedyDone(order.act.act_id, ok=True))


class Line:
    """Of the publisher what the loop takes, with the real session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.inbox: queue.Queue[Incoming] = queue.Queue()
        self.overflowed = False

    def alive(self, _now_s: float) -> bool:
        return True

    def offer(self, give: Any) -> None:
        give(self.session)

    def take(self, incoming: Incoming) -> None:
        if incoming.events or incoming.records or incoming.meta or incoming.told_in:
            self.inbox.put(incoming)


class Installation:
    """The room, its board, its journal on a file, and the hub at the other end."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.path = folder / "room.db"
        self.store: SqliteStore | None = None
        self.hung = False
        self.heals = {"codec_restart", "codec_power_cycle"}
        self.call = False
        self.begun: list[tuple[str, float]] = []
        self.hub_step_s = 0.0
        self.version = 0
        self.retained = b""
        self.told: list[m.Event] = []
        self.batches: list[m.MetricBatch] = []
        self.states: list[m.State] = []
        self.replies: dict[str, str] = {}
        self.nonce, self.counter = "", 0
        self.connected = True
        self.grants = True
        self._nonces, self._boots, self._orders = count(1), count(1), count(1)
        self._next_look_s = 0.0
        self.open_s: list[float] = []
        """Moments, in truth, at which sound could have been measured."""
        self.start_board()

    # -- the board

    def start_board(self, *, off_s: float = 0.0, same_boot: bool = False) -> None:
        """Start the agent, or the whole board after a loss of power."""
        if self.store is not None:
            self.store.close()
        self.clock.true_s += off_s
        if not same_boot:
            self.boot = f"b{next(self._boots)}"
            self.clock.booted_s = self.clock.true_s - BOOTED_S
        self.clock.synced = False
        self.store = store = SqliteStore(self.path)
        memory = store.remember(self.boot)
        store.surely = surely_of(memory.meta)
        now = self.clock.now()
        self.room = Room(RULES, policy(), store, self.boot, "0.1", ROOM)
        self.room.restore(now)
        desired = desired_from(memory.meta.get("desired", ""))
        if desired is not None:
            self.room.feed(desired, now)
        session = Session(
            self.room.who, store, lambda: f"n{next(self._nonces)}", trust=Trust(accept_unsigned=True),
            counter=int(memory.meta.get("counter", "0")), desired_version=desired.version if desired else 0,
            desired_floor=int(memory.meta.get(FLOOR, "0")), hub_epoch=memory.meta.get("hub_epoch", ""),
        )  # fmt: skip
        self.line = Line(session)
        self.gate = MeteringGate(lambda: self.clock.now().mono_s)
        self.loop = Loop(
            self.room, [], Hands(self), self.clock, publisher=self.line,  # type: ignore[arg-type]
            on_clock_synced=self._synced, gate=self.gate,
        )  # fmt: skip
        self.connected = False

    def _synced(self, synced: bool) -> None:
        self.clock.synced = synced

    def run(self, seconds: float, every_s: float = 2.0) -> None:
        """Let it live for so long."""
        end_s = self.clock.true_s + seconds
        while self.clock.true_s < end_s:
            self._round()
            self.clock.true_s += every_s

    def _round(self) -> None:
        now, session = self.clock.now(), self.line.session
        if not self.connected:
            self.connected = True
            session.connected(now)
            self._hear(m.Fleet(hub_epoch="h1", rate_per_s=100.0), "diemcau/1/fleet")
            if self.retained:
                self._hear(self.retained, self._topic(Leaf.DESIRED))
        if self.clock.true_s >= self._next_look_s:
            self._next_look_s = self.clock.true_s + LOOK_S
            self.loop.put(Observed(Observation("codec", self._seen(), {})))
        self.line.take(session.look_again(now))
        self.loop.turn([])
        if not self.gate.closed():
            self.open_s.append(self.clock.true_s)
        for sent in session.due(now):
            self._heard(sent.topic, sent.payload)

    def _seen(self) -> dict[str, Reading]:
        seen = {key: (HUNG if self.hung else IDLE)[key] for key in KEYS}
        if self.call:
            seen |= {"codec.in_call": True, "codec.draw_w": 48.0}
        booted_s = self.clock.true_s - self.clock.booted_s - BOOTED_S
        return seen | {"net.clock_synced": booted_s >= SYNCED_AFTER_S or self.boot == "b1"}

    # -- the hub

    def _topic(self, leaf: Leaf, ident: str = "") -> str:
        return str(Topic(ROOM, leaf, ident))

    def _hear(self, message: Any, topic: str) -> None:
        payload = message if isinstance(message, bytes) else m.encode(message)
        self.line.take(self.line.session.received(topic, payload, False, self.clock.now()))

    def _heard(self, topic: str, payload: bytes) -> None:
        leaf = Topic.parse(topic).leaf
        if leaf is Leaf.STATUS:
            status = m.decode(m.Status, payload)
            self.nonce, self.counter = status.nonce, max(self.counter, status.counter)
        elif leaf is Leaf.EVENT:
            event = m.decode(m.Event, payload)
            self.told.append(event)
            self._hear(m.Ack(epoch=event.stamp.epoch, seq=event.stamp.seq, hub="h1"), self._topic(Leaf.ACK))
            if event.kind == EventKind.LEASE_WANTED and self.grants:
                self.order("lease_granted")
        elif leaf is Leaf.METRIC:
            self.batches.append(m.decode(m.MetricBatch, payload))
        elif leaf is Leaf.STATE:
            self.states.append(m.decode(m.State, payload))
        elif leaf is Leaf.REPLY:
            reply = m.decode(m.Reply, payload)
            self.replies[Topic.parse(topic).id] = reply.reason or reply.outcome

    @property
    def hub_s(self) -> float:
        """What the hub takes for the time."""
        return WALL_S + self.clock.true_s + self.hub_step_s

    def order(self, action: str, **changes: object) -> str:
        """Give an order, as the hub does; its id."""
        ident = f"c{next(self._orders)}"
        self.counter += 1
        plain = {"room": ROOM, "boot": self.boot, "nonce": self.nonce, "counter": self.counter, "by": "lan"}
        command = m.Command(id=ident, action=action, **(plain | changes))  # type: ignore[arg-type]
        self._hear(command, self._topic(Leaf.COMMAND, ident))
        return ident

    def document(self, *meetings: m.Meeting, maintenance_s: float = 0.0) -> int:
        """Tell the room what is wanted, with a version as the hub's `refresh_desired` gives it."""
        last = 0 if self.version > self.hub_s + VERSION_AHEAD_MAX_S else self.version
        self.version = max(last + 1, int(self.hub_s))
        until_s = self.hub_s + maintenance_s if maintenance_s else 0.0
        wanted = m.Desired(room=ROOM, version=self.version, meetings=list(meetings), maintenance_until_s=until_s)
        self.retained = m.encode(wanted)
        self._hear(self.retained, self._topic(Leaf.DESIRED))
        return self.version

    # -- questions

    def hangs(self) -> float:
        """Let the codec hang; how long until the room acts, at most ten minutes, in seconds."""
        began_s, before = self.clock.true_s, len(self.begun)
        self.hung = True
        while len(self.begun) == before and self.clock.true_s < began_s + 600.0:
            self.run(2.0)
        took_s = self.clock.true_s - began_s
        self.hung = False
        return took_s

    def restarts(self, name: str = "codec") -> list[float]:
        """When its restarts began, in truth."""
        return [at_s for remedy, at_s in self.begun if remedy in (f"{name}_restart", f"{name}_power_cycle")]

    def secrecy(self) -> str:
        """What the newest state says."""
        return self.states[-1].secrecy if self.states else str(Secrecy.UNKNOWN)


HEALED_S = 90.0
"""From a hang to the act, a lease included."""
WHO = ("room", "hub", "both")
by_step = pytest.mark.parametrize("step_s", STEPS, ids=("1h", "-1h", "10y", "-10y"))
by_who = pytest.mark.parametrize("who", WHO)


def settled(folder: Path) -> Installation:
    """A room that has been well for a while, and has a document."""
    place = Installation(folder)
    place.run(60.0)
    place.document()
    place.run(60.0)
    return place


def step(place: Installation, step_s: float, who: str = "room") -> None:
    """Set the clock of one of them, or of both: rooms often have the time from their hub."""
    if who in ("room", "both"):
        place.clock.step_s = step_s
    if who in ("hub", "both"):
        place.hub_step_s = step_s
    place.run(20.0)


def there_and_back(place: Installation, step_s: float, who: str = "room", between_s: float = HOUR_S) -> None:
    step(place, step_s, who)
    place.run(between_s, 30.0)
    step(place, 0.0, who)


def meeting(place: Installation, in_s: float, lasts_s: float = HOUR_S, *, secret: bool = False) -> m.Meeting:
    """One that begins so long from now, in truth."""
    start_s = WALL_S + place.clock.true_s + in_s
    return m.Meeting("m1", "Giao ban", start_s, start_s + lasts_s, secret=secret)
