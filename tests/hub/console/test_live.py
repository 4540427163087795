"""Patches are small, computed once, and never pile up."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hub.access import people
from hub.access.auth import Session, Sessions
from hub.access.outcomes import SignedIn
from hub.console import live as live_module
from hub.console.live import Live, Watcher, difference
from hub.port import Change
from hub.store.read.reads import Reader
from hub.store.read.scope import ScopedReader
from tests.hub.console import seed
from tests.hub.console.conftest import sign_in
from tests.hub.console.fake import FakeHub

ROOM = "th-14878-2"


SESSION = Session("thu.ha", "", "operator", "vi", "csrf", "hash")


def standing(hashes: Collection[str]) -> dict[str, Session]:
    """Every session stands."""
    return {one: replace(SESSION, token_hash=one) for one in hashes}


class Told:
    """A stream's own memory of what it was told."""

    def __init__(self, db_path: Path, hub: FakeHub) -> None:
        self.live = Live(hub, Reader(db_path), time.time, standing)
        self.tiles = self.live.picture().tiles

    def patch(self, change: Change) -> dict[str, Any]:
        """What it is told of a change."""
        picture = self.live.picture()
        patch = difference(change, self.tiles, picture)
        self.tiles = picture.tiles
        return patch


def test_a_patch_names_only_what_changed(db_path: Path, hub: FakeHub) -> None:
    live = Told(db_path, hub)
    hub.write("UPDATE twins SET verdict = 'ready' WHERE room = ?", ROOM)
    patch = live.patch(Change(rooms=frozenset({ROOM}), incidents=frozenset({2})))
    assert patch["tiles"] == {ROOM: "ready"}
    assert patch["rooms"] == [ROOM]
    assert patch["incidents"] == [2]
    assert "refresh" not in patch
    again = live.patch(Change(rooms=frozenset({ROOM})))
    assert "tiles" not in again


def test_a_beat_carries_the_counters_alone(db_path: Path, hub: FakeHub) -> None:
    patch = Told(db_path, hub).patch(Change())
    assert patch.keys() == {"now", "counters", "age", "broker", "change"}
    assert patch["counters"]["total"] == 619
    assert len(json.dumps(patch)) < 400


def test_a_patch_of_fifty_tiles_is_small(db_path: Path, hub: FakeHub) -> None:
    live = Told(db_path, hub)
    reader = Reader(db_path)
    rooms = [row[0] for row in reader.all("SELECT room FROM twins WHERE verdict = 'ready' LIMIT 50")]
    for room in rooms:
        hub.write("UPDATE twins SET verdict = 'lost' WHERE room = ?", room)
    patch = live.patch(Change(rooms=frozenset(rooms)))
    assert len(patch["tiles"]) == 50
    assert len(json.dumps(patch)) < 4000


def _events(texts: list[str]) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for text in texts:
        lines = dict(line.split(": ", 1) for line in text.strip().split("\n"))
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def test_a_stream_begins_with_the_whole_picture_then_follows(db_path: Path, hub: FakeHub) -> None:
    async def run() -> list[str]:
        live = Live(hub, Reader(db_path), time.time, standing)
        task = asyncio.create_task(live.run())
        stream = live.stream(SESSION)
        got = [await anext(stream), await anext(stream)]
        hub.write("UPDATE twins SET verdict = 'check' WHERE room = ?", ROOM)
        hub.tell(Change(rooms=frozenset({ROOM})))
        got.append(await asyncio.wait_for(anext(stream), 30))
        await stream.aclose()  # type: ignore[attr-defined]
        assert live.watching == 0
        task.cancel()
        return got

    (hello, first), (name, patch) = _events(asyncio.run(run()))
    assert hello == "hello"
    assert len(first["tiles"]) == 621
    assert name == "patch"
    assert patch["tiles"] == {ROOM: "check"}


def test_a_page_that_falls_behind_is_told_to_read_again() -> None:
    queue: asyncio.Queue[str | None] = asyncio.Queue(live_module.QUEUE_MAX)
    for number in range(live_module.QUEUE_MAX * 3):
        live_module._offer(queue, f"event: patch\ndata: {number}\n\n")
        assert queue.qsize() <= live_module.QUEUE_MAX
    texts = []
    while not queue.empty():
        texts.append(queue.get_nowait() or "")
    assert any('"refresh":true' in text for text in texts)
    assert texts[-1].endswith(f"{live_module.QUEUE_MAX * 3 - 1}\n\n")


