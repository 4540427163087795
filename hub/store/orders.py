"""Orders in the database: made waiting, sent, and ended by the room's own words or by time.

A reply may be lost; the event of the act is not, so either moves the order. An end is final, but for one: a room may
answer after its order was given up, and what it says is the truth. Works within the caller's transaction.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass

from wire.event_kinds import EventKind
from wire.messages import Event, Reply

ENDS = ("done", "failed", "refused")
ACCEPTED_S = 900.0
"""How long the room may take over an act it has accepted: a cycle and two starts of the slowest codec."""
MISSED = "bad_nonce"
"""The room's word for an order made for the connection before."""
AGAIN_WITHIN_S = 60.0
"""An order is good for so long, and is sent again within it."""
WAITS_AGAIN, SENT_AGAIN = 1, 2
WAITING_MAX = 3
"""Orders that may be under way in one room."""


@dataclass(frozen=True, slots=True)
class Order:
    """A new order."""

    id: str
    room: str
    action: str
    by: str
    why: str
    incident: int | None
    counter: int
    confirmed: str = ""
    """Who in the room has said that there is no picture and no sound; empty: nobody was asked."""
    boot: str = ""
    """Start of the board that it is meant for."""
    nonce: str = ""


def new_id() -> str:
    """An id that is safe in a topic and cannot be guessed."""
    return secrets.token_hex(8)


def under_way(db: sqlite3.Connection, room: str) -> list[sqlite3.Row]:
    """The room's orders that have not ended: id, action."""
    return db.execute(
        "SELECT id, action FROM orders WHERE room = ? AND outcome IN ('waiting', 'sent', 'accepted')",
        (room,),
    ).fetchall()


def last_counter(db: sqlite3.Connection, room: str) -> int:
    """The highest counter used for the room."""
    return int(db.execute("SELECT COALESCE(MAX(counter), 0) FROM orders WHERE room = ?", (room,)).fetchone()[0])


def count(db: sqlite3.Connection, action: str, since_s: float) -> int:
    """How many orders of an action were made since then, Unix seconds, in all rooms."""
    row = db.execute("SELECT COUNT(*) FROM orders WHERE created_s >= ? AND action = ?", (since_s, action)).fetchone()
    return int(row[0])


def answers_to(db: sqlite3.Connection, room: str, actions: tuple[str, str], since_s: float) -> list[str]:
    """Which of two actions the room was answered with since then, Unix seconds."""
    rows = db.execute(
        "SELECT action FROM orders WHERE room = ? AND created_s >= ? AND action IN (?, ?)", (room, since_s, *actions)
    )
    return [str(row[0]) for row in rows]


def insert(db: sqlite3.Connection, order: Order, now_s: float, expires_s: float) -> None:
    """Write a new order, waiting to be sent."""
    db.execute(
        "INSERT INTO orders (id, room, action, by, why, incident, counter, created_s, expires_s, confirmed,"
        " boot, nonce) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order.id,
            order.room,
            order.action,
            order.by,
            order.why,
            order.incident,
            order.counter,
            now_s,
            expires_s,
            order.confirmed,
            order.boot,
            order.nonce,
        ),
    )


def mark_sent(db: sqlite3.Connection, order_id: str, now_s: float) -> None:
    """The broker has been handed the order."""
    db.execute("UPDATE orders SET outcome = 'sent', sent_s = ? WHERE id = ? AND outcome = 'waiting'", (now_s, order_id))


def apply_reply(db: sqlite3.Connection, room: str, order_id: str, reply: Reply, now_s: float) -> bool:
    """Note what the room says of an order. False when the room has no such order or it changes nothing."""
    if reply.outcome == "refused" and reply.reason == MISSED and _missed(db, room, order_id, "missed_replies", now_s):
        return True
    if reply.outcome == "accepted":
        return bool(
            db.execute(
                "UPDATE orders SET outcome = 'accepted', reason = '', act_id = ?, expires_s = ?, ended_s = 0"
                " WHERE id = ? AND room = ? AND (outcome IN ('waiting', 'sent', 'expired')"
                " OR outcome = 'refused' AND reason = 'bad_nonce')",
                (reply.act_id, now_s + ACCEPTED_S, order_id, room),
            ).rowcount
        )
    return _end(db, room, order_id, reply.outcome, reply.reason, reply.act_id, dict(reply.proof), now_s)


