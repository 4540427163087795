"""The connection to the broker: one thread that owns the client, its reconnects and the session.

paho's own thread and reconnect are not used: an exception in a callback kills that thread while everything still looks
connected, and its back-off has no jitter, so that 621 rooms come back in step after a power cut (pi facts, mqtt facts).
"""

from __future__ import annotations

import logging
import queue
import random
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import MQTTErrorCode

from agent.ports import Clock
from agent.uplink.dial import Dialler
from agent.uplink.session import Incoming, Outgoing, Session
from wire import messages as m
from wire.mqtt import CONNECT_S, Client, make_client
from wire.own_certificate import problems
from wire.tls import why_not_believed

log = logging.getLogger(__name__)

KEEPALIVE_S = 60
IN_FLIGHT = 200
SILENT_S = 300.0
"""Connected, something sent, and no PUBACK for this long: the client is thrown away and built anew."""
BACKOFF_FIRST_S = 5.0
BACKOFF_MAX_S = 300.0
INBOX_MAX = 200
"""Messages that wait for the loop. One more is left out, and the connection begins anew: the hub's documents are
retained, so that they come again."""
UNHEARD = "the broker ended the connection unheard: is this room's certificate revoked, expired, of another authority?"


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """Where the broker is and who we are to it."""

    host: str = ""
    """Empty: this room does not report; it still cares for itself."""
    port: int = 1883
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    """Trust anchor of the broker's certificate; empty: no TLS."""
    cert_file: str = ""
    key_file: str = ""
    time_scale: float = 1.0


def make_room_client(room: str, config: BrokerConfig, will: Outgoing) -> Client:
    """A room's client that is not connected yet. Raises OSError on an unreadable file."""
    client = make_client(room, config, in_flight=IN_FLIGHT)
    client.max_queued_messages_set(1000)
    client.will_set(will.topic, will.payload, qos=1, retain=True)
    return client


def retry_delay_s(attempt: int, window_s: float, rng: random.Random) -> float:
    """How long to wait before connect attempt number `attempt`, 1 for the first retry.

    The first one spreads evenly over the window that the hub publishes; later ones double with full jitter, 5 to 300 s.
    """
    if attempt <= 1:
        return rng.uniform(0.0, window_s)
    return rng.uniform(BACKOFF_FIRST_S, min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(attempt, 10)))


