"""Cisco xAPI replies, terminal text and JSON alike, as flat values by path.

`*s Call 3 Status: Connected` and `{"Call": [{"id": "3", "Status": {"Value": "Connected"}}]}` both become
`{("Call", "3", "Status"): "Connected"}`. Sources: device facts, "Cisco / Tandberg xAPI", terminal [D] and JSON [S].
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.core.exchange import parsed_json

Path = tuple[str, ...]

STATUS_LINE = re.compile(
    r"^\*(?P<tree>s|c xConfiguration) (?P<path>[^:()]+?)(?: \((?P<attributes>[^()]*)\))?:(?P<value>.*)$"
)
RESULT_LINE = re.compile(r"^\*r (?P<name>\w+)(?P<rest>.*)$")
RESULT_STATUS = re.compile(r"\(status=(\w+)\)")

EVENT_END = "*e/end"
BLOCK_ENDS = ("** end", "*r/end", "*s/end", EVENT_END)
"""`** end` of TC and CE, `*r/end` of older Tandberg software, `*s/end` of the MXP."""

NOT_RECOGNIZED = "command not recognized."
"""Plain text even in JSON mode."""

KNOWN_KEYS = frozenset({"StatusResponse", "CommandResponse", "Status", "Configuration", "Event", "ResultId"})
"""Of the outermost object; another one is a known one with a wrong letter, or something we do not understand."""

NO_STATUS = frozenset({"Value", "id", "ghost", "status", "valueSpaceRef", "maxOccurrence"})
"""Of a node in JSON: its own text and its marks; everything else lies below it."""

DEPTH_MAX = 24
"""Deepest documented status path has 9 parts; deeper nesting is rubbish."""


@dataclass(slots=True)
class Values:
    """What one reply said. `tainted`: it held something unreadable, so what is missing may only be lost."""

    values: dict[Path, str] = field(default_factory=dict)
    tainted: bool = False

    def get(self, *path: str) -> str | None:
        """The text at a path; names are compared without case, since they differ between releases."""
        return self.values.get(tuple(part.lower() for part in path))

    def put(self, path: Path, value: str) -> None:
        """Keep a value."""
        self.values[tuple(part.lower() for part in path)] = value

    def starts_with(self, path: Path) -> bool:
        """Whether anything lies below the path."""
        head = tuple(part.lower() for part in path)
        return any(key[: len(head)] == head for key in self.values)

    def only_below(self, path: Path) -> bool:
        """Whether nothing lies outside the path."""
        head = tuple(part.lower() for part in path)
        return all(key[: len(head)] == head for key in self.values)


@dataclass(frozen=True, slots=True)
class Result:
    """Outcome of an `xCommand`, or of a status path that does not exist."""

    ok: bool
    text: str

    @property
    def reason(self) -> str:
        """`absent` when the codec does not know what we asked for, else `refused`."""
        text = self.text.lower()
        unknown = any(word in text for word in ("unknown command", "no match", "not recognized", "parametererror"))
        return "absent" if unknown else "refused"


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete reply or event. `result_id` is None in terminal mode and for events."""

    status: Values
    result: Result | None = None
    result_id: str | None = None
    from_json: bool = False


class TerminalBlock:
    """Collects the lines of a terminal block; what exceeds `bytes_max` is dropped and taints the block."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.clear()

    def clear(self) -> None:
        """Forget an unfinished block."""
        self._status = Values()
        self._results: list[str] = []
        self._size = 0
        self._told = False
        """It holds an event, `*e …`: that has an end like an answer's."""

    def __len__(self) -> int:
        return self._size

    def line(self, line: str) -> Reply | None:
        """Take one line; the reply when the line ended one."""
        end = line.strip().lower()
        if end in BLOCK_ENDS:
            only_told = self._told or end == EVENT_END
            # The end of an event and nothing else is no empty answer; one that an answer ran into has lost its own.
            self._status.tainted = self._status.tainted or only_told
            empty = not self._status.values and not self._results
            reply = None if only_told and empty else Reply(self._status, self._result())
            self.clear()
            return reply
        if self._size + len(line) > self._bytes_max:
            self._status.tainted = True
            return None
        if match := STATUS_LINE.match(line):
            self._status_line(match)
        elif line.startswith("*r "):
            self._results.append(line)
        elif line.startswith("*e "):
            self._told = True
        elif not line.lower().startswith("resultid"):
            self._status.tainted = True
            return None
        self._size += len(line)
        return None

    def _status_line(self, match: re.Match[str]) -> None:
        path = tuple(match["path"].split())
        if match["tree"] != "s":
            path = ("Configuration", *path)
        value = match["value"].strip()
        if len(path) > DEPTH_MAX or not path:
            self._status.tainted = True
        elif match["attributes"] and not value:
            self._status.put((*path, "(attributes)"), match["attributes"])
        else:
            self._status.put(path, value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value)

    def _result(self) -> Result | None:
        # A bad status path is answered with status lines that say so, and not with a result [M].
        for path, value in self._status.values.items():
            if path == ("status", "(attributes)") and "error" in value.lower():
                return Result(False, self._status.get("Status", "Reason") or value)
        if not self._results:
            return None
        match = RESULT_STATUS.search(self._results[0])
        text = " / ".join(self._results)[:300]
        return Result(match is not None and match[1].lower() == "ok", text)


