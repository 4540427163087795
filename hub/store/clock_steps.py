"""What becomes of every time in the database when the hub's clock is set. Within the caller's transaction.

Four kinds, and each column of a time belongs to one of them (a test looks through the schema):

- a **span** runs on: a session ends as long after its last use as it would have. It is moved with the clock.
- a **record** says when something was. It is moved when it would stand in the future, or when the clock that wrote it
  had never been right.
- a **named** moment was named by a person or by a room and stays.
- a **sealed** one cannot be changed: the log of who did what says in its own row by how much the clock was set.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from hub.core.leases import DENIED, GRANTED
from hub.core.liveness import EPOCH
from hub.core.when import BACKFILLED_S
from hub.store import incidents
from wire.event_kinds import EventKind

SLACK_S = 1.0
LEASES_S = 86_400.0
"""Leases of the last day count as given as long ago as they were: no window of the budget is longer (`window_s`)."""


@dataclass(frozen=True, slots=True)
class Step:
    """The clock was set from `before_s` to `after_s`, Unix seconds."""

    before_s: float
    after_s: float
    era_s: float
    """Since when it has run evenly; spans that began before were moved by nobody, and stay."""
    unsure_s: float | None = None
    """Since when no room's clock has agreed with it, so that what it wrote since is wrong; None: they have."""

    @property
    def by_s(self) -> float:
        """Positive: it is later now."""
        return self.after_s - self.before_s


@dataclass(frozen=True, slots=True)
class Columns:
    """Times of one table that belong together: the first decides for all."""

    table: str
    names: tuple[str, ...]
    only: str = ""
    """More of the condition, as SQL."""


# A column is moved by one row of these tables only, so that nothing is moved twice.
SPANS = (
    Columns("twins", ("heard_s",)),
    Columns("twins", ("nonce_heard_s",)),
    Columns("twins", ("lost_since_s",)),
    Columns("own_signs", ("last_s",)),
    Columns("incidents", ("opened_s",), f"(epoch = '{EPOCH}' AND closed_s = 0)"),  # a room is silent since then
    Columns("sessions", ("seen_s", "created_s", "expires_s")),
    Columns("users", ("given_s",)),
    Columns(
        "orders", ("created_s", "sent_s", "expires_s"),
        f"(outcome IN ('waiting', 'sent', 'accepted') OR action IN ('{GRANTED}', '{DENIED}')"
        f" AND created_s > :before - {LEASES_S})",
    ),
)  # fmt: skip
ENDS = (Columns("devices", ("expires_s",)), Columns("incidents", ("shelved_until_s",)))
"""Ends of spans whose beginning is not kept: moved back with the clock; when it goes forward they come sooner."""
RECORDS = (
    Columns("twins", ("state_s",)),
    Columns("incidents", ("confirmed_s",)),
    Columns("incidents", ("escalated_s",)),
    Columns("incidents", ("closed_s",)),
    Columns("incidents", ("acked_s",)),
    Columns("incidents", ("first_s",)),
    Columns("incidents", ("often_s",)),
    Columns("notes", ("at_s",)),
    Columns("orders", ("ended_s",)),
    Columns("users", ("created_s",)),
    Columns("set_aside", ("at_s",)),
    Columns("kept_events", ("received_s",)),
    Columns("tokens", ("created_s", "expires_s")),
    Columns("tokens", ("seen_s",)),
    Columns("tokens", ("revoked_s",)),
    Columns("rollouts", ("created_s",)),
    Columns("rollouts", ("changed_s",)),
    Columns("enrolments", ("asked_s",)),
    Columns("enrolments", ("seen_s",)),
    Columns("enrolments", ("decided_s",)),
    Columns("handovers", ("at_s",)),
    Columns("totp", ("since_s",)),
)
EVENTS = (Columns("events", ("received_s", "at_s")),)
"""Records too; but what a room with a time server dated is dated by that."""
NAMED = (
    Columns("meetings", ("start_s", "end_s")),
    Columns("frozen_windows", ("start_s", "end_s")),
    Columns("twins", ("state_mono_s", "status_mono_s")),  # of the room's own clock that never steps
)
SEALED = (Columns("audit", ("at_s",)), Columns("audit_anchors", ("at_s",)))


