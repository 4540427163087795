"""Looks at a demonstration's console each second as people do: tiles by the stream, rows, rooms' pages. And asks the
simulation how things are."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from sim.console import Console
from sim.control import ControlError, ask
from tests.prove.told import Book, Truth, of_list, of_page, of_verdict

EVERY_S = 1.0
PAGES_MAX = 4
"""Rooms' pages a second, in turn: what is looked at must not be what keeps the hub busy."""
FAILS = (OSError, ValueError, http.client.HTTPException, ControlError)


class Recorder:
    """Follows the console on `port` from two threads, until `stop`."""

    def __init__(self, port: int, login: tuple[str, str], controls: list[Path]) -> None:
        """`controls`: the sockets of the processes that hold rooms."""
        self.book = Book()
        self.late_s = 0.0
        """The longest time from one look to the next."""
        self.places: set[str] = set()
        """Where anything was said."""
        self._console = Console(port, *login)
        self._streamed = Console(port, *login)
        self._controls = controls
        self._tiles: dict[str, str] = {}
        self._paged_s: dict[str, float] = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._follow, self._record)]

    def start(self) -> None:
        """Begin."""
        self._console.sign_in()
        self._streamed.sign_in()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        for thread in self._threads:
            thread.join(30.0)
        self.book.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                with closing(self._streamed.stream()) as told:
                    for _, patch in told:
                        self._tiles |= patch.get("tiles", {})
                        if self._stop.is_set():
                            return
            except FAILS:
                self._stop.wait(EVERY_S)

    def _record(self) -> None:
        last_s = time.monotonic()
        while not self._stop.wait(EVERY_S):
            try:
                self._look()
            except FAILS:
                continue  # the demonstration is ending, or its hub is: there is nothing that could be told
            now_s = time.monotonic()
            self.late_s, last_s = max(self.late_s, now_s - last_s), now_s

    def _look(self) -> None:
        truths = self._truths()
        said = of_list(self._console.page("/triage?part=list"))
        seen = self._due(truths)
        for room in seen:
            said += of_page(room, self._console.page(f"/rooms/{room}"))
        for room, verdict in list(self._tiles.items()):
            said += of_verdict(room, "tile", verdict)
        self.places |= {one.where for one in said}
        self.book.look(time.monotonic(), said, truths, lambda one: one.where == "page" and one.room not in seen)

    def _truths(self) -> dict[str, Truth]:
        found: dict[str, Truth] = {}
        for control in self._controls:
            for room, one in ask(control, do="truth")["rooms"].items():
                found[room] = _truth(one)
        return found

    def _due(self, truths: dict[str, Truth]) -> list[str]:
        """The struck rooms whose page was looked at longest ago."""
        due = sorted(truths, key=lambda room: self._paged_s.get(room, 0.0))[:PAGES_MAX]
        self._paged_s |= dict.fromkeys(due, time.monotonic())
        return due


def _truth(one: dict[str, Any]) -> Truth:
    return Truth(tuple(one["faults"]), tuple(one["out"]), bool(one["in_call"]), bool(one["heard"]), one["temp_c"])
