"""Whatever packets a room's own certificate sends, the broker judges the sender, and the hub hears the others.

The real Mosquitto with our settings, over TLS; the real hub; packets made by hand, since no client would send them.
"""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.intake.link import Broker
from hub.runtime.service import Hub
from hub.store.db import open_db, open_reader
from tests.brokers import PROPERTIES_5, Mosquitto, until
from tests.hub.rooms import Room, fill_inventory
from tests.pki.lab import HUB, pki, running
from wire.messages import encode
from wire.topics import Leaf, Topic, shard_of

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]

BAD, GOOD = "p1-1", "p1-2"
EVENT, STATUS = str(Topic(BAD, Leaf.EVENT)), str(Topic(BAD, Leaf.STATUS))
BASE = f"diemcau/1/{shard_of(BAD)}/{BAD}"


def text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def packet(first: int, body: bytes) -> bytes:
    """A packet with its length as MQTT writes it."""
    size, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        size += bytes([digit | (0x80 if left else 0)])
        if not left:
            return bytes([first]) + size + body


def published(
    topic: bytes, payload: bytes, *, qos: int = 1, flags: int = 0, number: int = 7, five: bytes = b""
) -> bytes:
    """A PUBLISH. `five`: its properties, where the connection is one of MQTT 5."""
    return packet(0x30 | qos << 1 | flags, text(topic) + (number.to_bytes(2, "big") if qos else b"") + five + payload)


def odd_topics() -> list[bytes]:
    base = BASE.encode()
    return [
        b"", b"/", b"\x00", base, base + b"/", base + b"/event/", base + b"/event/x", base + b"//event",
        base + b"/reply/" + b"x" * 60_000, base + b"/reply/\xef\xbb\xbf", base + b"/reply/a\x00b",
        base + b"/reply/\xff",
        base + b"/reply/\xed\xa0\x80", base + b"/reply/\xc0\xaf", base + b"/reply/+", base + b"/reply/#",
        base + b"/reply/\xf4\x8f\xbf\xbf", base + b"/reply/\x01\x7f", base + b"/reply/" + b"\xe2\x80\xae" * 30,
        base + b"/reply/" + b"/" * 190, b"diemcau/1/zz/" + BAD.encode() + b"/event",
        b"diemcau/1/\xef\xbb\xbf/" + BAD.encode() + b"/state", b"diemcau/1/+/p1-1/state", b"$SYS/broker/uptime",
        b"diemcau/1//" + BAD.encode() + b"/status",
    ]  # fmt: skip


ODD_PAYLOADS = (
    b"", b"\x00", b"\xef\xbb\xbf{}", b"\xff" * 100, b"[" * 60_000, b"{" * 60_000, b'"' + b"\\u0000" * 9000,
    b"9" * 60_000,
    b"x" * 250_000, b'{"stamp":' * 5000, encode(Room(BAD).event())[:-9],
)  # fmt: skip


def odd_packets() -> Iterator[tuple[str, bytes]]:
    """Name and bytes; what may end the sender's connection stands among the rest."""
    for topic in odd_topics():
        for flags in (0, 1, 8):
            yield f"topic {topic[:40]!r} flags {flags}", published(topic, b"{}", flags=flags)
    for leaf in (b"event", b"status", b"state", b"metric", b"reply/c1"):
        topic = BASE.encode() + b"/" + leaf
        for payload in ODD_PAYLOADS:
            for flags in (0, 1):
                yield f"{leaf!r} of {len(payload)} bytes, flags {flags}", published(topic, payload, flags=flags)
    for qos in (0, 1, 2):
        yield f"the same number twice at {qos}", published(EVENT.encode(), b"twice", qos=qos, flags=8) * 2
    yield "number 0", published(EVENT.encode(), b"{}", number=0)
    yield "quality 3", published(EVENT.encode(), b"{}", qos=3)
    yield "no topic at all", packet(0x32, b"")
    yield "a topic longer than its packet", packet(0x32, b"\xff\xff" + b"a" * 10)
    yield "no number", packet(0x32, text(EVENT.encode()))
    yield "half a number", packet(0x32, text(EVENT.encode()) + b"\x00")
    yield "a length without end", b"\x32\xff\xff\xff\xff\xff\xff"
    yield "the greatest length", b"\x32\xff\xff\xff\x7f" + b"a" * 1000
    yield "half a packet", published(EVENT.encode(), b"{}" * 500)[:300]
    for first in (0x00, 0x10, 0x20, 0x40, 0x52, 0x62, 0x70, 0x82, 0x90, 0xA2, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0):
        yield f"a packet of type {first:02x}", packet(first, b"\x00\x07" + text(b"#") + b"\x01")


