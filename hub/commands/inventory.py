"""The registry as an inventory of Ansible: every installed room, in a group for each place it belongs to.

The shape is that of a dynamic inventory script (`--list`), with all variables in `_meta`, so that no host is asked for
one by one. Written to a file as JSON the same serves as a static inventory: JSON is YAML.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Any

ROOMS = "rooms"
ADDRESS = "{room}"
"""How a room's address follows from its id; a name server or ssh_config does the rest."""


class BadAddressError(ValueError):
    """The pattern of addresses does not name the room."""


def group(level: str, code: str) -> str:
    """The group of a place: letters, digits and `_`, e.g. `commune_14797`."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"{level}_{code}")


def listing(db: sqlite3.Connection, address: str = ADDRESS) -> dict[str, Any]:
    """The answer to `--list`. Raises BadAddressError."""
    if "{room}" not in address or re.search(r"[{}]", address.replace("{room}", "")):
        raise BadAddressError(
            f"mẫu địa chỉ {address!r} phải chứa {{room}}, ví dụ {{room}}.vhnt.example.vn / "
            f"the pattern {address!r} must hold {{room}}, e.g. {{room}}.vhnt.example.vn"
        )
    places = {row["id"]: row for row in db.execute("SELECT id, parent, level, code, name FROM nodes")}
    hosts: dict[str, dict[str, Any]] = {}
    groups: dict[str, list[str]] = {ROOMS: []}
    for room, name, node in db.execute("SELECT room, name, node FROM rooms WHERE installed = 1 ORDER BY room"):
        hosts[room] = {"ansible_host": address.replace("{room}", room), "diemcau_name": name}
        groups[ROOMS].append(room)
        at: int | None = node
        for _ in range(12):  # a tree is four deep; a cycle by mistake must not hang the inventory
            if at is None or at not in places:
                break
            place = places[at]
            groups.setdefault(group(place["level"], place["code"]), []).append(room)
            hosts[room].setdefault(f"diemcau_{place['level']}", place["name"])
            at = place["parent"]
    return {"_meta": {"hostvars": hosts}, **{name: {"hosts": members} for name, members in sorted(groups.items())}}


def static(listed: dict[str, Any]) -> dict[str, Any]:
    """The same as a static inventory."""
    hosts = listed["_meta"]["hostvars"]
    children = {
        name: {"hosts": {room: hosts[room] if name == ROOMS else {} for room in body["hosts"]}}
        for name, body in listed.items()
        if name != "_meta"
    }
    return {"all": {"children": children}}
