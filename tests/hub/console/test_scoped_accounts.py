"""What a bound account is told is exactly what it would be told if nothing but its rooms existed.

Two provinces: the whole one, and the same with everything outside of the account taken out. Every route, fragment,
export and answer, asked as the bound account or a bound token, must be letter by letter the same from both.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from hub.access import tokens
from hub.access.accounts import set_scope
from hub.access.permissions import API, ROUTES, Right
from hub.app import create_app
from hub.changes import enrolment
from hub.console.live import Live, difference
from hub.core import rollout as core
from hub.port import REFRESH, Change
from hub.store.db import open_db, transaction
from hub.store.read import reads
from hub.store.read.scope import ScopedReader
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, sign_in
from tests.hub.console.fake import FakeHub
from tests.hub.console.test_installing import request as board_request
from wire.event_kinds import EventKind

NOW_S = time.time()
CHANGING = re.compile(r'(data-csrf|name="csrf" value)="[^"]*"|\?v=[0-9a-f]+')


@dataclass(eq=False)
class World:
    """One province with a console on it and the bound account's browser and token."""

    path: Path
    client: TestClient
    token: str = ""

    def ask(self, method: str, address: str, **more: Any) -> tuple[int, str, str]:
        """Status, text and where it leads, without what changes with every request."""
        answer = self.client.request(method, address, **more)
        return answer.status_code, CHANGING.sub("", answer.text), answer.headers.get("location", "")


def fill(path: Path) -> tuple[int, set[str], dict[str, str]]:
    """Something of every kind, inside of the account's place and outside. Gives node, its rooms, and names."""
    db = open_db(path)
    root, code = db.execute("SELECT id, code FROM nodes WHERE level = 'cluster' ORDER BY id").fetchone()
    scoped = ScopedReader(path, frozenset({root}))
    inside = sorted(room.room for room in reads.rooms(scoped))
    outside = sorted({row[0] for row in db.execute("SELECT room FROM rooms")} - set(inside))
    db.execute(
        "INSERT INTO users (name, hash, role, created_s) SELECT 'to.truong', hash, 'technician', 0 FROM users"
        " WHERE name = 'thu.ha'"
    )
    set_scope(db, "to.truong", [code])
    token = tokens.new(db, "bound", list(tokens.RIGHTS), days=9, by="test", now_s=NOW_S, places=[code])
    known = {"root": str(root), "token": token}
    with transaction(db):
        for name, room in (("waiting", ""), ("mine", inside[-1]), ("theirs", outside[-1])):
            board = enrolment.ask(db, board_request().encode(), f"board-{name}", "10.9.8.7", NOW_S)
            db.execute(
                "UPDATE enrolments SET room = ?, seen_s = ? WHERE fingerprint = ?", (room, NOW_S, board.fingerprint)
            )
            known[f"code_{name}"] = board.code
        for number, room in enumerate((inside[0], outside[0], outside[1])):
            copied = "rule, severity, phase, opened_s, confirmed_s, needs_person, grp"
            db.execute(
                f"INSERT INTO incidents (room, epoch, fault_id, {copied}) SELECT ?, 'bound', ?, {copied} FROM incidents"
                " WHERE closed_s = 0 LIMIT 1", (room, number + 900),
            )  # fmt: skip
            incident = db.execute("SELECT last_insert_rowid()").fetchone()[0]
            known[f"incident_{number}"] = str(incident)
            db.execute("INSERT INTO notes (incident, at_s, by, text) VALUES (?, ?, 'x', ?)", (incident, NOW_S, room))
            db.execute(
                "INSERT INTO orders (id, room, action, by, why, incident, created_s) VALUES (?, ?, 'recheck', 'x',"
                " 'why', ?, ?)", (f"order{number}", room, incident, NOW_S),
            )  # fmt: skip
            db.execute(
                "INSERT INTO handovers (room, at_s, by, checks) VALUES (?, ?, ?, '{}')", (room, NOW_S, f"tech{number}")
            )
            db.execute("UPDATE twins SET version = ? WHERE room = ?", (f"9.9.{number}", room))
            db.execute("INSERT INTO meetings VALUES (?, ?, ?, ?, 0)", (f"only{number}", room, NOW_S + 60, NOW_S + 999))
            db.execute("INSERT INTO meeting_rooms VALUES (?, ?)", (f"only{number}", room))
            refused = {
                "v": 1,
                "kind": EventKind.COMMAND_REFUSED,
                "reason": "replayed",
                "stamp": seed._stamp(NOW_S, 900 + number),
            }
            db.execute(
                "INSERT INTO events (room, epoch, seq, kind, at_s, received_s, raw) VALUES"
                " (?, 'bound', ?, 'command_refused', ?, ?, ?)",
                (room, 900 + number, NOW_S, NOW_S, json.dumps(refused).encode()),
            )
        _begin_rollout(db, [*inside, *outside])
    db.close()
    known["outside"] = outside[0]
    known["inside"] = inside[0]
    return root, set(inside), known


