"""Hundreds of light rooms in one process: one MQTT connection each, all pumped by one selector loop.

A room whose way to the hub is cut loses its connection as it would in truth: without a farewell. Started by the
demonstration as `python -m sim.fleet FILE`, where FILE is a `FleetPlan` in JSON.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import logging
import random
import selectors
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt

from agent.core.facts import Instant
from agent.uplink.publisher import BrokerConfig, make_room_client, retry_delay_s
from agent.uplink.trust import read_root
from sim import fitout
from sim.book import Book
from sim.control import LINE_MAX, answer
from sim.light import LightRoom, Shared

log = logging.getLogger("sim.fleet")

KEEPALIVE_S = 60
MISC_S = 5.0
"""Between two looks at a connection's keep-alive."""
CONNECT_GAP_S = 0.012
"""Between two first connects: 621 rooms in 8 s, gentle enough for two cores."""
CONNACK_S = 10.0
IDLE_S = 0.05


class FleetPlan(msgspec.Struct, frozen=True):
    """What a fleet is."""

    rooms: list[str]
    broker_port: int
    control: str
    """Path of the control socket."""
    scale: float
    seed: int = 0
    in_call: list[str] = []
    """Rooms that are in a call from the beginning, for `call_s`."""
    call_s: float = 86400.0
    user: str = ""
    password: str = ""
    root_key: str = ""
    """Whose list of keys the rooms believe; empty: they obey orders that nobody has signed."""


class Connection:
    """One room's connection. Everything happens in the fleet's thread."""

    def __init__(self, room: LightRoom, fleet: Fleet, first_s: float) -> None:
        self.room = room
        self.up = False
        self._fleet = fleet
        self._client: mqtt.Client | None = None
        self._socket: socket.socket | None = None
        self._tokens: dict[int, int] = {}
        self._attempt = 0
        self._window_s = 30.0
        self._next_s = first_s
        self._since_s = 0.0
        self._misc_s = 0.0

    def turn(self, now: Instant) -> None:
        """Connect, keep alive, or notice that the line is cut."""
        way = self.room.physics.hub_up() and not self.room.asleep
        if self._client is None:
            if way and now.mono_s >= self._next_s:
                self._connect(now)
            return
        if not way or (not self.up and now.mono_s - self._since_s > CONNACK_S):
            self.drop(now)
            return
        if now.mono_s - self._misc_s >= MISC_S:
            self._misc_s = now.mono_s
            if self._client.loop_misc() != mqtt.MQTT_ERR_SUCCESS:
                self.drop(now)
                return
        if self.up:
            self.send(now)

    def _connect(self, now: Instant) -> None:
        session = self.room.session
        client = make_room_client(self.room.name, self._fleet.broker, session.last_will(self.room.by_its_clock(now)))
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        self._since_s = self._misc_s = now.mono_s
        try:
            client.connect("127.0.0.1", self._fleet.broker.port, KEEPALIVE_S)
        except OSError:
            self._later(now)
            return
        sock = client.socket()
        if sock is None:
            self._later(now)
            return
        self._client, self._socket = client, sock  # type: ignore[assignment]
        self._fleet.selector.register(sock, selectors.EVENT_READ, self)

    def _later(self, now: Instant) -> None:
        self._attempt += 1
        wait_s = retry_delay_s(self._attempt, self._window_s, self.room.chance) * self._fleet.plan.scale
        self._next_s = now.mono_s + wait_s

    def drop(self, now: Instant) -> None:
        """The line is gone: no farewell, the broker finds out by itself."""
        if self._socket is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._fleet.selector.unregister(self._socket)
            self._socket.close()
        self._client = self._socket = None
        self._tokens.clear()
        self.up = False
        self.room.session.disconnected()
        self._later(now)

    def farewell(self, now: Instant) -> None:
        """Say that the room ends on purpose."""
        if self._client is not None and self.up:
            will = self.room.session.last_will(self.room.by_its_clock(now))
            self._client.publish(will.topic, will.payload, qos=1, retain=True)
            self._client.disconnect()

    def readable(self, events: int, now: Instant) -> None:
        """Bytes have come, or may go."""
        client = self._client
        if client is None:
            return
        code = mqtt.MQTT_ERR_SUCCESS
        if events & selectors.EVENT_WRITE:
            code = client.loop_write()
        if events & selectors.EVENT_READ and code == mqtt.MQTT_ERR_SUCCESS:
            code = client.loop_read()
        if code != mqtt.MQTT_ERR_SUCCESS:
            self.drop(now)
            return
        self._want()

    def _want(self) -> None:
        if self._client is None or self._socket is None:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._client.want_write() else 0)
        if self._fleet.selector.get_key(self._socket).events != wanted:
            self._fleet.selector.modify(self._socket, wanted, self)

    def send(self, now: Instant) -> None:
        """Publish what is due."""
        if self._client is None or not self.up:
            return
        for message in self.room.session.due(self.room.by_its_clock(now)):
            info = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            if message.token:
                self._tokens[info.mid] = message.token
        self._want()

    # -- paho's callbacks

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            return
        client.subscribe([(pattern, 1) for pattern in self.room.session.subscriptions()])
        self.room.session.connected(self.room.by_its_clock(self._fleet.instant()))
        self.up = True
        self._attempt = 0

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        now = self._fleet.instant()
        told = (message.topic, bytes(message.payload), message.retain)
        incoming = self.room.session.received(*told, self.room.by_its_clock(now))
        if incoming.fleet is not None:
            self._window_s = min(600.0, max(5.0, incoming.fleet.reconnect_window_s))
        if incoming.events or incoming.records or incoming.meta or incoming.told_in:
            self.room.hear(incoming, now)
            self._fleet.urgent.add(self)

    def _on_publish(self, _client: mqtt.Client, _data: object, mid: int, _reason: object, _properties: object) -> None:
        token = self._tokens.pop(mid, 0)
        if token:
            self.room.session.puback(token)


