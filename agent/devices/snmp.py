"""SNMP v1 and v2c: get, get the next, set. Sans-IO: a request as bytes, the reply's bytes as values.

Source: RFC 1157 (v1), RFC 1901, 3416 (v2c). The community goes over the wire in the clear: SNMP is for reading, and for
outlets that know nothing better. Version 3 is not spoken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.core.facts import NoReading
from agent.devices import ber

PORT = 161
VERSIONS = {"1": 0, "2c": 1}
GET, GET_NEXT, RESPONSE, SET = 0xA0, 0xA1, 0xA2, 0xA3
ERRORS = {
    1: "too_big",
    2: "absent",
    3: "bad_value",
    4: "read_only",
    5: "failed",
    6: "denied",
    13: "busy",
    16: "denied",
    17: "read_only",
}
"""Error status to our word (RFC 3416): noSuchName is `absent`, genErr `failed`, resourceUnavailable `busy`; the rest of
7..18 is `refused`."""
VARIABLES_MAX = 32

SYS_DESCR, SYS_OBJECT_ID, SYS_UPTIME, SYS_NAME = (f"1.3.6.1.2.1.1.{n}.0" for n in (1, 2, 3, 5))
"""RFC 3418; the uptime counts hundredths of a second since the agent's own start, and wraps after 497 days."""

Value = int | str | NoReading
"""A number, a text (an object identifier is its dotted text), or why there is none."""
Version = Literal["1", "2c"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to one request."""

    values: Mapping[str, Value]
    """By object identifier, as they stand in the reply: `get_next` answers with others than it was asked."""
    error: str = ""
    """Empty, or why the whole request was not taken; a word of `ERRORS` or `refused`."""


def get(oids: Sequence[str], number: int, community: str, version: Version = "2c") -> bytes:
    """Ask for values; `number` marks the request. Raises ValueError for what is no object identifier."""
    return _message(GET, [(oid, b"\x05\x00") for oid in oids], number, community, version)


def get_next(oids: Sequence[str], number: int, community: str, version: Version = "2c") -> bytes:
    """Ask for what follows each of them."""
    return _message(GET_NEXT, [(oid, b"\x05\x00") for oid in oids], number, community, version)


def set_integer(oid: str, value: int, number: int, community: str, version: Version = "2c") -> bytes:
    """Order a whole number."""
    return _message(SET, [(oid, ber.integer(value))], number, community, version)


def _message(kind: int, rows: Sequence[tuple[str, bytes]], number: int, community: str, version: Version) -> bytes:
    variables = b"".join(ber.encode(ber.SEQUENCE, ber.oid(oid) + value) for oid, value in rows)
    body = ber.integer(number) + ber.integer(0) + ber.integer(0) + ber.encode(ber.SEQUENCE, variables)
    head = ber.integer(VERSIONS[version]) + ber.encode(ber.OCTETS, community.encode())
    return ber.encode(ber.SEQUENCE, head + ber.encode(kind, body))


def read(data: bytes, number: int) -> Answer | None:
    """The reply to the request of this number; None for everything else, whatever the bytes. Never raises."""
    try:
        (message,) = ber.parts(data)
        _version, _community, pdu = ber.parts(message.body)
        if message.tag != ber.SEQUENCE or pdu.tag != RESPONSE:
            return None
        mark, status, _index, rows = ber.parts(pdu.body)
        if ber.whole(mark) != number:
            return None
        error = ber.whole(status)
        return Answer(_values(rows), "" if error == 0 else ERRORS.get(error, "refused"))
    except ValueError:
        return None


def _values(rows: ber.Part) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for row in ber.parts(rows.body)[:VARIABLES_MAX]:
        name, value = ber.parts(row.body)
        found[ber.dotted(name)] = _value(value)
    return found


def _value(part: ber.Part) -> Value:
    if part.tag == ber.INTEGER or part.tag in ber.UNSIGNED:
        return ber.whole(part)
    if part.tag == ber.OCTETS:
        return part.body.decode("utf-8", "replace").rstrip("\0")
    if part.tag == ber.OID:
        return ber.dotted(part)
    if part.tag == ber.IP_ADDRESS:
        return ".".join(map(str, part.body))
    return NoReading("absent" if part.tag in (ber.NO_SUCH_OBJECT, ber.NO_SUCH_INSTANCE, ber.END_OF_VIEW) else "garbled")
