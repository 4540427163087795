"""One's own account: changing the password, and seeing and ending one's sessions."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hub.access import accounts, auth, people
from hub.access.browsers import AGENT_MAX, device_words
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, csrf, sign_in

NEW = "Điểm cầu số bảy"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Safari/604.1"


@pytest.fixture
def other(app: FastAPI) -> TestClient:
    """A second browser of the same operator, a phone elsewhere."""
    made = TestClient(app, headers=HTML | {"user-agent": IPHONE}, follow_redirects=False, client=("10.0.0.2", 1))
    sign_in(made)
    return made


def change(client: TestClient, old: str = seed.PASSWORD, new: str = NEW, again: str = NEW) -> tuple[int, str]:
    """Send the form; status and text."""
    answer = client.post("/account/password", data={"csrf": csrf(client), "old": old, "new": new, "again": again})
    return answer.status_code, answer.text


def deeds(path: Path) -> list[str]:
    """What stands in the log, oldest first."""
    with sqlite3.connect(path) as db:
        return [row[0] for row in db.execute("SELECT what FROM audit ORDER BY id")]


def test_a_changed_password_ends_the_other_sessions_and_opens_the_door(
    client: TestClient, other: TestClient, db_path: Path
) -> None:
    assert other.get("/account").status_code == 200
    assert change(client) == (303, "")
    assert client.get("/account").status_code == 200, "the one who changed it stays"
    assert other.get("/account").status_code == 303
    assert other.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD}).status_code == 401
    assert other.post("/login", data={"name": "thu.ha", "password": NEW}).status_code == 303
    assert "password_changed" in deeds(db_path)
    with sqlite3.connect(db_path) as db:
        told = str(db.execute("SELECT * FROM audit").fetchall())
    assert NEW not in told
    assert seed.PASSWORD not in told


def test_changing_the_password_forgets_the_browsers_of_whoever_had_it(
    client: TestClient, other: TestClient, db_path: Path
) -> None:
    assert change(client)[0] == 303
    with sqlite3.connect(db_path) as db:
        known = [row[0] for row in db.execute("SELECT hash FROM devices WHERE user = 'thu.ha'")]
    assert known == [auth.hash_of(client.cookies[auth.DEVICE_COOKIE])]
    assert auth.hash_of(other.cookies[auth.DEVICE_COOKIE]) not in known


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("wrong", NEW, NEW, "Mật khẩu hiện tại không đúng"),
        ("", NEW, NEW, "Mật khẩu hiện tại không đúng"),
        (seed.PASSWORD, NEW, "something else", "không giống nhau"),
        (seed.PASSWORD, seed.PASSWORD, seed.PASSWORD, "trùng với"),
        (seed.PASSWORD, "short", "short", "ngắn hơn 10"),
        (seed.PASSWORD, "MatKhau1234", "MatKhau1234", "quá dễ đoán"),
        (seed.PASSWORD, "thu.ha2026!!!!", "thu.ha2026!!!!", "quá dễ đoán"),
    ],
)
def test_a_password_that_will_not_do_changes_nothing(
    client: TestClient, db_path: Path, old: str, new: str, again: str, said: str
) -> None:
    with sqlite3.connect(db_path) as db:
        before = db.execute("SELECT hash FROM users WHERE name = 'thu.ha'").fetchone()
        status, text = change(client, old, new, again)
        assert status == 400
        assert said in text
        assert db.execute("SELECT hash FROM users WHERE name = 'thu.ha'").fetchone() == before
    assert "password_changed" not in deeds(db_path)


def test_guessing_on_an_open_page_waits_and_shuts_nobody_out(
    client: TestClient, other: TestClient, db_path: Path
) -> None:
    for _ in range(5):
        assert change(client, "wrong")[0] == 400
    status, text = change(client)
    assert (status, "Đã thử sai nhiều lần" in text) == (400, True)
    assert deeds(db_path).count("password_refused") == 5
    assert other.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD}).status_code == 303


def test_sessions_are_told_by_device_address_and_time_and_ended_one_by_one(
    client: TestClient, other: TestClient, db_path: Path
) -> None:
    text = client.get("/account").text
    assert "Safari trên iPhone" in text
    assert "từ 10.0.0.2" in text
    handles = re.findall(r'name="session" value="([0-9a-f]+)"', text)
    assert handles == [auth.hash_of(other.cookies[auth.COOKIE])[:16]], (
        "one's own cannot be ended here but by signing out"
    )
    answer = client.post("/account/sessions/end", data={"csrf": csrf(client), "session": handles[0]})
    assert answer.headers["location"] == "/account?done=ended"
    assert other.get("/account").status_code == 303
    again = client.post("/account/sessions/end", data={"csrf": csrf(client), "session": handles[0]})
    assert again.headers["location"] == "/account?done=gone"
    assert deeds(db_path).count("session_ended") == 1


def test_all_others_end_at_once_and_nobody_elses(client: TestClient, other: TestClient, app: FastAPI) -> None:
    guest = TestClient(app, headers=HTML, follow_redirects=False)
    sign_in(guest, "khach")
    theirs = auth.hash_of(guest.cookies[auth.COOKIE])[:16]
    answer = client.post("/account/sessions/end", data={"csrf": csrf(client), "session": theirs})
    assert answer.headers["location"] == "/account?done=gone"
    client.post("/account/sessions/end-others", data={"csrf": csrf(client)})
    assert [one.get("/account").status_code for one in (client, other, guest)] == [200, 303, 200]


@pytest.mark.parametrize("path", ["password", "sessions/end", "sessions/end-others"])
def test_nothing_changes_without_the_sessions_token(client: TestClient, path: str) -> None:
    fields = {"old": seed.PASSWORD, "new": NEW, "again": NEW}
    assert client.post(f"/account/{path}", data=fields).status_code == 403
    assert client.get("/account").status_code == 200


def test_browsers_are_called_what_people_call_them(db_path: Path) -> None:
    assert device_words(WINDOWS) == ("Chrome", "Windows")
    assert device_words(IPHONE) == ("Safari", "iPhone")
    assert device_words(WINDOWS.replace("Chrome", "coc_coc_browser/130 Chrome")) == ("Cốc Cốc", "Windows")
    assert device_words(WINDOWS + " Edg/130.0") == ("Edge", "Windows")
    assert device_words("curl/8") == ("", "")
    sessions = auth.Sessions(db_path, time.time)
    assert sessions.login("thu.ha", seed.PASSWORD, "", "", "<b>" + "x" * 9999) is not None
    sessions.close()
    with sqlite3.connect(db_path) as db:
        assert max(len(row[0]) for row in db.execute("SELECT agent FROM sessions")) == AGENT_MAX


def _set_up(client: TestClient) -> str:
    """Switch the second step on; the secret."""
    page = client.post("/account/totp/start", data={"csrf": csrf(client), "password": seed.PASSWORD}).text
    secret = re.sub(r"\s", "", re.findall(r"<code[^>]*>([A-Z2-7 ]{20,})</code>", page)[0])
    code = pyotp.TOTP(secret).now()
    assert client.post("/account/totp/confirm", data={"csrf": csrf(client), "code": code}).status_code == 200
    return secret


def _switch_off(client: TestClient) -> None:
    secret = _set_up(client)
    later = pyotp.TOTP(secret).at(time.time() + 30)
    fields = {"csrf": csrf(client), "password": seed.PASSWORD, "code": later}
    client.copied = TestClient(client.app, headers=HTML, follow_redirects=False, cookies=dict(client.cookies))  # type: ignore[attr-defined]
    assert client.post("/account/totp/off", data=fields).status_code == 303


SHUTTING_OUT: dict[str, Callable[[TestClient], object]] = {
    "password": lambda client: change(client),
    "second step on": _set_up,
    "second step off": _switch_off,
    "the others ended": lambda client: client.post("/account/sessions/end-others", data={"csrf": csrf(client)}),
}


@pytest.mark.parametrize("what", SHUTTING_OUT)
def test_a_copy_of_the_cookie_ends_with_what_shuts_somebody_out(
    client: TestClient, app: FastAPI, db_path: Path, what: str
) -> None:
    thief = TestClient(app, headers=HTML, follow_redirects=False, cookies=dict(client.cookies))
    assert thief.get("/rooms").status_code == 200
    SHUTTING_OUT[what](client)
    assert client.get("/account").status_code == 200, "whoever did it goes on"
    for copy in (thief, getattr(client, "copied", thief)):
        assert copy.get("/rooms").status_code == 303
    assert len(thief.cookies) > 0
    with sqlite3.connect(db_path) as db:
        assert db.execute("SELECT COUNT(*) FROM sessions WHERE user = 'thu.ha'").fetchone()[0] == 1


def test_a_sign_in_that_waits_for_its_code_ends_with_a_lock(client: TestClient, app: FastAPI, db_path: Path) -> None:
    secret = _set_up(client)
    sessions = app.state.console.sessions
    with sqlite3.connect(db_path) as db:
        db.execute("INSERT INTO users (name, hash, role, created_s) VALUES ('chi.huy', '', 'admin', 0)")
    waits = TestClient(app, headers=HTML, follow_redirects=False)
    assert waits.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD}).headers["location"] == "/login/code"
    people.lock(sessions, "chi.huy", "thu.ha", time.time())
    people.unlock(sessions, "chi.huy", "thu.ha", time.time())
    late = waits.post("/login/code", data={"code": pyotp.TOTP(secret).at(time.time() + 30)})
    assert late.status_code == 401, "the lock is gone, and so is what had begun before it"


def test_a_password_that_is_changed_while_it_is_checked_opens_nothing(
    app: FastAPI, stranger: TestClient, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = accounts.verify

    def slow(*args: Any, **more: Any) -> bool:
        good = real(*args, **more)
        with sqlite3.connect(db_path) as db:
            db.execute("UPDATE users SET disabled = 1 WHERE name = 'thu.ha'")
        return good

    monkeypatch.setattr(auth, "verify", slow)
    assert stranger.post("/login", data={"name": "thu.ha", "password": seed.PASSWORD}).status_code == 401
    with sqlite3.connect(db_path) as db:
        assert db.execute("SELECT COUNT(*) FROM sessions").fetchone()[0] == 0
