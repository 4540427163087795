"""Many rooms in one process: the agent's own engine, store interface, session and reports, on physics without sockets.

Each room keeps one MQTT connection of its own; all of them are served by one selector loop. A light room observes its
physics directly (`sim.observe`) and acts on it directly; nothing else differs from the agent on a Pi. Time is real: a
room is compressed by its policy's `time_scale`, never by a faster clock.
"""

from __future__ import annotations

import contextlib
import logging
import random
import selectors
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt

import agent.rules
from agent.core.events import Observed, RemedyDone, StartRemedy, Tick
from agent.core.facts import Instant, Observation, Reading, Value
from agent.core.policy import Policy, Thresholds, make_policy
from agent.core.remedies import Method
from agent.publisher import KEEPALIVE_S, BrokerConfig, connect_arguments, make_client, retry_delay_s
from agent.room import Room
from agent.session import Session
from agent.snapshots import Samples, Snapshots
from agent.store.memory import MemoryStore
from sim import observe
from sim.physics import Fitting, RoomPhysics
from sim.physics.room import profiles

log = logging.getLogger(__name__)

VERSION = "0.1.0"
RELAYS = frozenset({"codec", "switch", "converter", "display", "light", "fan"})
APIS = frozenset({"codec_restart", "codec_wake", "codec_volume_restore"})
PHONES = {"centre": "0237 000 000", "carrier": "1800 0000", "power": "1900 0000"}
"""Invented numbers."""
CALL_DRAW_W = 38.0
API_S = 2.0
"""How long an API order takes to be answered."""
CONNECTS_PER_TURN = 15
TURN_S = 0.1
CONNECT_PATIENCE_S = 30.0

LOOKS: tuple[tuple[str, float, Callable[[RoomPhysics, random.Random], dict[str, Reading]]], ...] = (
    ("codec", 10.0, lambda room, _: observe.codec(room)),
    ("power", 10.0, observe.power),
    ("network", 10.0, observe.network),
    ("air", 30.0, observe.air),
)
"""Probes of a light room: name, period in seconds before scaling, and what it sees."""


def policy_of(scale: float) -> Policy:
    """The policy of a fully fitted simulated room."""
    return make_policy(
        relays=RELAYS, apis=APIS, thresholds=Thresholds(call_draw_w=CALL_DRAW_W), phones=PHONES, time_scale=scale
    )


@dataclass(slots=True)
class _Doing:
    """An act under way in the physics."""

    order: StartRemedy
    end_s: float
    proof: dict[str, Value]


