"""ICMP and ICMPv6 echo. Sources: RFC 792, RFC 4443 section 4; Linux `icmp(7)` for datagram sockets.

On a datagram socket the kernel writes identifier and checksum itself; on a raw one we do (the ICMPv6 checksum is always
the kernel's). A reply is recognised by the token in its data, which works on both.
"""

from __future__ import annotations

from agent.devices.about import About, Tested

ABOUT = About(
    "gateway, hub, codec: anything that answers an echo",
    (Tested("ICMP and ICMPv6", "the kernel", "tests/probes/test_reach.py"),),
    facts=("codec.ping", "net.gateway", "net.hub", "net.beyond"),
)

ECHO_V4, REPLY_V4 = 8, 0
ECHO_V6, REPLY_V6 = 128, 129


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(token: bytes, sequence: int, *, v6: bool = False) -> bytes:
    """An echo request. `token`, 8 to 32 random bytes, comes back in the reply."""
    identifier = int.from_bytes(token[:2], "big")
    head = bytes((ECHO_V6 if v6 else ECHO_V4, 0, 0, 0))
    packet = head + identifier.to_bytes(2, "big") + (sequence & 0xFFFF).to_bytes(2, "big") + token
    if v6:
        return packet
    return packet[:2] + checksum(packet).to_bytes(2, "big") + packet[4:]


def is_reply(packet: bytes, token: bytes, *, v6: bool = False, raw: bool = False) -> bool:
    """Whether a received packet is the reply to our request. A raw IPv4 socket delivers the IP header too."""
    if raw and not v6 and packet:
        packet = packet[(packet[0] & 0x0F) * 4 :]
    kind = REPLY_V6 if v6 else REPLY_V4
    return len(packet) >= 8 + len(token) and packet[0] == kind and packet[8:].startswith(token)
