"""APC's switched power strips over SNMP: one outlet's state and its orders. Pure.

Source: device facts, "Power", and the maker's public MIB (PowerNet-MIB). The two generations count the other way round:
of the older one's state 1 is on, of the newer one's 1 is off. A value that is neither is never taken for power.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.facts import NoReading
from agent.devices.power._outlets import OutletState
from agent.devices.snmp import Value

ENTERPRISE = "1.3.6.1.4.1.318.1.1"
ON, OFF = 1, 2
"""Orders of both generations (`immediateOn`, `immediateOff`)."""


@dataclass(frozen=True, slots=True)
class ApcOutlet:
    """One outlet of a strip; `number` from 1."""

    number: int
    state_column: str
    command_column: str
    states: Mapping[int, bool]

    @property
    def state_oid(self) -> str:
        """What to ask."""
        return f"{self.state_column}.{self.number}"

    @property
    def command_oid(self) -> str:
        """Where to write `ON` or `OFF`."""
        return f"{self.command_column}.{self.number}"

    def state(self, value: Value) -> OutletState | NoReading:
        """What the answer says."""
        if isinstance(value, NoReading):
            return value
        on = self.states.get(value) if isinstance(value, int) else None
        return NoReading("garbled") if on is None else OutletState(on)
