"""Which switch and port the board hangs on: what `lldpcli -f json0 show neighbors` prints.

Source: `lldpcli(8)` of lldpd 1.0.16, recorded from a real lldpd. `json0` gives lists wherever there may be several, so
that one neighbour and two look the same. Names come from whoever sends frames on that cable: they are only shown. `Tel`
is lldpd's word for a telephone (`src/client/display.c`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.core.exchange import parsed_json
from agent.core.facts import NoReading, Reading
from agent.devices.about import About, Tested

KEY = "net.neighbour"
ABOUT = About(
    "any switch that speaks LLDP, through lldpd (Debian)",
    (Tested("`lldpcli` to lldpd", "a real lldpd at the other end of a cable", "tests/probes/test_lldp.py"),),
    facts=(KEY,),
    unseen="Switches: each maker fills name and port in its own way",
)
NAME_MAX = 60
"""Characters of a name that are shown; the standard allows 255."""
NEIGHBOURS_MAX = 3
SPEAKING_PORTS = ("ifname", "local", "ifalias")
"""Kinds of port id that a person can find on the switch; others (a MAC address) say less than the description."""


def neighbour(text: str) -> Reading:
    """`SWITCH port PORT`; `absent` where nobody has been heard of.

    Several come through a switch that does not know LLDP and lets frames pass: then the bridges among them are named,
    and of those a telephone only where there is no other.
    """
    try:
        found = [(_is_bridge(one), _told(one)) for one in _interfaces(parsed_json(text))]
    except (ValueError, AttributeError, TypeError, IndexError, KeyError):
        return NoReading("garbled")
    bridges = sorted({told for is_bridge, told in found if is_bridge and told})
    names = bridges or sorted({told for _, told in found if told})
    return "; ".join(names[:NEIGHBOURS_MAX]) if names else NoReading("absent")


def _interfaces(root: Any) -> Iterator[dict[str, Any]]:
    for part in root["lldp"]:
        yield from part.get("interface", [])


def _value(part: dict[str, Any], key: str) -> str:
    """The text of `key`, with nothing in it that could disturb a line; empty when it is not there."""
    rows = part.get(key) or [{}]
    text = "".join(letter if letter.isprintable() else " " for letter in str(rows[0].get("value", "")))
    return " ".join(text.split())[:NAME_MAX]


def _told(interface: dict[str, Any]) -> str:
    chassis, port = (interface.get("chassis") or [{}])[0], (interface.get("port") or [{}])[0]
    switch = _value(chassis, "name") or _value(chassis, "id")
    speaking = (port.get("id") or [{}])[0].get("type") in SPEAKING_PORTS
    names = (_value(port, "id"), _value(port, "descr")) if speaking else (_value(port, "descr"), _value(port, "id"))
    where = names[0] or names[1]
    return f"{switch} port {where}" if switch and where else switch


def _is_bridge(interface: dict[str, Any]) -> bool:
    chassis = (interface.get("chassis") or [{}])[0]
    is_able = {one.get("type") for one in chassis.get("capability") or [] if one.get("enabled") is True}
    return "Bridge" in is_able and "Tel" not in is_able
