"""Orders to rooms: what the hub refuses by itself, and the message that carries an order.

The hub refuses only what cannot arrive or would be refused for certain; whether an act is safe is for the room's own
interlock. An order names the room's boot, a nonce the room has issued within two minutes and a counter above all
before, so that neither a broker nor a recording can repeat it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from hub.core import leases
from hub.core import own as kinds
from hub.core.leases import Budget
from hub.core.twin import Twin
from hub.intake.apply import Applier
from hub.port import Change, Ordered
from hub.store import audit, orders, own
from hub.store.orders import Order
from hub.store.tables import Listed
from wire.bounds import NO_PICTURE_NO_SOUND
from wire.messages import BadMessageError, Command, Confirmed, State, decode, encode
from wire.topics import Leaf, Topic

RECHECK = "recheck"
"""The action every room offers: look at everything again."""
FREE = frozenset({RECHECK, leases.GRANTED, leases.DENIED})
"""Actions that need no offer."""
NONCE_MAX_S = 120.0
EXPIRES_S = 60.0
"""How long after its nonce an order stays good, on top of the time the room takes to issue the next one."""
COUNTER_LEAP_MAX = 100_000
"""A room's own count of orders is believed this far above ours at most: more than a database that was lost or brought
back can be behind. A status may be forged; an order numbered at the end of all numbers would be the room's last one."""
ANSWER_S = 60.0
"""An order the room has not even accepted after this is given up."""


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """An order ready to go."""

    order: Order
    topic: str
    payload: bytes


def refusal(twin: Twin, listed: Listed | None, action: str, *, lost: bool, now_s: float) -> str:
    """Why the order cannot go, as a word the catalogues know; empty when it can."""
    if listed is None or not listed.installed:
        return "unknown_room"
    if lost or not twin.online:
        return "offline"
    if not twin.nonce or now_s - twin.nonce_heard_s > NONCE_MAX_S:
        return "no_nonce"
    if action not in FREE and action not in offered(twin):
        return "not_offered"
    return ""


def offered(twin: Twin) -> set[str]:
    """The actions the room offers in its newest state."""
    try:
        return {action.remedy for action in decode(State, twin.state_raw).actions} if twin.state_raw else set()
    except BadMessageError:
        return set()


def write(
    db: sqlite3.Connection, applier: Applier, now_s: float, *, room: str, action: str, by: str, why: str,
    incident: int | None, confirmed: str = "",
) -> tuple[Ordered | OrderMessage, Change]:  # fmt: skip
    """Write an order and its audit row, in the writer's transaction. The caller publishes the message afterwards.

    `confirmed` names who in the room has just said that there is no picture and no sound; it is signed with the order.
    """
    twin = applier.twin(room)
    refused = refusal(twin, applier.listed(room), action, lost=applier.is_lost(room), now_s=now_s)
    if not refused:
        standing = orders.under_way(db, room)
        if any(row["action"] == action for row in standing):
            refused = "busy"
        elif len(standing) >= orders.WAITING_MAX:
            refused = "too_many"
    detail: dict[str, object] = {"room": room, "action": action, "why": why, "incident": incident}
    if confirmed:
        detail["confirmed"] = confirmed
    if refused:
        if by != leases.BY:  # nobody's deed, and a room could fill the log with it
            audit.append(db, now_s, by, "order_refused", detail | {"reason": refused})
        return Ordered(refused=refused), Change()
    order = Order(
        orders.new_id(), room, action, by, why, incident, _next_counter(db, twin), confirmed, twin.boot, twin.nonce
    )
    orders.insert(db, order, now_s, now_s + ANSWER_S)
    audit.append(db, now_s, by, "order", detail | {"order": order.id})
    return _message(order, now_s), Change(frozenset({room}), frozenset({incident} if incident else ()))


def _next_counter(db: sqlite3.Connection, twin: Twin) -> int:
    known = orders.last_counter(db, twin.room)
    return min(max(twin.counter, known), known + COUNTER_LEAP_MAX) + 1


def _message(order: Order, heard_s: float) -> OrderMessage:
    """`heard_s`: when the operator heard what is confirmed, Unix seconds."""
    command = Command(
        id=order.id, room=order.room, boot=order.boot, nonce=order.nonce, counter=order.counter, action=order.action,
        by=order.by, reason=order.why, expires_s=EXPIRES_S,
        confirmed=Confirmed(person=order.confirmed, what=NO_PICTURE_NO_SOUND, at_s=heard_s) if order.confirmed
        else None,
    )  # fmt: skip
    return OrderMessage(order, str(Topic(order.room, Leaf.COMMAND, order.id)), encode(command))


def again(db: sqlite3.Connection, applier: Applier, now_s: float, order_id: str) -> tuple[OrderMessage | None, Change]:
    """The order that met a dropped line, for the room's fresh nonce; None while there is none, or its time is over.

    Only for the same start of the board: after another one the room is in another state than the operator saw.
    """
    row = db.execute(
        "SELECT id, room, action, by, why, incident, counter, confirmed, boot, nonce, created_s FROM orders"
        " WHERE id = ? AND again = ? AND outcome = 'waiting'", (order_id, orders.WAITS_AGAIN),
    ).fetchone()  # fmt: skip
    if row is None:
        return None, Change()
    made, created_s = Order(*tuple(row)[:-1]), float(row["created_s"])
    twin = applier.twin(made.room)
    fresh = twin.boot == made.boot and twin.nonce and twin.nonce != made.nonce and twin.nonce_heard_s >= created_s
    refused = refusal(twin, applier.listed(made.room), made.action, lost=applier.is_lost(made.room), now_s=now_s)
    if not fresh or refused or not 0 <= now_s - created_s <= orders.AGAIN_WITHIN_S:
        return None, Change()  # until then looked at every second; its time ends it
    order = replace(made, counter=_next_counter(db, twin), nonce=twin.nonce)
    orders.send_again(db, order.id, order.counter, order.nonce)
    return _message(order, created_s), Change(frozenset({order.room}))


def lease(
    db: sqlite3.Connection, applier: Applier, now_s: float, *, room: str, budget: Budget
) -> tuple[Ordered | OrderMessage, Change]:
    """Write the answer to a room that asks for its share of the fleet's budget."""
    since_s = now_s - budget.window_s
    answers = orders.answers_to(db, room, (leases.GRANTED, leases.DENIED), since_s)
    if len(answers) >= leases.ROOM_ANSWERS_MAX:  # unanswered it goes by its own limits, and others get their answers
        opened = own.notice(db, room, kinds.FLOODS, "lease_greed", now_s)
        return Ordered(refused="too_many"), Change(frozenset({room}), frozenset({opened} if opened else ()))
    granted = orders.count(db, leases.GRANTED, since_s)
    action = budget.answer(granted, applier.expected_count, answers.count(leases.GRANTED))
    return write(db, applier, now_s, room=room, action=action, by=leases.BY, why="", incident=None)


def sent(db: sqlite3.Connection, order: Order, now_s: float, *, failed: str = "") -> Change:
    """Note that the message is on its way, or the word for why not: then the order has ended."""
    if failed:
        db.execute(
            "UPDATE orders SET outcome = 'expired', reason = ?, ended_s = ? WHERE id = ?", (failed, now_s, order.id)
        )
    else:
        orders.mark_sent(db, order.id, now_s)
    return Change(frozenset({order.room}), frozenset({order.incident} if order.incident else ()))
