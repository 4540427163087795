"""Broker and hub are killed in turn while rooms report: in the end every event is there once, and none was acknowledged
before it was safe."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from hub.store.db import open_db
from tests.brokers import Mosquitto, free_port, until
from tests.hub.rooms import Room, fill_inventory
from wire.messages import Ack, decode, encode
from wire.topics import Leaf, Topic

EVENTS = 700
WINDOW = 60
RESEND_S = 1.0


class Outbox:
    """A room that keeps its events until the hub acknowledges them, as the agent does."""

    def __init__(self, name: str, port: int, events: int) -> None:
        self.room = Room(name, start_s=time.time() - 60)
        made = [self.room.event() for _ in range(events)]
        self._events = {event.stamp.seq: event for event in made}
        self.acked = 0
        self.wrong: list[str] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(WINDOW)
        self._client.on_connect = lambda c, *_: c.subscribe(str(Topic(name, Leaf.ACK)), 1)
        self._client.on_message = lambda _c, _u, message: self._heard(decode(Ack, bytes(message.payload)))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    @property
    def done(self) -> bool:
        return self.acked == len(self._events)

    def _heard(self, ack: Ack) -> None:
        with self._lock:
            if ack.epoch != self.room.epoch or ack.seq > len(self._events):
                self.wrong.append(f"acknowledged {ack}")
            self.acked = max(self.acked, ack.seq)

    def _send(self) -> None:
        sent, progress, progress_s = 0, 0, time.monotonic()
        while not self._over.wait(0.01):
            with self._lock:
                acked = self.acked
            if acked != progress:
                progress, progress_s = acked, time.monotonic()
            elif time.monotonic() - progress_s > RESEND_S:
                sent, progress_s = acked, time.monotonic()
            sent = max(sent, acked)
            if self._client.is_connected() and sent < min(acked + WINDOW, len(self._events)):
                sent += 1
                event = self._events[sent]
                event = type(event)(stamp=event.stamp, kind=event.kind, floor=acked + 1)
                self._client.publish(self.room.topic(event), encode(event), qos=1)

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._client.disconnect()
        self._client.loop_stop()


class HubProcess:
    """The real program."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.database = folder / "hub.db"
        db = open_db(self.database)
        self.rooms = fill_inventory(db, clusters=1, rooms=4)
        db.close()
        self._log = folder / "hub.log"
        self._config = folder / "hub.toml"
        self._config.write_text(
            f'data_dir = "{folder}"\n[web]\nport = {free_port()}\n[broker]\nport = {broker_port}\n'
            "[ingest]\ncommit_ms = 50\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hub.main", "serve", "--config", str(self._config)], stdout=log, stderr=log
            )

    def kill9(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-3000:]
        self._process.kill()
        self._process.wait(10)

    def stored(self) -> dict[str, set[int]]:
        """Room to the numbers of its events in the database."""
        found: dict[str, set[int]] = {room: set() for room in self.rooms}
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as db:
            for room, seq in db.execute("SELECT room, seq FROM events"):
                found[room].add(seq)
        return found


def _reached(outboxes: list[Outbox], enough: int) -> bool:
    return sum(outbox.acked for outbox in outboxes) >= enough or all(one.done for one in outboxes)


@pytest.mark.broker
@pytest.mark.run
@pytest.mark.xdist_group("programs-2")
@pytest.mark.timeout(180)
def test_killing_broker_and_hub_loses_and_doubles_nothing(tmp_path: Path) -> None:
    rng = random.Random(7)
    broker = Mosquitto(tmp_path / "broker").start()
    hub = HubProcess(tmp_path, broker.port)
    outboxes = [Outbox(room, broker.port, EVENTS) for room in hub.rooms]
    try:
        hub.start()
        for kill in ("hub", "broker", "hub", "broker", "hub"):
            enough = sum(outbox.acked for outbox in outboxes) + rng.randint(20, 150)
            until(f"{enough} events before the {kill} dies", partial(_reached, outboxes, enough), 60)
            if kill == "broker":
                broker.restart()
                continue
            told = {outbox.room.room: outbox.acked for outbox in outboxes}
            hub.kill9()
            stored = hub.stored()
            for room, seq in told.items():
                assert set(range(1, seq + 1)) <= stored[room], f"{room}: acknowledged before it was safe"
            hub.start()
        assert not all(one.done for one in outboxes), "the kills came too late to prove anything"
        until("everything acknowledged", lambda: all(one.done for one in outboxes), 90)
        hub.kill9()
        assert all(one == set(range(1, EVENTS + 1)) for one in hub.stored().values())
        assert [one.wrong for one in outboxes] == [[]] * len(outboxes)
        with closing(sqlite3.connect(hub.database)) as db:
            assert db.execute("SELECT COUNT(*) FROM set_aside").fetchone()[0] == 0
            assert {row[0] for row in db.execute("SELECT seq FROM acked")} == {EVENTS}
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    finally:
        for outbox in outboxes:
            outbox.close()
        broker.kill9()
