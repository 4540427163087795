"""How the hub asks for a signature: one connection that is made anew when it breaks, and never a wait without end."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
from pathlib import Path

from wire.envelope import Kind

log = logging.getLogger(__name__)

TIMEOUT_S = 3.0
AWAY = "signer_away"
TRY_LATER = frozenset({AWAY, "signer_fleet_rate"})
"""Reasons that lie in no document: the next one would meet the same."""


class SignRefusedError(Exception):
    """Nothing was signed. `reason` is a word that the catalogues know."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignerClient:
    """Asks the signer on its Unix socket. Safe for several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._told = False

    def seal(self, kind: Kind, body: bytes) -> bytes:
        """The envelope. Raises SignRefusedError."""
        question = json.dumps({"kind": kind, "body": base64.b64encode(body).decode("ascii")}).encode() + b"\n"
        with self._lock:
            try:
                answer = self._ask(question, again=self._line is not None)
            except (OSError, ValueError) as error:
                self._drop()
                if not self._told:
                    log.error("the signer at %s does not answer (%s): no order leaves the hub", self._path, error)
                self._told = True
                raise SignRefusedError(AWAY) from None
            if self._told:
                log.info("the signer answers again")
            self._told = False
        if "envelope" not in answer:
            raise SignRefusedError(f"signer_{answer.get('refused', 'malformed')}")
        return answer["envelope"].encode()

    def _ask(self, question: bytes, *, again: bool) -> dict[str, str]:
        try:
            if self._line is None:
                self._line = socket.socket(socket.AF_UNIX)
                self._line.settimeout(TIMEOUT_S)
                self._line.connect(str(self._path))
            self._line.sendall(question)
            with self._line.makefile("rb") as lines:
                raw = lines.readline()
            if not raw.endswith(b"\n"):
                raise ConnectionError("it hung up")
        except OSError:
            self._drop()
            if not again:
                raise
            return self._ask(question, again=False)  # the signer was started anew since the last question
        answer: dict[str, str] = json.loads(raw)
        return answer

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


class Unsigned:
    """For a demonstration or a test whose rooms accept what nobody has signed: the body as it is."""

    def seal(self, _kind: Kind, body: bytes) -> bytes:
        """The body."""
        return body