class Publisher:
    """Start it once; it goes on until `close`. The loop hands it snapshots, and takes what came in from `inbox`."""

    def __init__(self, session: Session, config: BrokerConfig, clock: Clock, wake: Callable[[], None]) -> None:
        self.session = session
        self.inbox: queue.Queue[Incoming] = queue.Queue(INBOX_MAX)
        self.overflowed = False
        """A message was left out; whoever takes note of it clears this."""
        self.connected = False
        self.heard: bool | None = False if config.host else None
        """Whether the broker has taken anything since the start; None: this room does not report."""
        self.beat_s = clock.now().mono_s
        """When the thread last went round: the watchdog looks at it."""
        self._config = config
        self._clock = clock
        self._wake = wake
        self._rng = random.Random()
        self._window_s = 30.0
        self._client: Client | None = None
        self._answered = False
        self._overran = False
        """A message was left out in this connection."""
        self._tokens: dict[int, int] = {}
        self._puback_s = 0.0
        self._offers: queue.Queue[Callable[[Session], None]] = queue.Queue(1000)
        self._dialler = Dialler(clock)
        self._stop = threading.Event()
        self._kick = threading.Event()
        self._told_down = False
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Begin. Without a configured broker nothing is started."""
        if self._config.host:
            self._thread.start()

    def offer(self, give: Callable[[Session], None]) -> None:
        """Hand something to the session in its own thread, e.g. `lambda s: s.offer_state(state)`. Never blocks."""
        if self._config.host:
            try:
                self._offers.put_nowait(give)
            except queue.Full:
                log.warning("the publisher is behind: a snapshot was left out")

    def alive(self, now_s: float, limit_s: float = 90.0) -> bool:
        """Whether the thread still goes round."""
        return not self._config.host or (self._thread.is_alive() and now_s - self.beat_s < limit_s)

    def stuck_s(self) -> float:
        """For how long no connection could even be tried; see `agent.uplink.dial`. Only a new start mends that."""
        return self._dialler.stuck_s()

    def close(self) -> None:
        """Say goodbye and end. At most 5 s."""
        self._stop.set()
        self._kick.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            try:
                began_s = self._clock.now().mono_s
                self._converse()
                if self._puback_s > began_s:
                    attempt = 0
            except Exception:  # the last line of defence: this thread must never end
                log.exception("the connection failed in a way that is our bug")
            self._gone()
            attempt += 1
            self._pause(retry_delay_s(attempt, self._window_s, self._rng) * self._config.time_scale)

    def _pause(self, seconds: float) -> None:
        until_s = self._clock.now().mono_s + seconds
        while not self._stop.is_set() and (left_s := until_s - self._clock.now().mono_s) > 0:
            self.beat_s = self._clock.now().mono_s
            self._drain_offers()
            self._stop.wait(min(1.0, left_s))

    def _gone(self) -> None:
        self.connected = False
        self.session.disconnected()
        self._tokens.clear()
        client, self._client = self._client, None
        if client is not None:
            sock = client.socket()
            if sock is not None:
                sock.close()

    def _converse(self) -> None:
        """One connection from its beginning to its end."""
        will = self.session.last_will(self._clock.now())
        try:
            client = make_room_client(self.session.who.room, self._config, will)
        except (OSError, ValueError) as error:
            own = self._config
            self._down("; ".join(problems(own.ca_file, own.cert_file, own.key_file)) or str(error))
            return
        self._client = client
        self._answered = self._overran = False
        client.on_connect = self._guard(self._on_connect)
        client.on_message = self._guard(self._on_message)
        client.on_publish = self._guard(self._on_publish)
        try:
            connect = partial(client.connect, self._config.host, self._config.port, KEEPALIVE_S)
            self._dialler.dial(client, connect, self._goes_round)
        except ssl.SSLCertVerificationError as error:
            why = why_not_believed(error, self._clock.now().wall_s)
            self._down(f"the broker's certificate is not believed: {why}; see broker.ca_file and host")
            return
        except (OSError, ValueError) as error:
            self._down(str(error))
            return
        self._puback_s = self._clock.now().mono_s
        while not self._stop.is_set():
            code = client.loop(0.2)
            now = self._clock.now()
            self.beat_s = now.mono_s
            self._drain_offers()
            if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._down(mqtt.error_string(code) if self._answered or not self._config.cert_file else UNHEARD)
                return
            if not self.connected:
                if now.mono_s - self._puback_s > CONNECT_S:
                    self._down("no answer to the connection request")
                    return
                continue
            if self._overran:
                self._down("messages came faster than they could be taken in")
                return
            self._send(client, now.mono_s)
            if self._tokens and now.mono_s - self._puback_s > SILENT_S:
                self._down("connected, and nothing has been acknowledged for five minutes")
                return
        self._goodbye(client)

    def _goes_round(self) -> bool:
        """Say that the thread is there, while it waits for something else; whether it is to wait on."""
        self.beat_s = self._clock.now().mono_s
        self._drain_offers()
        return not self._stop.is_set()

    def _send(self, client: mqtt.Client, now_s: float) -> None:
        if not self._tokens:
            self._puback_s = now_s
        document = self.session.desired_version
        self._take(self.session.look_again(self._clock.now()), document)
        for message in self.session.due(self._clock.now()):
            info = client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            if info.rc in (MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN):
                self._tokens[info.mid] = message.token

    def _goodbye(self, client: mqtt.Client) -> None:
        """Tell the hub that the agent ends on purpose, and give the message a moment to leave."""
        will = self.session.last_will(self._clock.now())
        client.publish(will.topic, will.payload, qos=1, retain=True)
        for _ in range(5):
            client.loop(0.1)
        client.disconnect()

    def _down(self, why: str) -> None:
        if not self._told_down:
            log.warning("no connection to the hub (%s); the room goes on by itself", why)
            self._told_down = True

    def _drain_offers(self) -> None:
        while True:
            try:
                self._offers.get_nowait()(self.session)
            except queue.Empty:
                return

    def _guard(self, callback: Callable[..., None]) -> Callable[..., None]:
        """A callback that cannot take the client down with it."""

        def guarded(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception:
                log.exception("a callback of the connection failed: this is our bug")

        return guarded

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        self._answered = True
        if reason.is_failure:
            self._down(f"the broker refused: {reason}")
            client.disconnect()
            return
        for pattern in self.session.subscriptions():
            client.subscribe(pattern, qos=1)
        self.session.connected(self._clock.now())
        self.connected = True
        if self._told_down:
            log.info("the hub is reachable again")
            self._told_down = False

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        document = self.session.desired_version
        incoming = self.session.received(message.topic, bytes(message.payload), message.retain, self._clock.now())
        self._take(incoming, document)

    def _take(self, incoming: Incoming, document: int) -> None:
        """Hand to the loop what a message came to. `document`: the version in force before it."""
        if isinstance(incoming.fleet, m.Fleet):
            self._window_s = min(600.0, max(5.0, incoming.fleet.reconnect_window_s))
        if incoming.events or incoming.records or incoming.meta or incoming.told_in:
            try:
                self.inbox.put_nowait(incoming)
            except queue.Full:
                self.overflowed = self._overran = True
                self.session.desired_version = document  # else the same one would pass for known when it comes again
                log.warning("too many messages from the hub: one was left out")
            self._wake()

    def _on_publish(self, _client: mqtt.Client, _data: object, mid: int, _reason: object, _properties: object) -> None:
        self._puback_s = self._clock.now().mono_s
        self.heard = True
        token = self._tokens.pop(mid, 0)
        if token:
            self.session.puback(token)
