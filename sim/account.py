"""What the hub's people see, and when: an honest onlooker for the demonstration's account.

It signs in and follows the console's event stream as a browser would. What a patch of the stream names counts as seen
at that moment; which events and incidents those are is read from the hub's database, read-only. Where there is no
stream, the database alone is read four times a second, and the account says so.
"""

from __future__ import annotations

import http.client
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.console import STREAM_TIMEOUT_S, Console
from sim.faults import FAULTS, HUB_SILENCE

POLL_S = 0.25


def percentiles(values: Iterable[float]) -> dict[str, float | int | None]:
    """Median and 95th percentile (nearest rank), and of how many."""
    rows = sorted(values)
    if not rows:
        return {"p50": None, "p95": None, "count": 0}

    def at(share: float) -> float:
        return round(rows[min(len(rows) - 1, max(0, round(share * len(rows) + 0.5) - 1))], 3)

    return {"p50": at(0.5), "p95": at(0.95), "count": len(rows)}


@dataclass(slots=True)
class Seen:
    """One incident as the onlooker came to know it."""

    id: int
    room: str
    rule: str
    seen_s: float
    """Wall time when the console could show it."""


@dataclass(slots=True)
class Onlooker:
    """Follows the hub from a thread of its own. `start` it once, `stop` it at the end."""

    port: int
    database: Path
    user: str
    password: str
    by: str = ""
    """How it looks: `event stream` or `database, polled 4 times a second`."""
    incidents: dict[int, Seen] = field(default_factory=dict)
    publish_to_console_s: list[float] = field(default_factory=list)
    reconnects: int = 0
    cut_off: set[str] = field(default_factory=set)
    """Rooms whose line is or was cut: their events had to wait, which says nothing about the way to the console."""
    left_out: int = 0
    """Events of theirs."""
    _waiting: dict[int, tuple[str, float]] = field(default_factory=dict)
    _last_row: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look. Events that are in the database already are nobody's news."""
        with closing(self._open()) as db:
            self._last_row = int(db.execute("SELECT coalesce(max(rowid), 0) FROM events").fetchone()[0])
            for row in db.execute("SELECT id, room, rule FROM incidents"):
                self.incidents[row[0]] = Seen(row[0], row[1], row[2], 0.0)
        self._thread = threading.Thread(target=self._run, name="onlooker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(STREAM_TIMEOUT_S)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=5, check_same_thread=False)

    def _run(self) -> None:
        with closing(self._open()) as db:
            while not self._stop.is_set():
                try:
                    self._follow(db)
                except (OSError, http.client.HTTPException, ValueError, sqlite3.Error):
                    self.reconnects += 1
                if not self.by:
                    self.by = "database, polled 4 times a second"
                if self.by != "event stream":
                    self._news(db, time.time(), None)
                self._stop.wait(POLL_S)

    def _follow(self, db: sqlite3.Connection) -> None:
        console = Console(self.port, self.user, self.password)
        console.sign_in()
        with closing(console.stream()) as told:
            for kind, patch in told:
                self.by = "event stream"
                if kind == "patch":
                    self._news(db, time.time(), patch)
                if self._stop.is_set():
                    return

    def _news(self, db: sqlite3.Connection, at_s: float, patch: Mapping[str, Any] | None) -> None:
        """Book what became visible at this moment; `patch` None: everything in the database is."""
        everything = patch is None or bool(patch.get("refresh"))
        rooms = set(patch.get("rooms", ())) if patch else set()
        named = set(patch.get("incidents", ())) if patch else set()
        for row, room, made_s, late in db.execute(
            "SELECT rowid, room, at_s, backfilled FROM events WHERE rowid > ? ORDER BY rowid", (self._last_row,)
        ):
            self._last_row = row
            if late or room in self.cut_off:
                self.left_out += 1
            else:
                self._waiting[row] = (room, made_s)
        for row, (room, made_s) in list(self._waiting.items()):
            if everything or room in rooms:
                self.publish_to_console_s.append(max(0.0, at_s - made_s))
                del self._waiting[row]
        for ident, room, rule in db.execute("SELECT id, room, rule FROM incidents ORDER BY id DESC LIMIT 500"):
            if ident not in self.incidents and (everything or ident in named):
                self.incidents[ident] = Seen(ident, room, rule, at_s)


def hub_numbers(database: Path, since_s: float = 0.0) -> dict[str, int]:
    """What the hub's database holds. Of rooms, those heard since a moment of wall time."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
        one = {
            "rooms_expected": "SELECT count(*) FROM rooms WHERE installed = 1",
            "rooms_heard": "SELECT count(*) FROM twins JOIN rooms USING (room) WHERE heard_s > :since",
            "rooms_online": "SELECT count(*) FROM twins JOIN rooms USING (room)"
            " WHERE online = 1 AND heard_s > :since AND state_s > :since",
            "events_stored": "SELECT count(*) FROM events WHERE epoch <> 'hub'",
            "events_of_hub": "SELECT count(*) FROM events WHERE epoch = 'hub'",
            "set_aside": "SELECT coalesce(sum(count), 0) FROM set_aside",
        }
        return {name: int(db.execute(query, {"since": since_s}).fetchone()[0]) for name, query in one.items()}


def outcomes(database: Path) -> dict[str, Any]:
    """How many incidents ended by what, as the hub says, and how many acts of rooms were needless by that."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
        rows = db.execute(
            "SELECT outcome, count(*), sum(own_acts) FROM incidents WHERE closed_s > 0 GROUP BY outcome ORDER BY 1"
        ).fetchall()
    needless = sum(row[2] for row in rows if row[0] in ("with_cause", "itself"))
    return {"outcomes": {row[0]: row[1] for row in rows}, "acts_that_healed_nothing": needless}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one injected fault, by the hub's incidents."""

    outcome: str
    """`healed`, `escalated`, `open` or `unseen`."""
    ever_escalated: bool = False
    incidents: tuple[int, ...] = ()
    ended_by: tuple[str, ...] = ()
    """What ended each of them, as the hub says; its own word of a silent room left out."""


def judge(database: Path, faults: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], Verdict]:
    """What became of each injected fault, by (room, its number)."""
    found: dict[tuple[str, int], Verdict] = {}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as db:
        for fault in faults:
            rows = db.execute(
                "SELECT id, rule, phase, needs_person, closed_s, escalated_s, outcome FROM incidents"
                " WHERE room = ? AND max(opened_s, confirmed_s) >= ?",
                (fault["room"], float(fault["injected_wall_s"]) - 1.0),
            ).fetchall()
            own = [row for row in rows if row[1] in FAULTS[str(fault["fault"])].rules]
            found[str(fault["room"]), int(fault["id"])] = _verdict(own)
    return found


def _verdict(rows: list[tuple[int, str, str, int, float, float, str]]) -> Verdict:
    if not rows:
        return Verdict("unseen")
    ever = any(row[5] > 0 or row[3] for row in rows)
    ids = tuple(row[0] for row in rows)
    left = [row for row in rows if not row[4]]
    if not left:
        ended_by = tuple(row[6] for row in rows if row[1] not in HUB_SILENCE)
        return Verdict("healed", ever, ids, ended_by)
    given_up = all(row[3] or row[2] == "escalated" for row in left)
    return Verdict("escalated" if given_up else "open", ever, ids)
