"""An APC power strip of the newer generation with one outlet in use, over SNMP v1 and v2c on UDP.

Source: device facts, "Power". Judged by the public client pysnmp. A wrong community gets no answer at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agent.devices import ber, snmp
from sim.servers.outlets import Plug

STATE = "1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.1"
COMMAND = "1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.1"
NO_SUCH_NAME, BAD_VALUE = 2, 3


class ApcPort(asyncio.DatagramProtocol):
    """The strip's SNMP agent; `up` says whether it can be reached."""

    def __init__(self, plug: Plug, up: Callable[[], bool]) -> None:
        self.port = 0
        self._plug = plug
        self._up = up
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> ApcPort:
        """Bind a free port."""
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a request."""
        if not self._up() or self._plug.deaf or self._transport is None:
            return
        try:
            reply = self._answer(data)
        except ValueError:
            return
        if reply:
            self._transport.sendto(reply, addr)

    def _answer(self, data: bytes) -> bytes:
        (message,) = ber.parts(data)
        version, community, pdu = ber.parts(message.body)
        if community.body.decode() != self._plug.password:
            return b""
        mark, _status, _index, rows = ber.parts(pdu.body)
        names_and_values = [ber.parts(row.body) for row in ber.parts(rows.body)]
        error, answers = 0, b""
        for name, value in names_and_values:
            oid = ber.dotted(name)
            if pdu.tag == snmp.SET and oid == COMMAND and ber.whole(value) in (1, 2):
                self._plug.move(ber.whole(value) == 1)
                answers += _row(oid, ber.integer(ber.whole(value)))
            elif pdu.tag == snmp.GET and oid in (STATE, COMMAND):
                answers += _row(oid, ber.integer(2 if self._plug.says_on else 1))
            else:
                error = BAD_VALUE if oid == COMMAND else NO_SUCH_NAME
                answers += _row(oid, b"\x05\x00")
        body = ber.encode(mark.tag, mark.body) + ber.integer(error) + ber.integer(1 if error else 0)
        body += ber.encode(ber.SEQUENCE, answers)
        head = ber.encode(version.tag, version.body) + ber.encode(ber.OCTETS, community.body)
        return ber.encode(ber.SEQUENCE, head + ber.encode(snmp.RESPONSE, body))

    async def tick(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Let go."""
        if self._transport is not None:
            self._transport.close()


def _row(oid: str, value: bytes) -> bytes:
    return ber.encode(ber.SEQUENCE, ber.oid(oid) + value)