SHUT_OUT: dict[str, Callable[[Sessions], Any]] = {
    "lock": lambda sessions: people.lock(sessions, "chi.huy", "thu.ha", time.time()),
    "password": lambda sessions: people.reset_password(sessions, "chi.huy", "thu.ha", time.time()),
    "second step": lambda sessions: people.reset_step(sessions, "chi.huy", "thu.ha", time.time()),
    "moved": lambda sessions: people.change(
        sessions, "chi.huy", "thu.ha", "", "operator", frozenset({3}), time.time()
    ),
    "another role": lambda sessions: people.change(
        sessions, "chi.huy", "thu.ha", "", "viewer", frozenset(), time.time()
    ),
    "ended": lambda sessions: people.end_sessions(sessions, "chi.huy", "thu.ha", time.time()),
    "signed out": lambda sessions: sessions.logout(next(iter(sessions.find_all(all_of(sessions)).values()))),
    "bound by another program": lambda sessions: write(
        sessions, "INSERT INTO user_scopes (user, node) VALUES ('thu.ha', 3)"
    ),
    "locked by another program": lambda sessions: write(sessions, "UPDATE users SET disabled = 1"),
}  # fmt: skip


def write(sessions: Sessions, sql: str) -> None:
    with sessions.writing() as db:
        db.execute(sql)


def all_of(sessions: Sessions) -> list[str]:
    return [row[0] for row in sessions.reading().execute("SELECT token_hash FROM sessions WHERE user = 'thu.ha'")]


@pytest.mark.parametrize("what", SHUT_OUT)
def test_who_is_shut_out_hears_nothing_more(db_path: Path, hub: FakeHub, what: str) -> None:
    hub.write("INSERT INTO users (name, hash, role, created_s) VALUES ('chi.huy', '', 'admin', 0)")
    sessions = Sessions(db_path, time.time)
    made = sessions.login("thu.ha", seed.PASSWORD, "10.0.0.1")
    assert isinstance(made, SignedIn)
    session = sessions.find(made.token)
    assert session is not None

    async def run() -> list[str]:
        live = Live(hub, Reader(db_path), time.time, sessions.find_all)
        task = asyncio.create_task(live.run())
        stream = live.stream(session)
        await anext(stream)
        await anext(stream)
        SHUT_OUT[what](sessions)
        hub.write("UPDATE twins SET verdict = 'check' WHERE room = ?", ROOM)
        hub.tell(Change(rooms=frozenset({ROOM})))
        got = [text async for text in stream]
        task.cancel()
        assert live.watching == 0
        return got

    assert _events(asyncio.run(asyncio.wait_for(run(), 60))) == [("bye", {})]
    sessions.close()


def test_what_waits_for_a_slow_page_is_not_told_after_its_end() -> None:
    async def run() -> list[str | None]:
        watcher = Watcher(SESSION)
        for number in range(5):
            live_module._offer(watcher.queue, str(number))
        live_module._end(watcher.queue)
        return [watcher.queue.get_nowait() for _ in range(watcher.queue.qsize())]

    assert asyncio.run(run()) == [None]


def test_nobody_is_told_anything_while_it_cannot_be_asked_who_may_hear_it(db_path: Path, hub: FakeHub) -> None:
    def broken(_hashes: Collection[str]) -> dict[str, Session]:
        raise sqlite3.OperationalError("disk I/O error")

    async def run() -> tuple[bool, int]:
        live = Live(hub, Reader(db_path), time.time, broken)
        live._streams.add(Watcher(SESSION))
        return await live._look(), live.watching

    assert asyncio.run(run()) == (False, 1)


def test_one_session_account_or_address_leaves_streams_for_the_others(
    client: TestClient, app: FastAPI, db_path: Path
) -> None:
    live = app.state.live
    live._find = standing
    (token,) = [row[0] for row in Reader(db_path).all("SELECT token_hash FROM sessions")]
    mine = replace(SESSION, token_hash=token)
    assert client.get("/api/stream?why=1").status_code == 204
    kinds: tuple[tuple[Callable[[int], Watcher], int], ...] = (
        (lambda _: Watcher(mine), live_module.SESSION_MAX),
        (lambda number: Watcher(replace(SESSION, token_hash=str(number))), live_module.USER_MAX),
        (lambda number: Watcher(replace(SESSION, user=str(number), token_hash=str(number))), live_module.STREAMS_MAX),
    )
    for full, count in kinds:
        live._streams = {full(number) for number in range(count)}
        answer = client.get("/api/stream", headers={"accept": "text/event-stream"})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
        assert "quá nhiều trang" in answer.json()["error"]
        other = TestClient(app, follow_redirects=False)
        sign_in(other, "khach")
        assert other.get("/api/stream?why=1").status_code == (429 if count == live_module.STREAMS_MAX else 204)
        live._streams.pop()
        assert client.get("/api/stream?why=1").status_code == 204
    live._streams = {Watcher(replace(SESSION, user=str(n), token_hash=str(n)), "10.0.0.9") for n in range(64)}
    assert live.full(mine, "10.0.0.9")
    assert not live.full(mine, "10.0.0.8")
    live._streams = {Watcher(replace(SESSION, user=str(n), token_hash=str(n)), "127.0.0.1") for n in range(64)}
    assert not live.full(mine, "127.0.0.1"), "a proxy that names nobody is no single visitor"
    live._streams = set()