class JsonBlock:
    """Collects a JSON object that may span lines, bounded by the caller's line buffer and `bytes_max`."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self.clear()

    def clear(self) -> None:
        """Forget an unfinished object."""
        self._lines: list[str] = []
        self._size = 0
        self._depth = 0

    @property
    def open(self) -> bool:
        """Whether an object is unfinished."""
        return self._depth > 0

    def __len__(self) -> int:
        return self._size

    def line(self, line: str) -> Reply | str | None:
        """Take one line: a reply, None while unfinished, or a text saying why it is garbled."""
        self._lines.append(line)
        self._size += len(line) + 1
        self._depth += _depth_of(line)
        if self._size > self._bytes_max:
            self.clear()
            return "JSON object too long"
        if self._depth > 0:
            return None
        text = "\n".join(self._lines)
        self.clear()
        try:
            tree = parsed_json(text)
        except ValueError:
            return "broken JSON"
        return _json_reply(tree) if isinstance(tree, dict) else "JSON without object"


def _depth_of(line: str) -> int:
    depth, in_string, escaped = 0, False, False
    for letter in line:
        if in_string:
            in_string = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            in_string = True
        elif letter in "{[":
            depth += 1
        elif letter in "}]":
            depth -= 1
    return depth


def _json_reply(tree: dict[str, Any]) -> Reply:
    status, result = Values(), None
    response = tree.get("StatusResponse")
    found = response.get("Status") if isinstance(response, dict) else tree.get("Status")
    if isinstance(found, dict) and found.get("status") == "Error":
        result = Result(False, _reason(found))
    elif isinstance(found, dict):
        _flatten(found, (), status)
    elif isinstance(tree.get("Configuration"), dict):
        _flatten(tree["Configuration"], ("Configuration",), status)
    else:
        # An answer whose status cannot be found must not pass for an empty status.
        status.tainted = True
    if set(tree) - KNOWN_KEYS or (isinstance(response, dict) and set(response) != {"Status"}):
        status.tainted = True
    command = tree.get("CommandResponse")
    if isinstance(command, dict):
        outcome = next((part for part in command.values() if isinstance(part, dict)), {})
        result = Result(outcome.get("status") == "OK", _reason(outcome) or str(outcome.get("status", ""))[:300])
    result_id = tree.get("ResultId")
    return Reply(status, result, result_id if isinstance(result_id, str) else None, from_json=True)


def _reason(outcome: dict[str, Any]) -> str:
    reason = outcome.get("Reason")
    value = reason.get("Value", "") if isinstance(reason, dict) else reason or ""
    return str(value)[:300]


def numbered(rows: list[Any], into: Values) -> Iterator[tuple[str, Any]]:
    """The entries of a list by their `id`, else by their place. Two of one name would hide each other."""
    names: set[str] = set()
    for index, row in enumerate(rows, 1):
        name = str(row.get("id", index)) if isinstance(row, dict) else str(index)
        into.tainted = into.tainted or name in names
        names.add(name)
        yield name, row


def _flatten(node: object, path: Path, into: Values) -> None:
    if len(path) > DEPTH_MAX:
        into.tainted = True
    elif isinstance(node, list):
        for name, part in numbered(node, into):
            _flatten(part, (*path, name), into)
    elif isinstance(node, dict):
        value = node.get("Value")
        if path and isinstance(value, str | int | float):
            into.put(path, str(value))
        elif "Value" in node:
            into.tainted = True
        if node.get("ghost") is not None:
            into.put((*path, "(attributes)"), f"ghost={node['ghost']}")
        below = [(name, part) for name, part in node.items() if name not in NO_STATUS]
        for name, part in below:
            _flatten(part, (*path, name), into)
        if path and not below and "Value" not in node and node.get("ghost") is None:
            into.put(path, "")  # it is there, and says nothing
    else:
        into.tainted = True
