"""What other systems do: the same path, rights and refusals as on the console, and no request from a page elsewhere."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.hub.console.conftest import csrf, sign_in
from tests.hub.console.fake import FakeHub

V1 = "/api/v1"
RESTART: dict[str, object] = {"action": "codec_restart", "why": "Màn hình đen"}
NOTHING = "no_picture_no_sound"


@pytest.fixture
def room(db_path: Path) -> str:
    """A room with an open incident."""
    with sqlite3.connect(db_path) as db:
        return str(db.execute("SELECT room FROM incidents WHERE closed_s = 0 ORDER BY id").fetchone()[0])


@pytest.fixture
def acting(client: TestClient) -> TestClient:
    """An operator's session whose requests carry its token."""
    client.headers["x-csrf-token"] = csrf(client)
    return client


def test_an_order_is_taken_and_its_outcome_can_be_asked_for(acting: TestClient, hub: FakeHub, room: str) -> None:
    answer = acting.post(f"{V1}/rooms/{room}/orders", json=RESTART)
    assert answer.status_code == 202
    order = answer.json()
    assert (order["by"], order["why"], order["outcome"], order["ended"]) == ("thu.ha", "Màn hình đen", "sent", False)
    hub.write(
        "UPDATE orders SET outcome = 'done', ended_s = sent_s + 40, proof = ? WHERE id = ?",
        json.dumps({"codec.api": True}), order["id"],
    )  # fmt: skip
    found = acting.get(answer.headers["location"]).json()
    assert (found["outcome"], found["ended"], found["proof"]) == ("done", True, {"codec.api": True})
    assert found["ended_at"] > found["sent_at"]


def test_what_a_person_in_the_room_said_goes_with_an_order(acting: TestClient, room: str) -> None:
    said = {"confirmed": {"person": "Lê Văn Thắng", "what": NOTHING}}
    assert acting.post(f"{V1}/rooms/{room}/orders", json=RESTART | said).json()["confirmed_by"] == "Lê Văn Thắng"
    plain = acting.post(f"{V1}/rooms/{room}/orders", json=RESTART | {"action": "recheck"}).json()
    assert plain["confirmed_by"] == ""


