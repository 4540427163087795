"""An authority with everybody who may turn up, and the real broker that has to tell them apart."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.enums import CallbackAPIVersion

from hub.main import main
from hub.pki import broker
from hub.pki.authority import Issuer, create, now_utc
from hub.pki.files import cert_pem, key_pem, write
from tests.brokers import Mosquitto

OWN, OTHER, HUB = "r-own", "r-other", broker.HUB
PATIENCE_S = 10.0


def pki(folder: Path, *words: str) -> int:
    """The command as a technician types it."""
    verb, *rest = words
    return main(["pki", verb, "--dir", str(folder), *rest])


def forge(folder: Path, out: Path, name: str, now: datetime, days: int, profile: str = "room") -> None:
    """A certificate with times of its own, beside the register: for tests of what has ended."""
    issuer, key = Issuer.load(folder), ec.generate_private_key(ec.SECP256R1())
    cert = issuer.issue(name, profile, key.public_key(), now, days=days)
    write(out / f"{name}.crt", cert_pem(cert, issuer.cert))
    write(out / f"{name}.key", key_pem(key), 0o600)


def people(folder: Path) -> tuple[Path, Path]:
    """The authority's folder, and one with everybody's certificate and key."""
    authority, certs, strange = folder / "authority", folder / "certs", folder / "strange"
    certs.mkdir()
    assert pki(authority, "init") == 0
    for name, profile in ((OWN, "room"), (OTHER, "room"), (HUB, "hub"), ("r-stolen", "room")):
        assert pki(authority, "issue", name, "--profile", profile, "--out", str(certs)) == 0
    server = ("127.0.0.1", "--profile", "server", "--host", "localhost", "--out", str(certs))
    assert pki(authority, "issue", *server) == 0
    assert pki(authority, "revoke", "r-stolen", "--why", "mất cắp") == 0
    forge(authority, certs, "r-expired", now_utc() - timedelta(days=30), days=20)
    create(strange, "somebody else", now_utc())
    forge(strange, certs, "r-foreign", now_utc(), days=20)
    return authority, certs


@contextmanager
def running(folder: Path, authority: Path, certs: Path, rooms: tuple[str, ...] = ()) -> Iterator[Mosquitto]:
    """The real broker with the settings that we write, on a loopback port."""
    files = broker.Files(
        str(authority / "ca.crt"), str(certs / "127.0.0.1.crt"), str(certs / "127.0.0.1.key"),
        str(authority / "revoked.crl"), str(folder / broker.ACL_NAME),
    )  # fmt: skip
    (folder / broker.ACL_NAME).write_text(broker.acl(rooms=rooms), "utf-8")
    made = Mosquitto(folder / "broker")
    settings = broker.conf(files, port=made.port, address="127.0.0.1")
    made.configure(settings + f"persistence_location {folder}/broker/\nuser root\n")
    with made:
        yield made


@dataclass
class Client:
    """One who tries. Says what became of the connection, of each publication and what was received."""

    port: int
    ca: Path
    cert: Path | None = None
    client_id: str = ""
    top: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    received: list[tuple[str, bytes]] = field(default_factory=list)
    connected: bool = False
    ended: int = 0
    """How often a connection that stood was ended by the other side."""

    def __post_init__(self) -> None:
        self._done = threading.Event()
        self._acks: dict[int, Any] = {}
        context = ssl.create_default_context(cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = self.top
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.cert.with_suffix(".key"))
        self.mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.client_id, protocol=mqtt.MQTTv5)
        self.mqtt.tls_set_context(context)
        self.mqtt.on_connect = self._on_connect
        self.mqtt.on_disconnect = self._on_disconnect
        self.mqtt.on_message = lambda _c, _u, message: self.received.append((message.topic, bytes(message.payload)))
        self.mqtt.on_publish = lambda _c, _u, mid, code, _p: self._acks.__setitem__(mid, code)
        self.mqtt.on_subscribe = lambda _c, _u, mid, _codes, _p: self._acks.__setitem__(mid, None)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self.connected = not code.is_failure
        self._done.set()

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, _code: Any, _properties: Any) -> None:
        self.ended += self.connected
        self.connected = False
        self._done.set()

    def come(self) -> bool:
        """Try to connect; whether it was let in."""
        try:
            self.mqtt.connect("127.0.0.1", self.port, keepalive=30)
        except (OSError, ssl.SSLError):
            return False
        self.mqtt.loop_start()
        self._done.wait(PATIENCE_S)
        return self.connected

    def publish(self, topic: str, payload: bytes) -> bool:
        """Whether the broker took it."""
        mid = self.mqtt.publish(topic, payload, qos=1).mid
        self._await(mid)
        return not self._acks[mid].is_failure

    def listen(self, *filters: str) -> None:
        """Subscribe; the broker says yes to everything and judges at delivery."""
        _, mid = self.mqtt.subscribe([(one, 1) for one in filters])
        assert mid is not None
        self._await(mid)

    def _await(self, mid: int) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while mid not in self._acks:
            assert time.monotonic() < end_s, "the broker did not answer"
            time.sleep(0.01)

    def leave(self) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()
