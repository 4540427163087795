"""Cisco xAPI as XML and as plain JSON trees, into the flat values of `_xapi_replies`. Sources: device facts, "HTTP" and
"WebSocket".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading
from agent.devices.codec._xapi_replies import DEPTH_MAX, Path, Result, Values, numbered

LISTS = frozenset(
    {"call", "camera", "channel", "connector", "hdmi", "dvi", "line", "message", "microphone", "network",
     "registration", "connecteddevice", "output", "input"}
)  # fmt: skip
"""Nodes whose `item` is a number of the list. TC marks every node with `item="1"`, so the mark alone says nothing."""

NOT_NUMBERED = frozenset({("audio", "input"), ("audio", "output"), ("video", "input"), ("video", "output")})
"""Nodes of these names that are no list here."""


def xml_tree(body: bytes) -> ElementTree.Element | None:
    """The document, or None when it is none. Declared entities are refused: no codec needs them."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        return None
    try:
        # No entities can be declared, and the transport has bounded the size.
        return ElementTree.fromstring(body)  # noqa: S314
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError):
        return None


def xml_status(reply: HttpReply, tag: str = "Status") -> Values | NoReading:
    """A document of the status tree, or of another. 200 may carry a failure: the document is read, not the code."""
    if reply.status == 404:
        return NoReading("absent")
    root = xml_tree(reply.body)
    if root is None:
        return NoReading("garbled" if reply.status == 200 else "refused")
    if root.tag == "EmptyResult":
        return Values()
    if root.tag != tag:
        return NoReading("garbled")
    if (error := _xml_error(root)) is not None:
        return NoReading(error.reason)
    values = Values()
    for child in root:
        _flatten_xml(child, () if tag == "Status" else (tag,), values)
    return values


def xml_setting(reply: HttpReply, tag: str, words: Sequence[str]) -> Values | NoReading:
    """One setting of a document that may hold more; `absent` when there is none of this path.

    `words`: names without case, and numbers for the place (`item`) in a list.
    """
    values, root = xml_status(reply, tag), xml_tree(reply.body)
    if isinstance(values, NoReading) or root is None:
        return values
    nodes = [root]
    for word in words:
        if word.isdigit():
            nodes = [node for node in nodes if node.get("item") == word]
        else:
            nodes = [child for node in nodes for child in node if child.tag.lower() == word.lower()]
    if len(nodes) != 1 or len(nodes[0]):
        return NoReading("garbled" if nodes else "absent")
    found = Values(tainted=values.tainted)
    found.put((tag, *words), (nodes[0].text or "").strip())
    return found


def xml_result(reply: HttpReply) -> Result | NoReading:
    """The outcome of a command that was put."""
    root = xml_tree(reply.body)
    if root is None:
        return NoReading("garbled" if reply.status == 200 else "refused")
    if (error := _xml_error(root)) is not None:
        return error
    outcome = next((node for node in root.iter() if node.tag.endswith("Result")), None)
    if outcome is None:
        return NoReading("garbled")
    return Result(outcome.get("status", "").upper() == "OK", outcome.get("status", "")[:100])


def xml_taken(reply: HttpReply) -> Values | NoReading:
    """Whether settings that were put were taken: any document without an error in it, and no other page."""
    root = xml_tree(reply.body)
    if root is None or root.tag not in ("Configuration", "Success", "Command"):
        return NoReading("garbled" if reply.status == 200 else "refused")
    error = _xml_error(root)
    return Values() if error is None else NoReading(error.reason)


def _xml_error(root: ElementTree.Element) -> Result | None:
    """A node with `status="Error"`, wherever it stands."""
    for node in root.iter():
        if node.get("status", "").lower() in ("error", "parametererror") or node.tag == "Error":
            reason = next((below.text for below in node.iter() if below.tag == "Reason" and below.text), "")
            return Result(False, (reason or node.get("status") or node.text or "error")[:300])
    return None


def _flatten_xml(node: ElementTree.Element, path: Path, into: Values) -> None:
    if len(path) > DEPTH_MAX:
        into.tainted = True
        return
    here = (*path, node.tag)
    item = node.get("item")
    numbered = node.tag.lower() in LISTS and tuple(part.lower() for part in here) not in NOT_NUMBERED
    if item is not None and (numbered or node.get("maxOccurrence") is not None or item != "1"):
        here = (*here, item)
    if node.get("ghost") is not None:
        into.put((*here, "(attributes)"), f"ghost={node.get('ghost')}")
    for child in node:
        _flatten_xml(child, here, into)
    if len(node) == 0 and node.get("ghost") is None:
        into.put(here, (node.text or "").strip())


def plain_status(result: Any, path: Path) -> Values:
    """What `xGet` gave at a path: texts, numbers and flags as they are, list entries with their `id`."""
    values = Values()
    _flatten_plain(result, path, values, whole=True)
    return values


def _flatten_plain(node: Any, path: Path, into: Values, *, whole: bool = False) -> None:
    """`whole`: all that was asked for, where nothing at all is an answer."""
    if len(path) > DEPTH_MAX:
        into.tainted = True
    elif isinstance(node, dict):
        if node.get("ghost") is not None:
            into.put((*path, "(attributes)"), f"ghost={node['ghost']}")
        below = [(name, part) for name, part in node.items() if name not in ("id", "ghost")]
        for name, part in below:
            _flatten_plain(part, (*path, name), into)
        if not whole and not below and node.get("ghost") is None:
            into.put(path, "")  # it is there, and says nothing
    elif isinstance(node, list):
        for name, part in numbered(node, into):
            _flatten_plain(part, (*path, name), into)
    elif isinstance(node, str | int | float):
        into.put(path, str(node))
    else:
        into.tainted = True