def apply_event(db: sqlite3.Connection, room: str, event: Event, now_s: float) -> bool:
    """Note what an event of the room says of an order: its act has ended, or it was refused."""
    order_id = event.command or event.detail.get("command")  # an order whose envelope was bad stands in the detail
    if not isinstance(order_id, str) or not order_id:
        return False
    if event.kind == EventKind.COMMAND_REFUSED:
        if event.reason == MISSED and _missed(db, room, order_id, "missed_events", now_s):
            return True
        return _end(db, room, order_id, "refused", event.reason, 0, {}, now_s)
    if event.kind == EventKind.REMEDY_DONE:
        outcome = "done" if event.outcome == "done" else "failed"
        return _end(db, room, order_id, outcome, event.reason, event.act_id, dict(event.proof), now_s)
    return False


def _missed(db: sqlite3.Connection, room: str, order_id: str, said_by: str, now_s: float) -> bool:
    """Note that an order met a line that had dropped since it was made. False: it was sent again before, and has ended.

    The room forgets its nonces with a connection, and a broker hands on what came in between. Such an order waits for
    the next nonce and is sent once more. Room's reply and event say the same of the same sending, in either order.
    """
    row = db.execute(
        f"UPDATE orders SET {said_by} = {said_by} + 1 WHERE id = ? AND room = ? AND outcome IN ('waiting', 'sent')"  # noqa: S608
        f" RETURNING again, {said_by}, created_s",
        (order_id, room),
    ).fetchone()
    if row is None:
        return False
    again, said, created_s = row
    if again == SENT_AGAIN:
        return bool(said < 2)
    if not 0 <= now_s - created_s <= AGAIN_WITHIN_S:
        return False
    db.execute(
        "UPDATE orders SET again = ?, outcome = 'waiting' WHERE id = ? AND room = ?", (WAITS_AGAIN, order_id, room)
    )
    return True


def waiting_again(db: sqlite3.Connection) -> list[str]:
    """Orders that are to be sent once more."""
    return [str(row[0]) for row in db.execute("SELECT id FROM orders WHERE again = 1 AND outcome = 'waiting'")]


def send_again(db: sqlite3.Connection, order_id: str, counter: int, nonce: str) -> None:
    """Note that the order goes out once more, with another number and nonce."""
    db.execute(
        "UPDATE orders SET again = ?, counter = ?, nonce = ? WHERE id = ?", (SENT_AGAIN, counter, nonce, order_id)
    )


def _end(
    db: sqlite3.Connection, room: str, order_id: str, outcome: str, reason: str, act_id: int, proof: dict[str, object],
    now_s: float,
) -> bool:  # fmt: skip
    if outcome not in ENDS:
        return False
    return bool(
        db.execute(
            "UPDATE orders SET outcome = ?, reason = ?, act_id = MAX(act_id, ?), proof = ?, ended_s = ?"
            " WHERE id = ? AND room = ? AND (outcome IN ('waiting', 'sent', 'accepted', 'expired')"
            " OR outcome = 'refused' AND reason = 'bad_nonce')",
            (outcome, reason[:200], act_id, json.dumps(proof, ensure_ascii=False), now_s, order_id, room),
        ).rowcount
    )


def expire(db: sqlite3.Connection, now_s: float) -> list[sqlite3.Row]:
    """Give up orders whose time is over; their rooms and incidents."""
    return db.execute(
        "UPDATE orders SET outcome = 'expired', reason = 'no_reply', ended_s = ?"
        " WHERE outcome IN ('waiting', 'sent', 'accepted') AND expires_s <= ? RETURNING room, incident",
        (now_s, now_s),
    ).fetchall()
