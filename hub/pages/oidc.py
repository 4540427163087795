"""Signing in at the office's provider: the way there, and the way back. Accounts with a password do as before."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from hub.access import limits
from hub.access.auth import DEVICE_COOKIE, cookie_name
from hub.access.oidc.accounts import account_of
from hub.access.oidc.options import CALLBACK, OidcError, Options, Reason
from hub.console.context import Console, RefusedError, console_of
from hub.pages.entry import login_page, own_path, signed_in

if TYPE_CHECKING:
    from hub.access.oidc.provider import Pending

router = APIRouter(include_in_schema=False)
log = logging.getLogger(__name__)

COOKIE = "diemcau_oidc"
PENDING_S = 600
"""How long one may take at the provider, with a second factor and a telephone that is not at hand."""
SEALED_MAX = 2048
ANSWER_MAX = 8192
"""Characters of what the provider sends along."""
_STATUS = {Reason.UNREACHABLE: 503, Reason.BUSY: 503, Reason.STATE: 400}
_NO_EVENT = frozenset({Reason.UNREACHABLE, Reason.BUSY})
"""Nobody has tried anything: the program's own log tells of these."""
ROWS_BURST, ROWS_PER_S = 30, 1 / 60
"""Refusals from one address that become rows of the log."""


class OidcEntry:
    """The provider, and the seal of what browsers keep while they are there. A new start makes them begin anew."""

    def __init__(self, options: Options, clock: Callable[[], float]) -> None:
        from hub.access.oidc.provider import Provider  # what it imports takes memory, and most centres have no provider

        self.provider = Provider(options, clock)
        self._clock = clock
        self._fernet = Fernet(Fernet.generate_key())
        self._down = False
        self.rows = limits.Pace(ROWS_BURST, ROWS_PER_S)

    def seal(self, pending: Pending) -> str:
        """For a cookie."""
        return self._fernet.encrypt_at_time(json.dumps(asdict(pending)).encode(), int(self._clock())).decode()

    def unseal(self, text: str) -> Pending:
        """Raises OidcError unless it is ours and fresh."""
        from hub.access.oidc.provider import Pending

        try:
            found = self._fernet.decrypt_at_time(text[: SEALED_MAX * 2], PENDING_S, int(self._clock()))
        except InvalidToken:
            raise OidcError(Reason.STATE, "no sign-in has begun in this browser") from None
        return Pending(**json.loads(found))

    def told(self, error: OidcError | None) -> None:
        """Say once in the log that the provider is away, and once that it is back."""
        if error is not None and error.reason is Reason.UNREACHABLE:
            if not self._down:
                log.warning("the provider for signing in does not answer: %s; passwords work", error.detail)
            self._down = True
        elif self._down and (error is None or error.reason is not Reason.BUSY):
            log.info("the provider for signing in answers again")
            self._down = False


def _entry(request: Request) -> OidcEntry:
    found: OidcEntry | None = request.app.state.oidc
    if found is None:
        raise RefusedError(404, "error.not_found")
    return found


@router.get("/login/oidc")
def begin(request: Request) -> Response:
    """Send the browser to the provider."""
    entry = _entry(request)
    if not _opened_by_somebody(request):
        return login_page(request, 400, "login.oidc.state")
    following = own_path(request.query_params.get("next", ""))
    try:
        url, pending = entry.provider.begin(following if len(following) <= SEALED_MAX // 2 else "/triage")
    except OidcError as error:
        return _refuse(request, entry, error)
    entry.told(None)
    answer = RedirectResponse(url, 303)
    scheme = request.url.scheme
    answer.set_cookie(
        cookie_name(COOKIE, scheme), entry.seal(pending), max_age=PENDING_S, httponly=True, samesite="lax",
        secure=scheme == "https",
    )  # fmt: skip
    return answer


@router.get(CALLBACK)
def finish(request: Request) -> Response:
    """Hear what the provider says, and let in whom it and we know."""
    entry, console = _entry(request), console_of(request)
    scheme = request.url.scheme
    sealed = request.cookies.get(cookie_name(COOKIE, scheme), "")
    if not sealed or not _opened_by_somebody(request):
        # No sign-in has begun here: an image on any page can bring that about, so it counts for nothing and nobody.
        return login_page(request, 400, "login.oidc.state")
    wait_s = console.sessions.limiter.wait_s(_keys(request), console.clock())
    if wait_s > 0:
        return login_page(request, 429, "login.limited", n=int(wait_s) + 1)
    try:
        if len(request.url.query) > ANSWER_MAX:
            raise OidcError(Reason.TOKEN, "the answer is too long")
        pending = entry.unseal(sealed)
        claims = entry.provider.finish(dict(request.query_params), pending)

        def account(db: sqlite3.Connection) -> str:
            try:
                return account_of(db, entry.provider.options, claims, console.clock())
            except OidcError as error:
                error.subject = str(claims["sub"])[:200]
                raise

        device = request.cookies.get(cookie_name(DEVICE_COOKIE, scheme), "")
        made = console.sessions.login_by(account, _address(request), device, request.headers.get("user-agent", ""))
    except OidcError as error:
        return _refuse(request, entry, error)
    entry.told(None)
    answer = signed_in(made, pending.following, scheme)
    answer.delete_cookie(cookie_name(COOKIE, scheme), secure=scheme == "https", httponly=True)
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _keys(request: Request) -> tuple[str, ...]:
    device = request.cookies.get(cookie_name(DEVICE_COOKIE, request.url.scheme), "")
    return console_of(request).sessions.oidc_keys(_address(request), device)


def _opened_by_somebody(request: Request) -> bool:
    """Whether the browser goes to this address, as far as it says so: an image or a script of some page does not."""
    return request.headers.get("sec-fetch-mode", "navigate") == "navigate"


def _refuse(request: Request, entry: OidcEntry, error: OidcError) -> Response:
    console: Console = console_of(request)
    entry.told(error)
    if error.account:
        console.sessions.end_all(error.account)
    if error.reason not in _NO_EVENT:
        if error.reason is not Reason.STATE:  # that, too, a page elsewhere can bring about
            console.sessions.limiter.failed(_keys(request), console.clock())
        detail = {"reason": str(error.reason), "detail": error.detail, "subject": error.subject}
        if entry.rows.wait_s(limits.network(_address(request)), console.clock()) == 0:
            console.sessions.audit(error.account or "?", "oidc_refused", detail | {"address": _address(request)})
    answer = login_page(request, _STATUS.get(error.reason, 403), f"login.oidc.{error.reason}")
    scheme = request.url.scheme
    answer.delete_cookie(cookie_name(COOKIE, scheme), secure=scheme == "https", httponly=True)
    return answer
