"""A power meter on its own line: the draw of the room, the codec or the display, and the mains."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import ModuleType

from agent.core.facts import NoReading, Reading
from agent.devices.base import Event, Facts
from agent.devices.modbus import ADDRESS_MAX, InputRegisters
from agent.devices.power import pzem004t, sdm120
from agent.probes.config import MeterConfig
from agent.probes.lines import parse_line
from agent.probes.names import Resolver
from agent.transports.errors import LinkFault
from agent.transports.stream import Stream

SLICE_S = 0.2
SEND_S = 1.0
ASK_AGAIN_S = 0.7
"""A meter answers within 0.1 s; a frame lost to noise is asked for again within the same observation."""


def _meter(config: MeterConfig) -> tuple[ModuleType, InputRegisters]:
    """The family's module and one meter of it."""
    if config.family not in (pzem004t.FAMILY, sdm120.FAMILY):
        raise ValueError(f"meter family {config.family!r} is not known; there are: {pzem004t.FAMILY}, {sdm120.FAMILY}")
    if config.family == sdm120.FAMILY:
        if not 1 <= config.address <= ADDRESS_MAX:
            raise ValueError(f"address {config.address} of an SDM120 meter must be 1..247; it is delivered as 1")
        return sdm120, sdm120.Sdm120(config.role, config.address)
    if not 1 <= config.address <= pzem004t.GENERAL_ADDRESS:
        raise ValueError(f"meter address {config.address} must be 1..248")
    return pzem004t, pzem004t.Pzem(config.role, config.address)


class MeterProbe:
    """Looks at one meter. Keeps its line open; opens it anew after every fault of the line."""

    def __init__(self, config: MeterConfig) -> None:
        module, self._meter = _meter(config)
        self.name = "mains" if config.role == "room" else f"meter-{config.role}"
        self.keys = module.keys(config.role)
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + 5.0
        self._timeout_s = config.timeout_s
        self._line = parse_line(config.uri, bauds=module.BAUDS)
        self._resolver = Resolver()
        self._stream: Stream | None = None
        self._closed = False

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        try:
            return self._exchange()
        except LinkFault as fault:
            self._drop()
            return dict.fromkeys(self.keys, NoReading(fault.kind))

    def _exchange(self) -> Mapping[str, Reading]:
        if self._closed:
            raise LinkFault("link", "closed by us")
        if self._stream is None:
            self._stream = self._line.open(self._line.bauds[0] if self._line.bauds else 0, self._resolver)
        self._discard(self._stream)
        deadline_s = time.monotonic() + self._timeout_s
        while (now_s := time.monotonic()) < deadline_s:
            self._stream.send(self._meter.request(), SEND_S)
            facts, heard = self._answer(self._stream, min(deadline_s, now_s + ASK_AGAIN_S))
            if facts is not None:
                return facts.readings
        raise LinkFault("garbled" if heard else "timeout", "the meter gave no good answer")

    def _answer(self, stream: Stream, until_s: float) -> tuple[Facts | None, bool]:
        heard = False
        while (left_s := until_s - time.monotonic()) > 0:
            data = stream.recv(min(SLICE_S, left_s))
            heard = heard or bool(data)
            events: list[Event] = self._meter.receive(data) if data else []
            if (facts := next((event for event in events if isinstance(event, Facts)), None)) is not None:
                return facts, heard
        return None, heard

    def _discard(self, stream: Stream) -> None:
        """What is still in the buffer answers an earlier question."""
        for _ in range(16):
            if not stream.recv(0.0):
                return

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()

    def close(self) -> None:
        """Let go."""
        self._closed = True
        stream = self._stream
        if stream is not None:
            stream.close()
