"""Tokens of other systems: what each may do, where, for how long and how often, and what is left behind of its use."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from hub.access import tokens
from hub.access.limits import PACE_BURST, PACE_PER_S, Pace
from hub.access.permissions import API
from hub.access.tokens import DAY_S, BadTokenError
from hub.app import create_app
from hub.store.db import open_db
from hub.store.read.reads import Reader
from tests.hub.console.conftest import csrf, sign_in
from tests.hub.console.fake import FakeHub

V1 = "/api/v1"
NOW_S = 1_790_000_000.0
Make = Callable[..., TestClient]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """The hub's."""
    return Clock()


@pytest.fixture
def make(db_path: Path, hub: FakeHub, clock: Clock) -> Iterator[Make]:
    """Makes a token and gives a program that carries it."""
    app = create_app(db_path, None, hub, clock)
    db = open_db(db_path)

    def make(name: str = "giam-sat", rights: tuple[str, ...] = ("read",), *places: str, days: int = 30) -> TestClient:
        token = tokens.new(db, name, rights, places=places, days=days, by="test", now_s=clock.now_s)
        return TestClient(app, headers={"authorization": f"Bearer {token}"}, follow_redirects=False)

    yield make
    db.close()


def audited(path: Path, by: str) -> list[str]:
    """What the log has of somebody."""
    with sqlite3.connect(path) as db:
        return [row[0] for row in db.execute("SELECT what FROM audit WHERE by = ? ORDER BY id", (by,))]


def test_the_token_itself_is_kept_nowhere(make: Make, db_path: Path) -> None:
    token = make().headers["authorization"].split()[1]
    assert len(token) > 40
    with sqlite3.connect(db_path) as db:
        dump = "\n".join(db.iterdump())
    assert token not in dump
    assert tokens.hash_of(token) in dump


@pytest.mark.parametrize("right", tokens.RIGHTS)
def test_a_token_does_what_it_was_given_and_no_more(make: Make, db_path: Path, right: str) -> None:
    client = make("t1", (right,))
    with sqlite3.connect(db_path) as db:
        room, incident = db.execute("SELECT room, id FROM incidents WHERE closed_s = 0 AND acked_by = ''").fetchone()
        db.execute("INSERT INTO orders (id, room, action, by, created_s) VALUES ('o1', ?, 'x', 'y', 1)", (room,))
    for (method, path), needed in API.items():
        address = path.format(room_id=room, incident_id=incident, order_id="o1")
        body = {"action": "recheck"} if path.endswith("/orders") else None
        status = client.request(method, address, json=body).status_code
        assert status in ((200, 202) if needed is tokens.RIGHTS[right] else (403,)), f"{method} {address}"


def test_what_a_token_does_stands_in_the_log_under_its_name(make: Make, db_path: Path, hub: FakeHub) -> None:
    client = make("giam-sat", ("read", "orders", "mark"))
    with sqlite3.connect(db_path) as db:
        room, incident = db.execute("SELECT room, id FROM incidents WHERE closed_s = 0 AND acked_by = ''").fetchone()
    order = client.post(f"{V1}/rooms/{room}/orders", json={"action": "recheck"}).json()
    assert order["by"] == "token:giam-sat"
    assert client.post(f"{V1}/incidents/{incident}/ack").json()["acked_by"] == "token:giam-sat"
    assert audited(db_path, "test") == ["token_new"]


