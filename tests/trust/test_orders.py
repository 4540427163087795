"""The whole way of an order: hub, signer, real broker, real agent. And what a captured broker can do with it."""

from __future__ import annotations

import os
import queue
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from agent.core.policy import Guards
from hub.intake.link import Broker
from hub.main import main
from hub.port import Ordered
from hub.runtime.service import Hub
from hub.signer import keys
from hub.signer.client import SignerClient
from hub.store.db import open_db
from sim.process import program
from tests.agent import pins
from tests.brokers import Mosquitto, until
from tests.hub.rooms import fill_inventory
from wire import messages as m
from wire.topics import Leaf, Topic

ROOM = "p1-1"
LIGHT, DISPLAY = 22, 23
SETTINGS = """
[room]
id = "{room}"
state_dir = "{state}"
[broker]
host = "127.0.0.1"
port = {port}
[commands]
root_key = "{root}"
[network]
gateway = ""
clock = false
[relays.light]
pin = {pin}
contact = "no"
"""

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


class Site:
    """A hub in this process; broker, signer and agent as processes of their own."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.folder, self.broker = folder, broker
        self.levels = folder / "levels"
        orders = folder / "orders"
        assert main(["signer", "init", "--dir", str(orders)]) == 0
        assert main(["signer", "new-key", "--dir", str(orders), "--key", str(orders / "key")]) == 0
        self.processes: list[subprocess.Popen[bytes]] = []
        signing = ["signer", "run", "--key", str(orders / "key"), "--socket", str(folder / "s")]
        self.signer = self.start([program("diemcau-hub"), *signing, "--journal", str(folder / "signed")])
        db = open_db(folder / "hub.db")
        fill_inventory(db)
        db.close()
        config = folder / "room.toml"
        root = (orders / keys.ROOT_PUB).read_text("ascii").strip()
        made = SETTINGS.format(room=ROOM, state=folder / "state", port=broker.port, root=root, pin=LIGHT)
        config.write_text(made, "utf-8")
        sealer = SignerClient(folder / "s")
        at = Broker(port=broker.port)
        self.hub = Hub(folder / "hub.db", at, commit_ms=20, sealer=sealer, keys_file=orders / keys.LIST)
        self.hub.start()
        self.agent = self.start_agent()

    def start(self, command: list[str], **environment: str) -> subprocess.Popen[bytes]:
        made = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
        self.processes.append(made)
        return made

    def start_agent(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.agent.run_agent", "run", "--config", str(self.folder / "room.toml")]
        return self.start(command, DIEMCAU_TEST_IDLE="1", DIEMCAU_TEST_PINS=str(self.levels))

    def order(self, action: str) -> Ordered:
        """Order it as soon as the room may be ordered anything."""
        made: list[Ordered] = []

        def taken() -> bool:
            made.append(self.hub.order(ROOM, action, "lan", "thử"))
            return made[-1].refused not in ("offline", "no_nonce", "not_offered", "no_broker")

        until(f"{action} can be ordered", taken, 60)
        return made[-1]

    def switch(self, action: str) -> None:
        """Order it until it is done: relays keep apart from each other, and a refusal of seconds is no failure."""

        def done() -> bool:
            moved = [at_s for at_s, _, _ in pins.changes(self.levels)]
            if moved and time.monotonic() - moved[-1] < 2 * Guards().stagger_s:
                return False  # the signer does not sign any number of orders for one room
            ordered = self.order(action)
            if ordered.refused:
                return False
            until("the room answers", lambda: self.outcome(ordered).split()[0] not in ("waiting", "sent", "accepted"))
            return self.outcome(ordered) == "done"

        until(f"{action} is done", done, 60)

    def end(self) -> None:
        self.hub.stop()
        for process in self.processes:
            process.kill()
            process.wait(10)

    def outcome(self, ordered: Ordered) -> str:
        with closing(sqlite3.connect(self.folder / "hub.db", timeout=5)) as db:
            row = db.execute("SELECT outcome, reason FROM orders WHERE id = ?", (ordered.id,)).fetchone()
        return " ".join(str(word) for word in row if word) if row else ""

    def refused_to(self) -> set[tuple[str, str]]:
        """Who ordered and who confirmed what was refused, by the events at the hub."""
        with closing(sqlite3.connect(self.folder / "hub.db", timeout=5)) as db:
            rows = db.execute("SELECT raw FROM events WHERE kind = 'command_refused'").fetchall()
        events = [m.decode(m.Event, bytes(raw)) for (raw,) in rows]
        return {(event.by, str(event.detail.get("confirmed", ""))) for event in events}

    def reasons(self) -> set[str]:
        """Why orders were refused, by the events at the hub."""
        with closing(sqlite3.connect(self.folder / "hub.db", timeout=5)) as db:
            rows = db.execute("SELECT raw FROM events WHERE kind = 'command_refused'").fetchall()
        return {m.decode(m.Event, bytes(raw)).reason for (raw,) in rows}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Mosquitto(tmp_path / "broker") as broker:
        made = Site(tmp_path, broker)
        yield made
        made.end()


class Tap:
    """A captured broker's ear and mouth."""

    def __init__(self, port: int) -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.on_message = lambda _c, _u, message: self.heard.put((message.topic, bytes(message.payload)))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe("#", qos=1)

    def orders(self) -> list[tuple[str, bytes]]:
        found = []
        while not self.heard.empty():
            topic, payload = self.heard.get()
            if "/command/" in topic:
                found.append((topic, payload))
        return found

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)


