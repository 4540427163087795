"""Who reads waits for nobody: not for a writer, not for a lock that another process holds, not in the event loop."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from hub.access import auth
from hub.access.accounts import add_user
from hub.access.permissions import API, ROUTES, Right
from hub.app import create_app
from hub.intake.link import Broker
from hub.port import HubBusyError
from hub.runtime import service
from hub.store.db import open_db
from tests.brokers import free_port, until
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, csrf, sign_in
from tests.hub.console.fake import FakeHub

ENDLESS = "/api/stream"
FIELDS = {"text": "x", "until": "30:planned", "why": "x", "secret": "1", "code": "AAAAA-AAAAA", "room": "th-14797-2",
          "name": "moi.them", "role": "viewer", "whole": "1", "old": seed.PASSWORD, "new": "Điểm cầu số bảy",
          "again": "Điểm cầu số bảy", "password": seed.PASSWORD, "language": "en"}  # fmt: skip
WRITES_GET = {"/audit.csv"}
"""That the log was taken away is a row of it."""


def address(path: str) -> str:
    found = path.format(
        room_id="th-14797-1", incident_id=1, action="recheck", name="khach", meeting="m1", order_id="c1",
        fingerprint="0" * 64,
    )  # fmt: skip
    return f"{found}?why=1" if path == ENDLESS else found


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process holds the write lock, as a backup or an import does."""
    code = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None); " \
           "db.execute('BEGIN EXCLUSIVE'); print('held', flush=True); sys.stdin.read()"  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:  # fmt: skip
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        other.stdin.close()


@pytest.fixture
def chief(db_path: Path, app: FastAPI) -> Iterator[TestClient]:
    """A browser with an administrator in it."""
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE users SET role = 'admin' WHERE name = 'thu.ha'")
    with TestClient(app, headers=HTML, follow_redirects=False) as client:
        sign_in(client)
        yield client


