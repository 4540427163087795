"""Signing in and out, the language, the event stream and the small JSON API of the top bar."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from hub.access.accounts import BusyError
from hub.access.auth import COOKIE, DEVICE_COOKIE, DEVICE_S, SESSION_S, STEP_COOKIE, cookie_name
from hub.access.outcomes import ChangedError, HalfSignedIn, SignedIn, StepOverError, TemporaryOverError
from hub.access.step import second_step
from hub.changes import restored
from hub.console import finding
from hub.console.context import LANGUAGE_COOKIE, Asked, Owning, console_of, language_of
from hub.console.live import FULL_RETRY_S, Live
from hub.console.words import LANGUAGES, words
from hub.store.read import reads

router = APIRouter(include_in_schema=False)


def login_page(
    request: Request, status: int = 200, error: str = "", name: str = "", *, template: str = "login.html", **values: Any
) -> Response:
    """The form, with what went wrong."""
    t = words(language_of(request, None))
    following = request.query_params.get("next", "")
    text = (
        console_of(request)
        .environment.get_template(template)
        .render(
            t=t,
            error=t(error, **values) if error else "",
            name=name,
            next=following,
            oidc=request.app.state.oidc is not None,
            restored=restored.told(console_of(request).reader.connection(), console_of(request).clock()),
            expired=bool(following) and cookie_name(COOKIE, request.url.scheme) in request.cookies,
        )
    )
    return HTMLResponse(text, status)


def own_path(text: str) -> str:
    """A path of this console to go to, never another site."""
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) and "\\" not in text else "/triage"


@router.get("/login")
def login_form(request: Request) -> Response:
    """The form."""
    return login_page(request)


@router.post("/login")
def login(
    request: Request,
    name: Annotated[str, Form(max_length=100)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    following: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Check the password; on success set the session's cookie."""
    console, name = console_of(request), name.strip().casefold()
    address = request.client.host if request.client else ""
    scheme = request.url.scheme
    device = request.cookies.get(cookie_name(DEVICE_COOKIE, scheme), "")
    sessions = console.sessions
    wait_s = sessions.limiter.wait_s(sessions.keys(name, address, device), console.clock())
    if wait_s > 0:
        return login_page(request, 429, "login.limited", name, n=int(wait_s) + 1)
    try:
        made = sessions.login(name, password, address, device, request.headers.get("user-agent", ""))
    except BusyError:
        return login_page(request, 429, "login.limited", name, n=5)
    except ChangedError:
        return login_page(request, 401, "login.step_over", name)
    except TemporaryOverError:
        sessions.audit(name, "login_failed", {"address": address, "why": "temporary_over"})
        return login_page(request, 401, "login.temporary_over", name)
    if made is None:
        return login_page(request, 401, "login.failed", name)
    return signed_in(made, following, scheme)


@router.get("/login/code")
def code_page(request: Request) -> Response:
    """The form for the code, for someone whose password was right; else the first form."""
    console = console_of(request)
    if console.sessions.half_in.find(_step_token(request), console.clock()) is None:
        return login_page(request)
    return login_page(request, template="login_code.html")


