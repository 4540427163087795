"""APC switched rack power strips of the older generation (AP79xx), over SNMP. See `_apc`: here 1 is on, 2 is off."""

from __future__ import annotations

from agent.devices.about import About, Tested
from agent.devices.power._apc import ENTERPRISE, ApcOutlet

FAMILY = "apc_rpdu"
PORT = 161
NUMBERS = range(1, 49)
GIVES_BACK = False
"""Its own reboot waits for as long as its menu says, which is nothing to build on."""
ABOUT = About(
    "APC switched rack PDU, older generation (AP79xx)",
    (Tested("SNMP 161", "snmpsim (PyPI)", "tests/probes/test_apc.py"),),
    orders=("on and off",),
    unseen="every device; whether it takes an order before the one before has been carried out",
)


def outlet(number: int) -> ApcOutlet:
    """One outlet: `rPDUOutletStatusOutletState`, `rPDUOutletControlOutletCommand`."""
    return ApcOutlet(number, f"{ENTERPRISE}.12.3.5.1.1.4", f"{ENTERPRISE}.12.3.3.1.1.4", {1: True, 2: False})
