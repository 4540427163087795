"""Headers that keep the console to itself: nothing is loaded from elsewhere, nothing runs but files of ours."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.api.v1.caller import PREFIX
from hub.api.v1.models import both
from hub.api.v1.problems import problem

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
BODY_MAX_BYTES = 64 * 1024
"""Forms of the console are below 5 kB."""


class SecureHeaders:
    """Adds the headers to every answer, and turns away a request that is too large or comes from another site."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = _refused(scope)
        if refused:
            await _answer(refused, scope["path"])(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _answer(status: int, path: str) -> Response:
    """Nothing but a status, or for a program its problem."""
    if not path.startswith(f"{PREFIX}/"):
        return Response(status_code=status)
    code = "foreign" if status == 403 else "too_long"
    return problem(status, code, both(f"error.{code}"))


def _refused(scope: Scope) -> int:
    """The status to refuse with, or 0. A change must name the length of its body and come from a page of ours."""
    if scope["method"] in ("GET", "HEAD"):
        return 0
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")  # a request with neither header has no body (RFC 9112, 6.3)
    if not length.isdigit() or b"transfer-encoding" in headers:
        return 411
    if int(length) > BODY_MAX_BYTES:
        return 413
    # Browsers name the origin of every change; a tool that names none carries no cookie by itself either.
    return 403 if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none") else 0