def _routes(routes: Any) -> Iterator[APIRoute]:
    """Every route, however its routers are nested."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router.routes)


def _calls(routes: Any) -> Iterator[Any]:
    """Every function that a request can reach by a route: its endpoint and what that depends on."""
    for route in _routes(routes):
        waiting = [route.dependant]
        while waiting:
            one = waiting.pop()
            waiting += one.dependencies
            yield one.call


def test_what_runs_in_the_event_loop_is_known_by_name(app: FastAPI) -> None:
    reached = [*_calls(app.routes), *_calls(app.state.api.routes)]
    assert len(reached) > 60
    inside = {call.__name__ for call in reached if inspect.iscoroutinefunction(call)}
    assert inside == {"read_form", "read_body", "stream"}, "these read the request, or hand a stream out"


def test_no_request_asks_the_database_in_the_event_loop(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocking: list[str] = []
    real = sqlite3.connect

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                return super().execute(sql, *args)
            blocking.append(sql)
            return super().execute(sql, *args)

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: real(*args, **more, factory=Watched))
    with real(db_path) as db:
        db.execute("UPDATE users SET role = 'admin' WHERE name = 'thu.ha'")
    app = create_app(db_path, None, FakeHub(db_path))
    with TestClient(app, headers=HTML, follow_redirects=False) as client:
        sign_in(client)
        token = csrf(client)
        for method, path in [*ROUTES, *API]:
            if path in ("/logout", "/account/password"):
                continue
            client.request(method, address(path), data=FIELDS | {"csrf": token} if method == "POST" else None)
        client.post("/enrol/ask", json={"csr": "x"})
        client.post("/logout", data={"csrf": token})
    assert blocking == []


def test_pages_are_read_while_many_wait_to_sign_in(
    chief: TestClient, app: FastAPI, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "WRITE_S", 60.0)
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE sessions SET seen_s = seen_s - 3600")  # a use of it is due to be noted
    answers: list[int] = []

    def try_to() -> None:
        other = TestClient(app, headers=HTML, follow_redirects=False)
        answers.append(other.post("/login", data={"name": "khach", "password": seed.PASSWORD}).status_code)

    threads = [threading.Thread(target=try_to) for _ in range(3)]
    with held(db_path):
        for thread in threads:
            thread.start()
        until("they wait for the lock", lambda: app.state.console.sessions._few._value <= auth.WRITERS_MAX - 3)
        for path in [path for method, path in [*ROUTES, *API] if method == "GET" and path not in WRITES_GET]:
            status = chief.get(address(path)).status_code
            assert status in (200, 204, 303, 404), f"{path}: {status}"
            assert answers == [], f"{path} came after a writer"
    for thread in threads:
        thread.join(60)
    assert answers == [303] * 3


@pytest.fixture
def real_hub(db_path: Path) -> Iterator[service.Hub]:
    """The hub itself; its broker is away."""
    made = service.Hub(db_path, Broker(port=free_port()))
    made.start()
    yield made
    made.stop()


def test_whatever_must_write_is_told_to_come_again_and_was_not_done(
    db_path: Path, real_hub: service.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = open_db(db_path)
    db.execute("UPDATE users SET role = 'admin' WHERE name = 'thu.ha'")
    add_user(db, "khach", seed.PASSWORD, "viewer")
    monkeypatch.setattr(auth, "WRITE_S", 0.2)
    monkeypatch.setattr(service, "ASKED_S", 0.5)
    app = create_app(db_path, None, real_hub)
    with TestClient(app, headers=HTML, follow_redirects=False) as client:
        sign_in(client)
        token = csrf(client)
        before = dump(db)
        with held(db_path):
            for method, path in [*ROUTES, *API]:
                if method != "POST" and path not in WRITES_GET:
                    continue
                began_s = time.monotonic()
                body: dict[str, Any] = {"json": {"action": "recheck", "why": ""}} if path.startswith("/api/v1") else {}
                answer = client.request(
                    method, address(path), headers={"x-csrf-token": token},
                    **(body or {"data": FIELDS if method == "POST" else None}),
                )  # fmt: skip
                assert time.monotonic() - began_s < 20, path
                assert answer.status_code == 503 or 400 <= answer.status_code < 500, f"{path}: {answer.status_code}"
                if answer.status_code == 503:
                    assert int(answer.headers["retry-after"]) > 0, path
                    refused.append(path)
        assert {"/login", "/logout", "/language", "/account/password", "/incidents/{incident_id}/ack", "/users",
                "/users/{name}/lock", "/meetings/{meeting}/secret", "/audit.csv"} <= set(refused)  # fmt: skip
        assert dump(db) == before, "nothing of it was done later either"
        assert client.post("/language", data={"csrf": token, "language": "en"}).status_code == 303
    db.close()


refused: list[str] = []


def dump(db: sqlite3.Connection) -> list[Any]:
    """What people can change."""
    tables = ("users", "sessions", "incidents", "notes", "audit", "enrolments", "meetings", "handovers", "orders")
    return [[tuple(row) for row in db.execute(f"SELECT * FROM {table}")] for table in tables]


def test_strangers_who_guess_leave_a_turn_to_those_the_browser_vouches_for(client: TestClient, app: FastAPI) -> None:
    from hub.access import accounts

    assert client.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD}).status_code == 303
    lane = accounts._strangers
    with lane.turn:  # one is being checked, and as many wait as may
        while lane.waiting.acquire(blocking=False):
            pass
        try:
            stranger = TestClient(app, headers=HTML, follow_redirects=False)
            assert stranger.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD}).status_code == 429
            assert client.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD}).status_code == 303
        finally:
            for _ in range(4):
                lane.waiting.release()


@pytest.mark.parametrize("value", ["nonsense", "-1", "9" * 30, "\x00", "²", "list,pane", "'"])
def test_no_question_in_an_address_is_an_error_of_ours(chief: TestClient, app: FastAPI, value: str) -> None:
    asked = 0
    for prefix, routes in (("", app.routes), ("/api/v1", app.state.api.routes)):
        for route in _routes(routes):
            path = prefix + route.path
            if "GET" not in (route.methods or ()) or path == ENDLESS:
                continue
            for field in [*route.dependant.query_params]:
                status = chief.get(address(path), params={field.alias: value}).status_code
                assert status < 500, f"{path}?{field.alias}={value}: {status}"
                asked += 1
            if ROUTES.get(("GET", path)) not in (None, Right.PUBLIC):
                assert chief.get(address(path), params={"part": value}).status_code == 404, path
    assert asked > 25
    assert chief.get("/triage?part=list").status_code == 200
    assert chief.get("/rooms?part=").status_code == 200


def test_what_nobody_waits_for_any_more_is_not_done_when_the_lock_is_free(
    real_hub: service.Hub, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ASKED_S", 0.3)
    real_hub._writer._db.execute("PRAGMA busy_timeout = 60000")
    with held(db_path), pytest.raises(HubBusyError):
        real_hub.add_note(1, "thu.ha", "too late")  # its turn has come: it waits for the lock itself
    monkeypatch.setattr(service, "ASKED_S", 60.0)
    assert real_hub.add_note(1, "thu.ha", "in time").ok
    with sqlite3.connect(db_path) as db:
        assert db.execute("SELECT text FROM notes WHERE incident = 1").fetchall() == [("in time",)]


def test_a_few_changes_wait_and_the_others_are_told_at_once(real_hub: service.Hub) -> None:
    for _ in range(service.ASKING_MAX):
        assert real_hub._few.acquire(blocking=False)
    with pytest.raises(HubBusyError):
        real_hub.ack_incident(1, "thu.ha")
