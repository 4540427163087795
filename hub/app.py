"""The console as a web application."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from hub import pages
from hub.access.accounts import BusyError
from hub.access.auth import COOKIE, cookie_name
from hub.access.step.seeds import Seeds
from hub.api.v1 import problems
from hub.api.v1.app import make_api
from hub.api.v1.caller import PREFIX
from hub.console import assets
from hub.console.context import HeldError, LoginNeededError, RefusedError, console_of, language_of, make_console
from hub.console.live import Live
from hub.console.words import LANGUAGES, words
from hub.pages import oidc
from hub.port import HubBusyError, HubPort
from hub.security import SecureHeaders
from hub.settings import HubSettings
from hub.store.db import cannot_write_now

log = logging.getLogger(__name__)
THREADS = 48
"""Requests that are served at the same time. What may wait for a lock, a password or a provider has its own, lower
bounds, 34 in all, so that threads are left for pages that only read."""


class _Static(StaticFiles):
    """Files whose address carries a digest of their content never change, nor do vendored ones of a pinned version."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if b"v=" in scope["query_string"] or path.startswith("vendor/"):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            response.headers["Cache-Control"] = "no-cache"  # modules import each other by plain names: ask each time
        return response


def create_app(db_path: Path | str, settings: Any, hub: HubPort, clock: Callable[[], float] = time.time) -> FastAPI:
    """The console over a hub's database, which must exist with its tables. `settings` is kept for pages to come."""
    strict, key = False, ""
    if isinstance(settings, HubSettings):
        strict, key = settings.web.require_totp_for_admins, settings.seed_key()
    console = make_console(Path(db_path), hub, clock, totp_for_admins=strict, seeds=Seeds(key))
    live = Live(hub, console.reader, clock, console.sessions.find_all)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        task = asyncio.create_task(live.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        console.sessions.close()

    app = FastAPI(title="Điểm Cầu", lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.console = console
    app.state.live = live
    app.state.settings = settings
    options = settings.oidc_options() if settings is not None else None
    app.state.oidc = oidc.OidcEntry(options, clock) if options else None
    app.add_middleware(GZipMiddleware, minimum_size=500, compresslevel=6)
    app.add_middleware(SecureHeaders)
    app.mount("/static", _Static(directory=assets.FOLDER), name="static")
    for router in pages.routers():
        app.include_router(router)
    app.state.api = make_api(console)
    app.mount(PREFIX, app.state.api)
    app.add_exception_handler(LoginNeededError, _login_needed)
    app.add_exception_handler(HeldError, _held)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _bad_input)
    app.add_exception_handler(HubBusyError, _busy)
    app.add_exception_handler(BusyError, _busy)
    app.add_exception_handler(sqlite3.OperationalError, _database)
    app.add_exception_handler(Exception, _failed)
    return app


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def _opens_page(request: Request) -> bool:
    """Whoever takes anything, as most programs do, is led to the form as well: it is an address of a page."""
    anything = request.method == "GET" and "*/*" in request.headers.get("accept", "*/*")
    return _wants_page(request) or (anything and not request.url.path.startswith("/api/"))


def _login_needed(request: Request, _: Exception) -> Response:
    if not _opens_page(request) or request.query_params.get("part"):
        return JSONResponse({"error": words(_language(request))("login.expired")}, 401)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    following = urlencode({"next": here}) if request.method == "GET" and here != "/" else ""
    return RedirectResponse(f"/login?{following}" if following else "/login", 303)


def _language(request: Request) -> str:
    found: str = getattr(request.state, "language", "") or language_of(request, None)
    return found if found in LANGUAGES else LANGUAGES[0]


def _say(request: Request, status: int, key: str, **values: Any) -> Response:
    """An error in the reader's language, as a page or as JSON."""
    t = words(_language(request))
    return _answer(request, status, t(key, **values))


def _answer(request: Request, status: int, text: str) -> Response:
    t = words(_language(request))
    if not _wants_page(request):
        return JSONResponse({"error": text}, status)
    template = console_of(request).environment.get_template("error.html")
    return HTMLResponse(
        template.render(t=t, text=text, signed_in=cookie_name(COOKIE, request.url.scheme) in request.cookies), status
    )


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return _answer(request, error.status, error.told(words(_language(request))))


def _held(request: Request, error: Exception) -> Response:
    assert isinstance(error, HeldError)
    if not _wants_page(request) or request.query_params.get("part"):
        return JSONResponse({"error": words(_language(request))(f"held.{error.what}")}, 403)
    return RedirectResponse("/account", 303)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.scope["path"].startswith(f"{PREFIX}/"):  # a mount does not match an address with a line feed in it
        return problems.http_error(request, error)
    return _say(request, error.status_code, "error.not_found")


def _bad_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    where = ", ".join(str(part) for problem in error.errors()[:3] for part in problem["loc"][-1:])
    return _say(request, 400, "error.bad_input", what=where)


def _failed(request: Request, error: Exception) -> Response:
    log.error("request %s %s failed", request.method, request.url.path, exc_info=error)
    return _say(request, 500, "error.server")


def _busy(request: Request, error: Exception) -> Response:
    """It was not done, and may be asked again: another program writes, the disk is full, or many ask at once."""
    log.warning("request %s %s has to come again: %s", request.method, request.url.path, error)
    answer = _say(request, 503, "error.busy")
    answer.headers["Retry-After"] = str(problems.BUSY_RETRY_S)
    return answer


def _database(request: Request, error: Exception) -> Response:
    assert isinstance(error, sqlite3.OperationalError)
    return _busy(request, error) if cannot_write_now(error) else _failed(request, error)