class Fleet:
    """The loop. `run` blocks until `stop`."""

    def __init__(self, plan: FleetPlan) -> None:
        self.plan = plan
        self.broker = BrokerConfig("127.0.0.1", plan.broker_port, plan.user, plan.password)
        self.selector = selectors.DefaultSelector()
        self.urgent: set[Connection] = set()
        """Rooms that have heard something, to be turned at once."""
        now = self.instant()
        common = Shared(plan.scale)
        root = read_root(plan.root_key) if plan.root_key else b""
        chance = random.Random(plan.seed)
        self.connections = [
            Connection(
                LightRoom(
                    name, common, now, chance.randrange(2**31), root, fitout.of_light(name, plan.seed, plan.scale)
                ),
                self,
                now.mono_s + number * CONNECT_GAP_S,
            )
            for number, name in enumerate(plan.rooms)
        ]
        self.rooms = {connection.room.name: connection.room for connection in self.connections}
        self.book = Book({name: room.physics for name, room in self.rooms.items()})
        for name in plan.in_call:
            self.rooms[name].physics.start_call(plan.call_s, now.mono_s)
        self._stopping = False
        self._began_s = time.monotonic()
        self._late_s = 0.0
        self._control = self._listen(Path(plan.control))
        self._lines: dict[socket.socket, bytes] = {}

    @staticmethod
    def instant() -> Instant:
        """The present moment."""
        return Instant(time.monotonic(), time.time(), synced=True)

    def now(self) -> tuple[float, float]:
        """Monotonic and wall time, for the control."""
        return time.monotonic(), time.time()

    def stop(self) -> None:
        """End `run` soon."""
        self._stopping = True

    def run(self) -> None:
        """Turn the rooms as they come due."""
        order = {id(connection): number for number, connection in enumerate(self.connections)}
        heap = [(c.room.due_s, number) for number, c in enumerate(self.connections)]
        heapq.heapify(heap)
        watch_s = 0.0
        while not self._stopping:
            now = self.instant()
            wait_s = min(IDLE_S, max(0.0, heap[0][0] - now.mono_s)) if heap else IDLE_S
            for key, events in self.selector.select(wait_s):
                if isinstance(key.data, Connection):
                    key.data.readable(events, self.instant())
                else:
                    self._control_event(key.fileobj)
            now = self.instant()
            urgent, self.urgent = self.urgent, set()
            for connection in sorted(urgent, key=lambda c: order[id(c)]):
                self._turn(connection, now)
            while heap and heap[0][0] <= now.mono_s:
                due_s, number = heapq.heappop(heap)
                self._late_s = max(self._late_s, now.mono_s - due_s)
                connection = self.connections[number]
                self._turn(connection, now)
                heapq.heappush(heap, (max(connection.room.due_s, now.mono_s + 0.02), number))
                if self.instant().mono_s - now.mono_s > IDLE_S:
                    break
            if now.mono_s - watch_s >= 0.2:
                watch_s = now.mono_s
                self.book.watch(now.mono_s)
        self._end()

    def _turn(self, connection: Connection, now: Instant) -> None:
        try:
            connection.room.turn(now)
            connection.turn(now)
        except Exception:
            # One room must not end six hundred; what went wrong is our bug and stands in the log.
            log.exception("room %s", connection.room.name)

    def _end(self) -> None:
        now = self.instant()
        for connection in self.connections:
            connection.farewell(now)
        self._control.close()
        Path(self.plan.control).unlink(missing_ok=True)

    def report(self) -> dict[str, Any]:
        """What happened so far, for the demonstration's account."""
        return {
            **self.book.report(),
            "connected": sum(connection.up for connection in self.connections),
            "rooms": len(self.rooms),
            "events_sent": sum(room.store.sent for room in self.rooms.values()),
            "pending": sum(room.store.pending() for room in self.rooms.values() if not room.asleep),
            "dropped": sum(room.store.dropped for room in self.rooms.values()),
            "open": {
                name: sorted(r for r, fault in room.room.state.faults.items() if fault.fault_id)
                for name, room in self.rooms.items()
                if any(fault.fault_id for fault in room.room.state.faults.values())
            },
            "cpu_s": time.process_time(),
            "up_s": time.monotonic() - self._began_s,
            "late_s": self._late_s,
        }

    # -- control

    @staticmethod
    def _listen(path: Path) -> socket.socket:
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen()
        listener.setblocking(False)
        return listener

    def open_control(self) -> None:
        """Begin to take orders."""
        self.selector.register(self._control, selectors.EVENT_READ, None)

    def _control_event(self, where: Any) -> None:
        if where is self._control:
            client, _ = self._control.accept()
            client.settimeout(1.0)
            self._lines[client] = b""
            self.selector.register(client, selectors.EVENT_READ, None)
            return
        try:
            data = where.recv(65536)
            self._lines[where] += data
            while b"\n" in self._lines[where]:
                line, _, self._lines[where] = self._lines[where].partition(b"\n")
                where.sendall(answer(self, line))
        except OSError:
            data = b""
        if not data or len(self._lines[where]) > LINE_MAX:
            self.selector.unregister(where)
            del self._lines[where]
            where.close()


def main() -> int:
    """`python -m sim.fleet FILE`: run until SIGTERM."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=FleetPlan)
    fleet = Fleet(plan)
    signal.signal(signal.SIGTERM, lambda *_: fleet.stop())
    signal.signal(signal.SIGINT, lambda *_: fleet.stop())
    fleet.open_control()
    sys.stdout.write(json.dumps({"ready": len(fleet.rooms)}) + "\n")
    sys.stdout.flush()
    fleet.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
