"""A Cisco codec's settings: a few of its configuration tree, kept through restarts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from sim.physics import RoomPhysics

ROOT = "Configuration"


def configuration(room: RoomPhysics) -> dict[str, Any]:
    """The tree."""
    return {ROOT: room.codec.settings}


def write(room: RoomPhysics, path: Sequence[str], value: str) -> bool:
    """Set one setting; False when there is none of this path. Names are compared without case."""
    node: Any = room.codec.settings
    for place, part in enumerate(path):
        if isinstance(node, list):
            node = next((entry for entry in node if entry["id"] == part), None)
            continue
        key = next((name for name in node if name.lower() == part.lower()), None) if isinstance(node, dict) else None
        if key is None:
            return False
        if place == len(path) - 1:
            if not isinstance(node[key], str):
                return False
            node[key] = value
            return True
        node = node[key]
    return False


def setting_of(root: ElementTree.Element) -> tuple[list[str], str]:
    """Path and value of a document that sets one setting. Raises ValueError when it is none."""
    path: list[str] = []
    node = root
    while len(node):
        if len(node) != 1 or len(path) > 12:
            raise ValueError("not one setting")
        node = node[0]
        path += [node.tag] if node.get("item") is None else [node.tag, node.get("item", "")]
    if root.tag != ROOT or not path:
        raise ValueError("not one setting")
    return path, node.text or ""
