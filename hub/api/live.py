"""Live pages: one event stream a page, fed with small JSON patches that are computed once for all who watch.

A patch says which tiles changed and to what, the counters, and which incidents and rooms have news; a page fetches the
fragments that show those again. Each stream has a bounded queue: one that falls behind is told to read everything
again (`refresh`), which is always right and never grows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any

from anyio import to_thread

from hub.port import Change, HubPort
from hub.store import reads

log = logging.getLogger(__name__)

BEAT_S = 5.0
"""A stream is never silent for longer; a page that hears nothing for three beats says so."""
GAP_S = 0.25
"""Shortest time between two patches: as fast as the hub commits."""
QUEUE_MAX = 64
STREAMS_MAX = 200


class Live:
    """Turns the hub's changes into patches and hands them to every open page."""

    def __init__(self, hub: HubPort, reader: reads.Reader, clock: Callable[[], float]) -> None:
        self._hub = hub
        self._reader = reader
        self._clock = clock
        self._streams: set[asyncio.Queue[str]] = set()
        self._tiles: dict[str, str] = {}
        self.patch_ms = 0.0
        """How long the last patch took to compute."""
        self.patch_bytes = 0

    @property
    def watching(self) -> int:
        """How many pages are open."""
        return len(self._streams)

    @property
    def full(self) -> bool:
        """Whether so many pages are open that another one could starve them all."""
        return self.watching >= STREAMS_MAX

    async def run(self) -> None:
        """Compute and send patches until cancelled."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        subscription = self._hub.subscribe()

        def wake() -> None:
            loop.call_soon_threadsafe(news.set)

        subscription.on_change = wake
        try:
            while not subscription.closed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), BEAT_S)
                news.clear()
                change = subscription.drain()
                if self._streams:
                    await self._send(change or Change())
                await asyncio.sleep(GAP_S)
        finally:
            subscription.on_change = None
            subscription.close()

    async def _send(self, change: Change) -> None:
        try:
            patch = await to_thread.run_sync(self.patch, change)
        except sqlite3.Error:
            log.exception("no patch could be computed; pages show their data as stale until one can")
            return
        message = _message("patch", patch)
        self.patch_bytes = len(message)
        for queue in self._streams:
            _offer(queue, message)

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
        now_s = self._clock()
        health = self._hub.health()
        return {
            "now": now_s,
            "counters": asdict(reads.counters(reader or self._reader, now_s)),
            "age": health.get("last_message_age_s"),
            "broker": bool(health.get("broker_connected")),
        }

    async def stream(self, still_valid: Callable[[], bool], scoped: reads.Reader | None = None) -> AsyncIterator[str]:
        """The events of one page, from a full picture on. Ends when the session does.

        With `scoped`, the page is told of no room but those that this reader shows.
        """
        queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_MAX)
        self._streams.add(queue)
        try:
            yield "retry: 2000\n\n"
            yield _message("hello", await to_thread.run_sync(self._hello, scoped))
            checked_s = self._clock()
            while True:
                message = await queue.get()
                yield message if scoped is None else await to_thread.run_sync(self._narrow, message, scoped)
                if self._clock() - checked_s > 60:
                    checked_s = self._clock()
                    if not await to_thread.run_sync(still_valid):
                        yield _message("bye", {})
                        return
        finally:
            self._streams.discard(queue)

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
        return _message(event.removeprefix("event: "), patch)


def _offer(queue: asyncio.Queue[str], message: str) -> None:
    try:
        queue.put_nowait(message)
    except asyncio.QueueFull:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(_message("patch", {"refresh": True}))


def _message(event: str, content: dict[str, Any]) -> str:
    return f"event: {event}\ndata: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"
