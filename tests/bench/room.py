"""One full simulated room with the real agent in it: memory, processor, card, line and the time to the first word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from sim.hardware import RoomHardware
from sim.kinds import RoomPlan
from tests.bench.meter import CountingWire, usage
from tests.bench.table import Row
from tests.brokers import Mosquitto
from tests.sim.stage import rack
from wire import messages as m
from wire.topics import FLEET, Leaf, Topic

ROOM = "bench-1"
WARM_UP_S = 30.0
"""Not counted: the start itself, with its first readings and its first full state."""
DAY_S = 86_400.0
MB = 1e6


class Centre:
    """Acknowledges events as the hub does, and notes when the room first says that it is there."""

    def __init__(self, port: int) -> None:
        self.online_s: float | None = None
        self.heard: dict[str, int] = {}
        self.changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "bench-centre")
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.publish(FLEET, m.encode(m.Fleet(hub_epoch="bench")), qos=1, retain=True)
        self._client.subscribe(f"diemcau/1/+/{ROOM}/#", 1)
        self._client.loop_start()

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()

    def await_online(self, timeout_s: float) -> float:
        """The monotonic time of the room's first word. Raises AssertionError when it does not come."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.online_s is not None, timeout_s), "the agent did not report"
            assert self.online_s is not None
            return self.online_s

    def forget(self) -> None:
        """Wait for a first word anew."""
        self.online_s = None

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        topic = Topic.parse(message.topic)
        self.heard[topic.leaf] = self.heard.get(topic.leaf, 0) + 1
        if topic.leaf is Leaf.EVENT:
            stamp = m.decode(m.Event, bytes(message.payload)).stamp
            ack = m.encode(m.Ack(epoch=stamp.epoch, seq=stamp.seq, hub="bench"))
            self._client.publish(str(Topic(ROOM, Leaf.ACK)), ack, qos=1)
        elif topic.leaf is Leaf.STATUS and not message.retain and m.decode(m.Status, bytes(message.payload)).online:
            with self.changed:
                self.online_s = self.online_s or time.monotonic()
                self.changed.notify_all()


@contextmanager
def agent(hardware: RoomHardware) -> Iterator[subprocess.Popen[bytes]]:
    """The real program in the room; ended in good order."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agent.main", "run", "--config", str(hardware.config)],
        cwd=hardware.folder,
        env={
            **os.environ,
            "GPIOZERO_PIN_FACTORY": "diemcau_sim",
            "DIEMCAU_SIM_PINS": str(hardware.pins_socket),
            "LG_WD": str(hardware.folder),
        },
        stdout=subprocess.DEVNULL,
        stderr=(hardware.folder / "agent.log").open("ab"),
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def measure(seconds: float) -> list[Row]:
    """Two starts, then `seconds` of a quiet room. The folder is on disk, not in memory: else nothing is written."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="diemcau-bench-") as name:
        folder = Path(name)
        with Mosquitto(folder / "broker") as broker, rack(folder / "rack", RoomPlan(ROOM, "cisco_serial")) as made:
            hardware = made.rooms[0]
            wire, centre = CountingWire(broker.port), Centre(broker.port)
            hardware.write_config(wire.port)
            try:
                return _measure(hardware, wire, centre, seconds)
            finally:
                centre.close()
                wire.close()


def _measure(hardware: RoomHardware, wire: CountingWire, centre: Centre, seconds: float) -> list[Row]:
    starts = []
    for _ in range(2):
        centre.forget()
        began_s = time.monotonic()
        with agent(hardware):
            starts.append(centre.await_online(60) - began_s)
    with agent(hardware) as process:
        threading.Event().wait(WARM_UP_S)
        before, up_before, began_s = usage(process.pid), wire.up_bytes, time.monotonic()
        threading.Event().wait(seconds)
        after, lasted_s = usage(process.pid), time.monotonic() - began_s
        up_bytes = wire.up_bytes - up_before
    a_day = DAY_S / lasted_s
    return [
        Row("agent: memory (RSS)", after.rss_mb, "MB", 45.0, f"peak {after.peak_mb:.1f} MB"),
        Row("agent: processor", 100 * (after.cpu_s - before.cpu_s) / lasted_s, "% of a core", 0.5, f"{lasted_s:.0f} s"),
        Row("agent: first word, new room", starts[0], "s", 10.0, "configuration checked"),
        Row("agent: first word, known room", starts[1], "s", 10.0, "configuration from its cache"),
        Row("agent: written to disk", (after.written_bytes - before.written_bytes) * a_day / MB, "MB a day", 5.0, ""),
        Row("agent: sent", up_bytes * a_day / MB, "MB a day", None, _heard(centre)),
    ]


def _heard(centre: Centre) -> str:
    return ", ".join(f"{count} {leaf}" for leaf, count in sorted(centre.heard.items()))
