"""The session with the broker: confirms only what it is told to, and comes back from every loss."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt import publish

import sim.broker
from hub.intake.link import Broker, Link, Received
from tests.brokers import PROPERTIES_5, Mosquitto, free_port, publish_5, until
from wire.mqtt import Client

pytestmark = pytest.mark.broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "broker") as running:
        yield running


class Hub:
    """A link that keeps what it hears."""

    def __init__(self, port: int, *, full: bool = False) -> None:
        self.got: list[Received] = []
        self.news: list[bool] = []
        self.full = full
        self.link = Link(Broker(port=port, client_id="h"), ("a/+",), self._deliver, self.news.append)

    def _deliver(self, message: Received) -> bool:
        if self.full:
            return False
        self.got.append(message)
        return True

    @property
    def bodies(self) -> list[bytes]:
        return [message.payload for message in self.got]

    def __enter__(self) -> Hub:
        self.link.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.link.stop()


def say(port: int, payload: str, retain: bool = False) -> None:
    publish.single("a/b", payload, qos=1, retain=retain, hostname="127.0.0.1", port=port)


def test_unconfirmed_messages_come_again_and_confirmed_ones_do_not(broker: Mosquitto) -> None:
    with Hub(broker.port) as hub:
        until("connected", lambda: hub.link.connected)
        assert hub.link.name.endswith("(MQTT 3.1.1)")
        say(broker.port, "safe")
        say(broker.port, "unsafe")
        until("both heard", lambda: len(hub.got) == 2)
        hub.got[0].confirm()
    with Hub(broker.port) as again:
        until("heard again", lambda: again.got)
        say(broker.port, "last")
        until("last heard", lambda: b"last" in again.bodies)
        assert again.bodies == [b"unsafe", b"last"]
        hub.got[1].confirm()  # of a connection that is gone: harmless


def test_messages_wait_while_the_hub_is_away(broker: Mosquitto) -> None:
    with Hub(broker.port) as hub:
        until("connected", lambda: hub.link.connected)
    for number in range(50):
        say(broker.port, str(number))
    with Hub(broker.port) as again:
        until("all heard", lambda: len(again.got) == 50)
        assert not any(message.retained for message in again.got)


def test_absent_broker_is_no_error_and_kill_is_survived(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path / "broker")
    with Hub(broker.port) as hub:
        assert not hub.link.publish("x", b"")
        with broker:
            until("connected", lambda: hub.link.connected)
            broker.kill9()
            until("loss noticed", lambda: not hub.link.connected)
            broker.start()
            until("connected again", lambda: hub.link.connected)
            say(broker.port, "kept", retain=True)
            until("heard", lambda: b"kept" in hub.bodies)
            assert hub.news == [True, False, True]


def test_hub_that_cannot_take_a_message_gets_it_again(broker: Mosquitto) -> None:
    with Hub(broker.port, full=True) as hub:
        until("connected", lambda: hub.link.connected)
        say(broker.port, "later")
        until("connection renewed", lambda: hub.news.count(True) >= 2)
        hub.full = False
        until("heard at last", lambda: b"later" in hub.bodies)


def test_retained_ones_are_told_apart(broker: Mosquitto) -> None:
    say(broker.port, "old", retain=True)
    with Hub(broker.port) as hub:
        until("heard", lambda: hub.got)
        assert hub.got[0].retained


@pytest.mark.parametrize("retain", [False, True], ids=["live", "retained"])
@pytest.mark.parametrize("held", PROPERTIES_5.values(), ids=list(PROPERTIES_5))
def test_whatever_a_message_of_mqtt_5_holds_the_hub_goes_on(broker: Mosquitto, held: bytes, retain: bool) -> None:
    """Such a property once ended every connection of the hub at once, for ever: the broker sends the message again."""
    with Hub(broker.port) as hub:
        until("connected", lambda: hub.link.connected)
        publish_5(broker.port, "a/b", b"poison", held, retain=retain)
        say(broker.port, "after")
        until("both heard", lambda: hub.bodies == [b"poison", b"after"])
        assert hub.news == [True], "and over the one connection"


def test_a_message_that_trips_over_a_defect_comes_once_more_and_is_then_left_out(broker: Mosquitto) -> None:
    """The broker would send it with every connection, and no other message would be heard."""
    left: list[tuple[bytes, str]] = []
    tries: list[bytes] = []

    class Tripping(Hub):
        def _deliver(self, message: Received) -> bool:
            if message.payload == b"poison":
                tries.append(message.payload)
                raise ZeroDivisionError("defect")
            message.confirm()
            return super()._deliver(message)

    def leave(message: Received, why: str) -> None:
        left.append((message.payload, why))
        message.confirm()

    with Tripping(broker.port) as hub:
        hub.link._left_out = leave
        until("connected", lambda: hub.link.connected)
        say(broker.port, "poison")
        until("left out", lambda: left)
        say(broker.port, "after")
        until("heard", lambda: hub.bodies == [b"after"])
        assert (len(tries), left) == (2, [(b"poison", "ZeroDivisionError: defect")])


def test_a_packet_that_cannot_be_taken_apart_is_shown(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = paho._packet.decode_publish, []  # type: ignore[attr-defined]

    def tripping(command: int, packet: bytes, protocol: Any) -> Any:
        if b"poison" in packet:
            raise ValueError("not foreseen")
        return real(command, packet, protocol)

    monkeypatch.setattr(paho._packet, "decode_publish", tripping)  # type: ignore[attr-defined]
    with Hub(broker.port) as hub:
        hub.link._left_out = lambda message, why: left.append((message.topic, b"poison" in message.payload, why))
        until("connected", lambda: hub.link.connected)
        say(broker.port, "poison")
        say(broker.port, "after")
        until("heard", lambda: hub.bodies == [b"after"])
        assert left == [("a/b", True, "ValueError: not foreseen")]
        assert hub.news == [True]


def test_a_broker_that_speaks_3_1_1_alone_is_asked_for_nothing_else() -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError), server.accept()[0] as peer:
                asked.append(peer.recv(200))
                peer.sendall(b"\x20\x02\x00\x00")
                subscribe = peer.recv(200)
                peer.sendall(b"\x90\x03" + subscribe[2:4] + b"\x01")
                while peer.recv(200):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        with Hub(server.getsockname()[1]) as hub:
            until("connected", lambda: hub.link.connected)
        assert asked[0][4:9] == b"MQTT\x04"
        assert not asked[0][9] & 2, "the session is kept"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reading_thread_that_has_died_is_noticed(broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    """paho ends its thread on what it did not foresee, and goes on calling itself connected."""
    real, deaths = Client._packet_read, count()

    def once(client: Client) -> Any:
        if next(deaths) == 0:
            raise RuntimeError("not foreseen")
        return real(client)

    with Hub(broker.port) as hub:
        until("connected", lambda: hub.link.connected)
        monkeypatch.setattr(Client, "_packet_read", once)
        say(broker.port, "first")
        until("heard over another connection", lambda: hub.bodies == [b"first"])
        assert hub.news == [True, False, True]


def test_the_broker_of_the_demonstration_serves_as_well(tmp_path: Path) -> None:
    port = free_port()
    child = sim.broker.start(tmp_path / "broker", port)
    try:
        with Hub(port) as hub:
            until("connected", lambda: hub.link.connected)
            say(port, "heard")
            until("heard", lambda: hub.bodies == [b"heard"])
            hub.got[0].confirm()
            assert hub.link.publish("a/down", b"order")
            assert hub.news == [True], "at the first attempt"
    finally:
        child.end()


def test_a_file_that_lacks_is_told_once_and_by_its_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "hub.key").touch()
    access = Broker(
        port=free_port(), ca_file=str(tmp_path / "ca.crt"), cert_file=str(tmp_path / "hub.crt"),
        key_file=str(tmp_path / "hub.key"),
    )  # fmt: skip
    link = Link(access, ("a/+",), lambda _: True, lambda _: None)
    for _ in range(2):
        link._session()
    (line,) = [record.getMessage() for record in caplog.records]
    assert f"broker.ca_file {tmp_path}/ca.crt: không có tệp này / there is no such file" in line
    assert f"broker.cert_file {tmp_path}/hub.crt: " in line
    assert f"broker.key_file {tmp_path}/hub.key: tệp rỗng" in line
