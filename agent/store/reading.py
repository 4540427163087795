"""What may stand in a journal's rows. SQLite keeps whatever a worn card gives back, and calls it sound. Pure.

What cannot be read is never taken for nothing: an act stands for its load, and a load that is not known for every one.
Imports little, since power comes back before anything else (`agent.power.rescue`).
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable

from agent.core.remedies import LOADS, REMEDIES, Method

NUMBER_MAX = 2**53 - 2**40
"""Of events, faults and acts. 2**53 bounds a number on the wire; billions of starts may still follow."""
EVERY = "*"
"""Stands for all loads, where nobody knows of which one a row spoke."""
OUTCOMES = frozenset({"", "done", "failed", "interrupted", "unknown", "unsent"})
"""How an act may have ended; empty while it is under way."""
CYCLED = frozenset(remedy.load for remedy in REMEDIES.values() if remedy.method is Method.CYCLE)
"""Loads that can be latched: those that a relay cycles."""
ACT = "act_id, remedy, load, method, mono_s, wall_s, synced, boot, fault, command, by, outcome"
"""Columns of an act, as `sound_act` takes them."""
LOAD = "load, off, shed, latched, boot_s"
"""Columns of how a load stands, as `sound_load` takes them."""
EPOCH = re.compile(r"[0-9A-Za-z_-]{1,64}")
WORD = re.compile(r"[!-~]{1,100}")
WALL_MAX_S = 1e11
"""Unix seconds; the year 5138."""
QUIET_MAX_S = 27 * 3600.0
"""A secret meeting lasts 24 h at most; what is kept quiet around it comes on top."""
BOOT_MAX_S = 86_400.0
"""Of a measured boot time."""


def finite(value: object, low: float = -math.inf, high: float = math.inf) -> bool:
    """Whether this is a number that can be reckoned with, within bounds."""
    return isinstance(value, int | float) and math.isfinite(value) and low <= value <= high


def row_sum(columns: tuple[object, ...]) -> int:
    """The checksum that is kept with a row, over what the file gives back of it."""
    return zlib.crc32("\x1f".join(map(repr, columns)).encode("utf-8", "replace"))


def act_sum(row: tuple[object, ...]) -> int:
    """The checksum of an act, over all but its outcome."""
    return row_sum(row[:11])


def sound_act(row: tuple[object, ...], kept_sum: object) -> bool:
    """Whether an act can be read, whole, and is what its checksum was made of. One of another release, of a remedy
    that we do not know, cannot."""
    act_id, remedy, load, method, mono_s, wall_s, synced, boot, fault, command, by, outcome = row
    known = REMEDIES.get(remedy) if isinstance(remedy, str) else None
    return (
        known is not None
        and (known.load, known.method) == (load, method)
        and isinstance(act_id, int)
        and 1 <= act_id <= NUMBER_MAX
        and finite(mono_s)
        and finite(wall_s, 0.0, WALL_MAX_S)
        and synced in (0, 1)
        and all(isinstance(text, str) and (not text or WORD.fullmatch(text)) for text in (boot, fault, command))
        and isinstance(by, str)
        and outcome in OUTCOMES
        and kept_sum == act_sum(row)
    )


def sound_load(row: tuple[object, ...], kept_sum: object) -> bool:
    """The same of how a load stands. One of a load that we do not know cannot be read."""
    load, off, shed, latched, boot_s = row
    return (
        load in LOADS
        and {off, shed, latched} <= {0, 1}
        and finite(boot_s, 0.0, BOOT_MAX_S)
        and kept_sum == row_sum(row)
    )


def summed(text: str) -> str:
    """A small value with its checksum before it: one digit that the card has changed would widen a budget."""
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):08x} {text}" if text else ""


def load_of(load: object, remedy: object) -> str:
    """Of which load an act that cannot be read speaks, or `EVERY`."""
    if isinstance(load, str) and load in LOADS:
        return load
    return REMEDIES[remedy].load if isinstance(remedy, str) and remedy in REMEDIES else EVERY


def small(key: str, text: object) -> str | None:
    """A small value as it may be used; None when nothing of it can. Of a list, what can be read."""
    if not isinstance(text, str):
        return None
    return KNOWN[key](text) if key in KNOWN and text else text


def _whole(low: int) -> Callable[[str], str | None]:
    return lambda text: text if text.isascii() and text.isdigit() and low <= int(text[:20]) <= NUMBER_MAX else None


def _number(low: float, high: float) -> Callable[[str], str | None]:
    return lambda text: text if finite(_float(text), low, high) else None


def _float(text: str) -> float:
    try:
        return float(text) if text.isascii() else math.nan
    except ValueError:
        return math.nan


def _pairs(known: frozenset[str], high: float) -> Callable[[str], str | None]:
    def read(text: str) -> str:
        pairs = [(word, *word.partition("=")[::2]) for word in text.split()]
        return " ".join(word for word, name, value in pairs if name in known and finite(_float(value), 0.0, high))

    return read


def _numbers(low: float, high: float) -> Callable[[str], str | None]:
    return lambda text: " ".join(word for word in text.split() if finite(_float(word), low, high))


def _words(text: str) -> str | None:
    return " ".join(word for word in text.split() if WORD.fullmatch(word))


def _word(text: str) -> str | None:
    return text if WORD.fullmatch(text) else None


KNOWN: dict[str, Callable[[str], str | None]] = {
    "epoch": lambda text: text if EPOCH.fullmatch(text) else None,
    "seq": _whole(0),
    "acked": _whole(0),
    "dropped": _whole(0),
    "next_id": _whole(1),
    "counter": _whole(0),
    "desired_floor": _whole(0),
    "synced": _number(0.0, WALL_MAX_S),
    "maintenance_over": _number(0.0, WALL_MAX_S),
    "mains_bad": _number(-1e9, 1e9),
    "upgrading": _number(-1e9, 1e9),
    "blind": _numbers(0.0, WALL_MAX_S),
    "offsets": _numbers(-WALL_MAX_S, WALL_MAX_S),
    "offsets_last": _numbers(-WALL_MAX_S, WALL_MAX_S),
    "quiet": _number(0.0, QUIET_MAX_S),
    "ends": _numbers(0.0, WALL_MAX_S),
    "ages": lambda text: text if text == summed(text.partition(" ")[2]) else None,
    "routines": _pairs(frozenset(REMEDIES), WALL_MAX_S),
    "commands": _words,
    "boot": _word,
    "hub_epoch": _word,
    "board": _word,
}
"""How each small value is read. Those that are not named here are read by whoever keeps them."""
