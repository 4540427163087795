"""Replies of web interfaces that speak JSON, read with suspicion: whatever is not what was expected says so."""

from __future__ import annotations

import math
from typing import Any

from agent.core.facts import NoReading, Reading
from agent.exchange import HttpReply

TEXT_MAX = 200
"""Characters kept of a name that the device gives."""


def json_of(reply: HttpReply) -> Any | NoReading:
    """The JSON of a reply that succeeded. `absent` for 404, `refused` for any other failure, `garbled` for no JSON."""
    if reply.status == 404:
        return NoReading("absent")
    if not 200 <= reply.status < 300:
        return NoReading("refused")
    try:
        return reply.json()
    except ValueError:
        return NoReading("garbled")


def entry(answer: Any, key: str) -> Any | NoReading:
    """One entry of an object; the reason when there was no answer, `garbled` when it is no object, else `absent`."""
    if isinstance(answer, NoReading):
        return answer
    if not isinstance(answer, dict):
        return NoReading("garbled")
    return NoReading("absent") if answer.get(key) is None else answer[key]


def flag(value: Any) -> Reading:
    """A truth value, and nothing that merely looks like one."""
    return value if isinstance(value, bool | NoReading) else NoReading("garbled")


def amount(value: Any) -> Reading:
    """A number that is finite."""
    if isinstance(value, NoReading):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NoReading("garbled")
    try:
        number = float(value)
    except OverflowError:
        return NoReading("garbled")
    return number if math.isfinite(number) else NoReading("garbled")


def text(value: Any) -> Reading:
    """A name, not empty."""
    if isinstance(value, NoReading):
        return value
    return value.strip()[:TEXT_MAX] if isinstance(value, str) and value.strip() else NoReading("garbled")
