"""What is asked over HTTP and what comes back, as plain values: a device's file makes and reads them, a transport
carries them (`agent.transports.http`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One question. The transport adds Host, Content-Length, Authorization and its own Connection."""

    method: str
    target: str
    """Path and query, e.g. `/rpc/Shelly.GetStatus?id=0`; already quoted."""
    headers: Headers = ()
    body: bytes = b""

    @property
    def repeatable(self) -> bool:
        """Whether asking twice is the same as asking once: only then is it asked again on a fresh connection."""
        return self.method in ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One answer. Note that 200 may carry a failure (Cisco): read the body, not the code alone."""

    status: int
    headers: Headers = ()
    body: bytes = b""

    @property
    def is_busy(self) -> bool:
        """Whether it says that it has no time now, whoever asks: 429, or 503 (RFC 6585, RFC 9110)."""
        return self.status in (429, 503)

    def header(self, name: str) -> str:
        """The first header of this name, whatever its case; empty when there is none."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def cookies(self) -> dict[str, str]:
        """Names and values that the device sets, without their attributes."""
        rows = [value.split(";")[0].partition("=") for key, value in self.headers if key.lower() == "set-cookie"]
        return {name.strip(): value.strip() for name, found, value in rows if found and name.strip()}

    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 become replacement marks."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError, as `parsed_json`."""
        return parsed_json(self.body)


def parsed_json(text: str | bytes) -> Any:
    """What a device wrote as JSON. Raises ValueError, also for nesting that no device has.

    Half a character (`"\\ud800"` alone) becomes a question mark: it could be neither sent nor stored.
    """
    try:
        whole = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        tree = json.loads(whole)
        if "\\u" in whole:
            tree = json.loads(json.dumps(tree, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return tree


def json_request(method: str, target: str, body: object, headers: Headers = ()) -> HttpRequest:
    """A request with a JSON body."""
    typed = (("Content-Type", "application/json"), *headers)
    return HttpRequest(method, target, typed, json.dumps(body, ensure_ascii=False).encode())