def count(db_path: Path) -> int:
    """Orders that were ever given."""
    with sqlite3.connect(db_path) as db:
        return int(db.execute("SELECT COUNT(*) FROM orders").fetchone()[0])


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"action": "codec_restart"}, 400, "bad_input"),
        ({"action": "codec_restart", "why": "  "}, 400, "bad_input"),
        ({"action": "lease_granted", "why": "x"}, 409, "order_refused"),
        ({"action": "recheck", "incident": 99999999}, 404, "not_found_incident"),
        ({"action": "no such thing!", "why": "x"}, 422, "bad_input"),
        ({"action": "recheck", "way": "x"}, 422, "bad_input"),
        (RESTART | {"confirmed": {"person": "  ", "what": NOTHING}}, 400, "bad_input"),
        (RESTART | {"confirmed": {"person": "An\u202e", "what": NOTHING}}, 400, "bad_input"),
        (RESTART | {"action": "light_on", "confirmed": {"person": "An", "what": NOTHING}}, 400, "bad_input"),
        (RESTART | {"confirmed": {"person": "x" * 65, "what": NOTHING}}, 422, "bad_input"),
        (RESTART | {"confirmed": {"person": "", "what": NOTHING}}, 422, "bad_input"),
        (RESTART | {"confirmed": {"person": "An", "what": "fire"}}, 422, "bad_input"),
        (RESTART | {"confirmed": {"what": NOTHING}}, 422, "bad_input"),
        (RESTART | {"confirmed": {"person": "An", "what": NOTHING, "at_s": 1}}, 422, "bad_input"),
        ({"action": "recheck", "\ud800": "x"}, 422, "bad_input"),
        ({"action": "recheck", "why": "\ud800"}, 422, "bad_input"),
        ({"action": "recheck", "incident": 10**30}, 422, "bad_input"),
        ([], 422, "bad_input"),
    ],
)
def test_what_is_not_right_is_not_ordered(
    acting: TestClient, db_path: Path, room: str, body: object, status: int, kind: str
) -> None:
    before = count(db_path)
    answer = acting.post(
        f"{V1}/rooms/{room}/orders", content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:diemcau:problem:{kind}")
    assert count(db_path) == before


def test_an_order_is_for_an_incident_of_its_own_room(acting: TestClient, db_path: Path, room: str) -> None:
    with sqlite3.connect(db_path) as db:
        other = db.execute("SELECT id FROM incidents WHERE room <> ?", (room,)).fetchone()[0]
        own = db.execute("SELECT id FROM incidents WHERE room = ? AND closed_s = 0", (room,)).fetchone()[0]
    body = {"action": "recheck", "incident": other}
    assert acting.post(f"{V1}/rooms/{room}/orders", json=body).status_code == 404
    assert acting.post(f"{V1}/rooms/{room}/orders", json=body | {"incident": own}).status_code == 202


def test_a_refusal_names_its_reason(acting: TestClient, hub: FakeHub, room: str) -> None:
    hub.refuse_orders = "offline"
    told = acting.post(f"{V1}/rooms/{room}/orders", json=RESTART).json()
    assert (told["status"], told["reason"]) == (409, "offline")
    assert "the room is out of touch" in told["detail"]


def test_the_console_cannot_grant_a_lease_either(acting: TestClient, db_path: Path, room: str) -> None:
    fields = {"why": "x", "csrf": acting.headers["x-csrf-token"]}
    assert acting.post(f"/rooms/{room}/act/lease_granted", data=fields).status_code == 409
    with sqlite3.connect(db_path) as db:
        assert not db.execute("SELECT 1 FROM orders WHERE action = 'lease_granted'").fetchone()


def test_an_incident_is_taken_once(acting: TestClient, db_path: Path, room: str) -> None:
    with sqlite3.connect(db_path) as db:
        number = db.execute(
            "SELECT id FROM incidents WHERE room = ? AND closed_s = 0 AND acked_by = ''", (room,)
        ).fetchone()[0]
    for _ in range(2):
        answer = acting.post(f"{V1}/incidents/{number}/ack")
        assert (answer.status_code, answer.json()["acked_by"]) == (200, "thu.ha")
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE incidents SET acked_by = 'minh' WHERE id = ?", (number,))
    told = acting.post(f"{V1}/incidents/{number}/ack")
    assert (told.status_code, told.json()["type"]) == (409, "urn:diemcau:problem:conflict")
    assert "minh" in told.json()["detail"]


@pytest.mark.parametrize("token", [b"", b"x", "é".encode()])
def test_a_session_changes_nothing_without_its_token(client: TestClient, room: str, token: bytes) -> None:
    headers = {b"x-csrf-token": token} if token else {}
    answer = client.post(f"{V1}/rooms/{room}/orders", json=RESTART, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:diemcau:problem:csrf")


def test_a_page_elsewhere_changes_nothing(acting: TestClient, room: str) -> None:
    answer = acting.post(f"{V1}/rooms/{room}/orders", json=RESTART, headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:diemcau:problem:foreign")


def test_bodies_are_bounded_and_of_known_length(acting: TestClient, room: str) -> None:
    path = f"{V1}/rooms/{room}/orders"
    large = acting.post(path, json=RESTART | {"why": "x" * 70_000})
    assert (large.status_code, large.json()["type"]) == (413, "urn:diemcau:problem:too_long")
    assert acting.post(path, content=iter([b"{}"])).status_code == 411


def test_who_may_only_look_orders_nothing(stranger: TestClient, db_path: Path, room: str) -> None:
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE users SET role = 'viewer' WHERE name = 'thu.ha'")
    sign_in(stranger)
    stranger.headers["x-csrf-token"] = csrf(stranger)
    for path in (f"/rooms/{room}/orders", "/incidents/1/ack"):
        assert stranger.post(V1 + path, json=RESTART).status_code == 403
