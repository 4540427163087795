"""The page of the log of who did what, for administrators: filtered, whole or not, and as CSV."""

from __future__ import annotations

import io
import json
import sqlite3
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from hub.commands.audit import write_csv
from hub.console.context import Ask, Asked
from hub.console.words import Words, day_time
from hub.store import audit
from hub.store.db import open_reader

router = APIRouter(include_in_schema=False)

ROWS_MAX = 100
CSV_MAX = 50_000
_DETAIL_MAX = 300
VALUES = {
    "action": ("remedy",), "reason": ("reason",), "role": ("role",), "role_before": ("role",),
    "phase": ("phase",), "language": ("language",), "why": ("audit.why", "reason"), "second": ("audit.second",),
}  # fmt: skip
"""Which kinds of words the values of a detail are, where they are words of ours."""
Word = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as the page shows it."""

    id: int
    at_s: float
    by: str
    what: str
    detail: str


def _rows(ask: Ask, by: str, what: str, limit: int) -> list[sqlite3.Row]:
    """The newest rows that match, newest first."""
    return ask.reader.all(
        "SELECT id, at_s, by, what, detail, prev, hash FROM audit WHERE (? = '' OR by = ?) AND (? = '' OR what = ?)"
        " ORDER BY id DESC LIMIT ?", by, by, what, what, limit,
    )  # fmt: skip


def _plainly(t: Words, what: str, text: str) -> str:
    """The details as "name: value", for people."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return text[:_DETAIL_MAX]
    told = ", ".join(_told(t, what, name, value) for name, value in found.items() if value not in ("", None, []))
    return told if len(told) <= _DETAIL_MAX else f"{told[:_DETAIL_MAX]}…"


def _told(t: Words, what: str, name: str, value: Any) -> str:
    """One detail. What people wrote, and codes, stand as they are."""
    kinds = (k for k in ("detail", "handover.check", "handover.hand") if t.has(f"{k}.{name}"))
    return f"{t.name(next(kinds, 'detail'), name)}: {_value(t, what, name, value)}"


def _value(t: Words, what: str, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return t.value("", value)
    if name == "by_s":
        return t.value(name, value)
    if name.endswith("_s") and isinstance(value, int | float):
        return day_time(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    kinds = ("login.oidc",) if what == "oidc_refused" else VALUES.get(name, ())
    known = [f"{kind}.{value}" for kind in kinds if t.has(f"{kind}.{value}")]
    return t(known[0]) if known else str(value)


def _entry(t: Words, row: sqlite3.Row) -> Entry:
    return Entry(row["id"], row["at_s"], row["by"], row["what"], _plainly(t, row["what"], row["detail"]))


@router.get("/audit")
def log_page(ask: Asked, by: Word = "", what: Word = "", check: Annotated[str, Query(max_length=1)] = "") -> Response:
    """The newest rows; with `check` also whether the whole chain stands."""
    verdict = None
    if check:
        db = open_reader(ask.console.path)
        try:
            verdict = audit.verify(db)
        finally:
            db.close()
    return ask.page(
        "audit.html",
        rows=[_entry(ask.t, row) for row in _rows(ask, by, what, ROWS_MAX)],
        people=[row[0] for row in ask.reader.all("SELECT DISTINCT by FROM audit ORDER BY by LIMIT 500")],
        kinds=[row[0] for row in ask.reader.all("SELECT DISTINCT what FROM audit ORDER BY what LIMIT 100")],
        by=by, what=what, verdict=verdict, rows_max=ROWS_MAX,
    )  # fmt: skip


@router.get("/audit.csv")
def log_csv(ask: Asked, by: Word = "", what: Word = "") -> Response:
    """The same rows with their hashes, oldest first, for a spreadsheet. That it was taken is itself a row."""
    out = io.StringIO()
    write_csv(out, reversed(_rows(ask, by, what, CSV_MAX)))
    ask.console.sessions.audit(ask.session.user, "audit_exported", {"to": "csv", "by": by, "what": what})
    name = f"nhat-ky-{day_time(ask.now_s)[:10].replace('/', '-')}.csv"
    return Response(
        "\ufeff" + out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
