"""What ended an incident, as far as more than its own events tell. Within the caller's transaction.

A fault that stood in several rooms of a cluster and ended in all of them at about the same time was ended by its
cause, whatever the rooms tried meanwhile.
"""

from __future__ import annotations

import sqlite3

from hub.core.incident import OUTSIDE, ROOMS_OF_CAUSE, WITHIN_S

_CLUSTERS = (
    "WITH RECURSIVE up(room, node) AS (SELECT r.room, r.node FROM rooms r UNION"
    " SELECT up.room, n.parent FROM up JOIN nodes n ON n.id = up.node WHERE n.parent IS NOT NULL),"
    " of_cluster(room, cluster) AS (SELECT up.room, n.id FROM up JOIN nodes n ON n.id = up.node"
    " WHERE n.level = 'cluster')"
)
_TOGETHER = (
    f"{_CLUSTERS} SELECT o.id, o.room, o.outcome FROM incidents o JOIN of_cluster c ON c.room = o.room"  # noqa: S608
    " JOIN of_cluster mine ON mine.cluster = c.cluster AND mine.room = :room"
    " WHERE o.rule = :rule AND o.closed_s BETWEEN :closed - :within AND :closed + :within"
    " AND o.opened_s < :closed AND o.closed_s > :opened AND o.outcome <> 'superseded'"
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
