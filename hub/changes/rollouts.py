"""Roll-outs as the hub keeps them: what it knows of each room, one step a minute, and what rooms are to fetch.

`hub/core/rollout.py` decides. Beside the database lies `fleet/`: `bundles/` with the releases and `wanted/ROOM.json`
with what each room shall have. A web server with TLS gives both to rooms that fetch (`diemcau-release pull`); for those
that are pushed to, `diemcau-hub rollout targets` names the rooms whose turn it is.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import msgspec

from hub.core import rollout as core
from hub.core.rollout import OVER, Rollout, RoomNow
from hub.core.twin import OF_FITTING
from hub.port import Change
from hub.store import audit
from hub.store.read.reads import Reader
from hub.store.read.scope import ScopedReader
from wire.event_kinds import EventKind

log = logging.getLogger(__name__)

FOLDER = "fleet"
EVERY_S = 60.0
WELL = frozenset({"ready", "check", "maintenance"})
BY = "rollout"
CLOCK = "clock"
"""Name of the window that is open while the hub's clock is in doubt."""
_COUNTED = re.compile(r"wave \d+: \d+ of \d+ rooms")
"""As `hub/core/rollout.py` says why a roll-out ended by itself."""


class RolloutError(Exception):
    """One sentence in both languages: why it cannot be, and the mend."""


class Asks(Protocol):
    """A connection, or a page's reader."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Iterable[sqlite3.Row]:
        """The rows of the answer."""


def current(db: Asks) -> tuple[int, Rollout] | None:
    """The newest roll-out, over or not; None when there never was one."""
    row = next(iter(db.execute("SELECT id, body FROM rollouts ORDER BY id DESC LIMIT 1")), None)
    return (row["id"], msgspec.json.decode(row["body"], type=Rollout)) if row else None


def shown(reader: Reader) -> tuple[int, Rollout] | None:
    """The newest roll-out as far as the asker may know of it: to who knows only some rooms it is one of those alone."""
    found = current(reader)
    if found is None or not isinstance(reader, ScopedReader):
        return found
    mine = {row["room"] for row in reader.all("SELECT room FROM rooms")}
    waves = tuple(tuple(room for room in wave if room in mine) for wave in found[1].waves)
    # "wave 2: 3 of 12 rooms bad" counts rooms of elsewhere.
    reason = found[1].reason.partition(":")[0] if _COUNTED.match(found[1].reason) else found[1].reason
    return found[0], replace(found[1], waves=waves, were_well=found[1].were_well & mine, usual_bad=0.0, reason=reason)


def rooms(db: Asks, now_s: float, since_s: float = 0.0) -> dict[str, RoomNow]:
    """Every installed room as the hub knows it; `since_s`: whether it went back from a version counts from then."""
    busy = {
        row["room"]
        for row in db.execute(
            "SELECT mr.room FROM meeting_rooms mr JOIN meetings m ON m.id = mr.meeting"
            " WHERE m.start_s <= ? AND m.end_s > ?",
            (now_s + core.BUSY_BEFORE_S, now_s),
        )
    }
    undid = {
        row["room"]: _went_back(row["raw"])
        for row in db.execute(
            "SELECT room, raw, MAX(received_s) FROM events WHERE kind = ? AND received_s >= ? GROUP BY room",
            (EventKind.AGENT_STARTED, since_s),
        )
    }
    rows = db.execute(
        "SELECT r.room, t.version, t.online, t.verdict, t.unknown_why, t.mode, t.heard_s FROM rooms r"
        " LEFT JOIN twins t ON t.room = r.room WHERE r.installed = 1"
    )
    return {
        row["room"]: RoomNow(
            version=row["version"] or "",
            online=bool(row["online"]) and row["verdict"] != "lost",
            well=(row["verdict"] in WELL or row["unknown_why"] in OF_FITTING) and row["mode"] != "safe",
            silent_s=max(0.0, now_s - (row["heard_s"] or 0.0)),
            undid=undid.get(row["room"], ""),
            busy=row["room"] in busy,
        )
        for row in rows
    }


def _went_back(raw: bytes) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(raw).get("detail", {}).get("went_back_from", ""))
    return ""


def frozen(db: Asks, now_s: float) -> str:
    """The name of the window that is open, or empty."""
    rows = db.execute("SELECT start_s, end_s, name FROM frozen_windows WHERE end_s > ?", (now_s,))
    return core.frozen_by(((row[0], row[1], row[2]) for row in rows), now_s)


def begun_s(db: Asks, ident: int) -> float:
    """When a roll-out began."""
    return next((float(row[0]) for row in db.execute("SELECT created_s FROM rollouts WHERE id = ?", (ident,))), 0.0)


def begin(db: sqlite3.Connection, version: str, before: str, by: str, now_s: float) -> Rollout:
    """Write a new roll-out over all installed rooms, in the caller's transaction. Raises RolloutError."""
    running = current(db)
    if running and running[1].phase not in OVER:
        raise RolloutError(
            f"đợt {running[1].version} chưa xong, hãy chờ hoặc dừng nó / "
            f"the roll-out of {running[1].version} is not over: wait for it or turn it back"
        )
    there = rooms(db, now_s)
    most = before or _most(there)
    try:
        made = core.plan(_communes(db, there), version, most, now_s, core.well(there))
    except ValueError:
        raise RolloutError(
            f"các phòng đã ở phiên bản {version}, hoặc chưa có phòng nào / "
            f"the rooms have {version} already, or there are none"
        ) from None
    db.execute(
        "INSERT INTO rollouts (version, phase, body, by, created_s, changed_s) VALUES (?,?,?,?,?,?)",
        (version, made.phase, msgspec.json.encode(made).decode(), by, now_s, now_s),
    )
    audit.append(db, now_s, by, "rollout_begun", {"version": version, "before": most, "rooms": len(there)})
    return made