def _begin_rollout(db: sqlite3.Connection, rooms: list[str]) -> None:
    """Over all rooms, at its second wave, and on its way back for a reason that counts."""
    rollout = core.plan(dict.fromkeys(rooms, "c"), "9.9.9", "0.1.0", NOW_S, rooms)
    body = msgspec.json.decode(msgspec.json.encode(rollout))
    body |= {"wave": 2, "phase": "rolling_back", "reason": "wave 2: 3 of 12 rooms bad, 0.4% is usual"}
    db.execute(
        "INSERT INTO rollouts (version, phase, body, by, created_s, changed_s) VALUES ('9.9.9', 'rolling_back', ?,"
        " 'x', ?, ?)", (json.dumps(body), NOW_S, NOW_S),
    )  # fmt: skip


def prune(path: Path, root: int, inside: set[str]) -> None:
    """Take out everything that the account may not know of."""
    db = open_db(path)
    db.execute("PRAGMA foreign_keys = OFF")
    mine = json.dumps(sorted(inside))
    not_mine = "room NOT IN (SELECT value FROM json_each(?))"
    with transaction(db):
        db.execute(
            f"DELETE FROM notes WHERE incident IN (SELECT id FROM incidents WHERE {not_mine})", (mine,)
        )  # fmt: skip
        tables = [
            row[0]
            for row in db.execute(
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'room'"
                " WHERE m.type = 'table'"
            ).fetchall()
        ]
        assert {"rooms", "twins", "incidents", "events", "orders", "enrolments"} <= set(tables)
        for trigger in [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]:
            db.execute(f"DROP TRIGGER {trigger}")
        for table in tables:
            db.execute(f"DELETE FROM {table} WHERE {not_mine}", (mine,))
        db.execute("DELETE FROM set_aside")
        db.execute("DELETE FROM meetings WHERE id NOT IN (SELECT meeting FROM meeting_rooms)")
        places = {row["id"]: row["parent"] for row in db.execute("SELECT id, parent FROM nodes")}

        def above(node: int) -> set[int]:
            found = {node}
            while (parent := places.get(node)) is not None:
                found.add(parent)
                node = parent
            return found

        kept = above(root) | {node for node in places if root in above(node)}
        db.execute("DELETE FROM nodes WHERE id NOT IN (SELECT value FROM json_each(?))", (json.dumps(sorted(kept)),))
        for row in db.execute("SELECT id, body FROM rollouts").fetchall():
            body = json.loads(row["body"])
            body["waves"] = [[room for room in wave if room in inside] for wave in body["waves"]]
            body["were_well"] = [room for room in body["were_well"] if room in inside]
            body["reason"] = "wave 2"
            db.execute("UPDATE rollouts SET body = ? WHERE id = ?", (json.dumps(body), row["id"]))
    db.close()


def world(path: Path, facts: dict[str, Any]) -> World:
    hub = FakeHub(path)
    hub.facts |= {"started_s": 1.0} | facts
    app = create_app(path, None, hub, lambda: NOW_S)
    client = TestClient(app, headers=HTML, follow_redirects=False)
    sign_in(client, "to.truong")
    return World(path, client)


