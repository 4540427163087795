"""What lldpcli prints, and whatever else may come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.facts import NoReading
from agent.devices.network.lldp import NAME_MAX, neighbour


def one(**changes: Any) -> dict[str, Any]:
    """A neighbour as lldpd 1.0.16 gave it, with other names."""
    parts = {
        "name": "SW-XA-14878", "chassis_id": "96:a6:1d:02:86:c2", "port_id": "gi1/0/7", "port_type": "ifname",
        "descr": "phong hop", "bridge": True,
    } | changes  # fmt: skip
    chassis: dict[str, Any] = {
        "id": [{"type": "mac", "value": parts["chassis_id"]}],
        "name": [{"value": parts["name"]}],
        "descr": [{"value": "TL-SG108 switch"}],
        "mgmt-ip": [{"value": "fe80::94a6:1dff:fe02:86c2"}],
        "capability": [{"type": "Bridge", "enabled": parts["bridge"]}, {"type": "Station", "enabled": True}],
    }
    port = {
        "id": [{"type": parts["port_type"], "value": parts["port_id"]}],
        "descr": [{"value": parts["descr"]}],
        "ttl": [{"value": "120"}],
    }
    if not parts["name"]:
        del chassis["name"]
    return {"name": "eth0", "via": "LLDP", "rid": "1", "chassis": [chassis], "port": [port]}


def printed(*neighbours: dict[str, Any]) -> str:
    return json.dumps({"lldp": [{"interface": list(neighbours)} if neighbours else {}]})


@pytest.mark.parametrize(
    ("neighbours", "told"),
    [
        ([one()], "SW-XA-14878 port gi1/0/7"),
        ([one(port_type="mac", port_id="00:11:22:33:44:55")], "SW-XA-14878 port phong hop"),
        ([one(port_type="mac", port_id="00:11:22:33:44:55", descr="")], "SW-XA-14878 port 00:11:22:33:44:55"),
        ([one(port_id="", descr="7")], "SW-XA-14878 port 7"),
        ([one(name="")], "96:a6:1d:02:86:c2 port gi1/0/7"),
        ([one(port_id="", descr="")], "SW-XA-14878"),
        ([one(bridge=False)], "SW-XA-14878 port gi1/0/7"),
        ([one(name="PC", bridge=False), one()], "SW-XA-14878 port gi1/0/7"),
        ([one(name="B"), one(name="A"), one(name="B")], "A port gi1/0/7; B port gi1/0/7"),
        ([one(name="a\nb\x1b[2J", descr="")], "a b [2J port gi1/0/7"),
        ([one(name="x" * 300)], "x" * NAME_MAX + " port gi1/0/7"),
    ],
)
def test_names(neighbours: list[dict[str, Any]], told: str) -> None:
    assert neighbour(printed(*neighbours)) == told


def test_a_cable_full_of_neighbours_stays_a_line() -> None:
    crowd = neighbour(printed(*(one(name=f"sw{n:03}" + "x" * 300) for n in range(100))))
    assert isinstance(crowd, str)
    assert len(crowd) < 500


@pytest.mark.parametrize("text", [printed(), printed(one(name="", chassis_id="", port_id=""))])
def test_nobody(text: str) -> None:
    assert neighbour(text) == NoReading("absent")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '{"lldp":{}}{', '{"lldp":[3]}', '{"lldp":[{"interface":[3]}]}',
     '{"lldp":[{"interface":[{"chassis":[3]}]}]}', '{"lldp":[{"interface":[{"port":[{"id":[3]}]}]}]}', "[" * 100_000],
)  # fmt: skip
def test_garbage(text: str) -> None:
    assert neighbour(text) == NoReading("garbled")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["interface", "chassis", "port", "id", "name", "value", "capability"]), inner)
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_json_is_a_name_or_a_reason(inside: Any) -> None:
    assert isinstance(neighbour(json.dumps({"lldp": inside})), str | NoReading)
