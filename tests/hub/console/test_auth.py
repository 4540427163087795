"""Accounts, sessions, and what keeps strangers out."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.testclient import TestClient

from hub.access import auth, limits
from hub.access.accounts import BadAccountError, add_user
from hub.access.limits import LoginLimiter
from hub.app import create_app
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, PLAIN, csrf, sign_in
from tests.hub.console.fake import FakeHub

PRIVATE = (*PLAIN, "/rooms.csv", "/rooms/th-14797-1", "/incidents/1", "/rooms/th-14797-1/handover",
           "/rooms/th-14797-1/act/recheck")  # fmt: skip


@pytest.mark.parametrize("path", PRIVATE)
def test_a_stranger_is_sent_to_the_form(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize("accept", ["*/*", "image/png, */*;q=0.1", "text/html"])
def test_whoever_opens_the_address_is_led_to_the_form(stranger: TestClient, accept: str) -> None:
    answer = stranger.get("/", headers={"accept": accept})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [("GET", "/", "application/json"), ("GET", "/triage?part=pane", "*/*"), ("GET", "/api/stream", "*/*"),
     ("POST", "/incidents/1/ack", "*/*")],
)  # fmt: skip
def test_a_program_that_wants_no_page_is_refused(stranger: TestClient, method: str, path: str, accept: str) -> None:
    assert stranger.request(method, path, headers={"accept": accept}).status_code == 401


@pytest.mark.parametrize("path", ["/api/search?q=a", "/api/stream"])
def test_a_stranger_gets_nothing_from_the_api(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_stands_hashed(stranger: TestClient, db_path: Path) -> None:
    answer = stranger.post("/login", data={"name": " Thu.Ha ", "password": seed.PASSWORD, "next": "/rooms"})
    assert answer.headers["location"] == "/rooms"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    token = cookie.split("=")[1].split(";")[0]
    with sqlite3.connect(db_path) as db:
        stored = str(db.execute("SELECT * FROM sessions").fetchall())
    assert token not in stored


@pytest.mark.parametrize("target", ["//evil.example/x", "https://evil.example", "/\\evil.example"])
def test_sign_in_never_leads_away(stranger: TestClient, target: str) -> None:
    answer = stranger.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD, "next": target})
    assert answer.headers["location"] == "/triage"


def test_wrong_password_and_unknown_name_look_the_same(stranger: TestClient) -> None:
    one = stranger.post("/login", data={"name": "thu.ha", "password": "wrong"})
    two = stranger.post("/login", data={"name": "nobody", "password": "wrong"})
    assert one.status_code == two.status_code == 401
    assert one.text.replace("thu.ha", "") == two.text.replace("nobody", "")


def test_guessing_is_slowed_and_the_limiter_is_bounded(stranger: TestClient) -> None:
    for _ in range(5):
        assert stranger.post("/login", data={"name": "thu.ha", "password": "wrong"}).status_code == 401
    assert stranger.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD}).status_code == 429
    limiter = LoginLimiter()
    for number in range(10_000):
        limiter.failed((f"name:{number}",), 0.0)
    assert len(limiter._failures) == limits._REMEMBERED_MAX


def test_waiting_doubles_and_ends() -> None:
    limiter = LoginLimiter()
    for _ in range(5):
        limiter.failed(("pair:a",), 1000.0)
    assert limiter.wait_s(("pair:a",), 1000.0) == 30.0
    assert limiter.wait_s(("pair:a",), 1031.0) <= 0.0
    limiter.failed(("pair:a",), 1031.0)
    assert limiter.wait_s(("pair:a",), 1031.0) == 60.0
    limiter.succeeded(("pair:a",))
    assert limiter.wait_s(("pair:a",), 1031.0) == 0.0


def test_a_session_ends_by_idleness_by_sign_out_and_by_disabling(db_path: Path) -> None:
    now = [1_000_000.0]
    sessions = auth.Sessions(db_path, lambda: now[0])

    def login() -> str:
        made = sessions.login("thu.ha", seed.PASSWORD, "")
        assert made is not None
        return made.token

    token = login()
    now[0] += auth.SESSION_S - 60
    assert sessions.find(token) is not None
    now[0] += auth.SESSION_S - 60  # was prolonged by its use
    session = sessions.find(token)
    assert session is not None
    now[0] += auth.SESSION_S + 1
    assert sessions.find(token) is None
    second = login()
    again = sessions.find(second)
    assert again is not None
    sessions.logout(again)
    assert sessions.find(second) is None
    third = login()
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE users SET disabled = 1")
    assert sessions.find(third) is None
    assert sessions.login("thu.ha", seed.PASSWORD, "") is None
    sessions.close()


CHANGES = ("/incidents/1/ack", "/incidents/1/note", "/incidents/1/shelve", "/incidents/1/recheck", "/logout",
           "/rooms/th-14797-1/act/codec_restart", "/language")  # fmt: skip


@pytest.mark.parametrize("path", CHANGES)
def test_nothing_changes_without_the_sessions_token(client: TestClient, path: str) -> None:
    fields = {"text": "x", "until": "30:planned", "why": "x", "language": "en", "back": "/"}
    assert client.post(path, data=fields).status_code == 403
    assert client.post(path, data=fields | {"csrf": "made up"}).status_code == 403


def test_other_sites_and_large_bodies_are_turned_away(client: TestClient) -> None:
    token = csrf(client)
    foreign = client.post("/incidents/1/ack", data={"csrf": token}, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    large = client.post("/incidents/1/note", data={"csrf": token, "text": "x" * 70_000})
    assert large.status_code == 413


def test_a_viewer_looks_but_does_not_act(stranger: TestClient) -> None:
    sign_in(stranger, "khach")
    assert stranger.get("/triage").status_code == 200
    assert "/ack" not in stranger.get("/triage").text
    token = csrf(stranger)
    answer = stranger.post("/incidents/1/ack", data={"csrf": token}, headers={"accept": "application/json"})
    assert answer.status_code == 403
    assert "chỉ được xem" in answer.json()["error"]


def test_bad_accounts_are_refused(db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        for name, password, role in (("x", "long enough 1", "viewer"), ("an", "short", "viewer"),
                                     ("an", "long enough 1", "king"), ("an", "MatKhau1234", "viewer"),
                                     ("an", "aaaaaaaaaaab", "viewer"),
                                     ("nguyen.thi.an", "nguyen.thi.an1", "viewer")):  # fmt: skip
            with pytest.raises(BadAccountError):
                add_user(db, name, password, role)


def test_headers_of_every_answer(db_path: Path) -> None:
    with TestClient(create_app(db_path, None, FakeHub(db_path)), headers=HTML) as client:
        for path in ("/login", "/static/console.css", "/nowhere"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"


def test_hammering_one_name_shuts_out_neither_its_known_browser_nor_other_addresses(app: FastAPI) -> None:
    def browser(address: str) -> TestClient:
        return TestClient(app, headers=HTML, follow_redirects=False, client=(address, 1))

    right, wrong = ({"name": "thu.ha", "password": word} for word in (seed.PASSWORD, "wrong"))
    known, guesser, elsewhere = browser("10.0.0.1"), browser("10.0.0.1"), browser("10.0.0.2")
    assert known.post("/login", data=right).status_code == 303
    for _ in range(5):
        assert guesser.post("/login", data=wrong).status_code == 401
    assert guesser.post("/login", data=right).status_code == 429
    assert elsewhere.post("/login", data=right).status_code == 303, "another address"
    assert known.post("/login", data=right).status_code == 303, "the same address, a browser that is known"
    stolen = known.cookies[auth.DEVICE_COOKIE]
    guesser.cookies.set(auth.DEVICE_COOKIE, stolen)
    for _ in range(5):
        assert guesser.post("/login", data=wrong).status_code == 401
    assert guesser.post("/login", data=right).status_code == 429, "a device has few tries as well"
    other = {"name": "khach", "password": seed.PASSWORD}
    for _ in range(20):
        app.state.console.sessions.limiter.failed(limits.keys("khach", "10.0.0.9", ""), time.time())
    assert browser("10.0.0.1").post("/login", data=other).status_code == 303


def test_a_name_guessed_from_everywhere_waits_but_not_for_its_known_browser() -> None:
    limiter = LoginLimiter()
    for number in range(60):
        limiter.failed(limits.keys("admin", f"10.1.0.{number}", ""), 0.0)
    assert limiter.wait_s(limits.keys("admin", "10.9.9.9", ""), 0.0) > 0
    assert limiter.wait_s(limits.keys("admin", "10.9.9.9", "known"), 0.0) == 0
    assert limiter.wait_s(limits.keys("admin", "10.9.9.9", ""), 901.0) <= 0, "it ends by itself"
    assert limits.keys("a", "2001:db8::1", "") == limits.keys("a", "2001:db8::ffff", "")


def test_behind_tls_cookies_are_bound_to_the_host(app: FastAPI) -> None:
    with TestClient(app, "https://console.example", headers=HTML, follow_redirects=False) as client:
        answer = client.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD})
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        for cookie in answer.headers.get_list("set-cookie"):
            assert cookie.startswith("__Host-")
            assert "Secure" in cookie
            assert "Path=/" in cookie
            assert "omain=" not in cookie
        assert client.get("/rooms").status_code == 200


@pytest.mark.usefixtures("shipped_hashes")
def test_weaker_hashes_are_renewed_at_sign_in(stranger: TestClient, db_path: Path) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(seed.PASSWORD)
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE users SET hash = ? WHERE name = 'thu.ha'", (weak,))
    sign_in(stranger)
    with sqlite3.connect(db_path) as db:
        (stored,) = db.execute("SELECT hash FROM users WHERE name = 'thu.ha'").fetchone()
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$"), "RFC 9106, low-memory profile"
    assert not PasswordHasher().check_needs_rehash(stored)


def test_no_secret_stands_in_a_log(
    stranger: TestClient, db_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    stranger.post("/login", data={"name": "my secret password", "password": "another secret"})
    sign_in(stranger)
    token = csrf(stranger)
    stranger.post("/logout", data={"csrf": token})
    with sqlite3.connect(db_path) as db:
        told = str(db.execute("SELECT * FROM audit").fetchall()) + caplog.text + "".join(capfd.readouterr())
    assert "login_failed" in told
    for secret in ("my secret password", "another secret", seed.PASSWORD, token, *stranger.cookies.values()):
        assert secret not in told
