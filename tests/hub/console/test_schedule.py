"""Secret meetings in the console: marked by those who may, seen by everybody, and said by the room itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hub.console.words import words
from tests.hub.console.conftest import HTML, csrf, sign_in
from wire.messages import State, decode, encode

ROOM = "th-14878-2"
MARK = '<b class="hush"'


def secret_in(path: Path, meeting: str) -> bool:
    with sqlite3.connect(path) as db:
        return bool(db.execute("SELECT secret FROM meetings WHERE id = ?", (meeting,)).fetchone()[0])


def mark(client: TestClient, meeting: str, secret: str) -> int:
    data = {"csrf": csrf(client), "secret": secret}
    return client.post(f"/meetings/{meeting}/secret", data=data, follow_redirects=False).status_code


def test_a_meeting_is_marked_and_unmarked(client: TestClient, db_path: Path) -> None:
    assert MARK not in client.get("/").text
    assert mark(client, "m1", "1") == 303
    assert secret_in(db_path, "m1")
    for path in ("/", "/meetings", f"/rooms/{ROOM}"):
        assert MARK in client.get(path).text, path
    assert mark(client, "m1", "0") == 303
    assert not secret_in(db_path, "m1")
    assert MARK not in client.get("/").text


@pytest.mark.parametrize(("meeting", "secret", "status"), [("nosuch", "1", 404), ("m0", "1", 404), ("m1", "x", 400)])
def test_what_cannot_be_marked(client: TestClient, db_path: Path, meeting: str, secret: str, status: int) -> None:
    assert mark(client, meeting, secret) == status
    assert not secret_in(db_path, "m1")


def test_without_the_token_of_the_session_nothing_is_marked(client: TestClient, db_path: Path) -> None:
    assert client.post("/meetings/m1/secret", data={"secret": "1"}).status_code == 403
    assert not secret_in(db_path, "m1")


def test_who_may_only_look_sees_the_mark_and_no_button(app: FastAPI, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        db.execute("INSERT INTO users (name, hash, role, created_s)"
                   " SELECT 'khach.xem', hash, 'viewer', 0 FROM users WHERE name = 'thu.ha'")  # fmt: skip
    viewer = TestClient(app, headers=HTML, follow_redirects=False)
    sign_in(viewer, "khach.xem")
    text = viewer.get("/meetings").text
    assert MARK in text, "m2 is secret"
    assert "/secret" not in text
    assert mark(viewer, "m1", "1") == 403


def say(path: Path, secrecy: str) -> None:
    """The room's own last word, as it would be with this secrecy."""
    with sqlite3.connect(path) as db:
        raw = db.execute("SELECT state_raw FROM twins WHERE room = ?", (ROOM,)).fetchone()[0]
        state = msgspec.structs.replace(decode(State, bytes(raw)), secrecy=secrecy)
        if secrecy == "secret_meeting":
            state = msgspec.structs.replace(state, facts={}, in_call=None)
        db.execute("UPDATE twins SET state_raw = ? WHERE room = ?", (encode(state), ROOM))


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_room_page_says_what_the_room_says(client: TestClient, db_path: Path, language: str) -> None:
    t = words(language)
    client.post("/language", data={"csrf": csrf(client), "language": language, "back": "/"})
    for secrecy in ("open", "", "not_told"):
        say(db_path, secrecy)
        assert t("room.secret") not in client.get(f"/rooms/{ROOM}").text
    say(db_path, "secret_meeting")
    text = client.get(f"/rooms/{ROOM}").text
    assert MARK in text
    assert t("room.secret") in text
    assert t("room.secret_facts") in text
