"""What needs handling: the operators' home, one incident's story, and what operators do about either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from starlette.responses import JSONResponse, RedirectResponse, Response

from hub.console import story, views
from hub.console.acting import acts
from hub.console.acting.dangers import effect
from hub.console.acting.fitting import fitting
from hub.console.context import Acting, Ask, Asked, RefusedError, in_scope
from hub.console.present import present
from hub.console.words import short_time
from hub.port import Marked
from hub.store.read import counts, read_incidents, reads, worklist
from hub.store.read.read_incidents import Incident
from hub.store.read.worklist import TABS
from wire import bounds

router = APIRouter(include_in_schema=False)

STORY_MAX = 1000
ROWS_MAX = 100
"""A page never shows more rows, each of which may stand for many incidents: nobody reads further."""
INCIDENTS_MAX = 1000
"""So many are marked in one go: the whole province lost at once, and then some."""
EARLIER_MAX = 5
Number = Annotated[int, Query(ge=0, lt=2**62)]
"""The number of an incident, as far as SQLite can count."""
SHELVE_MIN = (30, 120, 480, 1440)
SHELVE_WHY = ("waiting_person", "waiting_part", "waiting_carrier", "planned")


@router.get("/triage")
def triage_page(ask: Asked, tab: str = "open", sel: Number = 0) -> Response:
    """The rows of a tab by who has to do something and, beside them, the chosen one."""
    tab = tab if tab in TABS else "open"
    tree, all_rooms = reads.tree(ask.reader), reads.rooms(ask.reader)
    coming = reads.meetings(ask.reader, ask.now_s)
    work, user = worklist.open_work(ask.reader, ask.now_s), ask.session.user
    items = worklist.done(ask.reader, ask.now_s) if tab == "done" else worklist.in_tab(work, tab, user)
    rows = views.make_rows(ask.t, items, all_rooms, tree, coming)
    chosen = next((row for row in rows if row.incident.id == sel), None)
    if chosen is None and ask.part == "pane":
        # It has left this tab, for instance because it was just taken: whoever works on it still sees it.
        (chosen,) = views.make_rows(ask.t, [_item(ask, sel)], all_rooms, tree, coming)
    chosen = chosen or (rows[0] if rows else None)
    values: dict[str, Any] = _pane(ask, chosen, tab) if chosen and ask.part != "list" else {"row": None, "tab": tab}
    if ask.part == "pane":
        return ask.page("pane.html", **values)
    tabs = worklist.tab_counts(ask.reader, work, user, ask.now_s)
    return ask.page(
        "triage.html",
        tabs=tabs,
        groups=views.grouped(views.with_lines(ask.t, rows[:ROWS_MAX], ask.now_s) + rows[ROWS_MAX:], ROWS_MAX),
        most=ROWS_MAX,
        hidden=tabs[tab] - ROWS_MAX,
        chosen=chosen.incident.id if chosen else 0,
        times_of=views.times,
        counters=counts.counters(ask.reader, ask.now_s, work),
        **values,
    )


def _pane(ask: Ask, row: views.Row, tab: str = "open", steps_max: int = 4) -> dict[str, Any]:
    """All that the pane beside the list shows of one row."""
    incident = row.incident
    fit = fitting(ask.t, incident, ask.now_s)
    return {
        "row": row,
        "tab": tab,
        "i": incident,
        "room": row.room,
        "now": present(ask.t, incident, ask.now_s),
        "lingers": incident.lingers(ask.now_s),
        "times": views.times(ask.t, incident, ask.now_s),
        "fit": fit,
        "in_meeting": bool(fit and acts.may_need_confirmation(ask.reader, incident.room, fit.act, ask.now_s)),
        "earlier": read_incidents.earlier(ask.reader, incident, EARLIER_MAX),
        "steps": _story(ask, incident)[-steps_max:],
        "shelve_min": SHELVE_MIN,
        "shelve_why": SHELVE_WHY,
    }


def _story(ask: Ask, incident: Incident) -> list[story.Step]:
    return story.tell(
        ask.t,
        incident,
        read_incidents.events(ask.reader, incident.id),
        read_incidents.said_and_ordered(ask.reader, incident),
    )


def _find(ask: Ask, incident_id: int) -> Incident:
    incident = read_incidents.incident(ask.reader, incident_id)
    if incident is None:
        raise RefusedError(404, "error.not_found_incident", id=incident_id)
    return incident


def _item(ask: Ask, incident_id: int) -> worklist.Item:
    return worklist.item(_find(ask, incident_id), ask.now_s)


@router.get("/incidents/{incident_id}")
def incident_page(ask: Asked, incident_id: int) -> Response:
    """The whole story of one incident."""
    incident = _find(ask, incident_id)
    tree, rooms = reads.tree(ask.reader), reads.rooms(ask.reader)
    coming = reads.meetings(ask.reader, ask.now_s)
    (row,) = views.make_rows(ask.t, [worklist.item(incident, ask.now_s)], rooms, tree, coming)
    return ask.page("incident.html", **_pane(ask, row, steps_max=STORY_MAX))


Also = Annotated[str, Form(max_length=8000)]
"""The other incidents of the row, comma-separated: what is done to a row is done to all of its rooms."""


@router.post("/incidents/{incident_id}/ack")
def ack(ask: Acting, incident_id: int, also: Also = "") -> Response:
    """Take the incident."""
    hub, user = ask.console.hub, ask.session.user
    return _mark_all(ask, incident_id, also, lambda each: hub.ack_incident(each, user), ask.t("done.ack"))


@router.post("/incidents/{incident_id}/unack")
def unack(ask: Acting, incident_id: int, also: Also = "") -> Response:
    """Give it back."""
    hub, user = ask.console.hub, ask.session.user
    return _mark_all(ask, incident_id, also, lambda each: hub.unack_incident(each, user), ask.t("done.unack"))


@router.post("/incidents/{incident_id}/shelve")
def shelve(ask: Acting, incident_id: int, until: Annotated[str, Form()], also: Also = "") -> Response:
    """Put it away for a while. `until` is "minutes:reason", one button of the table of reasons and durations."""
    minutes, _, why = until.partition(":")
    if minutes not in [str(known) for known in SHELVE_MIN] or why not in SHELVE_WHY:
        raise RefusedError(400, "error.bad_input", what=ask.t("error.duration"))
    hub, user, until_s = ask.console.hub, ask.session.user, ask.now_s + int(minutes) * 60
    # The reason is kept in the words of the one who chose it: it is for colleagues to read.
    reason, said = ask.t(f"shelve.{why}"), ask.t("done.shelve", time=short_time(until_s, ask.now_s))
    return _mark_all(ask, incident_id, also, lambda each: hub.shelve_incident(each, user, until_s, reason), said)


@router.post("/incidents/{incident_id}/unshelve")
def unshelve(ask: Acting, incident_id: int, also: Also = "") -> Response:
    """Show it again."""
    hub, user = ask.console.hub, ask.session.user
    return _mark_all(ask, incident_id, also, lambda each: hub.unshelve(each, user), ask.t("done.unshelve"))


def _mark_all(ask: Ask, incident_id: int, also: str, mark: Callable[[int], Marked], said: str) -> Response:
    """Mark an incident and the others of its row. The first decides what is said; others may have ended meanwhile."""
    parts = (part for part in also.split(",") if part.isascii() and part.isdigit() and len(part) < 18)
    others = [other for other in list(dict.fromkeys(map(int, parts)))[:INCIDENTS_MAX] if in_scope(ask, other)]
    marked = mark(incident_id)
    if marked.ok and others:
        count = 1 + sum(mark(other).ok for other in others if other != incident_id)
        said = ask.t("done.many", said=said, n=count)
    return _marked(ask, incident_id, marked, said)


@router.post("/incidents/{incident_id}/note")
def note(ask: Acting, incident_id: int, text: Annotated[str, Form()] = "") -> Response:
    """Add a note."""
    if not text.strip():
        raise RefusedError(400, "error.bad_input", what=ask.t("error.note_empty"))
    marked = ask.console.hub.add_note(incident_id, ask.session.user, text.strip()[:4000])
    return _marked(ask, incident_id, marked, ask.t("done.note"))


@router.post("/incidents/{incident_id}/recheck")
def recheck(ask: Acting, incident_id: int) -> Response:
    """Ask the room to measure everything again. Changes nothing there, so it needs no confirmation."""
    incident = _find(ask, incident_id)
    return _order(ask, incident.room, acts.RECHECK, f"/incidents/{incident_id}", incident=incident_id)


def _marked(ask: Ask, incident_id: int, marked: Marked, said: str) -> Response:
    acts.expect_marked(marked, incident_id)
    return done(ask, said, f"/incidents/{incident_id}")


def _order(
    ask: Ask, room: str, action: str, back: str, why: str = "", incident: int | None = None, confirmed: str = ""
) -> Response:
    acts.give_order(ask.console.hub, ask.reader, ask.session.user, room, action, why, incident, confirmed)
    return done(ask, ask.t("done.order", action=ask.t.name("remedy", action)), back)


def done(ask: Ask, said: str, back: str) -> Response:
    """What a script wants as JSON, a plain form as the page it came from with the words on top."""
    if "application/json" in ask.request.headers.get("accept", ""):
        return JSONResponse({"said": said})
    return RedirectResponse(f"{back}?{urlencode({'said': said})}", 303)


@router.get("/rooms/{room_id}/act/{action}")
def confirm_page(ask: Asked, room_id: str, action: str, incident: Number = 0) -> Response:
    """The step before a guarded action: what it does, and whether the room would refuse it just now."""
    room = reads.room(ask.reader, room_id)
    if room is None:
        raise RefusedError(404, "error.not_found_room", id=room_id[:40])
    state = views.read_state(room)
    offered = next((offer for offer in views.actions(state) if offer.remedy == action), None)
    if offered is None and action != acts.RECHECK:
        raise RefusedError(404, "error.bad_input", what=ask.t("error.action"))
    tree = reads.tree(ask.reader)
    return ask.page(
        "confirm.html",
        room=room,
        commune=tree.up(room.node, "commune"),
        action=action,
        offered=offered,
        effect=effect(action),
        incident=incident,
        state=state,
        in_meeting=acts.may_need_confirmation(ask.reader, room_id, action, ask.now_s),
        person_max=bounds.PERSON_MAX,
    )


@router.post("/rooms/{room_id}/act/{action}")
def order(
    ask: Acting,
    room_id: str,
    action: str,
    why: Annotated[str, Form()] = "",
    incident: Annotated[int, Form(ge=0, lt=2**62)] = 0,
    person: Annotated[str, Form(max_length=200)] = "",
    heard: Annotated[str, Form(max_length=1)] = "",
) -> Response:
    """Give the order. The room decides; its outcome comes up on the room's page.

    `person` and `heard`: who in the room has said that there is no picture and no sound, and that it was said. In a
    running meeting a restart needs both, as the form says; without them the room would refuse.
    """
    asked = acts.may_need_confirmation(ask.reader, room_id, action, ask.now_s)
    if (asked or person.strip() or heard) and not (person.strip() and heard == "1"):
        raise RefusedError(400, "error.bad_input", what=ask.t("error.confirmed_empty"))
    return _order(ask, room_id, action, f"/rooms/{room_id}", why, incident or None, person)
