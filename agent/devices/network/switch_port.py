"""The port of the room's switch that the board or the codec hangs on: up, how fast, and what it loses.

Source: RFC 2863 (IF-MIB): `ifName`, `ifDescr`, `ifOperStatus`, `ifHighSpeed` (Mbit/s), `ifSpeed` (bit/s), `ifInErrors`
and `ifOutErrors`, `ifInUcastPkts` and `ifOutUcastPkts`. Counters of 32 bits wrap, and begin anew with the switch.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import checked
from agent.devices.snmp import Value

ABOUT = About(
    "the room's network switch, where it can be asked",
    (Tested("SNMP 161", "snmpsim (PyPI); tables of a Zyxel and a Cisco", "tests/probes/test_snmp_probes.py"),),
    facts=("net.port_up", "net.port_speed_mbps", "net.port_error_pct"),
    unseen="every switch",
)
KEYS = ABOUT.facts

IF, IF_X = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
NAME, DESCRIPTION = f"{IF_X}.1", f"{IF}.2"
STATUS, SPEED, HIGH_SPEED = f"{IF}.8", f"{IF}.5", f"{IF_X}.15"
ERRORS = (f"{IF}.14", f"{IF}.20")
PACKETS = (f"{IF}.11", f"{IF}.17")
UP = 1
DOWN = frozenset({2, 5, 6, 7})
"""Down, dormant, not present, lower layer down; `testing` and `unknown` are neither."""
WRAP = 2**32
SPEED_MAX = WRAP - 1
"""What `ifSpeed` says of all that is faster; `ifHighSpeed` then has it (RFC 2863)."""


def index(name: str, names: Mapping[str, Value]) -> str:
    """The row of a port by its name, out of a walked column; empty when no port is called so, or more than one.

    Some switches describe all their ports alike (Cisco SFE2000: `Ethernet Interface`).
    """
    wanted = name.strip().lower()
    found = [oid.rpartition(".")[2] for oid, value in names.items() if str(value).strip().lower() == wanted]
    return found[0] if len(found) == 1 else ""


def asked(row: str) -> tuple[str, ...]:
    """What to ask of a port."""
    return tuple(f"{column}.{row}" for column in (STATUS, SPEED, HIGH_SPEED, *ERRORS, *PACKETS))


class Port:
    """One port over several looks: what it loses is told by what its counters have gained."""

    def __init__(self) -> None:
        self._before: tuple[int, int] | None = None

    def facts(self, row: str, values: Mapping[str, Value]) -> dict[str, Reading]:
        """The facts of one look."""
        status = values.get(f"{STATUS}.{row}", NoReading("absent"))
        up: Reading = NoReading("garbled")
        if isinstance(status, NoReading):
            up = status
        elif status == UP or status in DOWN:
            up = status == UP
        return checked({
            "net.port_up": up,
            "net.port_speed_mbps": _speed(values.get(f"{HIGH_SPEED}.{row}"), values.get(f"{SPEED}.{row}")),
            "net.port_error_pct": self._errors(row, values),
        })  # fmt: skip

    def _errors(self, row: str, values: Mapping[str, Value]) -> Reading:
        errors = [values.get(f"{column}.{row}") for column in ERRORS]
        packets = [values.get(f"{column}.{row}") for column in PACKETS]
        counts = [value for value in (*errors, *packets) if isinstance(value, int)]
        if len(counts) < len(errors) + len(packets):
            self._before = None
            return NoReading("absent")
        now = (sum(counts[:2]), sum(counts[2:]))
        before, self._before = self._before, now
        if before is None:
            return NoReading("stale")  # the first look of a port tells no difference yet
        lost, carried = ((new - old) % WRAP for new, old in zip(now, before, strict=True))
        if max(lost, carried) > WRAP // 2:
            return NoReading("stale")  # the switch began anew
        return 100.0 * lost / (lost + carried) if lost + carried else 0.0


def _speed(high_mbps: Value | None, low_bps: Value | None) -> Reading:
    if isinstance(high_mbps, int) and high_mbps > 0:
        return float(high_mbps)
    return low_bps / 1e6 if isinstance(low_bps, int) and 0 < low_bps < SPEED_MAX else NoReading("absent")