def move(db: sqlite3.Connection, step: Step, alive: Callable[[], object] = lambda: None) -> int:
    """Move what the step concerns; how many rows were touched.

    Events are kept for years, and a step back by years concerns all of them: `alive` is called at least once a table,
    room and incident, so that whoever watches sees that it goes on.
    """
    given = {
        "by": step.by_s, "before": step.before_s, "after": step.after_s, "era": step.era_s, "slack": SLACK_S,
        "wrong": int(step.unsure_s is not None), "unsure": step.unsure_s or 0.0,
    }  # fmt: skip
    moved = 0
    for one in SPANS:
        runs_on = f"{one.names[0]} BETWEEN :era AND :before + :slack" + (f" AND {one.only}" if one.only else "")
        moved += _shift(db, one, f"({runs_on} OR {_wrong(one.names[0])})", given)
        alive()
    if step.by_s < 0:
        for one in ENDS:
            moved += _shift(db, one, f"{one.names[0]} > :before", given)
    moved += db.execute(
        "UPDATE rollouts SET body = json_set(body, '$.since_s', json_extract(body, '$.since_s') + :by)"
        " WHERE CASE WHEN json_valid(body) THEN json_extract(body, '$.since_s') END"
        " BETWEEN MIN(:era, :after + :slack) AND :before + :slack", given,
    ).rowcount  # fmt: skip
    for one in RECORDS:
        moved += _shift(db, one, _wrong(one.names[0]), given)
        alive()
    for (room,) in db.execute("SELECT DISTINCT room FROM events").fetchall():
        moved += _move_events(db, str(room), given, alive)
        alive()
    return moved


def _move_events(db: sqlite3.Connection, room: str, given: dict[str, float], alive: Callable[[], object]) -> int:
    """Date a room's events anew, see whether they were late after all, and tell their incidents again."""
    stamped = "CASE WHEN json_valid(CAST(raw AS TEXT)) THEN json_extract(CAST(raw AS TEXT), '$.stamp.{}') END"
    made = (
        f"CASE WHEN epoch <> '{EPOCH}' AND {stamped.format('synced')}"
        f" THEN COALESCE(MIN({stamped.format('wall_s')}, received_s + :by), at_s + :by) ELSE at_s + :by END"
    )
    late = f"epoch <> '{EPOCH}' AND received_s + :by - {made} > {BACKFILLED_S}"
    found = db.execute(
        f"UPDATE events SET at_s = {made}, backfilled = {late}, received_s = received_s + :by"  # noqa: S608
        f" WHERE room = :room AND {_wrong('received_s')} RETURNING epoch, fault_id", {**given, "room": room},
    ).fetchall()  # fmt: skip
    for epoch, fault_id in sorted({tuple(row) for row in found}):
        if epoch != EPOCH and fault_id and _told_by_events(db, room, epoch, fault_id):
            incidents.refold(db, room, epoch, fault_id)
            alive()
    return len(found)


def _told_by_events(db: sqlite3.Connection, room: str, epoch: str, fault_id: int) -> bool:
    """Whether the incident stands as its events tell it: not one that was ended by the room's state alone."""
    return db.execute(
        "SELECT 1 FROM incidents i WHERE room = ? AND epoch = ? AND fault_id = ? AND (closed_s = 0 OR EXISTS"
        " (SELECT 1 FROM events e WHERE e.room = i.room AND e.epoch = i.epoch AND e.fault_id = i.fault_id"
        " AND e.kind = ?))", (room, epoch, fault_id, EventKind.FAULT_CLEARED),
    ).fetchone() is not None  # fmt: skip


def bound(db: sqlite3.Connection, now_s: float) -> int:
    """Let nothing that decides stand in the future: how many rows did.

    For a start after which the clock stands before what was written: nobody can say which of the two is wrong. Records
    stay as they are; a lease counts as given now, an order that was under way has ended.
    """
    given = {"now": now_s, "latest": now_s + SLACK_S}
    changed = 0
    for one in SPANS:
        if one.table in ("twins", "own_signs"):
            sql = f"UPDATE {one.table} SET {one.names[0]} = :now WHERE {one.names[0]} > :latest"  # noqa: S608
            changed += db.execute(sql, given).rowcount
    changed += db.execute(
        "UPDATE incidents SET opened_s = :now WHERE closed_s = 0 AND epoch = :hub AND opened_s > :latest",
        given | {"hub": EPOCH},
    ).rowcount
    # One that is used where the clock stands ahead ends half a day after its last use by this one.
    changed += db.execute(
        "UPDATE sessions SET expires_s = :now + (expires_s - seen_s), seen_s = :now"
        " WHERE seen_s > :latest AND created_s <= :latest", given,
    ).rowcount  # fmt: skip
    changed += db.execute(
        "UPDATE orders SET outcome = 'expired', ended_s = :now"
        " WHERE outcome IN ('waiting', 'sent', 'accepted') AND created_s > :latest", given,
    ).rowcount  # fmt: skip
    changed += db.execute(
        "UPDATE orders SET created_s = :now WHERE action IN (:granted, :denied) AND created_s > :latest",
        given | {"granted": GRANTED, "denied": DENIED},
    ).rowcount
    return changed


def _wrong(name: str) -> str:
    """The condition under which a record was written by a clock that was wrong."""
    return f"{name} <= :before + :slack AND ({name} > :after + :slack OR (:wrong AND {name} >= :unsure))"


def _shift(db: sqlite3.Connection, one: Columns, where: str, given: dict[str, float]) -> int:
    sets = ", ".join(f"{name} = {name} + :by * ({name} > 0)" for name in one.names)
    return db.execute(f"UPDATE {one.table} SET {sets} WHERE {one.names[0]} > 0 AND {where}", given).rowcount  # noqa: S608
