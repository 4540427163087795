"""The signer's process: a Unix socket, a key, a journal. It writes down what it signs before it signs it."""

from __future__ import annotations

import errno
import json
import logging
import os
import pwd
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.pki.files import PkiError
from hub.signer import keys
from hub.signer.rules import Rules
from wire import envelope as e
from wire.messages import PAYLOAD_MAX_BYTES, BadMessageError

log = logging.getLogger(__name__)

ASK_MAX_BYTES = PAYLOAD_MAX_BYTES * 2
CALLERS_MAX = 8
WHAT_MAX = 200
"""Characters of what is asked that the journal keeps: a caller must not fill the card with one refused order."""


class Signer:
    """Signs what the rules let pass. `allowed` are the user ids that may ask."""

    def __init__(
        self, key: Ed25519PrivateKey, journal: Path, allowed: frozenset[int],
        clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._key = key
        self._id = keys.key_id(keys.public_of(key))
        self._allowed = allowed
        self._rules = Rules()
        self._clock, self._wall = clock, wall
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(CALLERS_MAX)
        journal.parent.mkdir(parents=True, exist_ok=True)
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def answer(self, raw: bytes) -> dict[str, Any]:
        """An envelope for what is asked, or the reason why there is none. Raises OSError when it cannot be written
        down: then nothing is signed."""
        try:
            asked = json.loads(raw)
            kind, body = str(asked["kind"]), e.unbase64(asked["body"])
        except (ValueError, KeyError, TypeError, RecursionError, BadMessageError):
            return {"refused": "malformed"}
        with self._lock:
            return self._judged(kind, body)

    def _judged(self, kind: str, body: bytes) -> dict[str, Any]:
        wall_s = self._wall()
        reason, what = self._rules.judge(kind, body, self._clock(), wall_s)
        line = {"at": round(wall_s, 3), "what": (what or kind)[:WHAT_MAX], "refused": reason, "key": self._id}
        written = (json.dumps(line) + "\n").encode()
        if os.write(self._journal, written) != len(written):
            raise OSError(errno.ENOSPC, "the journal took a part of a line only")
        os.fdatasync(self._journal)
        if reason:
            return {"refused": reason}
        return {"envelope": e.seal(e.Kind(kind), body, [(self._id, self._key.sign(e.pae(kind, body)))]).decode()}

    def serve(self, listener: socket.socket, over: threading.Event) -> None:
        """Serve a few callers at a time, each for as long as it likes, until `over` is set."""
        listener.settimeout(0.5)
        while not over.is_set():
            try:
                caller, _ = listener.accept()
            except TimeoutError:
                continue
            if not self._places.acquire(blocking=False):
                log.warning("more than %d callers at a time: one was turned away", CALLERS_MAX)
                caller.close()
                continue
            threading.Thread(target=self._serve, args=(caller,), daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        try:
            with caller:
                self._converse(caller)
        except (OSError, ValueError) as error:
            log.warning("a caller was not served: %s", error)
        finally:
            self._places.release()

    def _converse(self, caller: socket.socket) -> None:
        _, uid, _ = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid not in self._allowed:
            log.error("user id %d asked for a signature and may not", uid)
            return
        with caller.makefile("rb") as lines:
            while line := lines.readline(ASK_MAX_BYTES):
                if not line.endswith(b"\n"):
                    raise ValueError("a question without an end")
                caller.sendall(json.dumps(self.answer(line)).encode() + b"\n")


def users(names: list[str]) -> frozenset[int]:
    """The user ids of these accounts, and our own. Raises PkiError."""
    try:
        return frozenset({os.getuid(), *(pwd.getpwnam(name).pw_uid for name in names)})
    except KeyError as error:
        raise PkiError(f"--user: không có tài khoản này / no such account: {error}") from None


def listen(path: Path) -> socket.socket:
    """The socket, for owner and group alone. Raises PkiError when another signer is there."""
    if path.exists():
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                path.unlink()  # left by one that was killed
            else:
                raise PkiError(f"{path}: đã có tiến trình ký / another signer listens there")
    path.parent.mkdir(parents=True, exist_ok=True)
    made = socket.socket(socket.AF_UNIX)
    old = os.umask(0o117)
    try:
        made.bind(str(path))
    except OSError as error:
        raise PkiError(f"{path}: không mở được / cannot be opened: {error}") from None
    finally:
        os.umask(old)
    made.listen(8)
    return made