class LightRoom:
    """One room. The fleet calls `turn` often; it does only what is due."""

    def __init__(self, room: str, broker: BrokerConfig, scale: float, seed: int, now: Instant) -> None:
        self.id = room
        self.scale = scale
        self.physics = RoomPhysics(room, Fitting(profiles(scale), climate_tau_s=1800 * scale), now.mono_s)
        self.chance = random.Random(seed)
        self.client: mqtt.Client | None = None
        self.session: Session | None = None
        self._broker = broker
        self._store = MemoryStore(f"{seed & 0xFFFFFF:06x}{int(now.wall_s) & 0xFFFFFF:06x}")
        self._policy = policy_of(scale)
        self._rules = agent.rules.load()
        self._boots = 0
        self._doing: dict[str, _Doing] = {}
        self._look_s = [now.mono_s + self.chance.uniform(0.0, period * scale) for _, period, _ in LOOKS]
        self._tick_s = now.mono_s + self.chance.uniform(0.0, 1.0)
        self._retry_s = 0.0
        self._connecting_since_s = 0.0
        self._attempt = 0
        self._v5 = True
        self._window_s = 5.0
        self.room: Room | None = None
        self._boot(now)

    # -- the board

    def _boot(self, now: Instant) -> None:
        """The board has power: its agent starts with what its card remembers."""
        self._boots += 1
        boot = f"{self.chance.getrandbits(128):032x}"
        self.room = Room(self._rules, self._policy, self._store, boot, VERSION, self.id)
        self.room.restore(now)
        memory = self._store.remember(boot)
        self.session = Session(
            self.room.who,
            self._store,
            lambda: f"{self.chance.getrandbits(64):016x}",
            accept_unsigned=True,
            counter=int(memory.meta.get("counter", "0")),
            hub_epoch=memory.meta.get("hub_epoch", ""),
        )
        self._snapshots, self._samples = Snapshots(max(self.scale, 0.3)), Samples()
        for load in self._doing:
            self.physics.relay(load, load not in ("light", "fan"), now.mono_s)
        self._doing.clear()

    def _power_lost(self) -> None:
        """The board has lost its power: connection and memory are gone, the card is not."""
        self.room = self.session = None
        self.drop()

    # -- one turn

    def turn(self, now: Instant) -> None:
        """Let physics, probes, engine and acts go on to this moment."""
        if now.mono_s >= self._tick_s:
            self.physics.advance(now.mono_s)
            powered = self.physics.board_on()
            if powered and self.room is None:
                self._boot(now)
            elif not powered and self.room is not None:
                self._power_lost()
        room, session = self.room, self.session
        if room is None or session is None:
            self._tick_s = max(self._tick_s, now.mono_s + 0.5)
            return
        for n, (name, period_s, look) in enumerate(LOOKS):
            if now.mono_s >= self._look_s[n] or room.recheck:
                self._look_s[n] = now.mono_s + period_s * self.scale
                self.physics.advance(now.mono_s)
                event = Observed(Observation(name, look(self.physics, self.chance)))
                room.feed(event, now)
                self._samples.add(event, now)
        room.recheck = False
        self._finish(room, now)
        if now.mono_s >= self._tick_s:
            self._tick_s = now.mono_s + max(0.2, min(1.0, 5 * self.scale))
            room.feed(Tick(), now)
        for order in room.commit(now):
            self._start(order, now)
        self._news(room, session, now)

    def _start(self, order: StartRemedy, now: Instant) -> None:
        remedy, load, ends_s = order.remedy, order.load, now.mono_s + API_S * self.scale
        proof: dict[str, Value] = {}
        if remedy.method is Method.CYCLE:
            if load.name == "codec":
                proof["draw_before_w"] = round(self.physics.codec.draw_w(now.mono_s), 1)
            self.physics.relay(load.name, False, now.mono_s)
            ends_s = now.mono_s + load.off_s
        elif remedy.method is Method.ON:
            self.physics.relay(load.name, True, now.mono_s)
        elif remedy.method is Method.OFF:
            self.physics.relay(load.name, False, now.mono_s)
        self._doing[load.name] = _Doing(order, ends_s, proof)

    def _finish(self, room: Room, now: Instant) -> None:
        for name, doing in tuple(self._doing.items()):
            if now.mono_s < doing.end_s:
                continue
            del self._doing[name]
            order, ok = doing.order, True
            if order.remedy.method is Method.CYCLE:
                if name == "codec":
                    doing.proof["draw_off_w"] = round(self.physics.codec.draw_w(now.mono_s), 1)
                self.physics.relay(name, True, now.mono_s)
                doing.proof["off_s"] = round(now.mono_s - order.act.started_s, 1)
            elif order.remedy.method is Method.API:
                ok = self.physics.command(order.remedy.name, now.mono_s)
            room.feed(RemedyDone(order.act.act_id, ok, "" if ok else "timeout", doing.proof), now)

    def _news(self, room: Room, session: Session, now: Instant) -> None:
        while room.replies:
            session.offer_reply(*room.replies.popleft())
        state = self._snapshots.due(room, now)
        if state is not None:
            session.offer_state(state)
        batch = self._samples.due(room.who, now)
        if batch is not None:
            session.offer_metrics(batch)
        if session.online and self.client is not None:
            for message in session.due(now):
                info = self.client.publish(message.topic, message.payload, qos=1, retain=message.retain)
                if message.token:
                    self._tokens[info.mid] = message.token

    # -- the connection

    def wants_connection(self, now: Instant) -> bool:
        """Whether the line to the hub is whole and the next attempt is due."""
        return (
            self.client is None and self.session is not None and now.mono_s >= self._retry_s and self.physics.hub_up()
        )

    def connect(self, now: Instant) -> mqtt.Client | None:
        """Begin to connect; None when the broker cannot be reached."""
        assert self.session is not None
        client = make_client(self.id, self._broker, self.session.last_will(now), v5=self._v5)
        self._tokens: dict[int, int] = {}
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        try:
            client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, **connect_arguments(v5=self._v5))
        except OSError:
            self._later(now)
            return None
        self.client = client
        self._connecting_since_s = now.mono_s
        return client

    def check_connection(self, now: Instant) -> bool:
        """False when the connection has to be dropped: the line is down, or the broker does not answer."""
        if self.client is None or self.session is None:
            return False
        stuck = not self.session.online and now.mono_s - self._connecting_since_s > CONNECT_PATIENCE_S
        return self.physics.hub_up() and not stuck

    def drop(self) -> None:
        """The connection is gone, without a goodbye."""
        client, self.client = self.client, None
        if self.session is not None:
            self.session.disconnected()
        if client is not None:
            sock = client.socket()
            if sock is not None:
                sock.close()

    def _later(self, now: Instant) -> None:
        self._attempt += 1
        self._retry_s = now.mono_s + retry_delay_s(self._attempt, self._window_s, self.chance) * max(self.scale, 0.1)

    def lost(self, now: Instant) -> None:
        """The broker has gone: drop, and come back after a spread delay."""
        self.drop()
        self._later(now)

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _: object) -> None:
        if reason.is_failure or self.session is None:
            if "protocol" in str(reason).lower():
                self._v5 = False
            return
        self._attempt = 0
        for pattern in self.session.subscriptions():
            client.subscribe(pattern, qos=1)
        self.session.connected(instant())

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if self.session is None or self.room is None:
            return
        now = instant()
        incoming = self.session.received(message.topic, bytes(message.payload), message.retain, now)
        if incoming.fleet is not None:
            self._window_s = incoming.fleet.reconnect_window_s
        for key, value in incoming.meta.items():
            self.room.remember_meta(key, value)
        for record in incoming.records:
            self.room.record(record, now)
        for event in incoming.events:
            self.room.feed(event, now)

    def _on_publish(self, _client: mqtt.Client, _data: object, mid: int, _reason: object, _properties: object) -> None:
        token = self._tokens.pop(mid, 0)
        if token and self.session is not None:
            self.session.puback(token)

    # -- what happened

    @property
    def events_made(self) -> int:
        """Events this room has put into its outbox."""
        return self._store.floor() - 1 + self._store.pending()

    @property
    def events_waiting(self) -> int:
        """Events the hub has not acknowledged yet."""
        return self._store.pending()

    @property
    def epoch(self) -> str:
        """Id of the room's store."""
        return self._store.epoch


