"""As much of ASN.1's Basic Encoding Rules as SNMP needs. Pure; any bytes decode or raise ValueError.

Source: ITU-T X.690, and RFC 3416 and 2578 for the types of SNMP's own (IpAddress, Counter32, Gauge32, TimeTicks,
Opaque, Counter64). A library for it costs a room more memory than everything else it does over SNMP: docs/adr.
"""

from __future__ import annotations

from dataclasses import dataclass

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIME_TICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_VIEW = 0x80, 0x81, 0x82
UNSIGNED = frozenset({COUNTER32, GAUGE32, TIME_TICKS, COUNTER64})
INTEGER_BYTES_MAX = 9
"""A Counter64 with its leading zero."""
ARC_MAX = 2**32 - 1
ARCS_MAX = 128
"""RFC 2578: an object identifier has at most 128 parts."""


@dataclass(frozen=True, slots=True)
class Part:
    """One tag with its contents."""

    tag: int
    body: bytes


def encode(tag: int, body: bytes) -> bytes:
    """A tag, the length and the contents."""
    size = len(body)
    if size < 0x80:
        return bytes((tag, size)) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + body


def integer(value: int) -> bytes:
    """A signed whole number in its shortest form."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def oid(dotted: str) -> bytes:
    """An object identifier, `1.3.6.1…`, with or without a leading dot. Raises ValueError with one sentence."""
    words = dotted.lstrip(".").split(".")
    if not 2 <= len(words) <= ARCS_MAX or not all(word.isascii() and word.isdigit() for word in words):
        raise ValueError(f"{dotted!r} is no object identifier")
    arcs = [int(word) for word in words]
    if arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39) or max(arcs) > ARC_MAX - 80:
        raise ValueError(f"{dotted!r} is no object identifier")
    return encode(OID, b"".join(_base128(arc) for arc in (arcs[0] * 40 + arcs[1], *arcs[2:])))


def _base128(number: int) -> bytes:
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | (number & 0x7F))
    return bytes(reversed(groups))


def parts(data: bytes) -> list[Part]:
    """What stands side by side in `data`. Raises ValueError when it is cut short or no BER."""
    found = []
    at = 0
    while at < len(data):
        tag, size, start = _head(data, at)
        at = start + size
        if at > len(data):
            raise ValueError("cut short")
        found.append(Part(tag, data[start:at]))
    return found


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, length of the contents, and where they begin."""
    if at + 2 > len(data):
        raise ValueError("cut short")
    tag, size = data[at], data[at + 1]
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag of several bytes: SNMP has none")
    if size < 0x80:
        return tag, size, at + 2
    octets = size & 0x7F
    if not 1 <= octets <= 4 or at + 2 + octets > len(data):
        raise ValueError("no definite length")
    return tag, int.from_bytes(data[at + 2 : at + 2 + octets], "big"), at + 2 + octets


def whole(part: Part) -> int:
    """The value of a whole number, signed or not. Raises ValueError."""
    if not 1 <= len(part.body) <= INTEGER_BYTES_MAX:
        raise ValueError("no whole number")
    return int.from_bytes(part.body, "big", signed=part.tag not in UNSIGNED)


def dotted(part: Part) -> str:
    """An object identifier as text, without a leading dot. Raises ValueError."""
    arcs: list[int] = []
    arc = 0
    for at, octet in enumerate(part.body):
        arc = (arc << 7) | (octet & 0x7F)
        if arc > ARC_MAX or len(arcs) >= ARCS_MAX:
            raise ValueError("no object identifier")
        if octet & 0x80:
            if at + 1 == len(part.body):
                raise ValueError("cut short")
            continue
        arcs.append(arc)
        arc = 0
    if not arcs:
        raise ValueError("no object identifier")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
