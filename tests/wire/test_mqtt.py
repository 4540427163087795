"""The one client of rooms and hub goes on whatever a message's packet holds, and speaks 3.1.1 alone."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from paho.mqtt.client import MQTTMessage

from hub.intake.link import Broker
from wire.mqtt import Client, make_client

CONNACK = b"\x20\x02\x00\x00"


def remaining(count: int) -> bytes:
    """A length as MQTT writes it."""
    out = bytearray()
    while True:
        count, digit = divmod(count, 128)
        out.append(digit | (0x80 if count else 0))
        if not count:
            return bytes(out)


def publish(topic: bytes, payload: bytes = b"x", number: int = 7, *, qos: int = 1, flags: int = 0) -> bytes:
    """A PUBLISH as it stands on the line. `flags`: 1 retained, 8 a repetition."""
    body = len(topic).to_bytes(2, "big") + topic + (number.to_bytes(2, "big") if qos else b"") + payload
    return bytes([0x30 | qos << 1 | flags]) + remaining(len(body)) + body


@dataclass
class Peer:
    """The broker's end of one connection, spoken by hand."""

    client: Client
    line: socket.socket
    heard: list[MQTTMessage] = field(default_factory=list)

    def say(self, data: bytes) -> int:
        """Let the client read this; its own verdict on the connection, 0 while it stands."""
        self.line.sendall(data)
        code = 0
        for _ in range(200):
            if not code:
                code = self.client.loop(0.005)
            if not self.client._in_packet["command"] and not _more(self.client):
                break
        return code

    def pubacks(self) -> list[int]:
        """Numbers that the client has confirmed."""
        self.line.setblocking(False)
        try:
            got = self.line.recv(65536)
        except BlockingIOError:
            got = b""
        finally:
            self.line.setblocking(True)
        return [int.from_bytes(got[at + 2 : at + 4], "big") for at in range(0, len(got), 4) if got[at] == 0x40]


def _more(client: Client) -> bool:
    sock = client.socket()
    if sock is None:
        return False
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))  # type: ignore[call-arg]
    except OSError:
        return False


@pytest.fixture
def peer() -> Iterator[Peer]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = make_client("r-1", Broker(port=server.getsockname()[1]), in_flight=20)
        client.connect("127.0.0.1", server.getsockname()[1])
        line, _ = server.accept()
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with line:
            made = Peer(client, line)
            client.on_message = lambda _c, _u, message: made.heard.append(message)
            for _ in range(20):
                client.loop(0.005)  # sends CONNECT
            assert b"\x00\x04MQTT\x04\x00" in line.recv(4096), "3.1.1, and a session that is kept"
            assert made.say(CONNACK) == 0
            yield made
            sock = client.socket()
            if sock is not None:
                sock.close()


ODD_TOPICS = {
    "bad UTF-8": b"a/\xff\xfe", "half a character": b"a/\xe1\xbb", "a surrogate": b"a/\xed\xa0\x80", "NUL": b"a/\x00",
    "byte order mark": "a/\ufeff".encode(), "non-characters": "\ufdd0\uffff".encode(), "wildcards": b"#/+/#",
    "nothing": b"", "long": b"a" * 65535, "control characters": b"\x01\r\n\x7f",
}  # fmt: skip


@pytest.mark.parametrize("flags", [0, 1, 8, 9], ids=["new", "retained", "again", "both"])
@pytest.mark.parametrize("topic", ODD_TOPICS.values(), ids=list(ODD_TOPICS))
def test_an_odd_topic_is_confirmed_and_the_next_message_is_heard(peer: Peer, topic: bytes, flags: int) -> None:
    assert peer.say(publish(topic, number=7, flags=flags)) == 0
    assert peer.say(publish(b"good", b"after", 8)) == 0
    assert peer.heard[-1].payload == b"after"
    assert peer.pubacks() == [7, 8]


def test_whatever_a_packet_holds_nothing_is_raised_and_honest_ones_are_heard(peer: Peer) -> None:
    chance = random.Random(15)
    for number in range(1, 400):
        topic = bytes(chance.choices(b"a/+#$\x00\xff\xed\xa0\xef\xbb\xbf\n", k=chance.choice([0, 1, 3, 40])))
        payload = chance.randbytes(chance.choice([0, 1, 200, 5000]))
        flags = chance.choice([0, 1, 8, 9])
        assert peer.say(publish(topic, payload, number, qos=1, flags=flags)) == 0
        assert peer.say(publish(topic, payload, qos=0, flags=flags & 1)) == 0
    assert peer.say(publish(b"good", b"after", 999)) == 0
    assert peer.heard[-1].payload == b"after"
    assert peer.pubacks() == [*range(1, 400), 999]


@pytest.mark.parametrize("packet", [b"\x32\x00", b"\x32\x01\x00", b"\x32\x02\x00\x05", b"\x36\x05\x00\x01a\x00\x01"])
def test_what_is_no_packet_ends_the_connection_and_raises_nothing(peer: Peer, packet: bytes) -> None:
    assert peer.say(packet) != 0


def test_a_callback_that_raises_costs_no_connection(peer: Peer) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("ours")

    peer.client.on_message = broken
    assert peer.say(publish(b"a")) == 0
    assert peer.pubacks() == [7]
    peer.client.on_publish = broken
    number = peer.client.publish("b", b"", qos=1).mid
    assert peer.say(b"\x40\x02" + number.to_bytes(2, "big")) == 0
