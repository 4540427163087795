"""APC switched rack power strips of the newer generation (AP8xxx, NetShelter), over SNMP. See `_apc`: here 1 is *off*.

Unverified [M]: the column of the orders, `rPDU2OutletSwitchedControlCommand`; the state's is in the device facts.
"""

from __future__ import annotations

from agent.devices.about import About, Tested
from agent.devices.power._apc import ENTERPRISE, ApcOutlet

FAMILY = "apc_rpdu2"
PORT = 161
NUMBERS = range(1, 49)
GIVES_BACK = False
"""Its own reboot waits for as long as its menu says, which is nothing to build on."""
ABOUT = About(
    "APC switched rack PDU, newer generation (AP8xxx, NetShelter)",
    (
        Tested("SNMP 161", "snmpsim (PyPI)", "tests/probes/test_apc.py"),
        Tested("SNMP 161, whole cycles", "our simulator, judged by pysnmp", "tests/sim/test_outlets.py"),
    ),
    orders=("on and off",),
    unseen="every device; the column of its orders",
)


def outlet(number: int) -> ApcOutlet:
    """One outlet: `rPDU2OutletSwitchedStatusState`, `rPDU2OutletSwitchedControlCommand`."""
    return ApcOutlet(number, f"{ENTERPRISE}.26.9.2.3.1.5", f"{ENTERPRISE}.26.9.2.4.1.5", {1: False, 2: True})
