"""Who asks the API, and what they may do and see: an account's session, with the same rights as on the console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from hub.api import permissions
from hub.api.auth import COOKIE, cookie_name, csrf_fits
from hub.api.context import Console, LoginNeededError, RefusedError, check_place, console_of
from hub.api.permissions import Right
from hub.store.reads import Reader

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Caller:
    """One request of someone who is known."""

    console: Console
    name: str
    """As the log of who did what has it."""
    rights: frozenset[Right]
    reader: Reader
    """The database, as much of it as the caller may see."""
    now_s: float


def caller(request: Request) -> Caller:
    """Who asks. Raises LoginNeededError, or RefusedError when the route, room or incident is not for them."""
    console = console_of(request)
    found = _by_session(request, console)
    right = permissions.needed(request.method, PREFIX + request.scope["route"].path)
    if right is None or right not in found.rights:
        raise RefusedError(403, "error.not_yours")
    check_place(request, found.reader)
    return found


def _by_session(request: Request, console: Console) -> Caller:
    """A browser's session. A change must carry its CSRF token in a header: a page elsewhere cannot."""
    session = console.sessions.find(request.cookies.get(cookie_name(COOKIE, request.url.scheme), ""))
    if session is None:
        raise LoginNeededError
    if request.method not in ("GET", "HEAD") and not csrf_fits(session, request.headers.get("x-csrf-token", "")):
        raise RefusedError(403, "error.csrf")
    return Caller(console, session.user, session.rights, console.reader_of(session.scope), console.clock())


Called = Annotated[Caller, Depends(caller)]