def instant() -> Instant:
    """The present moment; simulated rooms have good clocks."""
    return Instant(time.clock_gettime(time.CLOCK_BOOTTIME), time.time(), True)


class Fleet:
    """Serves all light rooms from one thread: sockets through one selector, rooms in turn."""

    def __init__(self, rooms: Iterable[tuple[str, float]], broker: BrokerConfig, seed: int = 1) -> None:
        """`rooms`: id and time scale of each."""
        now = instant()
        self.rooms = {
            room: LightRoom(room, broker, scale, seed * 1_000_003 + n, now) for n, (room, scale) in enumerate(rooms)
        }
        self._order = list(self.rooms.values())
        self._selector = selectors.DefaultSelector()
        self._sockets: dict[int, LightRoom] = {}
        self._misc_s = 0.0
        self._stopped = False

    def stop(self) -> None:
        """Let `run` end."""
        self._stopped = True

    def run(self, until: Callable[[], bool] = lambda: False, each_turn: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop` or `until()`; `each_turn` is called about ten times a second, in this thread."""
        while not self._stopped and not until():
            began_s = time.monotonic()
            now = instant()
            self._connect_some(now)
            for room in self._order:
                room.turn(now)
            each_turn()
            self._misc(now)
            self._serve(max(0.005, TURN_S - (time.monotonic() - began_s)))

    def close(self) -> None:
        """Drop every connection."""
        for room in self._order:
            self._forget(room)
            room.drop()
        self._selector.close()

    def _connect_some(self, now: Instant) -> None:
        budget = CONNECTS_PER_TURN
        for room in self._order:
            if budget and room.wants_connection(now):
                budget -= 1
                client = room.connect(now)
                sock = client.socket() if client else None
                if sock is not None:
                    self._release(sock.fileno())  # of a room whose socket closed behind the selector's back
                    self._sockets[sock.fileno()] = room
                    self._selector.register(sock, selectors.EVENT_READ)

    def _forget(self, room: LightRoom) -> None:
        for number in [n for n, r in self._sockets.items() if r is room]:
            self._release(number)

    def _release(self, number: int) -> None:
        if self._sockets.pop(number, None) is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(number)

    def _misc(self, now: Instant) -> None:
        for room in self._order:
            client = room.client
            if client is None:
                continue
            if not room.check_connection(now):
                self._forget(room)
                room.drop()
            elif client.want_write() and client.loop_write() != mqtt.MQTT_ERR_SUCCESS:
                self._forget(room)
                room.lost(now)
        if now.mono_s - self._misc_s < 1.0:
            return
        self._misc_s = now.mono_s
        for room in self._order:
            if room.client is not None and room.client.loop_misc() != mqtt.MQTT_ERR_SUCCESS:
                self._forget(room)
                room.lost(now)
        self._sweep()

    def _sweep(self) -> None:
        """Forget sockets of rooms that lost their power in the middle of a turn."""
        for room in {r for r in self._sockets.values() if r.client is None}:
            self._forget(room)

    def _serve(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            for key, _ in self._selector.select(left_s):
                room = self._sockets.get(key.fd)
                if room is None or room.client is None:
                    continue
                if room.client.loop_read() != mqtt.MQTT_ERR_SUCCESS or room.client.socket() is None:
                    self._forget(room)
                    room.lost(instant())
