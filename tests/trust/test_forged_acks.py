"""A captured broker swallows a room's events and acknowledges them itself: the hub's signed word brings them back."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from hub.intake.link import Broker
from hub.runtime.service import Hub
from hub.signer import keys
from hub.signer.client import SignerClient
from hub.store.db import hub_epoch, open_db
from tests.brokers import Mosquitto, until
from tests.trust.test_orders import ROOM, Site
from wire import messages as m
from wire.topics import Leaf, Topic

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Mosquitto(tmp_path / "broker") as broker:
        made = Site(tmp_path, broker)
        yield made
        made.end()


def asked(path: Path, sql: str) -> str:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
            row = db.execute(sql).fetchone()
    except sqlite3.OperationalError:
        return ""
    return str(row[0]) if row and row[0] is not None else ""


def starts(site: Site) -> str:
    return asked(site.folder / "hub.db", "SELECT COUNT(*) FROM events WHERE kind = 'agent_started'")


def waiting(site: Site) -> str:
    """How many events the room still has to tell."""
    acked = "(SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'acked')"
    return asked(site.folder / "state/room.db", f"SELECT COUNT(*) FROM outbox WHERE seq > coalesce({acked}, 0)")


def word(site: Site) -> m.Has | None:
    """What the room's document says that the hub has."""
    with closing(open_db(site.folder / "hub.db")) as db:
        row = db.execute("SELECT raw FROM desired WHERE room = ?", (ROOM,)).fetchone()
    return m.decode(m.Desired, bytes(row[0])).has if row else None


def swallow(site: Site) -> None:
    """The broker forgets what it should have kept for the hub."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="diemcau-hub", clean_session=True)
    up: list[bool] = []
    client.on_connect = lambda *_: up.append(True)
    client.connect("127.0.0.1", site.broker.port)
    client.loop_start()
    until("the hub's session is gone", lambda: bool(up), 20)
    client.disconnect()
    client.loop_stop()


def say(site: Site, leaf: Leaf, message: m.Ack) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", site.broker.port)
    client.loop_start()
    client.publish(str(Topic(ROOM, leaf)), m.encode(message), qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def test_what_a_captured_broker_has_acknowledged_itself_reaches_the_hub(site: Site) -> None:
    journal = site.folder / "state/room.db"
    until("the room is heard and acknowledged", lambda: (starts(site), waiting(site)) == ("1", "0"), 90)
    until("and told so under signature", lambda: word(site) is not None, 60)
    until("which it keeps", lambda: asked(journal, "SELECT value FROM meta WHERE key = 'surely'") != "", 60)
    site.hub.stop()
    swallow(site)

    site.agent.send_signal(signal.SIGKILL)
    site.agent.wait(10)
    site.agent = site.start_agent()
    until("the broker has swallowed a start", lambda: int(waiting(site) or 0) > 0, 60)
    with closing(open_db(site.folder / "hub.db")) as db:
        lie = m.Ack(epoch=asked(journal, "SELECT value FROM meta WHERE key = 'epoch'"), seq=2**50, hub=hub_epoch(db))
        (raw,) = db.execute("SELECT raw FROM desired WHERE room = ?", (ROOM,)).fetchone()
        said = m.decode(m.Desired, bytes(raw))
        assert said.has is not None
        yesterday = msgspec.structs.replace(said, has=msgspec.structs.replace(said.has, at_s=said.has.at_s - 90_000))
        db.execute("UPDATE desired SET raw = ? WHERE room = ?", (m.encode(yesterday), ROOM))

    def believed() -> bool:
        say(site, Leaf.ACK, lie)
        return waiting(site) == "0"

    until("the room believes the broker", believed, 60)
    assert starts(site) == "1", "and the hub has nothing of it"

    sealer, listed = SignerClient(site.folder / "s"), site.folder / "orders" / keys.LIST
    site.hub = Hub(site.folder / "hub.db", Broker(port=site.broker.port), commit_ms=20, sealer=sealer, keys_file=listed)
    site.hub.start()
    until("the next day's word has brought it back", lambda: starts(site) == "2", 90)
    until("and it is acknowledged", lambda: waiting(site) == "0", 60)
