"""Live pages: one event stream a page, fed with small JSON patches that are computed once for all who watch.

A patch says which tiles changed and to what, the counters, and which incidents and rooms have news; a page fetches the
fragments that show those again. Each stream has a bounded queue: one that falls behind is told to read everything
again (`refresh`), which is always right and never grows.

Whoever watches is looked up again before each patch, and once a second: a session that was ended, an account that was
locked or that sees something else now is told nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from anyio import to_thread

from hub.access.auth import Session
from hub.access.limits import is_somebody, network
from hub.port import Change, HubPort
from hub.store.read import reads

log = logging.getLogger(__name__)

BEAT_S = 5.0
"""A stream is never silent for longer; a page that hears nothing for three beats says so."""
GAP_S = 0.25
"""Shortest time between two patches: as fast as the hub commits."""
LOOK_S = 1.0
"""How soon a page is ended whose session was."""
QUEUE_MAX = 64
STREAMS_MAX = 200
SESSION_MAX = 8
"""Streams of one session. Browsers open six connections to a host."""
USER_MAX = 24
"""Streams of one account, which an office may share."""
ADDRESS_MAX = 64
"""Streams from one address, behind which a whole office may sit. A proxy on this machine that names nobody is none."""
FULL_RETRY_S = 30
"""When a page that was turned away for one of these tries again."""

Find = Callable[[Collection[str]], Mapping[str, Session]]
"""Which of these sessions still stand; `Sessions.find_all`."""


@dataclass(eq=False, frozen=True)
class Watcher:
    """One open page: whose it is, and what waits to be told to it. None in the queue: it is over."""

    session: Session
    address: str = ""
    queue: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))


class Live:
    """Turns the hub's changes into patches and hands them to every open page."""

    def __init__(self, hub: HubPort, reader: reads.Reader, clock: Callable[[], float], find: Find) -> None:
        self._hub = hub
        self._reader = reader
        self._clock = clock
        self._find = find
        self._streams: set[Watcher] = set()
        self._tiles: dict[str, str] = {}
        self.patch_ms = 0.0
        """How long the last patch took to compute."""
        self.patch_bytes = 0

    @property
    def watching(self) -> int:
        """How many pages are open."""
        return len(self._streams)

    def full(self, session: Session, address: str) -> bool:
        """Whether so many pages are open, or so many of this session, account or address, that this is one too many:
        it could starve the others."""
        place, others = network(address), self._streams
        same = {
            SESSION_MAX: sum(one.session.token_hash == session.token_hash for one in others),
            USER_MAX: sum(one.session.user == session.user for one in others),
            ADDRESS_MAX: sum(network(one.address) == place for one in others) if is_somebody(address) else 0,
            STREAMS_MAX: len(others),
        }
        return any(count >= most for most, count in same.items())

    async def run(self) -> None:
        """Compute and send patches until cancelled."""
        loop, news, told_s = asyncio.get_running_loop(), asyncio.Event(), 0.0
        subscription = self._hub.subscribe()

        def wake() -> None:
            loop.call_soon_threadsafe(news.set)

        subscription.on_change = wake
        try:
            while not subscription.closed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), LOOK_S)
                news.clear()
                change = subscription.drain()
                if self._streams and await self._look() and (change or time.monotonic() - told_s >= BEAT_S):
                    told_s = time.monotonic()
                    await self._send(change or Change())
                await asyncio.sleep(GAP_S)
        finally:
            subscription.on_change = None
            subscription.close()

    async def _look(self) -> bool:
        """End the streams whose session does not stand any more or sees something else. False: it cannot be told, so
        nothing may be said to anybody."""
        watchers = list(self._streams)
        hashes = {one.session.token_hash for one in watchers}
        try:
            found = await to_thread.run_sync(self._find, hashes)
        except sqlite3.Error:
            log.exception("it cannot be told who may watch; pages show their data as stale until it can")
            return False
        for one in watchers:
            now = found.get(one.session.token_hash)
            if now is None or (now.scope, now.rights) != (one.session.scope, one.session.rights):
                self._streams.discard(one)
                _end(one.queue)
        return True

    async def _send(self, change: Change) -> None:
        try:
            patch = await to_thread.run_sync(self.patch, change)
        except sqlite3.Error:
            log.exception("no patch could be computed; pages show their data as stale until one can")
            return
        message = _message("patch", patch)
        self.patch_bytes = len(message)
        for one in self._streams:
            _offer(one.queue, message)

    def patch(self, change: Change) -> dict[str, Any]:
        """The patch of a change since the last call: counters always, tiles where they differ."""
        began = time.perf_counter()
        patch: dict[str, Any] = self._top()
        if change.rooms or change.refresh:
            tiles = reads.verdicts(self._reader)
            different = {room: verdict for room, verdict in tiles.items() if self._tiles.get(room) != verdict}
            self._tiles = tiles
            if different:
                patch["tiles"] = different
        if change.rooms:
            patch["rooms"] = sorted(change.rooms)
        if change.incidents:
            patch["incidents"] = sorted(change.incidents)
        if change.refresh:
            patch["refresh"] = True
        self.patch_ms = (time.perf_counter() - began) * 1000
        return patch

    def _top(self, reader: reads.Reader | None = None) -> dict[str, Any]:
        now_s, health = self._clock(), self._hub.health()
        counters = reads.counters(reader or self._reader, now_s)
        age_s = health.get("last_message_age_s")
        if reader is not None:  # of one's own rooms, not of the hub
            age_s = max(0.0, now_s - counters.heard_s) if counters.heard_s else None
        return {
            "now": now_s,
            "counters": asdict(counters),
            "age": age_s,
            "broker": bool(health.get("broker_connected")),
        }

    async def stream(
        self, session: Session, address: str = "", scoped: reads.Reader | None = None
    ) -> AsyncIterator[str]:  # fmt: skip
        """The events of one page, from a full picture on. Ends when the session does.

        With `scoped`, the page is told of no room but those that this reader shows.
        """
        if self.full(session, address):  # others were faster since it was asked
            yield f"retry: {FULL_RETRY_S * 1000}\n{_message('full', {})}"
            return
        watcher = Watcher(session, address)
        self._streams.add(watcher)
        try:
            yield "retry: 2000\n\n"
            yield _message("hello", await to_thread.run_sync(self._hello, scoped))
            while (message := await watcher.queue.get()) is not None:
                yield message if scoped is None else await to_thread.run_sync(self._narrow, message, scoped)
            yield _message("bye", {})
        finally:
            self._streams.discard(watcher)

    def _hello(self, scoped: reads.Reader | None) -> dict[str, Any]:
        if scoped is not None:
            return self._top(scoped) | {"tiles": reads.verdicts(scoped)}
        tiles = reads.verdicts(self._reader)
        if not self._tiles:
            self._tiles = tiles
        return self._top() | {"tiles": tiles}

    def _narrow(self, message: str, scoped: reads.Reader) -> str:
        """A message for all, with only what a scope shows."""
        event, _, text = message.partition("\ndata: ")
        patch: dict[str, Any] = json.loads(text)
        seen = reads.verdicts(scoped)
        if "counters" in patch:
            patch |= self._top(scoped)
        if "tiles" in patch:
            patch["tiles"] = {room: verdict for room, verdict in patch["tiles"].items() if room in seen}
        if "rooms" in patch:
            patch["rooms"] = [room for room in patch["rooms"] if room in seen]
        if "incidents" in patch:
            found = scoped.all(
                "SELECT id FROM incidents WHERE id IN (SELECT value FROM json_each(?))", json.dumps(patch["incidents"])
            )
            patch["incidents"] = sorted(row[0] for row in found)
        for name in ("tiles", "rooms", "incidents"):
            if not patch.get(name):
                patch.pop(name, None)  # that something happens elsewhere is not told either
        return _message(event.removeprefix("event: "), patch)


def _offer(queue: asyncio.Queue[str | None], message: str) -> None:
    try:
        queue.put_nowait(message)
    except asyncio.QueueFull:
        _empty(queue)
        queue.put_nowait(_message("patch", {"refresh": True}))


def _end(queue: asyncio.Queue[str | None]) -> None:
    """What still waits is not told."""
    _empty(queue)
    queue.put_nowait(None)


def _empty(queue: asyncio.Queue[str | None]) -> None:
    while not queue.empty():
        queue.get_nowait()


def _message(event: str, content: dict[str, Any]) -> str:
    return f"event: {event}\ndata: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"