@pytest.fixture
def worlds(db_path: Path, tmp_path: Path) -> tuple[World, World, dict[str, str]]:
    """The whole province, and what the account may know of it."""
    root, inside, known = fill(db_path)
    small = tmp_path / "small.db"
    with sqlite3.connect(db_path) as db:
        db.execute("VACUUM INTO ?", (str(small),))
    prune(small, root, inside)
    whole = world(db_path, {})
    part = world(
        small, {"rooms_heard": 1, "rooms_expected": 2, "ingested": 3, "set_aside": 0, "last_message_age_s": 77.0}
    )
    return whole, part, known


def addresses(path: str, known: dict[str, str]) -> Iterator[str]:
    """The route for what is inside, outside, and nowhere."""
    for room, incident, order, other in (
        (known["inside"], known["incident_0"], "order0", "only0"),
        (known["outside"], known["incident_1"], "order1", "only1"),
        ("th-none-1", "999999", "order9", "none"),
    ):
        yield path.format(
            room_id=room, incident_id=incident, order_id=order, meeting=other, action="recheck", name="thu.ha",
            fingerprint="0" * 64,
        )  # fmt: skip


MORE = (
    "/triage?tab=done", "/triage?tab=shelved", "/triage?tab=mine", "/triage?part=list", "/rooms?q=th",
    "/rooms?state=fault", "/rooms?state=lost", "/rooms.csv?state=fault", "/api/search?q=xa", "/api/search?q=th-1",
    "/meetings", "/api/v1/rooms?limit=200", "/api/v1/rooms?verdict=fault", "/api/v1/incidents?state=all&limit=200",
    "/api/v1/sites?limit=200", "/api/v1/rooms?online=false", "/rooms/{outside}/act/codec_restart",
    "/triage?sel={incident_1}", "/triage?part=pane&sel={incident_1}", "/enrol?code={code_theirs}&room={outside}",
    "/api/v1/incidents?room={outside}&state=all", "/api/v1/incidents?cursor={incident_2}&state=all",
)  # fmt: skip


def same(whole: World, part: World, method: str, address: str, **more: Any) -> tuple[int, str, str]:
    first, second = whole.ask(method, address, **more), part.ask(method, address, **more)
    assert first == second, f"{method} {address}"
    return first


def test_every_page_and_answer_is_that_of_a_province_of_ones_own(worlds: tuple[World, World, dict[str, str]]) -> None:
    whole, part, known = worlds
    asked = 0
    for method, path in [*ROUTES, *API]:
        if method != "GET" or path == "/api/stream" or ROUTES.get((method, path)) is Right.PUBLIC or "account" in path:
            continue
        for address in addresses(path, known):
            status, text, _ = same(whole, part, "GET", address)
            asked += 1
            assert status < 500
            for secret in ("code_waiting", "code_theirs"):
                assert known[secret] not in text, address
    for address in MORE:
        ways: list[dict[str, str]] = [{}]
        if address.startswith("/api/v1"):
            ways.append({"authorization": f"Bearer {known['token']}"})
        for headers in ways:
            status, _, _ = same(whole, part, "GET", address.format(**known), headers=headers)
            assert status in (200, 404), address
    assert asked > 60
    assert known["code_mine"] in whole.client.get("/enrol").text
    assert len(json.loads(whole.client.get("/api/v1/rooms?limit=200").text)["items"]) > 5


def test_every_change_is_answered_as_in_a_province_of_ones_own(worlds: tuple[World, World, dict[str, str]]) -> None:
    whole, part, known = worlds
    sent = {one: {"csrf": one.client.get("/rooms").text.split('data-csrf="')[1].split('"')[0]} for one in (whole, part)}
    fields = {"text": "x", "until": "30:planned", "why": "x", "secret": "1"}
    before = dump(whole.path, known)
    for method, path in [*ROUTES, *API]:
        right = ROUTES.get((method, path)) or API[(method, path)]
        if method != "POST" or right in (Right.PUBLIC, Right.OWN):
            continue
        for address in addresses(path, known):
            if known["inside"] in address or f"/{known['incident_0']}/" in address:
                continue
            tries = [fields]
            if path == "/enrol":
                tries = [
                    {"code": known[code], "room": known[room]}
                    for code in ("code_theirs", "code_waiting", "code_mine")
                    for room in ("outside", "inside")
                    if (code, room) != ("code_waiting", "inside")
                ]
            for one in tries:
                answers = [
                    each.ask(method, address, **(
                        {"json": {"action": "recheck"}, "headers": {"x-csrf-token": sent[each]["csrf"]}}
                        if path.startswith("/api/v1") else {"data": one | sent[each]}
                    ))
                    for each in (whole, part)
                ]  # fmt: skip
                assert answers[0] == answers[1], f"{method} {address} {one}"
                assert answers[0][0] in (303, 400, 403, 404, 409, 422)
    also = {"also": known["incident_1"]}
    answers = [
        each.ask("POST", f"/incidents/{known['incident_0']}/ack", data=also | sent[each]) for each in (whole, part)
    ]
    assert answers[0] == answers[1]
    assert dump(whole.path, known) == before, "nothing outside was changed"


