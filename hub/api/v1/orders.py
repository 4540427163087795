"""What other systems may do: order a room something, see what became of it, take an incident."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from hub.api.v1 import incidents
from hub.api.v1.caller import PREFIX, Called
from hub.api.v1.models import IncidentBrief, Order, OrderIn, moment
from hub.api.v1.problems import CONFLICT, MISTAKE, NOT_FOUND
from hub.console.acting import acts
from hub.console.context import RefusedError
from hub.store.orders import ENDS
from hub.store.read import read_api, reads
from hub.store.read.reads import Reader

router = APIRouter()


@router.post("/rooms/{room_id}/orders", status_code=202, responses=NOT_FOUND | CONFLICT | MISTAKE, tags=["orders"])
def give_order(called: Called, room_id: str, order: OrderIn, response: Response) -> Order:
    """Order the room something. Taken means on its way: ask for the order until it has ended, a minute at most
    unless the room has accepted it. An order of the same action that is under way refuses a second one."""
    if reads.room(called.reader, room_id) is None:
        raise RefusedError(404, "error.not_found_room", id=room_id[:40])
    if order.incident is not None and incidents.find(called.reader, order.incident).room != room_id:
        raise RefusedError(404, "error.not_found_incident", id=order.incident)
    made = acts.give_order(
        called.console.hub, called.reader, called.name, room_id, order.action, order.why, order.incident,
        order.confirmed.person if order.confirmed else "",
    )  # fmt: skip
    response.headers["Location"] = f"{PREFIX}/orders/{made}"
    return _find(called.reader, made)


@router.get("/orders/{order_id}", responses=NOT_FOUND, tags=["orders"])
def read_order(called: Called, order_id: str) -> Order:
    """One order and what became of it."""
    return _find(called.reader, order_id)


@router.post("/incidents/{incident_id}/ack", responses=NOT_FOUND | CONFLICT | MISTAKE, tags=["incidents"])
def ack_incident(called: Called, incident_id: incidents.Number) -> IncidentBrief:
    """Take the incident: colleagues see that somebody works on it. Twice by the same is fine."""
    acts.expect_marked(called.console.hub.ack_incident(incident_id, called.name), incident_id)
    return IncidentBrief(**incidents.brief(incidents.find(called.reader, incident_id)))


def _find(reader: Reader, order_id: str) -> Order:
    row = read_api.order(reader, order_id)
    if row is None:
        raise RefusedError(404, "error.not_found_order", id=order_id[:40])
    return Order(
        id=row["id"], room=row["room"], action=row["action"], by=row["by"], why=row["why"], incident=row["incident"],
        confirmed_by=row["confirmed"],
        outcome=row["outcome"], ended=row["outcome"] in (*ENDS, "expired"), reason=row["reason"],
        proof=msgspec.json.decode(row["proof"] or "{}"), created_at=moment(row["created_s"]),
        sent_at=moment(row["sent_s"]), ended_at=moment(row["ended_s"]),
    )  # fmt: skip
