"""The console as a browser meets it: a sign-in, pages and the event stream, over plain HTTP on this machine."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Generator
from typing import Any

STREAM_TIMEOUT_S = 20.0
"""The stream is never silent for longer than 5 s."""
PAGE_TIMEOUT_S = 10.0


class Console:
    """One account's view. Every method raises ValueError where the answer is not what was asked for, and OSError or
    `http.client.HTTPException` where there is none."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._port = port
        self._user, self._password = user, password
        self._cookie = ""
        self._kept: http.client.HTTPConnection | None = None

    def sign_in(self) -> None:
        """Begin a session, which all that follows belongs to."""
        form = urllib.parse.urlencode({"name": self._user, "password": self._password})
        connection = self._connection(PAGE_TIMEOUT_S)
        try:
            connection.request("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            answer.read()
            cookies = [value.split(";")[0] for key, value in answer.getheaders() if key.lower() == "set-cookie"]
        finally:
            connection.close()
        if answer.status != 303 or not cookies:
            raise ValueError(f"the console did not let {self._user} in: {answer.status}")
        self._cookie = "; ".join(cookies)

    def page(self, path: str) -> str:
        """The text of a page, in Vietnamese."""
        self._kept = self._kept or self._connection(PAGE_TIMEOUT_S)
        try:
            self._kept.request("GET", path, headers={"Cookie": self._cookie, "Accept-Language": "vi"})
            answer = self._kept.getresponse()
            text = answer.read().decode("utf-8")
        except (OSError, http.client.HTTPException):
            self._kept.close()
            self._kept = None
            raise
        if answer.status != 200:
            raise ValueError(f"{path}: {answer.status}")
        return text

    def stream(self) -> Generator[tuple[str, dict[str, Any]]]:
        """What the stream tells, without an end: the kind of each message and its content. ("", {}) stands for a line
        that tells nothing, so that whoever listens can stop."""
        connection = self._connection(STREAM_TIMEOUT_S)
        try:
            connection.request("GET", "/api/stream", headers={"Cookie": self._cookie, "Accept": "text/event-stream"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise ValueError(f"no event stream: {answer.status}")
            kind = ""
            while True:
                line = answer.readline().decode("utf-8").rstrip("\n")
                if not line and answer.isclosed():
                    raise ValueError("the stream ended")
                if line.startswith("event: "):
                    kind = line[7:]
                yield (kind, json.loads(line[6:])) if line.startswith("data: ") else ("", {})
        finally:
            connection.close()

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout_s)
