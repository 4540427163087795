"""The page of meetings to come, where one is marked as secret ("họp mật")."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from hub.changes import meetings
from hub.console.context import Acting, Asked, RefusedError
from hub.pages.triage import done
from hub.store.read import reads

router = APIRouter(include_in_schema=False)


@router.get("/meetings")
def meetings_page(ask: Asked) -> Response:
    """Every meeting that a room may know of, the nearest first."""
    coming = reads.meetings(ask.reader, ask.now_s, meetings.AHEAD_S)
    return ask.page("meetings.html", coming=coming)


@router.post("/meetings/checked")
def schedule_checked(ask: Acting) -> Response:
    """After a restore: the schedule has been looked through, and rooms may be told of it."""
    ask.console.hub.check_schedule(ask.session.user)
    return done(ask, ask.t("done.schedule_checked"), "/meetings")


@router.post("/meetings/{meeting}/secret")
def mark_secret(ask: Acting, meeting: str, secret: Annotated[str, Form(max_length=1)] = "") -> Response:
    """`secret` 1: the meeting is secret; 0: it is not."""
    wanted = {"0": False, "1": True}.get(secret)
    if wanted is None:
        raise RefusedError(400, "error.bad_input", what=ask.t("error.action"))
    if not ask.console.hub.mark_meeting(meeting, wanted, ask.session.user).ok:
        raise RefusedError(404, "error.not_found_meeting")
    return done(ask, ask.t("done.secret" if wanted else "done.not_secret"), "/meetings")