def test_a_bound_token_knows_nothing_outside(make: Make, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        code = db.execute("SELECT code FROM nodes WHERE level = 'cluster' ORDER BY id").fetchone()[0]
    client = make("cum-1", ("read", "orders"), code)
    rooms = {room["id"] for room in client.get(f"{V1}/rooms?limit=200").json()["items"]}
    with sqlite3.connect(db_path) as db:
        outside = {row[0] for row in db.execute("SELECT room FROM rooms")} - rooms
    assert rooms
    other = min(outside)
    assert client.get(f"{V1}/rooms/{other}").status_code == 404
    assert client.post(f"{V1}/rooms/{other}/orders", json={"action": "recheck"}).status_code == 404
    assert client.post(f"{V1}/rooms/{min(rooms)}/orders", json={"action": "recheck"}).status_code == 202


def test_a_token_whose_place_is_gone_sees_nothing(make: Make, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        db.execute(
            "INSERT INTO nodes (id, level, code, name, folded, sort_key) VALUES (9999, 'site', 'tmp', '', '', '')"
        )
    client = make("tam", ("read",), "tmp")
    with sqlite3.connect(db_path) as db:
        db.execute("DELETE FROM nodes WHERE id = 9999")
    assert client.get(f"{V1}/rooms").json()["items"] == []


def test_tokens_end(make: Make, db_path: Path, clock: Clock) -> None:
    client, other = make("ngan", days=1), make("dai", days=2)
    assert client.get(f"{V1}/rooms").status_code == 200
    clock.now_s += DAY_S
    assert client.get(f"{V1}/rooms").status_code == 401
    assert other.get(f"{V1}/rooms").status_code == 200
    db = open_db(db_path)
    tokens.revoke(db, "dai", "test", clock.now_s)
    assert other.get(f"{V1}/rooms").status_code == 401
    with pytest.raises(BadTokenError, match="no token"):
        tokens.revoke(db, "dai", "test", clock.now_s)
    db.close()
    make("dai")
    assert [(one.name, one.state(clock.now_s)) for one in tokens.listed(Reader(db_path))] == [
        ("dai", "good"), ("ngan", "expired"), ("dai", "revoked")
    ]  # fmt: skip


@pytest.mark.parametrize("header", ["Bearer x", "Bearer ", "bearer", "Basic dTpw", "", "Bearer dcau_" + "a" * 43])
def test_a_bad_token_is_no_better_with_a_session_beside_it(make: Make, header: str) -> None:
    client = make()
    sign_in(client)
    assert client.get(f"{V1}/rooms", headers={"authorization": header}).status_code == 401
    client.headers.pop("authorization")
    assert client.get(f"{V1}/rooms").status_code == 200


def test_a_session_beside_a_token_lends_it_nothing(make: Make) -> None:
    client = make()
    sign_in(client)
    token = csrf(client)
    room = client.get(f"{V1}/rooms?limit=1").json()["items"][0]["id"]
    answer = client.post(f"{V1}/rooms/{room}/orders", json={"action": "recheck"}, headers={"x-csrf-token": token})
    assert answer.status_code == 403


def test_a_token_opens_no_page_of_the_console(make: Make) -> None:
    led = make("t2", ("read", "mark", "orders")).get("/rooms", follow_redirects=False)
    assert (led.status_code, led.headers["location"], led.text) == (303, "/login?next=%2Frooms", "")


def test_the_last_use_is_noted_at_most_once_a_minute(make: Make, db_path: Path, clock: Clock) -> None:
    client = make()
    seen = []
    for _ in range(4):
        client.get(f"{V1}/health")
        (one,) = tokens.listed(Reader(db_path))
        seen.append(one.seen_s - NOW_S)
        clock.now_s += 31
    assert seen == [0, 0, 62, 62]
    assert one.seen_from == "testclient"


def test_who_asks_too_often_waits(make: Make, clock: Clock) -> None:
    client, other = make("ban"), make("khac")
    statuses = [client.get(f"{V1}/health").status_code for _ in range(PACE_BURST)]
    assert set(statuses) == {200}
    answer = client.get(f"{V1}/health")
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:diemcau:problem:too_often")
    assert other.get(f"{V1}/health").status_code == 200, "one's flood is not the other's"
    clock.now_s += int(answer.headers["retry-after"])
    assert client.get(f"{V1}/health").status_code == 200


def test_a_flood_of_bad_tokens_is_slowed_and_shuts_nobody_out(make: Make) -> None:
    client = make()
    bad = {"authorization": "Bearer x"}
    statuses = [client.get(f"{V1}/health", headers=bad).status_code for _ in range(PACE_BURST + 1)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    assert client.get(f"{V1}/health").status_code == 200


def test_the_pace_forgets_and_bears_a_clock_that_is_set_back() -> None:
    pace = Pace(burst=1, per_s=PACE_PER_S)
    assert [pace.wait_s("a", at_s) for at_s in (100.0, 100.0, 50.0, 50.5)] == [0.0, 0.5, 0.5, 0.0]
    for number in range(5000):
        pace.wait_s(str(number), 100.0)
    assert len(pace._left) <= 4096


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "Tên"}, "name"), ({"name": "token:x"}, "name"), ({"rights": []}, "rights"),
        ({"rights": ["audit"]}, "rights"), ({"days": 0}, "days"), ({"days": 731}, "days"),
        ({"places": ["no-such"]}, "no place"), ({"name": "giam-sat"}, "revoke it first"),
    ],
)  # fmt: skip
def test_what_is_not_right_makes_no_token(make: Make, db_path: Path, given: dict[str, object], said: str) -> None:
    make("giam-sat")
    asked = {"name": "moi", "rights": ["read"], "days": 1, "by": "test", "now_s": NOW_S} | given
    db = open_db(db_path)
    with pytest.raises(BadTokenError, match=said):
        tokens.new(db, **asked)  # type: ignore[arg-type]
    db.close()
    assert len(tokens.listed(Reader(db_path))) == 1


def test_a_right_of_a_newer_program_is_no_right(make: Make, db_path: Path) -> None:
    client = make()
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE tokens SET rights = 'everything'")
    assert client.get(f"{V1}/rooms").status_code == 403
