"""Patches are small, computed once, and never pile up."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from hub.api import live as live_module
from hub.api.auth import Session
from hub.api.live import Live
from hub.port import REFRESH, Change
from hub.store.reads import Reader
from tests.hub.console.fake import FakeHub

ROOM = "th-14878-2"


SESSION = Session("thu.ha", "", "operator", "vi", "csrf", "hash")


def standing(hashes: Collection[str]) -> dict[str, Session]:
    """Every session stands."""
    return {one: replace(SESSION, token_hash=one) for one in hashes}


def make(db_path: Path, hub: FakeHub) -> Live:
    """A Live with the picture that a first page would have given it."""
    live = Live(hub, Reader(db_path), time.time, standing)
    live.patch(REFRESH)
    return live


def test_a_patch_names_only_what_changed(db_path: Path, hub: FakeHub) -> None:
    live = make(db_path, hub)
    hub.write("UPDATE twins SET verdict = 'ready' WHERE room = ?", ROOM)
    patch = live.patch(Change(rooms=frozenset({ROOM}), incidents=frozenset({2})))
    assert patch["tiles"] == {ROOM: "ready"}
    assert patch["rooms"] == [ROOM]
    assert patch["incidents"] == [2]
    assert "refresh" not in patch
    again = live.patch(Change(rooms=frozenset({ROOM})))
    assert "tiles" not in again


def test_a_beat_carries_the_counters_alone(db_path: Path, hub: FakeHub) -> None:
    patch = make(db_path, hub).patch(Change())
    assert patch.keys() == {"now", "counters", "age", "broker"}
    assert patch["counters"]["total"] == 619
    assert len(json.dumps(patch)) < 400


def test_a_patch_of_fifty_tiles_is_small(db_path: Path, hub: FakeHub) -> None:
    live = make(db_path, hub)
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