def dump(path: Path, known: dict[str, str]) -> list[Any]:
    out = (known["incident_1"], known["incident_2"])
    with sqlite3.connect(path) as db:
        return [
            db.execute("SELECT * FROM incidents WHERE id IN (?, ?)", out).fetchall(),
            db.execute("SELECT code, room FROM enrolments ORDER BY code").fetchall(),
            db.execute("SELECT id, secret FROM meetings ORDER BY id").fetchall(),
            db.execute("SELECT * FROM orders WHERE room = ?", (known["outside"],)).fetchall(),
        ]  # fmt: skip


def test_the_stream_is_that_of_a_province_of_ones_own(worlds: tuple[World, World, dict[str, str]]) -> None:
    whole, part, known = worlds
    change = Change(
        frozenset({known["inside"], known["outside"]}), frozenset({int(known["incident_0"]), int(known["incident_1"])})
    )
    told = []
    for one in (whole, part):
        live = one.client.app.state.live  # type: ignore[attr-defined]
        assert isinstance(live, Live)
        scoped = ScopedReader(one.path, frozenset({int(known["root"])}))
        said: list[Any] = [live.picture(scoped)]
        for each in (change, Change(frozenset({known["outside"]})), REFRESH):
            message = f"event: patch\ndata: {json.dumps(difference(each, {}, live.picture()))}\n\n"
            said.append(json.loads(live._narrow(message, scoped).partition("data: ")[2]))
        told.append(said)
    assert told[0] == told[1]


def test_a_room_with_a_board_is_given_another_by_the_centre_alone(worlds: tuple[World, World, dict[str, str]]) -> None:
    whole, _, known = worlds
    client = whole.client

    def give(code: str, room: str, **more: str) -> tuple[int, str]:
        page = client.get("/rooms").text
        token = page.split('data-csrf="')[1].split('"')[0]
        answer = client.post("/enrol", data={"csrf": token, "code": code, "room": room, **more})
        return answer.status_code, answer.text

    with sqlite3.connect(whole.path) as db:
        (given,) = db.execute("SELECT room FROM enrolments WHERE code = ?", (known["code_mine"],)).fetchone()
        db.execute("UPDATE twins SET heard_s = 0 WHERE room = ?", (given,))
    for room in (given, known["inside"]):  # one was given a board, the other has been heard
        for replace in ({}, {"replace": "1"}):
            status, text = give(known["code_waiting"], room, **replace)
            assert status == 409
            assert "Đề nghị Trung tâm" in text
    assert "replace" not in client.get("/enrol").text
    sign_in(client, "thu.ha")
    status, text = give(known["code_waiting"], given)
    assert status == 409
    assert "Phòng này đã có bộ giám sát" in text
    assert give(known["code_waiting"], given, replace="1")[0] == 303
    with sqlite3.connect(whole.path) as db:
        assert db.execute("SELECT code FROM enrolments WHERE room = ?", (given,)).fetchall() == [
            (known["code_waiting"],)
        ]
        (detail,) = db.execute("SELECT detail FROM audit WHERE what = 'board_given' ORDER BY id DESC").fetchone()
    assert json.loads(detail)["in_place_of"] == [known["code_mine"]]
    assert give(known["code_waiting"], given)[0] == 303, "the same once more changes nothing"
