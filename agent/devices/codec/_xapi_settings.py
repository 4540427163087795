"""A Cisco codec's settings: their paths, and their values out of its answers in every tongue."""

from __future__ import annotations

import re
from collections.abc import Mapping

from agent.core.facts import NoReading
from agent.devices.codec._baseline import Naming
from agent.devices.codec._xapi_replies import Values

HEAD = "Configuration"
"""First word of every path, and of a question's key."""
NAMING = Naming(re.compile(r"[A-Z][A-Za-z0-9]*( ([A-Za-z][A-Za-z0-9]*|[1-9][0-9]{0,2})){0,11}"), "Audio DefaultVolume")


def settings_read(wanted: Mapping[str, str], answers: Mapping[str, Values | NoReading]) -> dict[str, str | NoReading]:
    """The wanted settings that this poll has asked for, by path without `HEAD`."""
    read: dict[str, str | NoReading] = {}
    for path in wanted:
        answer = answers.get(f"{HEAD} {path}")
        if isinstance(answer, Values):
            value = answer.get(HEAD, *path.split())
            read[path] = NoReading("garbled") if value is None else value
        elif answer is not None:
            read[path] = answer
    return read
