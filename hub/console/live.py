"""Live pages: one event stream a browser, fed with small JSON patches that are computed once for all who watch.

A patch says which tiles changed and to what, the counters, and which incidents and rooms have news; a page fetches the
fragments that show those again. What changed is found by comparing with what that very stream has been told, at each
patch and each beat, so a tile that is wrong for whatever reason is right again with the next beat. Each stream has a
bounded queue: one that falls behind is told to read all again (`refresh`), which is always right and never grows.

Changes are counted. A page carries the number of its own drawing and the stream begins with the number of its own
beginning, so that news between the two are not lost.

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
from types import MappingProxyType
from typing import Any, NamedTuple

from anyio import to_thread

from hub.access.auth import Session
from hub.access.limits import is_somebody, network
from hub.port import REFRESH, Change, HubPort
from hub.store.read import counts, reads

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
"""Streams of one session. All tabs of a browser share one, but not every browser can."""
USER_MAX = 24
"""Streams of one account, which an office may share."""
ADDRESS_MAX = 64
"""Streams from one address, behind which a whole office may sit. A proxy on this machine that names nobody is none."""
FULL_RETRY_S = 30
"""When a page that was turned away for one of these tries again."""

Find = Callable[[Collection[str]], Mapping[str, Session]]
"""Which of these sessions still stand; `Sessions.find_all`."""
Tiles = Mapping[str, str]
"""Room to verdict."""
NOTHING: Tiles = MappingProxyType({})


class Picture(NamedTuple):
    """All that is shown live at one moment: what stands on top of every page, and every tile."""

    top: dict[str, Any]
    tiles: Tiles


@dataclass(eq=False)
class Watcher:
    """One open stream: whose it is, and what waits to be told to it. None in the queue: it is over."""

    session: Session
    address: str = ""
    queue: asyncio.Queue[str | None] = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    told: Tiles | None = None
    """The tiles as this stream has been told them. None: its first picture is still on its way."""


class Live:
    """Turns the hub's changes into patches and hands them to every open page."""

    def __init__(self, hub: HubPort, reader: reads.Reader, clock: Callable[[], float], find: Find) -> None:
        self._hub = hub
        self._reader = reader
        self._clock = clock
        self._find = find
        self._streams: set[Watcher] = set()
        self.change = 0
        """How many changes there have been since the start."""
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
        untold: Change | None = None
        subscription = self._hub.subscribe()

        def wake() -> None:
            loop.call_soon_threadsafe(news.set)

        subscription.on_change = wake
        try:
            while not subscription.closed:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):  # wait_for lets a cancellation go lost when news come with it
                        await news.wait()
                news.clear()
                if change := subscription.drain():
                    self.change += 1
                    untold = (untold or Change()) | change
                if not self._streams:
                    untold = None  # whoever comes sees by the count that there was something
                elif not await self._look():
                    untold = REFRESH  # bounded, however long it lasts
                elif untold or time.monotonic() - told_s >= BEAT_S:
                    told_s = time.monotonic()
                    untold = None if await self._send(untold or Change()) else REFRESH
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

    async def _send(self, change: Change) -> bool:
        """Tell every stream. False: nothing could be read, so nothing was told."""
        began = time.perf_counter()
        try:
            picture = await to_thread.run_sync(self.picture)
        except sqlite3.Error:
            log.exception("no patch could be computed; pages show their data as stale until one can")
            return False
        alike: dict[int, list[Watcher]] = {}
        for one in self._streams:
            alike.setdefault(id(one.told), []).append(one)
        for watchers in alike.values():
            told = watchers[0].told
            message = _message("patch", difference(change, picture.tiles if told is None else told, picture))
            self.patch_bytes = len(message)
            for one in watchers:
                taken = _offer(one.queue, message)
                if told is not None:
                    one.told = picture.tiles if taken else NOTHING
        self.patch_ms = (time.perf_counter() - began) * 1000
        return True

    def picture(self, scoped: reads.Reader | None = None) -> Picture:
        """What there is to show now; with `scoped`, of no room but those that this reader shows."""
        return Picture(self._top(scoped), reads.verdicts(scoped or self._reader))

    def _top(self, reader: reads.Reader | None = None) -> dict[str, Any]:
        now_s, health = self._clock(), self._hub.health()
        counters = counts.counters(reader or self._reader, now_s)
        age_s = health.get("last_message_age_s")
        if reader is not None:  # of one's own rooms, not of the hub
            age_s = max(0.0, now_s - counters.heard_s) if counters.heard_s else None
        return {
            "now": now_s,
            "counters": asdict(counters),
            "age": age_s,
            "broker": bool(health.get("broker_connected")),
        } | ({"change": self.change} if reader is None else {})  # how much happens elsewhere is not told either

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
            picture = await to_thread.run_sync(self.picture, scoped)
            watcher.told = picture.tiles
            yield _message("hello", picture.top | {"tiles": picture.tiles})
            while (message := await watcher.queue.get()) is not None:
                yield message if scoped is None else await to_thread.run_sync(self._narrow, message, scoped)
            yield _message("bye", {})
        finally:
            self._streams.discard(watcher)

    def _narrow(self, message: str, scoped: reads.Reader) -> str:
        """A message for all, with only what a scope shows."""
        event, _, text = message.partition("\ndata: ")
        patch: dict[str, Any] = json.loads(text)
        seen = reads.verdicts(scoped)
        if "counters" in patch:
            patch.pop("change", None)
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


def difference(change: Change, told: Tiles, picture: Picture) -> dict[str, Any]:
    """What to tell a stream that was told these tiles: the counters always, tiles where they differ."""
    patch = dict(picture.top)
    tiles = {room: verdict for room, verdict in picture.tiles.items() if told.get(room) != verdict}
    news = {"tiles": tiles, "rooms": sorted(change.rooms), "incidents": sorted(change.incidents)}
    patch |= {name: found for name, found in news.items() if found}
    if change.refresh:
        patch["refresh"] = True
    return patch


def _offer(queue: asyncio.Queue[str | None], message: str) -> bool:
    """Put it in line. False: the line was too long, so there is but one thing in it, to read everything again."""
    try:
        queue.put_nowait(message)
    except asyncio.QueueFull:
        _empty(queue)
        queue.put_nowait(_message("patch", {"refresh": True}))
        return False
    return True


def _end(queue: asyncio.Queue[str | None]) -> None:
    """What still waits is not told."""
    _empty(queue)
    queue.put_nowait(None)


def _empty(queue: asyncio.Queue[str | None]) -> None:
    while not queue.empty():
        queue.get_nowait()


def _message(event: str, content: dict[str, Any]) -> str:
    return f"event: {event}\ndata: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"
