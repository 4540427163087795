"""What the API says when it cannot serve a request: RFC 9457 problem details, the same shape for every mistake."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hub.api.v1.models import Both, FieldProblem, Problem, both
from hub.console.context import LoginNeededError, RefusedError, Term
from hub.console.words import LANGUAGES, words
from hub.port import HubBusyError
from hub.store.db import cannot_write_now

MEDIA_TYPE = "application/problem+json"
BUSY_RETRY_S = 5
_ERRORS_MAX = 10
_TEXT_MAX = 200
COMMON: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "Nobody is signed in, or the token is not good."},
    403: {"model": Problem, "description": "Whoever asks may not do this."},
    422: {"model": Problem, "description": "A value cannot be taken."},
    429: {"model": Problem, "description": "Too many requests: wait as `Retry-After` says."},
    503: {"model": Problem, "description": "The hub is starting, stopping or busy: wait as `Retry-After` says."},
}
"""Answers that every route may give."""
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such thing, or none that whoever asks may know of."}
}
MISTAKE: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request is not right."},
    411: {"model": Problem, "description": "The request does not say how long its body is."},
    413: {"model": Problem, "description": "The body is longer than any that is right."},
}
"""Of routes that take a body."""
CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": Problem, "description": "It cannot be done as it stands."}}


def problem(
    status: int, code: str, text: Both, headers: Mapping[str, str] | None = None, reason: str | None = None,
    errors: list[FieldProblem] | None = None,
) -> Response:  # fmt: skip
    """One problem as an answer. `code` ends its type and never changes."""
    told = Problem(
        type=f"urn:diemcau:problem:{code}", title=HTTPStatus(status).phrase, status=status,
        detail=f"{text.vi} / {text.en}", reason=reason, errors=errors,
    )  # fmt: skip
    return Response(told.model_dump_json(exclude_none=True), status, headers, MEDIA_TYPE)


def install(api: FastAPI) -> None:
    """Let every error of the API end as a problem."""
    api.add_exception_handler(LoginNeededError, _login_needed)
    api.add_exception_handler(RefusedError, _refused)
    api.add_exception_handler(HTTPException, http_error)
    api.add_exception_handler(RequestValidationError, _bad_input)
    api.add_exception_handler(HubBusyError, _busy)
    api.add_exception_handler(sqlite3.OperationalError, _database)
    api.add_exception_handler(Exception, _failed)


def _login_needed(_: Request, __: Exception) -> Response:
    return problem(401, "login_needed", both("error.token"), {"WWW-Authenticate": 'Bearer realm="diemcau"'})


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    headers = {"Retry-After": str(error.values["retry_s"])} if "retry_s" in error.values else None
    reason = error.values.get("reason")
    text = Both(**{language: error.told(words(language)) for language in LANGUAGES})
    raw = reason.raw if isinstance(reason, Term) else None
    return problem(error.status, error.key.removeprefix("error."), text, headers, raw)


def http_error(_: Request, error: Exception) -> Response:
    """What the router itself refuses: an unknown address, another method, a body that is no JSON."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    code, key = {404: ("not_found", "error.no_address"), 405: ("method", "error.method")}.get(
        status, ("bad_request", "error.bad_request")
    )
    return problem(status, code, both(key), error.headers)


def _bad_input(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [
        FieldProblem(where=_clean(".".join(str(part) for part in one["loc"])), why=_clean(str(one["msg"])))
        for one in error.errors()[:_ERRORS_MAX]
    ]
    what = ", ".join(one.where for one in found[:3])
    return problem(422, "bad_input", both("error.bad_input", what=what), errors=found)


def _clean(text: str) -> str:
    """A text of the sender's, short enough, and such that it can be written: half a surrogate pair cannot."""
    return text[:_TEXT_MAX].encode("utf-8", "replace").decode()


def _busy(_: Request, __: Exception) -> Response:
    return problem(503, "busy", both("error.busy"), {"Retry-After": str(BUSY_RETRY_S)})


def _database(request: Request, error: Exception) -> Response:
    assert isinstance(error, sqlite3.OperationalError)
    if cannot_write_now(error):
        return _busy(request, error)
    raise error


def _failed(_: Request, __: Exception) -> Response:
    """What we did not foresee. It goes on to the console's application, which logs it."""
    return problem(500, "server", both("error.server"))