def test_a_signed_order_switches_and_its_recording_never_does_again(site: Site) -> None:
    tap = Tap(site.broker.port)
    site.switch("light_on")
    assert pins.level(site.levels, LIGHT) == 1
    site.switch("light_off")
    assert pins.level(site.levels, LIGHT) == 0
    recorded = tap.orders()
    assert len(recorded) >= 2
    moved = len(pins.changes(site.levels))
    for _ in range(2):  # once to the agent that has heard them, once to one that has started since
        for topic, payload in recorded:
            tap.say(topic, payload)
            tap.say(topic, payload, retain=True)
            tap.say(str(Topic(ROOM, Leaf.COMMAND, "c-new")), payload)
        tap.say(str(Topic(ROOM, Leaf.COMMAND, "c-bare")), m.encode(m.Command(
            room=ROOM, boot="b", nonce="n", counter=10**6, action="light_on", by="nobody")))  # fmt: skip
        site.switch("light_off")  # what stands before it on the line has been judged when this is done
        assert pins.level(site.levels, LIGHT) == 0
        site.agent.kill()
        site.agent.wait(10)
        site.agent = site.start_agent()
    assert {1} - {level for _, pin, level in pins.changes(site.levels)[moved:] if pin == LIGHT} == {1}
    assert {"unsigned", "replayed"} <= site.reasons()
    tap.client.disconnect()
    tap.client.loop_stop()


def test_without_the_signer_no_order_leaves_and_everything_else_goes_on(site: Site) -> None:
    site.switch("light_on")
    site.signer.kill()
    site.signer.wait(10)
    assert site.order("light_off").refused == "signer_away"
    assert site.hub.health()["broker_connected"]
    assert pins.level(site.levels, LIGHT) == 1


class SiteWithADisplay(Site):
    """As Site, with something that an order may restart in a meeting. Its clock is not disciplined."""

    def start_agent(self) -> subprocess.Popen[bytes]:
        config = self.folder / "room.toml"
        config.write_text(config.read_text("utf-8") + f"[relays.display]\npin = {DISPLAY}\n", "utf-8")
        return super().start_agent()


def test_a_confirmation_is_signed_and_judged_by_the_rooms_own_clock(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        site = SiteWithADisplay(tmp_path, broker)
        try:
            until("the signer is there", (tmp_path / "s").exists)
            first = site.order("display_power_cycle")  # as soon as the room offers it
            until("the first one is over", lambda: site.outcome(first).startswith(("done", "refused", "failed")), 60)
            moved = len(pins.changes(site.levels))
            asked = site.hub.order(ROOM, "display_power_cycle", "lan", "thử", None, "Lê Văn Thắng")
            assert asked.ok
            until("the room answers", lambda: site.outcome(asked) == "refused confirmation_no_clock")
            until("the event names both", lambda: ("lan", "Lê Văn Thắng") in site.refused_to())
            signed = (tmp_path / "signed").read_text("utf-8")
            assert f"display_power_cycle {asked.id} for {ROOM} by lan confirmed by " in signed
            assert len(pins.changes(site.levels)) == moved
        finally:
            site.end()