def test_who_comes_in_with_many_at_once_is_told_that_there_are_too_many(db_path: Path, hub: FakeHub) -> None:
    async def run() -> list[str]:
        live = Live(hub, Reader(db_path), time.time, standing)
        live._streams = {Watcher(SESSION) for _ in range(live_module.SESSION_MAX)}
        return [text async for text in live.stream(SESSION)]

    (told,) = asyncio.run(run())
    assert told.startswith("retry: 30000\nevent: full\n")


def test_what_happens_elsewhere_is_not_even_hinted_at(db_path: Path, hub: FakeHub) -> None:
    live = Told(db_path, hub)
    patch = live.patch(Change(rooms=frozenset({ROOM}), incidents=frozenset({2})))
    told = live.live._narrow(f"event: patch\ndata: {json.dumps(patch)}\n\n", ScopedReader(db_path, frozenset({-1})))
    assert json.loads(told.partition("data: ")[2]).keys() == {"now", "counters", "age", "broker"}


async def _told(stream: AsyncIterator[str], of: str) -> dict[str, Any]:
    """The next patch that speaks of `of`."""
    while True:
        for name, patch in _events([await asyncio.wait_for(anext(stream), 30)]):
            if name == "patch" and of in patch:
                return patch


def test_a_tile_that_changed_while_nobody_watched_changes_back_for_who_came_then(db_path: Path, hub: FakeHub) -> None:
    def change(verdict: str) -> None:
        hub.write("UPDATE twins SET verdict = ? WHERE room = ?", verdict, ROOM)
        hub.tell(Change(rooms=frozenset({ROOM})))

    async def run() -> tuple[str, str]:
        live = Live(hub, Reader(db_path), time.time, standing)
        task = asyncio.create_task(live.run())
        change("ready")
        first = live.stream(SESSION)
        await anext(first)
        await anext(first)
        await first.aclose()  # type: ignore[attr-defined]
        seen = live.change
        change("fault")
        while live.change == seen:
            await asyncio.sleep(0)
        second = live.stream(SESSION)
        await anext(second)
        ((_, hello),) = _events([await anext(second)])
        change("ready")
        patch = await _told(second, "tiles")
        task.cancel()
        return hello["tiles"][ROOM], patch["tiles"][ROOM]

    assert asyncio.run(run()) == ("fault", "ready")


def test_a_stream_that_fell_behind_is_told_every_tile_again(db_path: Path, hub: FakeHub) -> None:
    async def run() -> list[str | None]:
        live = Live(hub, Reader(db_path), time.time, standing)
        watcher = Watcher(SESSION, told=live.picture().tiles)
        live._streams.add(watcher)
        for _ in range(live_module.QUEUE_MAX + 1):
            await live._send(Change())
        await live._send(Change())
        return [watcher.queue.get_nowait() for _ in range(watcher.queue.qsize())]

    (_, first), (_, second) = _events([text or "" for text in asyncio.run(run())])
    assert first == {"refresh": True}
    assert len(second["tiles"]) == 621


def test_news_that_could_not_be_told_are_told_as_soon_as_they_can(
    db_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> dict[str, Any]:
        live = Live(hub, Reader(db_path), time.time, standing)
        task = asyncio.create_task(live.run())
        stream = live.stream(SESSION)
        await anext(stream)
        await anext(stream)
        asked = asyncio.Event()
        works = live.picture

        def broken(*_: Any) -> Any:
            asked.set()
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(live, "picture", broken)
        hub.tell(Change(incidents=frozenset({2})))
        while not asked.is_set():
            await asyncio.sleep(0)
        monkeypatch.setattr(live, "picture", works)
        patch = await _told(stream, "refresh")
        task.cancel()
        return patch

    assert asyncio.run(run())["refresh"] is True


@pytest.mark.parametrize("turns", range(6))
def test_it_ends_also_in_the_moment_of_news(db_path: Path, hub: FakeHub, turns: int) -> None:
    """The hub's end waits for it: whatever the loop has done of a change, being cancelled comes first."""

    async def run() -> set[asyncio.Task[None]]:
        task = asyncio.create_task(Live(hub, Reader(db_path), time.time, standing).run())
        for _ in range(3):
            await asyncio.sleep(0)
        hub.tell(Change(incidents=frozenset({2})))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        _, pending = await asyncio.wait([task], timeout=5)
        task.cancel()
        return pending

    assert not asyncio.run(run())


def test_a_page_and_its_stream_carry_the_count_of_changes(client: TestClient, app: FastAPI) -> None:
    app.state.live.change = 41
    assert 'data-change="41"' in client.get("/health").text
    assert app.state.live.picture().top["change"] == 41