@router.post("/login/code")
def login_code(
    request: Request,
    code: Annotated[str, Form(max_length=60)] = "",
    following: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Check the code; on success set the session's cookie."""
    console, token, scheme = console_of(request), _step_token(request), request.url.scheme
    sessions, now_s = console.sessions, console.clock()
    address = request.client.host if request.client else ""
    device = request.cookies.get(cookie_name(DEVICE_COOKIE, scheme), "")
    half = sessions.half_in.find(token, now_s)
    if half is None:
        return login_page(request, 401, "login.step_over")
    wait_s = sessions.step_limiter.wait_s(sessions.keys(half.user, address, device), now_s)
    if wait_s > 0:
        return login_page(request, 429, "login.limited", template="login_code.html", n=int(wait_s) + 1)
    try:
        made = sessions.second(token, code, address, device, request.headers.get("user-agent", ""))
    except StepOverError:
        return login_page(request, 401, "login.step_over")
    if made is None:
        if sessions.half_in.find(token, now_s) is None:
            return login_page(request, 401, "login.step_over")
        return login_page(request, 401, "login.code_wrong", template="login_code.html")
    answer = signed_in(made, following, scheme)
    answer.delete_cookie(cookie_name(STEP_COOKIE, scheme), secure=scheme == "https", httponly=True)
    return answer


def _step_token(request: Request) -> str:
    return request.cookies.get(cookie_name(STEP_COOKIE, request.url.scheme), "")


def signed_in(made: SignedIn | HalfSignedIn, following: str, scheme: str) -> Response:
    """On to the page that was asked for, with the cookies of session and browser; or to the second step."""
    if isinstance(made, HalfSignedIn):
        there = f"/login/code?{urlencode({'next': following})}" if following else "/login/code"
        answer = RedirectResponse(there, 303)
        _set_cookie(answer, STEP_COOKIE, made.token, second_step.WAITS_S, scheme)
        return answer
    answer = RedirectResponse(own_path(following), 303)
    keep_in(answer, made, scheme)
    return answer


def keep_in(answer: Response, made: SignedIn, scheme: str) -> None:
    """Set the cookies of session and browser."""
    _set_cookie(answer, COOKIE, made.token, SESSION_S * 7, scheme)
    _set_cookie(answer, DEVICE_COOKIE, made.device, DEVICE_S, scheme)


def _set_cookie(answer: Response, name: str, value: str, age_s: float, scheme: str) -> None:
    answer.set_cookie(
        cookie_name(name, scheme), value, max_age=int(age_s), httponly=True, samesite="lax", secure=scheme == "https"
    )


@router.post("/logout")
def logout(request: Request, ask: Owning) -> Response:
    """End the session."""
    ask.console.sessions.logout(ask.session)
    answer = RedirectResponse("/login", 303)
    scheme = request.url.scheme
    answer.delete_cookie(cookie_name(COOKIE, scheme), secure=scheme == "https", httponly=True)
    return answer


@router.post("/language")
def language(
    ask: Owning, wanted: Annotated[str, Form(alias="language", max_length=10)] = "",
    back: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:  # fmt: skip
    """Switch the account's language and go back to the page."""
    back = own_path(back)
    answer = RedirectResponse(back, 303)
    if wanted in LANGUAGES:
        ask.console.sessions.set_language(ask.session, wanted)
        answer.set_cookie(LANGUAGE_COOKIE, wanted, max_age=365 * 86400, samesite="lax")
    return answer


@router.get("/api/search")
def search(ask: Asked, q: str = "") -> Response:
    """The first eight rooms that match, for the search box of the top bar."""
    tree = reads.tree(ask.reader)
    found = finding.search(reads.rooms(ask.reader), tree, q[:100])[:8] if q.strip() else []
    rows = [
        {
            "room": room.room,
            "name": room.name,
            "place": commune.name if (commune := tree.up(room.node, "commune")) else "",
            "state": room.verdict,
            "word": ask.t(f"state.{room.verdict}"),
        }
        for room in found
    ]
    return JSONResponse(rows, headers={"Cache-Control": "no-store"})


@router.get("/api/stream")
async def stream(request: Request, ask: Asked, why: Annotated[str, Query(max_length=1)] = "") -> Response:
    """The page's event stream, or why there is none now. `why` 1: only say whether there would be one, for a page
    whose stream was refused: browsers do not tell it with which words."""
    live: Live = request.app.state.live
    address = request.client.host if request.client else ""
    if live.full(ask.session, address):
        return JSONResponse({"error": ask.t("stream.full")}, 429, {"Retry-After": str(FULL_RETRY_S)})
    if why:
        return Response(status_code=204)
    return StreamingResponse(
        live.stream(ask.session, address, None if ask.session.scope is None else ask.reader),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
