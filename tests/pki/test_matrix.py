"""Every topic × identity on the real Mosquitto over TLS: only the allowed cells pass."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.brokers import Mosquitto, until
from tests.pki.lab import HUB, OTHER, OWN, Client, people, running
from wire.topics import DOWN, FLEET, UP, WITH_ID, Leaf, Topic

OUTSIDE = ("diemcau/1/ff/r-own/event", "diemcau/2/00/r-own/event", "$SYS/broker/uptime", "somewhere/else", "diemcau/1")
"""Topics that are nobody's; the first has another room's shard, which is the hub's to notice, not the broker's."""


@dataclass
class Province:
    """The broker, and those whom it lets in."""

    broker: Mosquitto
    ca: Path
    certs: Path
    inside: dict[str, Client]

    def client(self, name: str = "", client_id: str = "", top: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Client:
        return Client(self.broker.port, self.ca, self.certs / f"{name}.crt" if name else None, client_id, top)


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    folder = tmp_path_factory.mktemp("pki")
    authority, certs = people(folder)
    with running(folder, authority, certs) as broker:
        made = Province(broker, authority / "ca.crt", certs, {})
        for name in (OWN, OTHER, HUB):
            client = made.inside[name] = made.client(name)
            assert client.come(), name
            client.listen("#", "diemcau/#", "$SYS/#", FLEET, *(str(topic) for topic in topics()))
        yield made
        for client in made.inside.values():
            client.leave()


def topics() -> list[Topic]:
    return [Topic(room, leaf, "c1" if leaf in WITH_ID else "") for room in (OWN, OTHER) for leaf in Leaf]


def may_write(name: str, topic: Topic) -> bool:
    # The hub writes to rooms' topics to have forgotten what was left there, and to nobody's but its own harm.
    return name == HUB or (topic.leaf in UP and topic.room == name)


def may_read(name: str, topic: Topic) -> bool:
    return topic.leaf in UP if name == HUB else topic.leaf in DOWN and topic.room == name


@pytest.mark.parametrize("topic", topics(), ids=str)
@pytest.mark.parametrize("name", [OWN, OTHER, HUB])
def test_a_topic_is_written_by_those_alone_who_may(province: Province, name: str, topic: Topic) -> None:
    payload = f"{name} {topic}".encode()
    taken = province.inside[name].publish(str(topic), payload)
    assert taken == may_write(name, topic)


@pytest.mark.parametrize("topic", topics(), ids=str)
def test_a_topic_is_read_by_those_alone_who_may(province: Province, topic: Topic) -> None:
    writer = topic.room if topic.leaf in UP else HUB
    (reader,) = [name for name in province.inside if may_read(name, topic)]
    payload = f"read {topic}".encode()
    assert province.inside[writer].publish(str(topic), payload)
    until("it is delivered", lambda: (str(topic), payload) in province.inside[reader].received)
    # What comes after it on the same connections has come, so what did not come before it never will.
    for name, client in province.inside.items():
        _flush(province, name)
        assert ((str(topic), payload) in client.received) == (name == reader), name


def _flush(province: Province, name: str) -> None:
    """Wait until a message that this client may read has gone all the way through the broker."""
    leaf, sender = (Leaf.ACK, HUB) if name != HUB else (Leaf.METRIC, OWN)
    topic = str(Topic(name if name != HUB else OWN, leaf))
    client = province.inside[name]
    mark = f"mark {len(client.received)}".encode()
    assert province.inside[sender].publish(topic, mark)
    until("the mark arrives", lambda: (topic, mark) in client.received)


def test_the_fleets_words_are_the_hubs_alone(province: Province) -> None:
    assert not province.inside[OWN].publish(FLEET, b"{}")
    assert province.inside[HUB].publish(FLEET, b"hello")
    for name in (OWN, OTHER):
        until(f"{name} hears it", lambda name=name: (FLEET, b"hello") in province.inside[name].received)  # type: ignore[misc]


@pytest.mark.parametrize("topic", OUTSIDE[1:])
@pytest.mark.parametrize("name", [OWN, OTHER, HUB])
def test_what_is_nobodys_is_refused(province: Province, name: str, topic: str) -> None:
    if not topic.startswith("$"):  # the broker's own; to publish there ends the connection
        assert not province.inside[name].publish(topic, b"x")
    assert not [1 for heard, _ in province.inside[name].received if heard.startswith("$SYS")]


@pytest.mark.parametrize("name", ["r-stolen", "r-expired", "r-foreign", ""])
def test_who_has_no_good_certificate_stays_outside(province: Province, name: str) -> None:
    client = province.client(name, client_id=OWN)
    assert not client.come()
    client.leave()
    assert province.inside[OWN].ended == 0


def test_another_client_id_takes_over_nobodys_session(province: Province) -> None:
    intruder = province.client(OTHER, client_id=OWN)  # it is OTHER whatever it says, and takes over OTHER's session
    assert intruder.come()
    topic = str(Topic(OWN, Leaf.DESIRED))
    intruder.listen(topic, "#")
    assert province.inside[HUB].publish(topic, b"for its room")
    until("its room has it", lambda: (topic, b"for its room") in province.inside[OWN].received)
    until("OTHER was taken over by itself", lambda: province.inside[OTHER].connected)
    assert province.inside[OWN].ended == 0
    assert not [1 for heard, _ in intruder.received if heard == topic]
    intruder.leave()


def test_older_tls_and_no_tls_are_refused(province: Province) -> None:
    old = province.client(OWN, top=ssl.TLSVersion.TLSv1_2)
    assert not old.come()
    old.leave()
    with socket.create_connection(("127.0.0.1", province.broker.port), 5) as plain:
        plain.sendall(b"\x10\x11\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x04evil")
        plain.settimeout(5)
        try:
            answer = plain.recv(100)
        except ConnectionResetError:
            answer = b""
        assert answer[:1] != b"\x20", "no CONNACK without TLS"
