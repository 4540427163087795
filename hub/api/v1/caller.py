"""Who asks the API, and what they may do and see: a token, or an account's session with the rights it has there.

A request that carries an `Authorization` header is judged by that alone: a browser adds none by itself, so such a
request needs no CSRF token, and a bad token is never made good by a cookie.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError

from hub.access import permissions, tokens
from hub.access.auth import csrf_fits
from hub.access.limits import Pace, network
from hub.access.permissions import Right
from hub.access.tokens import Token
from hub.console.context import Console, LoginNeededError, RefusedError, check_place, console_of, signed_in
from hub.port import HubBusyError
from hub.store.read.reads import Reader

log = logging.getLogger(__name__)

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
    given = request.headers.get("authorization")
    found = _by_session(request, console) if given is None else _by_token(request, console, given)
    _pace(request, found.name, found.now_s)
    right = permissions.needed(request.method, PREFIX + request.scope["route"].path)
    if right is None or right not in found.rights:
        raise RefusedError(403, "error.not_yours")
    check_place(request, found.reader)
    _expect_once(request)
    return found


def _expect_once(request: Request) -> None:
    """Refuse a parameter that is given twice: one of them would be dropped in silence."""
    given = Counter(name for name, _ in request.query_params.multi_items())
    twice = [name for name, times in given.items() if times > 1]
    if twice:
        raise RequestValidationError([{"loc": ("query", name), "msg": "given more than once"} for name in twice])


def _by_token(request: Request, console: Console, given: str) -> Caller:
    scheme, _, text = given.partition(" ")
    now_s = console.clock()
    address = request.client.host if request.client else ""
    token = tokens.find(console.reader, text.strip(), now_s) if scheme.casefold() == "bearer" else None
    if token is None:
        _pace(request, f"?{network(address)}", now_s)  # no account and no token is called so
        raise LoginNeededError
    if not 0 <= now_s - token.seen_s < tokens.TOUCH_S:
        _touch(console, token, address, now_s)
    return Caller(console, token.by, token.rights, console.reader_of(token.scope), now_s)


def _touch(console: Console, token: Token, address: str, now_s: float) -> None:
    try:
        with console.sessions.writing(0.0) as db:
            tokens.touch(db, token, address, now_s)
    except HubBusyError as error:  # neither a full disk nor somebody who writes must stop who only reads
        log.warning("the use of token %s was not noted: %s", token.name, error)


def _pace(request: Request, name: str, now_s: float) -> None:
    """Raises RefusedError when this caller has asked too often."""
    pace: Pace = request.app.state.pace
    wait_s = pace.wait_s(name, now_s)
    if wait_s > 0:
        raise RefusedError(429, "error.too_often", retry_s=math.ceil(wait_s))


def _by_session(request: Request, console: Console) -> Caller:
    """A browser's session. A change must carry its CSRF token in a header: a page elsewhere cannot."""
    session = signed_in(request)
    if request.method not in ("GET", "HEAD") and not csrf_fits(session, request.headers.get("x-csrf-token", "")):
        raise RefusedError(403, "error.csrf")
    return Caller(console, session.user, session.rights, console.reader_of(session.scope), console.clock())


Called = Annotated[Caller, Depends(caller)]
