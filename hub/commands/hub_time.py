"""What time it is for a command beside the hub: the hub's own, which may not be that of the machine.

What deletes by age, or makes what is good until a day, is refused while the two differ, or nobody can say which is
right.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from hub.core.room_clocks import OFF_S
from hub.runtime import timekeeper
from hub.runtime.clock import HubClock
from hub.runtime.timekeeper import AWAY_MAX_S, Mark


class WrongTimeError(RuntimeError):
    """The machine's clock cannot be believed; one sentence in Vietnamese and English that says what to do."""


def hub_now_s(db: sqlite3.Connection, clock: HubClock | None = None) -> float:
    """Unix seconds, by the hub's clock as far as it has left word since the machine started."""
    clock = clock or HubClock()
    _follow(clock, timekeeper.load(db))
    return clock()


def sure_now_s(db: sqlite3.Connection, clock: HubClock | None = None) -> float:
    """As `hub_now_s`. Raises WrongTimeError while the time is in doubt."""
    clock = clock or HubClock()
    mark = timekeeper.load(db)
    if mark is None:
        return clock()
    off = abs(clock.off_s()) > OFF_S if _follow(clock, mark) else not -OFF_S <= clock() - mark.wall_s <= AWAY_MAX_S
    if off or mark.doubted:
        here, there = _shown(clock() + clock.off_s()), _shown(mark.wall_s)
        raise WrongTimeError(
            f"giờ máy là {here} UTC, Trung tâm ghi lần cuối lúc {there} UTC, chưa chắc giờ nào đúng nên chưa làm gì: "
            "chỉnh giờ máy (timedatectl), để Trung tâm chạy đến khi hết báo sai giờ, rồi làm lại / "
            f"the machine's clock says {here} UTC, the hub wrote last at {there} UTC, and it is not known which is "
            "right, so nothing was done: set the machine's clock (timedatectl), let the hub run until its pages "
            "complain of the time no more, and try again"
        )
    return clock()


def _follow(clock: HubClock, mark: Mark | None) -> bool:
    """Go by the hub's word. False: it is of another start of the machine."""
    if mark is None or not mark.boot or mark.boot != clock.boot or mark.mono_s > clock.mono_s():
        return False
    clock.resume(mark.wall_s, mark.mono_s)
    return True


def _shown(at_s: float) -> str:
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return f"{at_s:.0f}"
