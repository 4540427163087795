"""What other systems read: whole, page by page, and the same as the console shows."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hub.api.v1.models import moment
from hub.store.read import reads
from tests.hub.console.fake import FakeHub
from tests.hub.console.test_schedule import ROOM, say

V1 = "/api/v1"


def every(client: TestClient, path: str, **asked: Any) -> list[dict[str, Any]]:
    """The items of all pages."""
    found: list[dict[str, Any]] = []
    for _ in range(1000):
        answer = client.get(V1 + path, params=asked)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= asked["limit"]
        found += page["items"]
        if page["next"] is None:
            return found
        asked["cursor"] = page["next"]
    raise AssertionError("pages without end")


def test_pages_hold_every_room_once(client: TestClient, db_path: Path) -> None:
    there = reads.rooms(reads.Reader(db_path))
    found = every(client, "/rooms", limit=50)
    assert [room["id"] for room in found] == sorted(room.room for room in there)
    assert {room["id"]: room["verdict"] for room in found} == {room.room: room.verdict for room in there}


def test_rooms_are_filtered(client: TestClient, db_path: Path) -> None:
    lost = [room.room for room in reads.rooms(reads.Reader(db_path)) if room.verdict == "lost"]
    assert lost
    assert [room["id"] for room in every(client, "/rooms", limit=3, verdict="lost")] == sorted(lost)
    online = every(client, "/rooms", limit=200, online=True)
    assert all(room["online"] for room in online)
    assert len(online) + len(every(client, "/rooms", limit=200, online=False)) == 621
    with sqlite3.connect(db_path) as db:
        cluster, commune, room, name = db.execute(
            "SELECT c.id, p.id, r.room, r.name FROM rooms r JOIN nodes n ON n.id = r.node"
            " JOIN nodes p ON p.id IN (n.id, n.parent) AND p.level = 'commune' JOIN nodes c ON c.id = p.parent LIMIT 1"
        ).fetchone()
    beneath = {
        site: {found["id"] for found in every(client, "/rooms", limit=200, site=site)} for site in (cluster, commune)
    }
    assert room in beneath[commune] < beneath[cluster] < {one.room for one in reads.rooms(reads.Reader(db_path))}
    assert room in {found["id"] for found in every(client, "/rooms", limit=200, name=name.upper())}
    assert every(client, "/rooms", limit=200, name="no such room") == []


def test_one_room_has_its_twin(client: TestClient, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        room = db.execute("SELECT room FROM twins WHERE state_raw IS NOT NULL AND verdict = 'fault'").fetchone()[0]
    found = client.get(f"{V1}/rooms/{room}").json()
    assert found["facts"]
    fact = next(one for one in found["facts"] if one["ok"])
    assert fact["name"]["vi"]
    assert datetime.fromisoformat(fact["at"]).tzinfo is not None
    assert found["actions"]


def test_a_room_that_never_spoke_can_be_read(client: TestClient, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        db.execute("DELETE FROM twins WHERE room = (SELECT MIN(room) FROM rooms)")
        room = db.execute("SELECT MIN(room) FROM rooms").fetchone()[0]
    found = client.get(f"{V1}/rooms/{room}").json()
    assert (found["heard_at"], found["facts"], found["in_call"]) == (None, [], None)


@pytest.mark.parametrize("state", ["open", "closed", "all"])
def test_pages_hold_every_incident_once(client: TestClient, db_path: Path, state: str) -> None:
    where = {"open": "closed_s = 0", "closed": "closed_s > 0", "all": "1"}[state]
    with sqlite3.connect(db_path) as db:
        there = [row[0] for row in db.execute(f"SELECT id FROM incidents WHERE {where} ORDER BY id DESC")]
    assert len(there) > 3
    assert [one["id"] for one in every(client, "/incidents", limit=3, state=state)] == there


def test_incidents_are_filtered(client: TestClient) -> None:
    found = every(client, "/incidents", limit=200, state="all")
    first = found[-1]
    for name in ("room", "rule", "severity", "needs_person"):
        some = every(client, "/incidents", limit=200, state="all", **{name: first[name]})
        assert [one["id"] for one in some] == [one["id"] for one in found if one[name] == first[name]]
    opened = {one["id"]: datetime.fromisoformat(one["opened_at"]) for one in found}
    for at in opened.values():
        since = every(client, "/incidents", limit=200, state="all", opened_since=at.isoformat())
        assert {one["id"] for one in since} == {number for number, when in opened.items() if when >= at}


def test_an_incident_tells_its_story_in_both_languages(client: TestClient, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        number = db.execute("SELECT incident FROM events GROUP BY incident ORDER BY COUNT(*) DESC").fetchone()[0]
    found = client.get(f"{V1}/incidents/{number}").json()
    assert len(found["story"]) > 2
    assert any(step["title"]["vi"] != step["title"]["en"] for step in found["story"])
    page = client.get(f"/incidents/{number}").text
    assert found["title"]["vi"] in page


def test_every_site_has_one_above_it(client: TestClient) -> None:
    found = {site["id"]: site for site in every(client, "/sites", limit=100)}
    assert {site["parent"] for site in found.values()} <= {*found, None}
    assert {"province", "cluster", "commune"} <= {site["level"] for site in found.values()}


def test_versions_and_health(client: TestClient, hub: FakeHub) -> None:
    versions = client.get(f"{V1}/versions").json()
    assert (
        sum(version["rooms"] for version in versions["versions"]) == client.get(f"{V1}/health").json()["rooms_expected"]
    )
    hub.facts |= {"last_message_age_s": None, "broker_connected": False}
    health = client.get(f"{V1}/health").json()
    assert (health["last_message_age_s"], health["broker_connected"]) == (None, False)
    assert sum(health["verdicts"].values()) == 621


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        ("/rooms/none", 404, "not_found_room"),
        ("/incidents/99999999", 404, "not_found_incident"),
        ("/incidents/none", 404, "not_found_incident"),
        ("/nothing", 404, "not_found"),
        ("/rooms/a%0Ab", 404, "not_found"),
        ("/incidents?opened_since=1790000000", 422, "bad_input"),
        ("/incidents?cursor=9007199254740992", 422, "bad_input"),
        ("/rooms?limit=0", 422, "bad_input"),
        ("/rooms?limit=201", 422, "bad_input"),
        ("/rooms?online=true&online=false", 422, "bad_input"),
        ("/incidents?state=half", 422, "bad_input"),
        ("/incidents?opened_since=2026-01-01T00:00:00", 422, "bad_input"),
    ],
)
def test_mistakes_are_problems(client: TestClient, path: str, status: int, kind: str) -> None:
    answer = client.get(V1 + path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["type"], told["status"]) == (f"urn:diemcau:problem:{kind}", status)
    vi, _, en = told["detail"].partition(" / ")
    assert vi
    assert en
    assert "error." not in told["detail"]


def test_another_method_is_a_problem_that_names_the_right_one(client: TestClient) -> None:
    answer = client.put(f"{V1}/rooms", content=b"{}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json()["type"] == "urn:diemcau:problem:method"


@pytest.mark.parametrize("path", ["/rooms", "/incidents/1", "/health", "/openapi.json"])
def test_strangers_are_told_how_to_sign_in(stranger: TestClient, path: str) -> None:
    answer = stranger.get(V1 + path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_who_is_signed_in_gets_the_document(client: TestClient) -> None:
    document = client.get(f"{V1}/openapi.json").json()
    assert document["openapi"].startswith("3.1.")
    assert "/rooms/{room_id}" in document["paths"]


def test_a_clock_that_no_calendar_knows_is_no_moment() -> None:
    assert [moment(at_s) for at_s in (0.0, None, -5.0, 1e18, float("nan"), float("inf"))] == [None] * 6
    assert moment(time.time()) is not None
    assert moment(1.0) == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_a_room_that_keeps_its_facts_to_itself_says_so(client: TestClient, db_path: Path) -> None:
    assert client.get(f"{V1}/rooms/{ROOM}").json()["secrecy"] == ""
    say(db_path, "secret_meeting")
    room = client.get(f"{V1}/rooms/{ROOM}").json()
    assert (room["secrecy"], room["facts"]) == ("secret_meeting", [])
