"""The one MQTT client of rooms and hub: version 3.1.1, a session that outlives a restart, and no packet that ends it.

3.1.1 and not 5, because a message of 5 carries properties, and a client that trips over one of them is given the same
message for ever. Nothing of ours needs them: an order names its own expiry, and the hub itself waits before it
believes a last will. Needs paho-mqtt, which both the extra `agent` and the extra `hub` bring; nothing else in `wire`
does.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any, Protocol

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from wire.tls import client_context

log = logging.getLogger(__name__)

VERSION = "MQTT 3.1.1"
CONNECT_S = 10.0
"""Longest wait for the broker's socket, and for its answer to CONNECT and SUBSCRIBE."""


class Access(Protocol):
    """Where a broker is and how to sign in. Empty names mean: without."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def ca_file(self) -> str:
        """Trust anchor of the broker's certificate; empty: no TLS."""
        ...

    @property
    def cert_file(self) -> str: ...
    @property
    def key_file(self) -> str: ...


class Client(paho.Client):
    """paho's client, which goes on whatever a message's packet holds."""

    left_out: Callable[[bytes, str], None] | None = None
    """Hears of each packet that could not be taken apart, and why."""

    _given_up = False
    _line: socket.socket | None = None

    @property
    def running(self) -> bool:
        """Whether the thread of `loop_start` goes round. A defect may have ended it while all else looks connected."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def give_up(self) -> None:
        """Let a `connect` that still goes on in another thread come to nothing: no CONNECT leaves any more, which would
        take the session from a later connection."""
        self._given_up = True
        line, self._line = self._line, None
        if line is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _create_socket_connection(self) -> socket.socket:
        self._line = super()._create_socket_connection()
        return self._line

    def _create_socket(self) -> Any:
        made = super()._create_socket()
        if self._given_up:
            made.close()
            raise OSError("given up meanwhile")
        return made

    def _handle_publish(self) -> MQTTErrorCode:
        """Confirm a message that paho cannot take apart, else the broker would send it again at every connection.

        It never reached a callback but `left_out`. One that has no number where it needs one is no MQTT
        any more, and the connection ends.
        """
        try:
            return super()._handle_publish()
        except Exception as error:
            packet, qos = bytes(self._in_packet["packet"]), (self._in_packet["command"] & 0x06) >> 1
            after_topic = 2 + int.from_bytes(packet[:2], "big")
            number = packet[after_topic : after_topic + 2]
            log.error("a message that cannot be taken apart was left out (%s): %s", error, packet[:80].hex())
            if self.left_out is not None:
                with contextlib.suppress(Exception):
                    self.left_out(packet, f"{type(error).__name__}: {error}")
            if qos == 0:
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            if qos != 1 or len(number) < 2:
                return MQTTErrorCode.MQTT_ERR_PROTOCOL
            return self._send_puback(int.from_bytes(number, "big"))


def make_client(
    client_id: str, access: Access, *, in_flight: int, clean: bool = False, manual_ack: bool = False
) -> Client:
    """A client that is not connected yet, with identity, TLS and limits set. It never reconnects by itself.

    `clean`: no session is kept. Raises OSError on an unreadable file of a certificate.
    """
    client = Client(
        CallbackAPIVersion.VERSION2, client_id, clean_session=clean, protocol=MQTTProtocolVersion.MQTTv311,
        reconnect_on_failure=False, manual_ack=manual_ack,
    )  # fmt: skip
    client.suppress_exceptions = True  # of our callbacks: they are told, and cost no connection
    client.max_inflight_messages_set(in_flight)
    client.connect_timeout = CONNECT_S
    if access.user:
        client.username_pw_set(access.user, access.password or None)
    if access.ca_file:
        client.tls_set_context(client_context(access.ca_file, access.cert_file, access.key_file))
    return client