@dataclass
class Province:
    broker: Mosquitto
    hub: Hub
    folder: Path
    good: Room

    def line(self, name: str = BAD, level: int = 4) -> ssl.SSLSocket:
        """A connection of that room's certificate that has been let in."""
        context = ssl.create_default_context(cafile=str(self.folder / "authority/ca.crt"))
        context.load_cert_chain(self.folder / f"certs/{name}.crt", self.folder / f"certs/{name}.key")
        made = context.wrap_socket(
            socket.create_connection(("127.0.0.1", self.broker.port), 10), server_hostname="127.0.0.1"
        )
        made.settimeout(10)
        made.sendall(
            packet(0x10, text(b"MQTT") + bytes([level, 2, 0, 60]) + (b"\x00" if level == 5 else b"") + text(b""))
        )
        answer = made.recv(200)
        assert answer[0] == 0x20, "CONNACK"
        return made

    def still_hears(self) -> None:
        """A good room says something, and the hub has it over the connection that stands."""
        event = self.good.event()
        with self.line(GOOD) as line:
            line.sendall(published(self.good.topic(event).encode(), encode(event)))
            assert line.recv(4) == b"\x40\x02\x00\x07"
        until("the good room is heard", lambda: self.count(event.stamp.seq))

    def count(self, seq: int) -> int:
        reader = open_reader(self.folder / "hub.db")
        try:
            found = reader.execute(
                "SELECT COUNT(*) FROM events WHERE room = ? AND seq = ? AND epoch = 'e1'", (GOOD, seq)
            )
            return int(found.fetchone()[0])
        finally:
            reader.close()


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    folder = tmp_path_factory.mktemp("packets")
    authority, certs = folder / "authority", folder / "certs"
    certs.mkdir()
    assert pki(authority, "init") == 0
    for name, profile in ((BAD, "room"), (GOOD, "room"), (HUB, "hub")):
        assert pki(authority, "issue", name, "--profile", profile, "--out", str(certs)) == 0
    server = ("127.0.0.1", "--profile", "server", "--host", "127.0.0.1", "--out", str(certs))
    assert pki(authority, "issue", *server) == 0
    db = open_db(folder / "hub.db")
    fill_inventory(db)
    db.close()
    with running(folder, authority, certs) as broker:
        at = Broker(
            "127.0.0.1", broker.port, client_id=HUB, ca_file=str(authority / "ca.crt"),
            cert_file=str(certs / f"{HUB}.crt"), key_file=str(certs / f"{HUB}.key"),
        )  # fmt: skip
        hub = Hub(folder / "hub.db", at, commit_ms=20)
        hub.start()
        until("connected", lambda: hub.health()["broker_connected"])
        yield Province(broker, hub, folder, Room(GOOD))
        hub.stop()


def send(province: Province, packets: list[bytes], level: int = 4) -> int:
    """Send each over a connection of its own kind, a new one whenever the broker ends it. How many it ended."""
    ended = 0
    line = province.line(level=level)
    for one in packets:
        try:
            line.sendall(one)
            line.settimeout(0.02)
            with contextlib.suppress(TimeoutError):
                if line.recv(200) == b"":
                    raise OSError("ended")
        except OSError:
            ended += 1
            with contextlib.suppress(OSError):
                line.close()
            line = province.line(level=level)
    line.close()
    return ended


def test_odd_packets_end_their_sender_at_most(province: Province) -> None:
    packets = list(odd_packets())
    ended = send(province, [body for _, body in packets])
    assert 10 < ended < len(packets), "the broker takes some and refuses others, else this proves little"
    province.still_hears()
    assert province.hub.health()["broker_connected"]


@pytest.mark.parametrize("seed", range(3))
def test_spoilt_packets_of_both_versions_end_their_sender_at_most(province: Province, seed: int) -> None:
    rng = random.Random(seed)
    properties = [b"\x00", *(packet(0, held)[1:] for held in PROPERTIES_5.values())]
    for level in (4, 5):
        packets = []
        for _ in range(150):
            five = rng.choice(properties) if level == 5 else b""
            payload = rng.choice([b"{}", encode(Room(BAD).event()), encode(Room(BAD).status()), rng.randbytes(50)])
            topic = rng.choice([EVENT, STATUS, f"{BASE}/reply/c1"]).encode()
            flags, number = rng.choice([0, 1, 8, 9]), rng.randint(0, 65_535)
            body = bytearray(published(topic, payload, flags=flags, number=number, five=five))
            for _ in range(rng.randint(0, 4)):
                body[rng.randrange(len(body))] = rng.choice([0, 0xFF, 0xEF, 0xBB, 0xBF, rng.randrange(256)])
            packets.append(bytes(body))
        send(province, packets, level)
        province.still_hears()
    assert province.hub.health()["broker_connected"]


def test_what_is_kept_comes_again_with_every_connection_and_ends_none(province: Province) -> None:
    packets = [published(f"{BASE}/{leaf}".encode(), raw, flags=1) for leaf in ("status", "state", "event", "reply/c1")
               for raw in (b"\xff" * 2000, b"[" * 60_000, b"\xef\xbb\xbf")]  # fmt: skip
    send(province, packets)
    for _ in range(2):
        client = province.hub._link._client
        assert client is not None
        client.disconnect()
        until("gone", lambda client=client: province.hub._link._client is not client)  # type: ignore[misc]
        until("connected again", lambda: province.hub.health()["broker_connected"])
        province.still_hears()
