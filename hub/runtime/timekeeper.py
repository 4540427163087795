"""Notices that the machine's clock was set, has the rooms' clocks judge it, and takes what was written along.

A battery that is dead, a time server that slips, a start before the network: the hub's clock is wrong once in its life.
Until a step is judged the hub goes on by its own time (`hub.runtime.clock`). While nobody can say what time it is,
rooms keep the documents they have and roll-outs stand; what deletes by age rests for a day after every step.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from hub.core import room_clocks
from hub.core.room_clocks import RoomClocks
from hub.history import steps as history_steps
from hub.runtime.clock import STEP_S, HubClock
from hub.store import audit, clock_steps
from wire.sd_notify import notify

log = logging.getLogger(__name__)

BY = "hub"
AWAY_MAX_S = 400 * 86_400.0
"""A machine that was off for longer [J] has the wrong time, until the rooms agree with it."""
REST_S = 86_400.0
AGREED_S = STEP_S
"""A mark in the database that is nearer than this to a step's end was written with it."""
MARK_EVERY_S = 60.0
_KEY = "clock"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is kept of the clock for the next process."""

    boot: str
    mono_s: float
    wall_s: float
    era_s: float
    """Since when it has run evenly, or was taken along by a step."""
    unsure_s: float | None
    """Since when the rooms have not agreed with it; None: they have."""
    doubt_s: float = 0.0
    """For so long the time of a start is still doubted."""
    rest_s: float = 0.0
    """For so long nothing is to be deleted yet."""
    set_by_s: float = 0.0
    """The step for which deletion rests; 0: none."""
    contradicted: bool = False
    """Whether the rooms have contradicted the step that waits."""
    doubted: bool = False
    """Whether nobody could say what time it was."""
    back_s: float = 0.0
    """How far the clock stands before what an earlier start has written; 0: it does not, or that was moved along."""


def load(db: sqlite3.Connection) -> Mark | None:
    """The mark of the process before; None when there is none that can be read."""
    row = db.execute("SELECT value FROM meta WHERE key = ?", (_KEY,)).fetchone()
    try:
        found = json.loads(row[0]) if row else None
        return Mark(
            str(found["boot"]), float(found["mono_s"]), float(found["wall_s"]), float(found["era_s"]),
            None if found["unsure_s"] is None else float(found["unsure_s"]),
            _at_most_a_day(found.get("doubt_s")), _at_most_a_day(found.get("rest_s")),
            float(found.get("set_by_s", 0.0)), found.get("contradicted") is True, found.get("doubted") is True,
            float(found.get("back_s", 0.0)),
        ) if found else None  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _at_most_a_day(given: object) -> float:
    return min(max(float(given), 0.0), REST_S) if isinstance(given, int | float) else 0.0


class Timekeeper:
    """Called by the writer before anything else, and once a second."""

    def __init__(self, clock: HubClock, rooms: RoomClocks, before: Mark | None) -> None:
        """`before`: the mark of the last process on this database."""
        self._clock, self._rooms = clock, rooms
        self._backward = False
        self._doubt_until_s = float("-inf")
        self._listen_until_s = float("-inf")
        """Until then the rooms are heard first: the time after a start may be a wrong one that looks right."""
        self._rest_until_s = float("-inf")
        self._back_s = 0.0
        self._since_s: float | None = None
        self._contradicted = False
        self._told_off = False
        self._marked_s = float("-inf")
        self._marked: tuple[bool, ...] = ()
        self.set_by_s = 0.0
        """The last step that was taken, while deletion rests for it; 0: none."""
        now_s, mono_s = clock(), clock.mono_s()
        self._era_s: float = now_s
        self._unsure_s: float | None = now_s
        if before is None:
            return
        same = bool(before.boot) and before.boot == clock.boot and before.mono_s <= mono_s
        read_s = before.mono_s if same else mono_s
        self._doubt_until_s, self._rest_until_s = read_s + before.doubt_s, read_s + before.rest_s
        self.set_by_s, self._back_s = before.set_by_s, before.back_s
        if same:
            clock.resume(before.wall_s, before.mono_s)
            self._contradicted = before.contradicted
        elif not -STEP_S <= now_s - before.wall_s <= AWAY_MAX_S:
            self._backward = now_s < before.wall_s
            self._back_s += max(0.0, before.wall_s - now_s)
            self._doubt_until_s = self._rest_until_s = mono_s + REST_S
            log.error("the clock went from %.0f to %.0f over a start: look at the machine's time", before.wall_s, now_s)
            return
        else:
            self._listen_until_s = mono_s + room_clocks.WITNESS_WAIT_S
        self._era_s, self._unsure_s = min(before.era_s, now_s), before.unsure_s

    @property
    def doubted(self) -> bool:
        """Whether nobody can say what time it is now."""
        waits_until_s = max(self._doubt_until_s, self._listen_until_s)
        return bool(self._clock.off_s()) or self._clock.mono_s() < waits_until_s or self._is_off()

    @property
    def rests(self) -> bool:
        """Whether nothing is to be deleted for its age."""
        return self.doubted or self._clock.mono_s() < self._rest_until_s

    def told(self) -> dict[str, float | str]:
        """For the pages: `clock` is a word for what is wrong, or empty; `clock_off_s` by how much.

        `set_waits`: the machine's clock was set and the hub has not followed. `off`: the rooms say another time.
        `start`: it stood before what was written, or far beyond it, when the hub started. `set`: a step was taken.
        """
        off_s, ahead_s = self._clock.off_s(), self._rooms.ahead_s(self._clock())
        if off_s:
            return {"clock": "set_waits", "clock_off_s": off_s}
        if room_clocks.is_off(ahead_s):
            return {"clock": "off", "clock_off_s": -(ahead_s or 0.0)}
        if self._clock.mono_s() < self._doubt_until_s:
            return {"clock": "start", "clock_off_s": 0.0}
        if self._clock.mono_s() < self._rest_until_s:
            return {"clock": "set", "clock_off_s": self.set_by_s}
        return {"clock": "", "clock_off_s": 0.0}

    def __call__(self, db: sqlite3.Connection) -> Callable[[], None] | None:
        """One look, within the caller's transaction.

        What it gives is to be called once that is committed; then all that was read from the database is out of date.
        """
        now_s, ahead_s = self._clock(), self._rooms.ahead_s(self._clock())
        if self._backward:
            clock_steps.bound(db, now_s)
            self._save(db, self._mark(now_s))
            return self._bounded
        if ahead_s is not None and not room_clocks.is_off(ahead_s) and not self._clock.off_s():
            self._unsure_s, self._doubt_until_s, self._listen_until_s = None, float("-inf"), float("-inf")
            if self._back_s:
                return self._take_back(db, now_s)
        self._tell_off(ahead_s)
        step_s = self._judge(ahead_s)
        if step_s:
            return self._take(db, now_s, step_s)
        state = (self.doubted, self._contradicted)
        if self._clock.mono_s() - self._marked_s >= MARK_EVERY_S or state != self._marked:
            self._marked_s, self._marked = self._clock.mono_s(), state
            self._save(db, self._mark(now_s))
        return None

    def _bounded(self) -> None:
        self._backward = False

    def _is_off(self) -> bool:
        return room_clocks.is_off(self._rooms.ahead_s(self._clock()))

    def _tell_off(self, ahead_s: float | None) -> None:
        off = room_clocks.is_off(ahead_s)
        if off and not self._told_off:
            log.error("the hub's clock is %.0f s behind those of its rooms: look at the machine's time", ahead_s)
        if self._told_off and not off and ahead_s is not None:
            log.info("the hub's clock agrees with those of its rooms again")
        self._told_off = off if ahead_s is not None else self._told_off

    def _judge(self, ahead_s: float | None) -> float:
        """The step that is to be taken now; 0: none."""
        step_s, mono_s = self._clock.off_s(), self._clock.mono_s()
        if not step_s:
            if self._since_s is not None:
                log.info("the machine's clock is back where it was")
            self._since_s, self._contradicted = None, False
            return 0.0
        if self._since_s is None:
            self._since_s = mono_s
            log.error("the machine's clock was set by %.0f s: the hub waits for its rooms' word", step_s)
        takes = room_clocks.takes(step_s, ahead_s, mono_s - self._since_s, contradicted=self._contradicted)
        if takes is False:
            if not self._contradicted:
                log.error("the rooms say that it is wrong now: the hub keeps its time, set the machine's clock")
            self._contradicted, self._since_s = True, mono_s
        return step_s if takes else 0.0

    def _take_back(self, db: sqlite3.Connection, now_s: float) -> Callable[[], None]:
        """The rooms agree, so that the clock of an earlier start was ahead: what it wrote stands in the future."""
        step = clock_steps.Step(now_s + self._back_s, now_s, era_s=float("inf"))
        moved = clock_steps.move(db, step, lambda: notify("WATCHDOG=1"))
        history_steps.plan(db, step)
        audit.append(db, now_s, BY, "clock_set", {"by_s": round(step.by_s, 3), "rows": moved})
        self._save(db, replace(self._mark(now_s), back_s=0.0))

        def committed() -> None:
            self._back_s = 0.0
            log.warning("%d rows of a clock that was %.0f s ahead were taken back", moved, -step.by_s)

        return committed

    def _take(self, db: sqlite3.Connection, now_s: float, step_s: float) -> Callable[[], None]:
        step = clock_steps.Step(now_s, now_s + step_s, self._era_s, self._unsure_s)
        after = replace(
            self._mark(step.after_s), era_s=self._era_s + step_s,
            unsure_s=step.after_s if self._unsure_s is None else self._unsure_s + step_s,
            doubt_s=0.0, rest_s=REST_S, set_by_s=step_s, contradicted=False, doubted=False,
            back_s=max(0.0, self._back_s - step_s) if self._back_s else 0.0,
        )  # fmt: skip
        stands = load(db)
        moved = 0
        if stands is None or not _same_time(stands, after):  # else it was committed, and we were not told
            moved = clock_steps.move(db, step, lambda: notify("WATCHDOG=1"))
            history_steps.plan(db, step)
            audit.append(db, step.after_s, BY, "clock_set", {"by_s": round(step_s, 3), "rows": moved})
            self._save(db, after)

        def committed() -> None:
            self._clock.take(step_s)
            self._rooms.moved(step_s)
            self._era_s, self._unsure_s, self.set_by_s = after.era_s, after.unsure_s, step_s
            self._since_s, self._contradicted, self._back_s = None, False, after.back_s
            self._doubt_until_s = self._listen_until_s = float("-inf")
            self._rest_until_s = self._clock.mono_s() + REST_S
            log.warning("the hub's clock was set by %.0f s, %d rows went along", step_s, moved)

        return committed

    def _mark(self, now_s: float) -> Mark:
        mono_s = self._clock.mono_s()
        return Mark(
            self._clock.boot, mono_s, now_s, self._era_s, self._unsure_s, max(0.0, self._doubt_until_s - mono_s),
            max(0.0, self._rest_until_s - mono_s), self.set_by_s, self._contradicted, self.doubted,
            self._back_s,
        )  # fmt: skip

    @staticmethod
    def _save(db: sqlite3.Connection, mark: Mark) -> None:
        db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_KEY, json.dumps(asdict(mark))))


def _same_time(one: Mark, other: Mark) -> bool:
    return one.boot == other.boot and abs((one.wall_s - one.mono_s) - (other.wall_s - other.mono_s)) < AGREED_S
