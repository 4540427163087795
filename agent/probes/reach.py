"""Does a host answer? Targets are URIs, since many networks block ICMP: `icmp:`, `tcp:`, `sip:`, `h323:` and `dns:`."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import repeat

from agent.core.facts import NoReading, Reading
from agent.devices.codec import sip
from agent.devices.network import dns, icmp
from agent.probes.names import Resolver, split_host_port
from agent.transports.attempts import Answer, Attempt, ConnectAttempt, DatagramAttempt, run
from agent.transports.datagram import icmp_socket, udp_socket
from agent.transports.errors import LinkFault

H323_PORT = 1720
"""Call signalling, H.225.0."""
DNS_NAME = "localhost"
"""Every resolver knows it by itself (RFC 6761), so that its answer says nothing of what lies behind it."""
PING_AGAIN_S = 0.7
"""One lost echo is no dead host: it is sent again within the same check."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target."""

    kind: str
    host: str
    port: int = 0
    tcp: bool = False
    """SIP over TCP instead of UDP."""


def parse(text: str) -> Target:
    """A target out of its URI. Raises ValueError with one sentence for the technician."""
    kind, colon, rest = text.partition(":")
    if not colon or kind not in ("icmp", "tcp", "sip", "h323", "dns"):
        raise ValueError(f"target {text!r} must begin with icmp:, tcp:, sip:, h323: or dns:")
    rest, semicolon, parameter = rest.partition(";")
    if semicolon and (kind != "sip" or parameter not in ("transport=tcp", "transport=udp")):
        raise ValueError(f"target {text!r}: only sip: takes ;transport=tcp or ;transport=udp")
    host, port = split_host_port(rest, {"sip": sip.PORT, "h323": H323_PORT, "dns": dns.PORT}.get(kind, 0))
    if kind == "tcp" and port == 0:
        raise ValueError(f"target {text!r} needs a port")
    if kind == "icmp" and port:
        raise ValueError(f"target {text!r}: icmp has no ports")
    # Whoever takes the connection of a call's signalling is a codec that can be called.
    return Target("tcp" if kind == "h323" else kind, host, port, parameter == "transport=tcp")


def check(targets: Mapping[str, Target], timeout_s: float, resolver: Resolver) -> dict[str, Answer]:
    """Try all targets at once. Blocks at most `timeout_s`, and 2 s more for each name not yet known. Never raises."""
    answers: dict[str, Answer] = {}
    attempts: dict[str, Attempt] = {}
    for name, target in targets.items():
        try:
            attempts[name] = attempt_for(target, resolver.address(target.host))
        except LinkFault as fault:
            answers[name] = Answer(fault=fault)
        except OSError as error:
            answers[name] = Answer(fault=LinkFault("link", str(error)))
    return answers | run(attempts, timeout_s)


def attempt_for(target: Target, address: str) -> Attempt:
    """The attempt for a target at a numeric address. Raises LinkFault."""
    if target.kind == "icmp":
        return ping(address)
    if target.kind == "tcp":
        return ConnectAttempt(_tcp_socket(address), (address, target.port))
    if target.kind == "dns":
        query = dns.question(DNS_NAME, int.from_bytes(os.urandom(2), "big"))
        asked = udp_socket(address, target.port)
        return DatagramAttempt(asked, query, lambda data: dns.reply_of(data, query) is not None, repeat(PING_AGAIN_S))
    token = os.urandom(8).hex()
    if target.tcp:
        asking = sip.Asking(address, target.port, "", 0, token, "TCP")

        def request(local: tuple[str, int]) -> bytes:
            return sip.Asking(address, target.port, local[0], local[1], token, "TCP").request()

        return ConnectAttempt(
            _tcp_socket(address), (address, target.port), request, lambda data: asking.reply_code(data) is not None
        )
    sock = udp_socket(address, target.port)
    local = sock.getsockname()
    asking = sip.Asking(address, target.port, local[0], local[1], token)
    return DatagramAttempt(
        sock, asking.request(), lambda data: asking.reply_code(data) is not None, sip.retransmissions()
    )


def ping(address: str, sequence: int = 1, *, again: bool = True) -> DatagramAttempt:
    """An echo to a numeric address. Raises LinkFault."""
    sock, raw = icmp_socket(address)
    token, v6 = os.urandom(16), ":" in address
    return DatagramAttempt(
        sock,
        icmp.echo_request(token, sequence, v6=v6),
        lambda data: icmp.is_reply(data, token, v6=v6, raw=raw),
        repeat(PING_AGAIN_S) if again else iter(()),
    )


def _tcp_socket(address: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)


def device_reading(answer: Answer) -> Reading:
    """What an answer says of a *device*: a fault of our own side says nothing about it."""
    if answer.fault is None:
        return True
    return NoReading(answer.fault.kind) if answer.fault.kind in ("link", "denied") else False


def path_reading(answer: Answer) -> Reading:
    """What an answer says of the *path*: a refusal came from the far end, so the path works; no route is no path.

    Only missing rights to send say nothing.
    """
    if answer.fault is not None and answer.fault.kind == "denied":
        return NoReading("denied")
    return host_lives(answer)


def host_lives(answer: Answer) -> bool:
    """Whether the far end said anything, be it a refusal."""
    return answer.ok or (answer.fault is not None and answer.fault.kind == "refused")
