"""What ended an incident, as far as more than its own events tell. Within the caller's transaction.

A fault that stood in several rooms of a cluster and ended in all of them at about the same time was ended by its
cause, whatever the rooms tried meanwhile.
"""

from __future__ import annotations

import sqlite3

from hub.core.incident import OUTSIDE, ROOMS_OF_CAUSE, WITHIN_S

_ROOMS_OF_CLUSTER = (
    "WITH RECURSIVE up(node) AS (SELECT node FROM rooms WHERE room = :room UNION"
    " SELECT n.parent FROM up JOIN nodes n ON n.id = up.node WHERE n.level <> 'cluster' AND n.parent IS NOT NULL),"
    " below(node) AS (SELECT n.id FROM up JOIN nodes n ON n.id = up.node WHERE n.level = 'cluster' UNION"
    " SELECT n.id FROM below JOIN nodes n ON n.parent = below.node)"
    " SELECT room FROM rooms WHERE node IN (SELECT node FROM below)"
)
# Found by when they ended: with the plus sign SQLite does not read the whole past of each room of the cluster instead.
_TOGETHER = (
    "SELECT o.id, o.room FROM incidents o WHERE o.closed_s BETWEEN :closed - :within AND :closed + :within"  # noqa: S608
    f" AND +o.room IN ({_ROOMS_OF_CLUSTER})"
    " AND o.rule = :rule AND o.opened_s < :closed AND o.closed_s > :opened AND o.outcome <> 'superseded'"
)


def judge(db: sqlite3.Connection, incident: int) -> None:
    """Set the outcome of an incident that has ended, and of those that ended with it. An open one is left alone."""
    row = db.execute(
        "SELECT id, room, rule, outcome, opened_s, closed_s, escalated_s, acked_s FROM incidents WHERE id = ?",
        (incident,),
    ).fetchone()
    if row is None or not row["closed_s"] or row["outcome"] == "superseded":
        return
    if row["rule"] in OUTSIDE:
        asked = {"room": row["room"], "rule": row["rule"], "opened": row["opened_s"], "closed": row["closed_s"]}
        together = db.execute(_TOGETHER, asked | {"within": WITHIN_S}).fetchall()
        if len({one["room"] for one in together}) >= ROOMS_OF_CAUSE:
            ids = [(one["id"],) for one in together]
            db.executemany(
                "UPDATE incidents SET outcome = 'with_cause' WHERE id = ? AND outcome IN ('room', 'person', 'itself')",
                ids,
            )
            return
    handled = 0 < row["acked_s"] < row["closed_s"] and row["escalated_s"] > 0
    if handled and row["outcome"] in ("with_cause", "itself"):
        db.execute("UPDATE incidents SET outcome = 'person' WHERE id = ?", (incident,))
