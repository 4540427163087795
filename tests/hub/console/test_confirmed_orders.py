"""An order in the middle of a meeting: who in the room confirms is asked for, kept, sent and shown; else it is not."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hub.console.words import words
from tests.hub.console.conftest import csrf
from tests.hub.console.fake import FakeHub
from tests.hub.console.test_acts import ROOM, act

PATH = f"/rooms/{ROOM}/act/codec_restart"
SAID = {"why": "TV xanh", "person": "Lê Văn Thắng", "heard": "1"}


def plan(hub: FakeHub, start_s: float, end_s: float) -> None:
    """One meeting of the room, in seconds from now."""
    now_s = time.time()
    hub.write("INSERT INTO meetings VALUES ('now', 'Giao ban', ?, ?, 0)", now_s + start_s, now_s + end_s)
    hub.write("INSERT INTO meeting_rooms VALUES ('now', ?)", ROOM)


def confirmed(path: Path) -> list[str]:
    """Of every order that was given: who confirmed it."""
    with sqlite3.connect(path) as db:
        return [row[0] for row in db.execute("SELECT confirmed FROM orders WHERE why = 'TV xanh' ORDER BY created_s")]


@pytest.fixture
def meeting(hub: FakeHub) -> None:
    """A meeting that began ten minutes ago."""
    plan(hub, -600, 3000)


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.usefixtures("meeting")
def test_the_form_asks_in_a_meeting_who_confirms(client: TestClient, language: str) -> None:
    t = words(language)
    client.post("/language", data={"csrf": csrf(client), "language": language, "back": "/"})
    text = client.get(PATH).text
    for key in ("confirm.in_meeting", "confirm.person", "confirm.heard", "confirm.said_hint"):
        assert t(key) in text
    assert 'name="person" maxlength="64" required' in text
    for other in ("recheck", "light_on"):
        assert 'name="person"' not in client.get(f"/rooms/{ROOM}/act/{other}").text


@pytest.mark.parametrize(("start_s", "end_s"), [(60.0, 3600.0), (-3600.0, -1.0)])
def test_before_and_after_a_meeting_nobody_is_asked(
    client: TestClient, hub: FakeHub, db_path: Path, start_s: float, end_s: float
) -> None:
    plan(hub, start_s, end_s)
    assert 'name="person"' not in client.get(PATH).text
    assert act(client, PATH, why="TV xanh")[0] == 200
    assert confirmed(db_path) == [""]


@pytest.mark.usefixtures("meeting")
def test_a_confirmation_is_kept_sent_and_shown(client: TestClient, db_path: Path) -> None:
    assert act(client, PATH, **SAID | {"person": "  Lê  Văn Thắng "})[0] == 200
    assert confirmed(db_path) == ["Lê Văn Thắng"]
    shown = "Lê Văn Thắng trong phòng xác nhận: không có hình và không có tiếng"
    assert shown in client.get(f"/rooms/{ROOM}").text


@pytest.mark.parametrize(
    "changes", [{"person": ""}, {"person": "  "}, {"heard": ""}, {"heard": "0"}, {"person": "", "heard": ""}]
)
@pytest.mark.usefixtures("meeting")
def test_an_order_without_name_and_mark_is_not_sent(client: TestClient, db_path: Path, changes: dict[str, str]) -> None:
    status, said = act(client, PATH, **SAID | changes)
    assert status == 400
    assert "ghi tên người trong phòng xác nhận" in said
    assert confirmed(db_path) == []


@pytest.mark.parametrize("person", ["x" * 65, "An\u202eb", "An\0"])
@pytest.mark.usefixtures("meeting")
def test_a_name_that_nobody_has_confirms_nothing(client: TestClient, db_path: Path, person: str) -> None:
    assert act(client, PATH, **SAID | {"person": person})[0] == 400
    assert confirmed(db_path) == []


@pytest.mark.usefixtures("meeting")
def test_what_brings_no_picture_back_is_not_confirmed(client: TestClient, db_path: Path) -> None:
    status, said = act(client, f"/rooms/{ROOM}/act/light_on", **SAID)
    assert (status, "không cần xác nhận" in said) == (400, True)
    assert act(client, f"/rooms/{ROOM}/act/light_on", why="TV xanh")[0] == 200
    assert confirmed(db_path) == [""]


def test_who_may_only_look_cannot_confirm(client: TestClient, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE users SET role = 'viewer' WHERE name = 'thu.ha'")
    assert act(client, PATH, **SAID)[0] == 403
    assert confirmed(db_path) == []


def test_a_confirmation_stands_in_the_story_of_its_incident(client: TestClient, hub: FakeHub) -> None:
    hub.write(
        "INSERT INTO orders (id, room, action, by, why, incident, created_s, outcome, confirmed)"
        " VALUES ('c', ?, 'codec_restart', 'lan', 'TV xanh', 2, ?, 'done', 'Anh Thắng')", ROOM, time.time(),
    )  # fmt: skip
    assert "Anh Thắng trong phòng xác nhận" in client.get("/incidents/2").text
