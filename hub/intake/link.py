"""The hub's session with the broker: connects for ever, hands messages on, and confirms them only when told to.

Each connection gets a client object of its own under the one fixed client id. A confirmation that comes late, for a
connection that is gone, then ends in a closed socket instead of confirming a stranger's message of the same number.
How it speaks stands in `wire.mqtt`.
"""

from __future__ import annotations

import contextlib
import logging
import random
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt import client as paho
from paho.mqtt.reasoncodes import ReasonCode

from wire.mqtt import CONNECT_S, VERSION, Client, make_client
from wire.own_certificate import problems
from wire.tls import why_not_believed

log = logging.getLogger(__name__)

KEEPALIVE_S = 30
IN_FLIGHT = 2000
TRIPS_MAX = 2
"""A message over which `deliver` has raised so often is left out, else the broker would send it for ever."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it came, and how to tell the broker that it is safe."""

    topic: str
    payload: bytes
    retained: bool
    """The broker had kept it: it says nothing of the present."""
    received_s: float
    confirm: Callable[[], None]
    """Sends PUBACK; harmless when the connection is gone."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how to sign in. Empty names mean: without."""

    host: str = "127.0.0.1"
    port: int = 1883
    user: str = ""
    password: str = ""
    client_id: str = "diemcau-hub"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class Link:
    """Keeps one session with the broker alive in a thread of its own."""

    def __init__(
        self,
        broker: Broker,
        filters: tuple[str, ...],
        deliver: Callable[[Received], bool],
        changed: Callable[[bool], None],
        clock: Callable[[], float] = time.time,
        left_out: Callable[[Received, str], None] = lambda _received, _why: None,
    ) -> None:
        """`deliver` takes a message, or returns False when it cannot: the connection is then renewed, so that the
        broker sends it again. `changed` hears of each connection and loss. `left_out` gets what could not be taken
        apart, and what `deliver` has raised twice over. All are called from our threads."""
        self._broker = broker
        self._filters = filters
        self._deliver = deliver
        self._changed = changed
        self._clock = clock
        self._left_out = left_out
        self._tripped: dict[int, int] = {}
        self._client: Client | None = None
        self._stop = threading.Event()
        self._over = threading.Event()
        self._granted = threading.Event()
        self._refused = ""
        self._told = ""
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the session stands and all subscriptions are granted."""
        return self._granted.is_set() and not self._over.is_set()

    @property
    def name(self) -> str:
        """host:port, with the protocol while connected."""
        return f"{self._broker.host}:{self._broker.port}" + (f" ({VERSION})" if self.connected else "")

    def start(self) -> None:
        """Begin connecting. An absent broker is no error."""
        self._thread.start()

    def stop(self) -> None:
        """End the session in good order; at most a few seconds."""
        self._stop.set()
        self._over.set()
        self._thread.join(CONNECT_S)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Hand a message to the broker at QoS 1. False when there is no session; True does not mean it has arrived."""
        client = self._client
        if client is None or not self.connected:
            return False
        try:
            return client.publish(topic, payload, qos=1, retain=retain).rc == 0
        except (OSError, ValueError, RuntimeError) as error:
            log.warning("not published to %s: %s", topic, error)
            return False

    def look_again(self) -> None:
        """Have the broker hand out once more all that it keeps. Harmless without a session."""
        client = self._client
        if client is not None and self.connected:
            with contextlib.suppress(OSError, ValueError):
                client.subscribe([(f, 1) for f in self._filters])

    def _run(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stop.is_set():
            began_s = time.monotonic()
            try:
                self._session()
            except Exception:  # the thread must outlive whatever the network does to it
                log.exception("the MQTT session ended on a defect")
            if self._stop.is_set():
                return
            lasted_s = time.monotonic() - began_s
            wait_s = _FIRST_WAIT_S if lasted_s > 30 else min(wait_s * 2, _LONGEST_WAIT_S)
            self._stop.wait(random.uniform(0, wait_s))

    def _session(self) -> None:
        """One connection from beginning to end."""
        self._over.clear()
        self._granted.clear()
        self._refused = ""
        broker = self._broker
        try:
            client = make_client(broker.client_id, broker, in_flight=IN_FLIGHT, manual_ack=True)
        except (OSError, ValueError) as error:
            self._tell("; ".join(problems(broker.ca_file, broker.cert_file, broker.key_file)) or str(error))
            return

        def on_connect(_c: paho.Client, _u: object, _f: object, code: ReasonCode, _p: object) -> None:
            if code.is_failure:
                self._refused = str(code)
                self._over.set()
                return
            client.subscribe([(f, 1) for f in self._filters])

        def on_subscribe(_c: paho.Client, _u: object, _m: int, codes: list[ReasonCode], _p: object) -> None:
            bad = [str(code) for code in codes if code.is_failure]
            if bad:
                self._refused = f"subscription: {bad[0]}"
                self._over.set()
                return
            if not self._granted.is_set():  # else they were asked for again
                self._granted.set()
                self._guard(self._changed, True)

        def on_disconnect(*_: object) -> None:
            self._over.set()

        def on_message(_c: paho.Client, _u: object, message: paho.MQTTMessage) -> None:
            self._take(client, message)

        client.on_connect, client.on_subscribe, client.on_disconnect = on_connect, on_subscribe, on_disconnect
        client.on_message = on_message
        client.left_out = self._not_taken_apart
        try:
            client.connect(broker.host, broker.port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            why = why_not_believed(error, time.time()) if isinstance(error, ssl.SSLCertVerificationError) else error
            self._tell(f"no broker at {broker.host}:{broker.port}: {why}")
            return
        self._client = client
        client.loop_start()
        try:
            self._await_end(client)
        finally:
            was_up = self._granted.is_set()
            self._over.set()
            self._client = None
            self._close(client)
            if was_up:
                self._guard(self._changed, False)
            if not self._stop.is_set():
                self._tell(self._refused or ("connection lost" if was_up else "the broker did not answer"))

    def _await_end(self, client: Client) -> None:
        deadline_s = time.monotonic() + CONNECT_S
        while not self._over.wait(0.2) and not self._stop.is_set():
            if self._granted.is_set():
                self._told = ""
                if not (client.is_connected() and client.running):
                    return
            elif time.monotonic() > deadline_s:
                return

    def _take(self, client: Client, message: paho.MQTTMessage) -> None:
        mid, qos = message.mid, message.qos

        def confirm() -> None:
            with contextlib.suppress(OSError, ValueError):
                client.ack(mid, qos)

        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "(not UTF-8)"
        received = Received(topic, bytes(message.payload), bool(message.retain), self._clock(), confirm)
        try:
            taken = self._deliver(received)
        except Exception as error:  # paho's thread must not die of our defect
            log.exception("a message of %s could not be handed on", topic[:120])
            taken = self._give_up(received, error)
        if not taken:
            self._refused = "the hub is behind; the broker will send again"
            self._over.set()

    def _give_up(self, received: Received, error: Exception) -> bool:
        """Whether a message that trips over a defect was left out; the first time the broker sends it again."""
        name = hash((received.topic, received.payload))
        self._tripped[name] = self._tripped.get(name, 0) + 1
        if self._tripped[name] < TRIPS_MAX:
            return False
        self._tripped.clear()
        self._guard(self._left_out, received, f"{type(error).__name__}: {error}")
        return True

    def _not_taken_apart(self, packet: bytes, why: str) -> None:
        """A packet that the client could not read; it is confirmed already."""
        length = int.from_bytes(packet[:2], "big")
        topic = packet[2 : 2 + length].decode("utf-8", "replace")
        self._guard(self._left_out, Received(topic, packet, False, self._clock(), lambda: None), why)

    @staticmethod
    def _guard(call: Callable[..., object], *args: object) -> object:
        try:
            return call(*args)
        except Exception:  # paho's thread must not die of our defect
            log.exception("a callback failed")
            return False

    @staticmethod
    def _close(client: Client) -> None:
        """End the client's thread, also when the broker has stopped reading."""
        with contextlib.suppress(OSError, ValueError):
            client.disconnect()
        thread = getattr(client, "_thread", None)
        if thread is not None:
            thread.join(1.0)
        socket = client.socket()
        if socket is not None:
            with contextlib.suppress(OSError):
                socket.close()
        client.loop_stop()

    def _tell(self, text: str) -> None:
        """One line a reason, not one an attempt."""
        if text != self._told:
            log.warning("MQTT: %s; trying again", text)
            self._told = text
