"""What is done about rows that cannot be read, before anybody reads them: they are dropped, counted and stood for.

Not the whole file for one row: its events are still to be told. But no act and no latch is dropped without a trace. Of
an act's load the hour counts as used, and it is given power. A load whose row is dropped has power, and where its
latch is not known from the mark either, it is latched.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field, fields, replace

import msgspec

from agent.core.remedies import LOADS
from agent.core.state import Fault
from agent.store.base import ACKED, DOUBTED, LOST, LoadRow
from agent.store.mark import Mark
from agent.store.reading import (
    ACT,
    CYCLED,
    EVERY,
    KNOWN,
    LOAD,
    NUMBER_MAX,
    finite,
    load_of,
    small,
    sound_act,
    sound_load,
)

RUNG_MAX = 100


class SpoiltError(Exception):
    """The file cannot be used at all. One sentence."""


@dataclass(slots=True)
class Findings:
    """What is wrong with a file, and what stands in it afterwards."""

    rows: dict[str, list[int]] = field(default_factory=dict)
    """By table: row ids that are dropped."""
    put: dict[str, str] = field(default_factory=dict)
    """Small values that are written anew."""
    meta: dict[str, str] = field(default_factory=dict)
    """All small values as they are then."""
    put_loads: dict[str, LoadRow] = field(default_factory=dict)
    """Rows of loads that are written anew."""
    loads: dict[str, LoadRow] = field(default_factory=dict)
    """All rows of loads as they are then."""
    newest_act: int = 0
    """The highest number of an act that can be read."""
    latches_doubted: bool = False
    """Loads are latched since nobody knows whether they were."""

    @property
    def dropped(self) -> int:
        """Rows that could not be read."""
        return sum(map(len, self.rows.values()))


def examine(db: sqlite3.Connection, mark: Mark | None) -> Findings:
    """Look at every row. Raises SpoiltError when the file has no name for its numbers, or sqlite3.Error."""
    found = Findings()
    _small_values(db, found)
    if "epoch" not in found.meta:
        raise SpoiltError("the name of its numbers cannot be read")
    doubted, newest = _acts(db, found)
    found.newest_act = newest
    ids = _faults(db, found)
    _payloads(db, found)
    if mark is not None and mark.act_id > newest and not found.meta.get(LOST):
        doubted.add(EVERY)  # restarts are missing that were journalled
    _put(found, DOUBTED, " ".join(sorted(doubted | set(found.meta.get(DOUBTED, "").split()))))
    _loads(db, found, mark)
    _numbers(db, found, max(newest, ids))
    return found


def _put(found: Findings, key: str, text: str) -> None:
    if found.meta.get(key, "") != text:
        found.put[key] = found.meta[key] = text


def _small_values(db: sqlite3.Connection, found: Findings) -> None:
    """Those that can be read, of each what can be."""
    for row, key, text in db.execute("SELECT rowid, key, value FROM meta NOT INDEXED").fetchall():
        clean = small(key, text) if isinstance(key, str) else None
        if clean is None or key in found.meta:
            found.rows.setdefault("meta", []).append(row)
            continue
        found.meta[key] = clean
        if clean != text and key in KNOWN and clean.split() != str(text).split():
            found.put[key] = clean


def _acts(db: sqlite3.Connection, found: Findings) -> tuple[set[str], int]:
    """The loads whose acts cannot be read, and the highest number of those that can."""
    doubted, newest = set(), 0
    for *columns, kept_sum in db.execute(f"SELECT {ACT}, sum FROM acts NOT INDEXED").fetchall():  # noqa: S608  ours
        row = tuple(columns)
        if sound_act(row, kept_sum):
            newest = max(newest, row[0])
        else:
            found.rows.setdefault("acts", []).append(row[0])
            doubted.add(load_of(row[2], row[1]))
    return doubted, newest


def _loads(db: sqlite3.Connection, found: Findings, mark: Mark | None) -> None:
    """How the loads stand: latched where journal or mark says so, or where neither of them can say."""
    doubted = set()
    for number, *columns, kept_sum in db.execute(f"SELECT rowid, {LOAD}, sum FROM loads NOT INDEXED").fetchall():  # noqa: S608  ours
        row = tuple(columns)
        if sound_load(row, kept_sum):
            found.loads[row[0]] = LoadRow(*row[1:])
        else:
            found.rows.setdefault("loads", []).append(number)
            doubted.add(row[0] if row[0] in LOADS else EVERY)
    if mark is not None:
        latched = mark.latched
    else:  # nobody knows whether these were
        latched = CYCLED if found.meta.get(LOST) or EVERY in doubted else CYCLED & doubted
        found.latches_doubted = bool(latched)
    for load in sorted(latched):
        before = found.loads.get(load, LoadRow())
        if not before.latched:
            found.loads[load] = found.put_loads[load] = replace(before, latched=True)


def _faults(db: sqlite3.Connection, found: Findings) -> int:
    """The highest number of those that can be read."""
    newest = 0
    for row, rule, body in db.execute("SELECT rowid, rule, body FROM faults NOT INDEXED").fetchall():
        fault = fault_of(rule, body)
        if fault is None:
            found.rows.setdefault("faults", []).append(row)
        else:
            newest = max(newest, fault.fault_id)
    return newest


def fault_of(rule: object, body: object) -> Fault | None:
    """An open fault as the journal keeps it; None when it cannot be read."""
    if not isinstance(body, bytes):
        return None
    try:
        fault = msgspec.json.decode(body, type=Fault)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    numbers = [getattr(fault, one.name) for one in fields(Fault) if one.type in ("int", "float")]
    values = [one.value for one in fault.evidence if isinstance(one.value, int | float)]
    ages = [one.age_s for one in fault.evidence]
    usable = (
        all(finite(number, -NUMBER_MAX, NUMBER_MAX) for number in (*numbers, *values, *ages))
        and min(fault.fault_id, fault.rung, fault.acts) >= 0
        and fault.rung <= RUNG_MAX
    )
    return fault if fault.rule == rule and usable else None


def _payloads(db: sqlite3.Connection, found: Findings) -> None:
    """Events and batches that are no bytes, or have a number that none can have."""
    bad = f"typeof(payload) <> 'blob' OR rowid < 1 OR rowid > {NUMBER_MAX}"
    for table in ("outbox", "metrics"):
        rows = db.execute(f"SELECT rowid FROM {table} WHERE {bad}").fetchall()  # noqa: S608  ours
        if rows:
            found.rows[table] = [row for (row,) in rows]


def _numbers(db: sqlite3.Connection, found: Findings, newest: int) -> None:
    """Numbers that are above all that was used: of an epoch none is given twice."""
    (top,) = db.execute("SELECT max(seq) FROM outbox WHERE seq BETWEEN 1 AND ?", (NUMBER_MAX,)).fetchone()
    seq = max(int(found.meta.get("seq", "0")), top or 0)
    if "seq" not in found.meta and seq == 0 and found.meta.get(ACKED, "0") != "0":
        raise SpoiltError("its numbers cannot be read")
    if int(found.meta.get(ACKED, "0")) > seq:
        found.put[ACKED] = found.meta[ACKED] = "0"
    # An act or a fault is told of by an event at least, so that these numbers are the smaller ones.
    if "next_id" not in found.meta and (seq or newest):
        found.put["next_id"] = found.meta["next_id"] = str(max(newest, seq) + 1)
    elif int(found.meta.get("next_id", "1")) <= newest:
        found.put["next_id"] = found.meta["next_id"] = str(newest + 1)
