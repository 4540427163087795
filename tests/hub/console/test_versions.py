"""The page of versions tells how far a roll-out is, in numbers that add up."""

from __future__ import annotations

import re
import time
from pathlib import Path

from starlette.testclient import TestClient

from hub.changes import rollouts
from hub.core.rollout import RoomNow
from hub.pages import versions
from hub.store.db import open_db, transaction


def test_without_a_roll_out_the_versions_in_use_are_shown(client: TestClient) -> None:
    answer = client.get("/versions").text
    assert "Chưa có đợt cập nhật nào" in answer
    assert "Đang dùng" in answer


def test_waves_are_shown_as_far_as_they_have_come(client: TestClient, db_path: Path) -> None:
    db = open_db(db_path)
    with transaction(db):
        made = rollouts.begin(db, "9.9", "0.1", "an", time.time())
    db.close()
    answer = client.get("/versions").text
    assert "0.1 → 9.9" in answer
    rows = re.findall(r"<tr><td[^>]*>(\d+)</td><td[^>]*>(\d+)</td><td[^>]*>([^<]*)</td>", answer)
    assert [int(rooms) for _, rooms, _ in rows] == [len(wave) for wave in made.waves]
    assert [good for *_, good in rows][1:] == ["–"] * (len(rows) - 1), "what has not begun has no numbers"
    assert 'href="/versions"' in client.get("/health").text


def test_versions_are_counted_the_most_common_first() -> None:
    there = {
        "a": RoomNow("1.0", online=True), "b": RoomNow("1.0"), "c": RoomNow("2.0", online=True), "d": RoomNow(),
    }  # fmt: skip
    found = [(version.name, version.rooms, version.online) for version in versions.versions(there)]
    assert found == [("1.0", 2, 1), ("", 1, 0), ("2.0", 1, 1)]
