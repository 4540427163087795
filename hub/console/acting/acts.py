"""What an account or a token does to rooms and incidents: one path for the console's forms and for the API."""

from __future__ import annotations

from hub.console.context import RefusedError, Term, knows
from hub.core import leases
from hub.port import HubPort, Marked
from hub.store.read import reads
from hub.store.read.reads import Reader
from wire import bounds

RECHECK = "recheck"
"""Measures again and changes nothing, so it needs no reason."""
WHY_MAX = 500
_NOT_FOR_PEOPLE = frozenset({leases.GRANTED, leases.DENIED})
"""The hub's own answers to rooms: a person who could send one would widen the fleet's budget."""


def give_order(
    hub: HubPort, reader: Reader, by: str, room: str, action: str, why: str = "", incident: int | None = None,
    confirmed: str = "",
) -> str:  # fmt: skip
    """Order it; gives the order's id. The room still decides. Raises RefusedError and HubBusyError.

    `confirmed` names who in the room has just said that there is no picture and no sound; empty: nobody has.
    """
    if incident is not None and not knows(reader, incident):
        raise RefusedError(404, "error.not_found_incident", id=incident)
    if action != RECHECK and not why.strip():
        raise RefusedError(400, "error.bad_input", what=Term("error", "why_empty"))
    if action in _NOT_FOR_PEOPLE:
        raise RefusedError(409, "error.order_refused", reason=Term("reason", "not_offered"))
    ordered = hub.order(room, action, by, why.strip()[:WHY_MAX], incident, _person(action, confirmed))
    if not ordered.ok:
        raise RefusedError(409, "error.order_refused", reason=Term("reason", ordered.refused))
    return ordered.id


def _person(action: str, said: str) -> str:
    """The name of the one in the room, as the signer takes it. Raises RefusedError."""
    person = " ".join(said.split())
    if person and action not in bounds.CONFIRMABLE:
        raise RefusedError(400, "error.bad_input", what=Term("error", "confirmed_useless"))
    if bool(person) != bool(said) or len(person) > bounds.PERSON_MAX or not person.isprintable():
        raise RefusedError(400, "error.bad_input", what=Term("error", "confirmed_name"))
    return person


def may_need_confirmation(reader: Reader, room: str, action: str, now_s: float) -> bool:
    """Whether a meeting of the room runs by the schedule, and this would restart something in it."""
    running = reads.meetings_of_room(reader, room, now_s, now_s)
    return action in bounds.CONFIRMABLE and any(one.start_s <= now_s < one.end_s for one in running)


def expect_marked(marked: Marked, incident: int) -> None:
    """Raises RefusedError unless the mark was made."""
    if marked.ok:
        return
    if marked.refused == "not_found":
        raise RefusedError(404, "error.not_found_incident", id=incident)
    if marked.refused in ("conflict", "closed"):
        raise RefusedError(409, f"error.{marked.refused}", name=marked.holder)
    raise RefusedError(400, "error.bad_input", what=Term("error", marked.refused))
