"""Host names to addresses within a bounded time, without a thread that `getaddrinfo` could hold."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from agent.devices.network import dns
from agent.transports.attempts import DatagramAttempt, run
from agent.transports.datagram import udp_socket
from agent.transports.errors import LinkFault
from agent.transports.sysfs import read_text

TIMEOUT_S = 2.0
FAILED_S = 5.0
"""A name that just failed is not asked again within one observation: several targets may share it."""
KEEP_S = 300.0
"""How long an address is used without asking again; past that it still serves while the resolver is silent."""
NO_PLACE = "{}: không phải địa chỉ / is not a host and port: HOST, HOST:PORT, [IPV6]:PORT"

__all__ = ["Resolver", "ask", "split_host_port"]


def split_host_port(text: str, default_port: int) -> tuple[str, int]:
    """`HOST`, `HOST:PORT`, `[V6]`, `[V6]:PORT` or a bare IPv6 address. Raises ValueError with one sentence."""
    host, port = text, ""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(NO_PLACE.format(repr(text)))
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if (
        not host
        or any(letter.isspace() or letter == "/" for letter in host)
        or (port and not (port.isascii() and port.isdigit()))
    ):
        raise ValueError(NO_PLACE.format(repr(text)))
    number = int(port) if port else default_port
    if port and not 1 <= number <= 65535:
        raise ValueError(f"{text!r}: cổng phải từ 1 đến 65535 / has no possible port: 1 to 65535")
    return host, number


def ask(name: str, servers: Sequence[str], timeout_s: float) -> dns.Reply:
    """Ask resolvers (`HOST` or `HOST:PORT`) for a name's IPv4 address, all at once; the best answer counts.

    Raises LinkFault: `timeout` when none answered, `link` when none is configured or reachable.
    """
    found: dict[str, dns.Reply] = {}
    attempts = {}
    fault = LinkFault("link", "no resolver is configured")
    for server in servers:
        try:
            query = dns.question(name, int.from_bytes(os.urandom(2), "big"))
        except ValueError as error:
            raise LinkFault("link", str(error)) from error
        host, port = split_host_port(server, dns.PORT)
        try:
            attempts[server] = _Asking(udp_socket(host, port), query, server, found)
        except LinkFault as no_route:
            fault = no_route
    if not attempts:
        raise fault
    answers = run(attempts, timeout_s)
    good = [reply for reply in found.values() if reply.addresses]
    if good or found:
        return (good or list(found.values()))[0]
    faults = [answer.fault for answer in answers.values() if answer.fault]
    raise faults[0] if faults else LinkFault("timeout", "no resolver answered")


class _Asking(DatagramAttempt):
    """A question to one resolver, repeated once a second."""

    def __init__(self, sock: socket.socket, query: bytes, server: str, found: dict[str, dns.Reply]) -> None:
        super().__init__(sock, query, self._take, iter((1.0, 1.0, 1.0)))
        self.events = select.POLLIN
        self._query, self._server, self._found = query, server, found

    def _take(self, data: bytes) -> bool:
        reply = dns.reply_of(data, self._query)
        if reply is not None:
            self._found[self._server] = reply
        return reply is not None


class Resolver:
    """Addresses by name, remembered. Used from one thread."""

    def __init__(self, resolv_conf: str = "/etc/resolv.conf", hosts: str = "/etc/hosts") -> None:
        self._resolv_conf = Path(resolv_conf)
        self._hosts = Path(hosts)
        self._known: dict[str, tuple[str, float]] = {}
        self._failed: dict[str, tuple[LinkFault, float]] = {}

    def address(self, host: str) -> str:
        """The address of a host, itself when it is one. Raises LinkFault; blocks at most 2 s."""
        if dns.is_address(host):
            return host
        address, at_s = self._known.get(host, ("", float("-inf")))
        if time.monotonic() - at_s < KEEP_S:
            return address
        fault, failed_at_s = self._failed.get(host, (LinkFault("timeout"), float("-inf")))
        if time.monotonic() - failed_at_s < FAILED_S:
            if address:
                return address
            raise fault
        try:
            address = dns.address_in(_text(self._hosts), host) or self._ask(host)
        except LinkFault as failed:
            self._failed[host] = (failed, time.monotonic())
            if not address:
                raise
            return address
        self._known[host] = (address, time.monotonic())
        return address

    def _ask(self, host: str) -> str:
        reply = ask(host, self.servers(), TIMEOUT_S)
        if not reply.addresses:
            raise LinkFault("timeout", f"{host} has no address")
        return reply.addresses[0]

    def servers(self) -> tuple[str, ...]:
        """The resolvers in force now."""
        return tuple(f"[{server}]" for server in dns.servers_in(_text(self._resolv_conf)))


def _text(path: Path) -> str:
    try:
        return read_text(path)
    except LinkFault:
        return ""
