"""A power meter on its own line: the draw of the room, the codec or the display, and the mains."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

from agent.config.devices import MeterConfig
from agent.core.facts import Reading
from agent.devices.modbus import ADDRESS_MAX, InputRegisters
from agent.devices.power import pzem004t, sdm120
from agent.probes.asked import AskedLine
from agent.probes.lines import parse_line


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
        module, meter = _meter(config)
        self.name = "mains" if config.role == "room" else f"meter-{config.role}"
        self.keys = module.keys(config.role)
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + 5.0
        self._line = AskedLine(meter, parse_line(config.uri, bauds=module.BAUDS), self.keys, config.timeout_s)

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        return self._line.look()

    def close(self) -> None:
        """Let go."""
        self._line.close()
