"""The page of one's own account: password, second step and sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import segno
from fastapi import APIRouter, Form
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from hub.access import own
from hub.access.accounts import PASSWORD_MIN, BusyError
from hub.access.auth import DEVICE_COOKIE, cookie_name
from hub.access.browsers import device_words
from hub.access.outcomes import ChangedError, SignedIn
from hub.access.step import own_step, second_step
from hub.console.context import Ask, LoginNeededError, Owning
from hub.pages.entry import keep_in

router = APIRouter(include_in_schema=False)

Secret = Annotated[str, Form(max_length=1000)]
Code = Annotated[str, Form(max_length=60)]
DONE = ("changed", "ended", "gone", "step_off")
"""What the page may be told to say, by its address."""
_T = TypeVar("_T")


@router.get("/account")
def account_page(ask: Owning, done: str = "") -> Response:
    """The account as it is, or what has to be done first."""
    return _page(ask, done=done if done in DONE else "")


@router.post("/account/password")
def change_password(ask: Owning, old: Secret = "", new: Secret = "", again: Secret = "") -> Response:
    """Change it; the other sessions end, and this one goes on under another cookie."""
    made = _tried(
        ask, lambda: own.change_password(ask.console.sessions, ask.session, old, new, again, now_s=ask.now_s)
    )  # fmt: skip
    return made if isinstance(made, Response) else _moved(ask, made, RedirectResponse("/account?done=changed", 303))


@router.post("/account/totp/start")
def start_step(ask: Owning, password: Secret = "") -> Response:
    """Show the secret, as a picture and to be typed; a code of it confirms."""
    secret = _tried(ask, lambda: own_step.start(ask.console.sessions, ask.session, password, ask.now_s))
    return secret if isinstance(secret, Response) else _setup(ask, secret)


@router.post("/account/totp/confirm")
def confirm_step(ask: Owning, code: Code = "") -> Response:
    """Switch it on, and show the recovery codes this once."""
    sessions = ask.console.sessions
    try:
        codes, made = own_step.confirm(sessions, ask.session, code, _device(ask), ask.now_s)
    except ChangedError:
        raise LoginNeededError from None
    except own.NotChangedError as error:
        secret = own_step.offered(sessions, ask.session)
        if not secret:
            return _page(ask, 400, wrong=ask.t("totp.on_already" if ask.session.second_step else "totp.begin_anew"))
        return _setup(ask, secret, 400, ask.t(error.key))
    return _moved(ask, made, _codes(ask, codes))


@router.post("/account/totp/codes")
def renew_codes(ask: Owning, password: Secret = "", code: Code = "") -> Response:
    """New recovery codes; those of before are no more."""
    codes = _tried(ask, lambda: own_step.renew_codes(ask.console.sessions, ask.session, password, code, ask.now_s))
    return codes if isinstance(codes, Response) else _codes(ask, codes)


@router.post("/account/totp/off")
def switch_off(ask: Owning, password: Secret = "", code: Code = "") -> Response:
    """Sign in with the password alone from now on, where that is allowed."""
    made = _tried(
        ask,
        lambda: own_step.switch_off(ask.console.sessions, ask.session, password, code, _device(ask), ask.now_s),
    )  # fmt: skip
    return made if isinstance(made, Response) else _moved(ask, made, RedirectResponse("/account?done=step_off", 303))


@router.post("/account/sessions/end")
def end_session(ask: Owning, session: Annotated[str, Form(max_length=own.HANDLE_LEN)] = "") -> Response:
    """End one of one's own sessions."""
    ended = own.end_session(ask.console.sessions, ask.session, session, ask.now_s)
    return RedirectResponse(f"/account?done={'ended' if ended else 'gone'}", 303)


@router.post("/account/sessions/end-others")
def end_others(ask: Owning) -> Response:
    """End all but this one."""
    made = _tried(ask, lambda: own.end_others(ask.console.sessions, ask.session, _device(ask), ask.now_s))
    return made if isinstance(made, Response) else _moved(ask, made, RedirectResponse("/account?done=ended", 303))


def _device(ask: Ask) -> str:
    return ask.request.cookies.get(cookie_name(DEVICE_COOKIE, ask.request.url.scheme), "")


def _moved(ask: Ask, made: SignedIn, answer: Response) -> Response:
    """The answer, with the cookies under which this browser goes on."""
    keep_in(answer, made, ask.request.url.scheme)
    return answer


def _tried(ask: Ask, change: Callable[[], _T]) -> _T | Response:
    """What the change gives, or the page that says why it was not done."""
    try:
        return change()
    except own.NotChangedError as error:
        return _page(ask, 400, wrong=ask.t(error.key, **error.values))
    except ChangedError:
        raise LoginNeededError from None
    except BusyError:
        return _page(ask, 429, wrong=ask.t("login.limited", n=5))


def _page(ask: Ask, status: int = 200, *, done: str = "", wrong: str = "") -> Response:
    values: dict[str, Any] = {"done": done, "wrong": wrong, "password_min": PASSWORD_MIN}
    if ask.session.held:
        return ask.page("held.html", status, secret="", qr="", **values)
    reader, session = ask.console.reader, ask.session
    found = own.sessions_of(reader, session.user, session.token_hash, ask.now_s)
    step = second_step.state(ask.console.sessions.reading(), session.user)
    return ask.page(
        "account.html", status, sessions=[(one, device_of(ask, one.agent)) for one in found], step=step,
        may_switch_off=own_step.may_switch_off(ask.console.sessions, session), **values,
    )  # fmt: skip


def _setup(ask: Ask, secret: str, status: int = 200, wrong: str = "") -> Response:
    text = second_step.address(ask.session.user, secret)
    made = segno.make(text, micro=False).svg_inline(scale=4, border=4, omitsize=True, svgclass="qr", lineclass=None)
    grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return ask.page(
        "held.html" if ask.session.held else "totp.html", status, secret=grouped, wrong=wrong, done="",
        password_min=PASSWORD_MIN, qr=Markup(made),  # noqa: S704  drawn here, of an address of ours
    )  # fmt: skip


def _codes(ask: Ask, codes: list[str]) -> Response:
    return ask.page("recovery.html", codes=codes)


def device_of(ask: Ask, agent: str) -> str:
    """Browser and system in the reader's language."""
    browser, system = device_words(agent)
    if browser and system:
        return ask.t("account.device", browser=browser, system=system)
    return browser or system or ask.t("account.device_unknown")