def _most(there: Mapping[str, RoomNow]) -> str:
    """The version that most rooms have: where a room goes back to."""
    found: dict[str, int] = {}
    for room in there.values():
        if room.version:
            found[room.version] = found.get(room.version, 0) + 1
    return max(found, key=lambda version: found[version], default="")


def _communes(db: sqlite3.Connection, there: Mapping[str, RoomNow]) -> dict[str, str]:
    """Room to the code of the place it hangs on."""
    rows = db.execute("SELECT r.room, n.code FROM rooms r JOIN nodes n ON n.id = r.node")
    return {row[0]: str(row[1]).partition("/")[0] for row in rows if row[0] in there}


def keep(db: sqlite3.Connection, ident: int, was: Rollout, now: Rollout, by: str, now_s: float) -> None:
    """Write what has become of it, and the log of it when phase or wave changed."""
    db.execute(
        "UPDATE rollouts SET phase = ?, body = ?, changed_s = ? WHERE id = ?",
        (now.phase, msgspec.json.encode(now).decode(), now_s, ident),
    )
    if (was.phase, was.wave) != (now.phase, now.wave):
        detail: dict[str, object] = {
            "version": now.version, "wave": now.wave + 1, "phase": str(now.phase), "why": now.reason,
        }  # fmt: skip
        audit.append(db, now_s, by, "rollout", detail)
        log.info("roll-out of %s: wave %d, %s %s", now.version, now.wave + 1, now.phase, now.reason)


class Rollouts:
    """A timer of the writer: looks at the roll-out once a minute, and writes what rooms are to fetch."""

    def __init__(self, folder: Path, doubted: Callable[[], bool] = lambda: False) -> None:
        """`doubted`: whether nobody can say what time it is; then no room gets the version, and none is soaked."""
        self._doubted = doubted
        self._folder = folder / FOLDER
        self._next_s = 0.0
        self._written: dict[str, str] = {}

    def __call__(self, db: sqlite3.Connection, now_s: float) -> Change | None:
        """One look. Works within the caller's transaction."""
        if 0 <= self._next_s - now_s <= EVERY_S:
            return None
        self._next_s = now_s + EVERY_S
        found = current(db)
        if found is None:
            return None
        ident, was = found
        there, window = rooms(db, now_s, begun_s(db, ident)), CLOCK if self._doubted() else frozen(db, now_s)
        now = core.step(was, there, now_s, window)
        if now != was:
            keep(db, ident, was, now, BY, now_s)
        self._offer(core.wanted(now, there, window))
        return None

    def _offer(self, wanted: Mapping[str, str]) -> None:
        """One small file a room, replaced as a whole and only when it changes."""
        try:
            for room, version in wanted.items():
                body = offer(self._folder, version)
                if body is not None and self._written.get(room) != body:
                    place = self._folder / "wanted" / f"{room}.json"
                    share(place.parent)
                    fresh = place.with_suffix(".new")
                    fresh.write_text(body, "utf-8")
                    fresh.chmod(0o644)
                    fresh.replace(place)
                    self._written[room] = body
        except OSError as error:
            log.error("what rooms are to fetch could not be written: %s", error)


def share(folder: Path) -> None:
    """Make a folder of `fleet/` that the web server's account can read, whatever the umask of ours.

    It belongs to whom the data belongs, also when a technician's command makes it as root.
    """
    owner = folder.parents[1].stat()
    for each in (folder.parent, folder):
        each.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            os.chown(each, owner.st_uid, owner.st_gid)
        if each.stat().st_uid == os.geteuid() or os.geteuid() == 0:
            each.chmod(0o755)


def offer(folder: Path, version: str) -> str | None:
    """What a room that shall have this version is told; None when there is no bundle of it."""
    found = {}
    for mark in sorted((folder / "bundles").glob(f"diemcau-{version}-agent-*.sha256")):
        bundle = mark.name.removesuffix(".sha256")
        platform = bundle.removeprefix(f"diemcau-{version}-agent-").removesuffix(".tar")
        found[platform] = {"bundle": bundle, "sha256": mark.read_text("ascii").strip()}
    return json.dumps({"version": version, "bundles": found}) if found else None
