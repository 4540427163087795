"""Is the board's clock disciplined? What chronyc and timedatectl print.

Sources: device facts, "Network"; `chronyc(1)`.
"""

from __future__ import annotations

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import checked, number

ABOUT = About(
    "the board's clock: chrony, else systemd-timesyncd",
    (
        Tested("`chronyc -c tracking`", "real chronyds on loopback", "tests/probes/test_clock.py"),
        Tested("`timedatectl`", "recordings", "tests/devices/test_small_protocols.py"),
    ),
    facts=("net.clock_synced", "net.clock_offset_s"),
)

KEYS = ("net.clock_synced", "net.clock_offset_s")
FIELDS = 14
REFERENCE, STRATUM, OFFSET, LEAP = 0, 2, 4, 13
ITSELF = "7F7F0101"
"""Reference of a chronyd with `local` set that follows nobody but its own clock (chronyc(1), `tracking`)."""


def from_chronyc(text: str) -> dict[str, Reading]:
    """`chronyc -c tracking`: 14 comma-separated fields; stratum 0 or leap "Not synchronised" means undisciplined.

    Field 5 is the distance of the system's clock from true time in seconds, positive when it is behind.
    """
    fields = text.strip().split(",")
    if len(fields) != FIELDS or not fields[STRATUM].isdigit():
        return dict.fromkeys(KEYS, NoReading("garbled"))
    follows = fields[STRATUM] != "0" and fields[REFERENCE].upper() != ITSELF
    synced = follows and not fields[LEAP].lower().startswith("not")
    offset = number(fields[OFFSET]) if synced else NoReading("stale")
    return checked({"net.clock_synced": synced, "net.clock_offset_s": offset})


def from_timedatectl(text: str) -> dict[str, Reading]:
    """`timedatectl show -p NTPSynchronized --value`: `yes` or `no`, and no offset."""
    word = text.strip().lower()
    synced: Reading = True if word == "yes" else False if word == "no" else NoReading("garbled")
    return {"net.clock_synced": synced, "net.clock_offset_s": NoReading("absent")}
