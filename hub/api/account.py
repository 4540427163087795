"""The page of one's own account: password and sessions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from hub.api import own
from hub.api.accounts import PASSWORD_MIN, BusyError
from hub.api.auth import DEVICE_COOKIE, cookie_name
from hub.api.context import Ask, Owning
from hub.console.browsers import device_words

router = APIRouter(include_in_schema=False)

Secret = Annotated[str, Form(max_length=1000)]
DONE = ("changed", "ended", "gone")
"""What the page may be told to say, by its address."""


@router.get("/account")
def account_page(ask: Owning, done: str = "") -> Response:
    """The account as it is."""
    return _page(ask, done=done if done in DONE else "")


@router.post("/account/password")
def change_password(ask: Owning, old: Secret = "", new: Secret = "", again: Secret = "") -> Response:
    """Change it; the other sessions end."""
    sessions = ask.console.sessions
    device = ask.request.cookies.get(cookie_name(DEVICE_COOKIE, ask.request.url.scheme), "")
    try:
        own.change_password(sessions, ask.session, old, new, again, device=device, now_s=ask.now_s)
    except own.NotChangedError as error:
        return _page(ask, 400, wrong=ask.t(error.key, **error.values))
    except BusyError:
        return _page(ask, 429, wrong=ask.t("login.limited", n=5))
    return RedirectResponse("/account?done=changed", 303)


@router.post("/account/sessions/end")
def end_session(ask: Owning, session: Annotated[str, Form(max_length=own.HANDLE_LEN)] = "") -> Response:
    """End one of one's own sessions."""
    ended = own.end_session(ask.console.sessions, ask.session, session, ask.now_s)
    return RedirectResponse(f"/account?done={'ended' if ended else 'gone'}", 303)


@router.post("/account/sessions/end-others")
def end_others(ask: Owning) -> Response:
    """End all but this one."""
    own.end_others(ask.console.sessions, ask.session, ask.now_s)
    return RedirectResponse("/account?done=ended", 303)


def _page(ask: Ask, status: int = 200, *, done: str = "", wrong: str = "") -> Response:
    found = own.sessions_of(ask.console.reader, ask.session.user, ask.session.token_hash, ask.now_s)
    return ask.page(
        "account.html", status, sessions=[(one, device_of(ask, one.agent)) for one in found], done=done, wrong=wrong,
        password_min=PASSWORD_MIN,
    )  # fmt: skip


def device_of(ask: Ask, agent: str) -> str:
    """Browser and system in the reader's language."""
    browser, system = device_words(agent)
    if browser and system:
        return ask.t("account.device", browser=browser, system=system)
    return browser or system or ask.t("account.device_unknown")
