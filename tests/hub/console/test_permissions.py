"""Every route by every role, in and out of an account's scope; and nothing of what is out of scope on any page."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from hub.access import permissions
from hub.access.accounts import BadAccountError, add_user, set_scope
from hub.access.permissions import ROUTES, Right
from hub.console.live import Live, difference
from hub.port import Change
from hub.store.db import open_db
from hub.store.read import counts, reads
from hub.store.read.scope import HIDDEN, SHARED, ScopedReader
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, PLAIN, csrf, sign_in
from tests.hub.console.fake import FakeHub

SELF_ENDING = {"/api/stream", "/logout", "/language"}
"""The stream never ends in a test client; the other two end or change the session: tests of their own."""
FIELDS = {"text": "x", "until": "30:planned", "why": "x", "secret": "1"}


def routes(app: Any) -> set[tuple[str, str]]:
    """Every route of the console with its method, however its routers are nested."""
    found: set[tuple[str, str]] = set()
    for route in app.routes:
        if isinstance(route, APIRoute):
            found |= {(method, route.path) for method in route.methods or ()}
        elif hasattr(route, "original_router"):
            found |= routes(route.original_router)
        elif hasattr(route, "routes") and not getattr(route, "path", ""):
            found |= routes(route)
    return found


def test_the_table_holds_every_route_and_no_other(app: FastAPI) -> None:
    there, rows = routes(app), set(ROUTES)
    assert not there - rows, f"give these a row in hub/access/permissions.py, or nobody may use them: {there - rows}"
    assert not rows - there, f"no module of hub/pages has these, take their rows away: {rows - there}"


class Site:
    """The console with one account a role, each once for the whole tree and once for one cluster."""

    def __init__(self, app: FastAPI, path: Path) -> None:
        self.app, self.path = app, path
        self.db = open_db(path)
        cluster = "SELECT n.id, n.code FROM nodes n WHERE n.level = 'cluster' ORDER BY n.id"
        self.root, self.code = self.db.execute(cluster).fetchone()
        scoped = ScopedReader(path, frozenset({self.root}))
        self.inside = {room.room for room in reads.rooms(scoped)}
        self.outside = {row[0] for row in self.db.execute("SELECT room FROM rooms")} - self.inside
        self.incident_in, self.incident_out = (self._incident(rooms) for rooms in (self.inside, self.outside))
        for role in permissions.ROLES:  # with a hash that is there already: each takes 64 MiB and a moment
            for name in (f"{role}.all", f"{role}.part"):
                self.db.execute(
                    "INSERT INTO users (name, hash, role, created_s) SELECT ?, hash, ?, 0 FROM users"
                    " WHERE name = 'thu.ha'", (name, role),
                )  # fmt: skip
            set_scope(self.db, f"{role}.part", [self.code])

    def _incident(self, rooms: set[str]) -> int:
        found = self.db.execute("SELECT id, room FROM incidents WHERE closed_s = 0 ORDER BY id").fetchall()
        mine = [int(row[0]) for row in found if row[1] in rooms]
        if mine:
            return mine[0]
        copied = "room, 'test', 9, rule, severity, phase, opened_s, confirmed_s"
        self.db.execute(
            "INSERT INTO incidents (room, epoch, fault_id, rule, severity, phase, opened_s, confirmed_s)"
            f" SELECT {copied.replace('room', '?', 1)} FROM incidents WHERE closed_s = 0 LIMIT 1",
            (min(rooms),),
        )
        return int(self.db.execute("SELECT last_insert_rowid()").fetchone()[0])

    def client(self, name: str) -> TestClient:
        """A browser in which this account is signed in."""
        client = TestClient(self.app, headers=HTML, follow_redirects=False)
        sign_in(client, name)
        return client


@pytest.fixture
def site(app: FastAPI, db_path: Path) -> Iterator[Site]:
    """As Site."""
    made = Site(app, db_path)
    yield made
    made.db.close()


@pytest.mark.parametrize("role", permissions.ROLES)
@pytest.mark.parametrize("part", ["all", "part"])
def test_every_route_by_role_and_scope(site: Site, role: str, part: str) -> None:
    client = site.client(f"{role}.{part}")
    token = csrf(client)
    rights = permissions.rights(role, scoped=part == "part")
    tried = 0
    for (method, path), right in ROUTES.items():
        if path in SELF_ENDING or right is Right.PUBLIC:
            continue
        for room, incident, out in (
            (min(site.inside), site.incident_in, False), (min(site.outside), site.incident_out, True)
        ):  # fmt: skip
            address = path.format(room_id=room, incident_id=incident, action="recheck", name="khach", meeting="m1")
            fields = FIELDS | {"csrf": token, "room": room} if method == "POST" else None
            status = client.request(method, address, data=fields).status_code
            tried += 1
            if right not in rights:
                assert status == 403, f"{method} {address}"
            elif part == "part" and out and ("{" in path or (method, path) == ("POST", "/enrol")):
                assert status == 404, f"{method} {address}: out of scope"
            else:
                assert status in (200, 303, 400, 409), f"{method} {address}: {status}"
    assert tried > 30


def test_unknown_roles_and_routes_have_no_rights() -> None:
    assert permissions.rights("king", scoped=False) == frozenset()
    assert permissions.needed("GET", "/rooms/{other}") is None
    assert permissions.needed("DELETE", "/rooms") is None


def test_no_table_can_be_read_past_a_scope(db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables - HIDDEN - SHARED == {"sqlite_stat1"} & tables
    assert not HIDDEN & SHARED


def test_pages_lists_exports_and_search_show_nothing_from_outside(site: Site) -> None:
    client = site.client("operator.part")
    for path in (*PLAIN, "/triage?tab=done", "/rooms.csv", "/api/search?q=a"):
        text = client.get(path).text
        assert not set(re.findall(r"th-\d+-\d+", text)) & site.outside, path
    assert set(re.findall(r"th-\d+-\d+", client.get("/rooms.csv").text)) == site.inside
    counters = counts.counters(ScopedReader(site.path, frozenset({site.root})), 0.0)
    installed = "SELECT COUNT(*) FROM rooms WHERE installed = 1 AND room IN (SELECT value FROM json_each(?))"
    assert counters.total == site.db.execute(installed, (json.dumps(sorted(site.inside)),)).fetchone()[0]


def test_a_row_of_many_incidents_is_marked_only_within_the_scope(site: Site) -> None:
    client = site.client("operator.part")
    fields = {"csrf": csrf(client), "also": f"{site.incident_out},²,99999999999999999999999"}
    assert client.post(f"/incidents/{site.incident_in}/ack", data=fields).status_code == 303
    acked = site.db.execute("SELECT acked_by FROM incidents WHERE id = ?", (site.incident_out,)).fetchone()[0]
    assert acked != "operator.part"
    board = {"csrf": csrf(client), "code": "x", "room": min(site.outside)}
    assert client.post("/enrol", data=board).status_code == 404
    assert client.post("/enrol", data=board | {"room": min(site.inside)}).status_code == 409
    order = {"csrf": csrf(client), "why": "x", "incident": str(site.incident_out)}
    assert client.post(f"/rooms/{min(site.inside)}/act/recheck", data=order).status_code == 404


def test_the_stream_tells_only_of_the_scope(site: Site) -> None:
    scoped = ScopedReader(site.path, frozenset({site.root}))
    live = Live(FakeHub(site.path), reads.Reader(site.path), lambda: 1.0, lambda _hashes: {})
    assert set(live.picture(scoped).tiles) == site.inside
    both = (min(site.inside), min(site.outside))
    change = Change(frozenset(both), frozenset({site.incident_in, site.incident_out}), refresh=True)
    patch = difference(change, {}, live.picture())
    message = f"event: patch\ndata: {json.dumps(patch)}\n\n"
    told = json.loads(live._narrow(message, scoped).partition("data: ")[2])
    assert told["rooms"] == [min(site.inside)]
    assert told["incidents"] == [site.incident_in]
    assert set(told["tiles"]) <= site.inside
    assert told["counters"]["total"] <= len(site.inside) < patch["counters"]["total"]


def test_scopes_share_a_connection_and_do_not_mix(site: Site) -> None:
    codes = site.db.execute("SELECT id FROM nodes WHERE level = 'cluster' ORDER BY id").fetchall()
    readers = [ScopedReader(site.path, frozenset({row[0]})) for row in codes]
    rooms = [{room.room for room in reads.rooms(reader)} for reader in readers]
    assert [{room.room for room in reads.rooms(reader)} for reader in readers] == rooms
    assert all(not one & other for one in rooms for other in rooms if one is not other)
    assert ScopedReader(site.path, frozenset({-1})).all("SELECT 1 FROM rooms") == [], (
        "a node that is gone shows nothing"
    )
    with pytest.raises(sqlite3.OperationalError):
        readers[0].all("DELETE FROM main.rooms")


def test_an_unknown_place_is_refused_and_a_changed_account_signs_in_anew(site: Site) -> None:
    with pytest.raises(BadAccountError, match="nowhere"):
        add_user(site.db, "operator.all", seed.PASSWORD, "operator", places=["nowhere"])
    client = site.client("operator.all")
    add_user(site.db, "operator.all", seed.PASSWORD, "operator", places=[site.code])
    assert client.get("/rooms").status_code == 303
