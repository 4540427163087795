"""Replies of web interfaces that speak JSON, read with suspicion: whatever is not what was expected says so."""

from __future__ import annotations

import math
import re
from typing import Any

from agent.core.exchange import HttpReply
from agent.core.facts import NoReading, Reading

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


def written(value: Any) -> str | NoReading:
    """A setting's value as a technician writes it: `true`, `480`, `Asia/Ho_Chi_Minh`."""
    if isinstance(value, NoReading):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return value[:TEXT_MAX] if isinstance(value, str) else NoReading("garbled")


def typed(value: str, like: Any) -> Any:
    """What a technician wrote, in the type that the device itself gave this setting; guessed when it has given none.

    `0241234` is a number by its type only: guessed, it is a dialling number, whose zero has to stay.
    """
    word, unknown = value.strip(), like is None or isinstance(like, NoReading)
    if (unknown or isinstance(like, bool)) and word.lower() in ("true", "false"):
        return word.lower() == "true"
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,8})" if unknown else r"-?[0-9]{1,9}", word) and (unknown or type(like) is int):
        return int(word)
    return value
