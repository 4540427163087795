"""How the demonstration and `diemcau-sim inject` talk to a process that holds rooms: JSON lines over a unix socket."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, Protocol

from sim.book import Book, UnknownFaultError

ANSWER_S = 20.0
LINE_MAX = 4 * 2**20


class ControlError(Exception):
    """The process could not do what it was asked. The text is one sentence."""


class Host(Protocol):
    """A process with rooms."""

    book: Book

    def now(self) -> tuple[float, float]:
        """Monotonic and wall time."""
        ...

    def report(self) -> dict[str, Any]:
        """What happened so far."""
        ...


def answer(host: Host, line: bytes) -> bytes:
    """Obey one request: `{"do": "inject" | "lift" | "call" | "report" | "truth" | "rooms", ...}`. Never raises."""
    try:
        request = json.loads(line)
        now_s, wall_s = host.now()
        match request.get("do"):
            case "inject":
                args = {str(key): float(value) for key, value in request.get("args", {}).items()}
                lasts_s = float(request.get("lasts_s", 0.0))
                entries = [
                    host.book.inject(str(room), str(request["fault"]), now_s, wall_s, args, lasts_s).row()
                    for room in request["rooms"]
                ]
                reply: dict[str, Any] = {"ok": True, "entries": entries}
            case "call":
                for room in request["rooms"]:
                    host.book.rooms[str(room)].start_call(float(request["lasts_s"]), now_s)
                reply = {"ok": True}
            case "lift":
                for room in request["rooms"]:
                    host.book.lift(str(room), str(request["fault"]), now_s)
                reply = {"ok": True}
            case "report":
                reply = {"ok": True, **host.report()}
            case "truth":
                reply = {"ok": True, "rooms": host.book.truth(now_s)}
            case "rooms":
                reply = {"ok": True, "rooms": sorted(host.book.rooms)}
            case other:
                reply = {
                    "ok": False,
                    "error": f"there is no order {other!r}; there are inject, lift, call, report, truth, rooms",
                }
    except UnknownFaultError as error:
        reply = {"ok": False, "error": str(error)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reply = {"ok": False, "error": f"the request cannot be read: {type(error).__name__} {error}"}
    return json.dumps(reply).encode() + b"\n"


def ask(path: Path, **request: Any) -> dict[str, Any]:
    """Send a request and wait for the answer. Raises ControlError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ANSWER_S)
        try:
            line.connect(str(path))
            line.sendall(json.dumps(request).encode() + b"\n")
            with line.makefile("rb") as answers:
                raw = answers.readline(LINE_MAX)
        except OSError as error:
            raise ControlError(f"no simulator answers at {path}: {error}; start it first") from None
    reply = json.loads(raw or b"{}")
    if not reply.get("ok"):
        raise ControlError(str(reply.get("error", "the simulator ended without an answer")))
    return dict(reply)
