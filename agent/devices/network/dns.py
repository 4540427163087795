"""One DNS question for an address, and what `resolv.conf` and `hosts` say. Sources: RFC 1035, `resolv.conf(5)`.

Our own, because `getaddrinfo` has no time-out: with a dead resolver it holds its thread for half a minute and more.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from agent.devices.about import About, Tested

ABOUT = About(
    "the resolver",
    (Tested("UDP 53", "dnslib's server (PyPI), and a small resolver of the tests", "tests/probes/test_reach.py"),),
    facts=("net.dns", "net.beyond"),
)

PORT = 53
TYPE_A = 1
TYPE_AAAA = 28
RECORDS_MAX = 64
HEAD_BYTES = 12
WITHOUT_QUESTION = frozenset({1, 2, 4, 5})
"""Errors that some resolvers answer without repeating the question: format, server, not implemented, refused. So
`is_response` of rthalley/dnspython has it."""
NAME_HOPS_MAX = 32
SERVERS_MAX = 3
"""As many as the C library takes from resolv.conf."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A resolver's answer. `addresses` is empty when the name does not exist (`code` 3) or the resolver failed (2)."""

    code: int
    addresses: tuple[str, ...]


def is_address(host: str) -> bool:
    """Whether the text is an address rather than a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def question(name: str, query_id: int, kind: int = TYPE_A) -> bytes:
    """The bytes of a question. Raises ValueError for a name that cannot be one."""
    labels = name.rstrip(".").encode("idna" if not name.isascii() else "ascii").split(b".")
    if not all(0 < len(label) < 64 for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        raise ValueError(f"{name!r} is not a host name")
    coded = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return query_id.to_bytes(2, "big") + b"\x01\x00\x00\x01" + bytes(6) + coded + kind.to_bytes(2, "big") + b"\0\x01"


def reply_of(data: bytes, asked: bytes) -> Reply | None:
    """The reply to the question `asked`, None when the bytes are not. Never raises."""
    if len(data) < HEAD_BYTES or data[:2] != asked[:2] or not data[2] & 0x80:
        return None
    if data[4:6] == b"\0\0" and (code := data[3] & 0x0F) in WITHOUT_QUESTION:
        return Reply(code, ())
    if data[12 : len(asked)].lower() != asked[12:].lower():
        return None
    addresses: list[str] = []
    at = len(asked)
    for _ in range(min(int.from_bytes(data[6:8], "big"), RECORDS_MAX)):
        start = _after_name(data, at)
        if start is None or start + 10 > len(data):
            break
        kind, size = int.from_bytes(data[start : start + 2], "big"), int.from_bytes(data[start + 8 : start + 10], "big")
        value = data[start + 10 : start + 10 + size]
        if (kind, len(value)) in ((TYPE_A, 4), (TYPE_AAAA, 16)):
            addresses.append(str(ipaddress.ip_address(value)))
        at = start + 10 + size
    return Reply(data[3] & 0x0F, tuple(addresses))


def _after_name(data: bytes, at: int) -> int | None:
    for _ in range(NAME_HOPS_MAX):
        if at >= len(data):
            return None
        size = data[at]
        if size & 0xC0:
            return at + 2
        at += 1 + size
        if size == 0:
            return at
    return None


def servers_in(resolv_conf: str) -> tuple[str, ...]:
    """The resolvers that a `resolv.conf` names."""
    rows = [line.split() for line in resolv_conf.splitlines()]
    found = [row[1] for row in rows if len(row) > 1 and row[0] == "nameserver"]
    return tuple(server for server in found if is_address(server))[:SERVERS_MAX]


def address_in(hosts: str, name: str) -> str | None:
    """The address that a `hosts` file gives for a name."""
    for line in hosts.splitlines():
        words = line.partition("#")[0].split()
        if len(words) > 1 and name.lower() in (word.lower() for word in words[1:]) and is_address(words[0]):
            return words[0]
    return None
