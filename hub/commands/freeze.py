"""`diemcau-hub rollout freeze` and `unfreeze`: windows in which no room's program is changed."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from datetime import datetime

from hub.changes.rollouts import RolloutError
from hub.settings import HubSettings
from hub.store import audit
from hub.store.db import transaction

DAY_S = 86_400.0
ASKED_S = 31 * DAY_S
"""A window that is longer, or ends further ahead, is asked about: it may be a slip in the year."""
LONGEST_S = 400 * DAY_S
"""Nobody needs a longer one, and no release would reach a room meanwhile, not even one that mends a hole."""
_FORM = "%d/%m/%Y %H:%M"


def freeze(db: sqlite3.Connection, settings: HubSettings, given: argparse.Namespace, by: str, now_s: float) -> int:
    """Add a window. Raises RolloutError."""
    start_s, end_s = (_moment(settings, text) for text in (given.start, given.end))
    if end_s <= max(start_s, now_s):
        raise RolloutError(
            "giờ kết thúc phải sau giờ bắt đầu và chưa qua / the end must come after the start and be ahead"
        )
    longest_s = max(end_s - start_s, end_s - now_s)
    if longest_s > LONGEST_S:
        raise RolloutError(
            f"kết thúc sau {longest_s / DAY_S:.0f} ngày, tối đa {LONGEST_S / DAY_S:.0f}, kiểm tra năm / "
            f"it would end after {longest_s / DAY_S:.0f} days, at most {LONGEST_S / DAY_S:.0f}: check the year"
        )
    if longest_s > ASKED_S and not given.yes:
        raise RolloutError(
            f"{given.start} – {given.end}: đến {longest_s / DAY_S:.0f} ngày không phòng nào được cập nhật. Nếu đúng, "
            f"thêm --yes / no room is brought up to date for {longest_s / DAY_S:.0f} days. If it is meant, add --yes"
        )
    with transaction(db):
        db.execute(
            "INSERT INTO frozen_windows (start_s, end_s, name, by) VALUES (?,?,?,?)", (start_s, end_s, given.name, by)
        )
        audit.append(db, now_s, by, "rollout_frozen", {"start_s": start_s, "end_s": end_s, "name": given.name})
    sys.stdout.write(f"{given.name}: {given.start} – {given.end}\n")
    return 0


def unfreeze(db: sqlite3.Connection, ident: int, by: str, now_s: float) -> int:
    """Take a window away. Raises RolloutError when there is none of this number."""
    with transaction(db):
        row = db.execute("SELECT start_s, end_s, name FROM frozen_windows WHERE id = ?", (ident,)).fetchone()
        if row is None:
            raise RolloutError(f"không có khoảng số {ident} / there is no window {ident}: rollout show lists them")
        db.execute("DELETE FROM frozen_windows WHERE id = ?", (ident,))
        detail = {"start_s": row["start_s"], "end_s": row["end_s"], "name": row["name"]}
        audit.append(db, now_s, by, "rollout_unfrozen", detail)
    sys.stdout.write(f"{row['name']}: đã bỏ / taken away\n")
    return 0


def windows(db: sqlite3.Connection, settings: HubSettings, now_s: float) -> list[str]:
    """Windows that are open or to come, a line each, with the number by which one is taken away."""
    rows = db.execute("SELECT * FROM frozen_windows WHERE end_s > ? ORDER BY start_s, id", (now_s,)).fetchall()
    return [
        f"không thay đổi / frozen {row['id']}: {_local(settings, row['start_s'])} – {_local(settings, row['end_s'])} "
        f"{row['name']} ({row['by']})"
        for row in rows
    ]


def _moment(settings: HubSettings, text: str) -> float:
    try:
        return datetime.strptime(text, _FORM).replace(tzinfo=settings.zone).timestamp()
    except ValueError:
        raise RolloutError(f"giờ {text!r} sai, ví dụ 24/11/2026 07:30 / no time, e.g. 24/11/2026 07:30") from None


def _local(settings: HubSettings, at_s: float) -> str:
    return datetime.fromtimestamp(at_s, settings.zone).strftime(_FORM)
