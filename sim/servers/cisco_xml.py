"""A Cisco codec's status tree and commands as XML. Source: device facts, "HTTP"."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree


def document(tree: dict[str, Any] | None) -> bytes:
    """The tree as a document; None: nothing is there. List entries carry `item`, as everything does on TC."""
    root = ElementTree.Element("EmptyResult")
    if tree is not None:
        (name, below), *_ = tree.items()
        root = ElementTree.Element(name)
        _fill(root, below)
    return b'<?xml version="1.0"?>\n' + ElementTree.tostring(root)


def _fill(node: ElementTree.Element, below: Any) -> None:
    if not isinstance(below, dict):
        node.text = str(below)
        return
    for name, inner in below.items():
        for entry in inner if isinstance(inner, list) else [inner]:
            child = ElementTree.SubElement(node, name)
            if isinstance(inner, list):
                child.set("item", entry["id"])
                child.set("maxOccurrence", "n")
                entry = {key: value for key, value in entry.items() if key != "id"}
            _fill(child, entry)


def command_of(body: bytes) -> tuple[str, dict[str, str]]:
    """`systemunit boot` and its parameters, out of what was put. Raises ParseError, or ValueError when it is none."""
    root = ElementTree.fromstring(body)
    node = root
    path: list[str] = []
    while node.get("command") is None:
        if len(node) != 1 or len(path) > 8:
            raise ValueError("no command")
        node = node[0]
        path.append(node.tag.lower())
    if root.tag != "Command" or not path:
        raise ValueError("no command")
    return " ".join(path), {child.tag.lower(): child.text or "" for child in node}
