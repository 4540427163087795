"""What any codec says over SNMP: that it lives, since when, and, by two makers' tables, how the call and its parts are.

Sources: RFC 3418 (uptime); device facts, "Any codec": Polycom's HDX MIB has loss and jitter of the call, Cisco's CTS
table a description and a status of every part (0 no error, 2 cable, 3 power, 7 link).

Unverified [M]: the words of Cisco's descriptions, and whether the numbers of Polycom's are of the present call only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested
from agent.devices.base import checked, number
from agent.devices.snmp import SYS_UPTIME, Value

Mib = Literal["", "polycom_hdx", "cisco_cts"]
ABOUT = About(
    "any codec with SNMP; Polycom HDX and Cisco TelePresence by their makers' tables",
    (Tested("SNMP 161", "snmpsim (PyPI)", "tests/probes/test_snmp_probes.py"),),
    facts=("codec.snmp", "codec.uptime_s", "codec.rx_loss_pct", "codec.jitter_ms", "codec.camera",
           "codec.mic_connected", "codec.display_out"),
    unseen="the words of Cisco's descriptions; whether Polycom's numbers are of the present call only",
)  # fmt: skip

HDX = "1.3.6.1.4.1.2684.1.1"
LOSS_PCT, JITTER_MS = f"{HDX}.21.0", f"{HDX}.22.0"
CTS = "1.3.6.1.4.1.9.9.643.1.2.1.1"
DESCRIPTION, STATUS = f"{CTS}.2", f"{CTS}.3"
PARTS = {"codec.camera": ("camera",), "codec.mic_connected": ("mic",), "codec.display_out": ("display", "screen")}
"""A part's fact, and what its description has to hold."""
NO_ERROR = 0
MISSING = frozenset({2, 3, 7})
"""Its cable, its power or its link."""
CENTISECONDS = 100


def keys(mib: Mib) -> tuple[str, ...]:
    """The facts that a codec with this table gives."""
    more = {"": (), "polycom_hdx": ("codec.rx_loss_pct", "codec.jitter_ms"), "cisco_cts": tuple(PARTS)}
    return ("codec.snmp", "codec.uptime_s", *more[mib])


def asked(mib: Mib) -> tuple[str, ...]:
    """Single values to ask for."""
    return (SYS_UPTIME, *((LOSS_PCT, JITTER_MS) if mib == "polycom_hdx" else ()))


def tables(mib: Mib) -> Sequence[str]:
    """Columns to walk."""
    return (DESCRIPTION, STATUS) if mib == "cisco_cts" else ()


def facts(mib: Mib, values: Mapping[str, Value], rows: Mapping[str, Mapping[str, Value]]) -> dict[str, Reading]:
    """The facts of one look. An answer of whatever kind is a sign of life."""
    found: dict[str, Reading] = {"codec.snmp": True}
    uptime = values.get(SYS_UPTIME, NoReading("absent"))
    found["codec.uptime_s"] = uptime / CENTISECONDS if isinstance(uptime, int) else _none(uptime)
    if mib == "polycom_hdx":
        for key, oid in (("codec.rx_loss_pct", LOSS_PCT), ("codec.jitter_ms", JITTER_MS)):
            value = values.get(oid, NoReading("absent"))
            found[key] = float(value) if isinstance(value, int) else _text_number(value)
    if mib == "cisco_cts":
        found |= _parts(rows.get(DESCRIPTION, {}), rows.get(STATUS, {}))
    return checked(found)


def _none(value: Value) -> NoReading:
    return value if isinstance(value, NoReading) else NoReading("garbled")


def _text_number(value: Value) -> Reading:
    """Some of Polycom's firmware writes its numbers as text."""
    return number(value) if isinstance(value, str) else _none(value)


def _parts(descriptions: Mapping[str, Value], statuses: Mapping[str, Value]) -> dict[str, Reading]:
    """A part is there when one of its kind is without error, missing when all of them miss cable, power or link."""
    found: dict[str, Reading] = {}
    words = {oid.removeprefix(DESCRIPTION): str(text).lower() for oid, text in descriptions.items()}
    for key, names in PARTS.items():
        rows = [row for row, text in words.items() if any(name in text for name in names)]
        states = [statuses.get(STATUS + row) for row in rows]
        if not states:
            found[key] = NoReading("absent")
        elif NO_ERROR in states:
            found[key] = True
        else:
            found[key] = False if all(state in MISSING for state in states) else NoReading("garbled")
    return found
