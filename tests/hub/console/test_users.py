"""Accounts as administrators keep them; and that they cannot shut themselves out, nor each other."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hub.access import people
from hub.access.accounts import set_scope
from hub.access.auth import Sessions
from hub.access.own import NotChangedError
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, csrf, sign_in
from tests.hub.console.test_browser import Site, browser, open_page, violations

__all__ = ["browser"]

DEEDS = ("change", "lock", "unlock", "password", "totp", "sessions")
NEW = "Điểm cầu số bảy"


def make_admin(path: Path, *names: str) -> None:
    """Give roles as the command line would, but without another hash: each takes 64 MiB and a moment."""
    with sqlite3.connect(path) as db:
        for name in names:
            db.execute(
                "INSERT INTO users (name, hash, role, created_s) SELECT ?, hash, 'admin', 0 FROM users"
                " WHERE name = 'khach' ON CONFLICT (name) DO UPDATE SET role = 'admin'",
                (name,),
            )


@pytest.fixture
def admin(stranger: TestClient, db_path: Path) -> TestClient:
    """A browser with the only administrator signed in."""
    make_admin(db_path, "thu.ha")
    sign_in(stranger)
    return stranger


@pytest.fixture
def guest(app: FastAPI) -> TestClient:
    """A browser of someone else, not signed in."""
    return TestClient(app, headers=HTML, follow_redirects=False, client=("10.0.0.2", 1))


def post(client: TestClient, path: str, **fields: Any) -> tuple[int, str]:
    """Send a form; status and where it leads, or the page."""
    answer = client.post(path, data={"csrf": csrf(client), **fields})
    return answer.status_code, answer.headers.get("location", answer.text)


def given(text: str) -> str:
    """The temporary password of the page."""
    found = re.search(r'id="given">([a-z0-9-]+)<', text)
    assert found
    return found[1]


def deeds(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Who did what, with its detail, oldest first."""
    with sqlite3.connect(path) as db:
        rows = db.execute("SELECT by, what, detail FROM audit ORDER BY id").fetchall()
    return [(by, what, json.loads(detail)) for by, what, detail in rows]


def enter(client: TestClient, name: str, password: str) -> int:
    """Try to sign in."""
    return client.post("/login", data={"name": name, "password": password}).status_code


def test_only_administrators_of_the_whole_tree_are_let_in(client: TestClient, db_path: Path, guest: TestClient) -> None:
    assert client.get("/users").status_code == 403
    assert 'href="/users"' not in client.get("/health").text
    make_admin(db_path, "bound")
    with sqlite3.connect(db_path) as db:
        db.row_factory = sqlite3.Row
        set_scope(db, "bound", [db.execute("SELECT code FROM nodes WHERE level = 'cluster'").fetchone()[0]])
    sign_in(guest, "bound")
    assert guest.get("/users").status_code == 403


def test_a_temporary_password_opens_nothing_after_three_days(
    admin: TestClient, guest: TestClient, app: FastAPI, db_path: Path
) -> None:
    _, text = post(admin, "/users", name="van.minh", full_name="", role="operator", whole="1")
    first = given(text)
    ages = {"lasts": 3 * 86_400 - 60, "over": 3 * 86_400 + 60, "of a clock that was wrong": -2 * 86_400}

    def aged(age_s: float) -> None:
        with sqlite3.connect(db_path) as db:
            db.execute("UPDATE users SET given_s = ? WHERE name = 'van.minh'", (time.time() - age_s,))

    aged(ages["lasts"])
    assert enter(guest, "van.minh", first) == 303
    assert guest.get("/account").status_code == 200
    aged(ages["over"])
    assert guest.get("/account").status_code == 303, "nor does a session that began with it"
    for age_s in (ages["over"], ages["of a clock that was wrong"]):
        aged(age_s)
        answer = guest.post("/login", data={"name": "van.minh", "password": first})
        assert (answer.status_code, "quá 72 giờ" in answer.text) == (401, True)
    assert ("van.minh", "login_failed") in [(by, what) for by, what, detail in deeds(db_path) if "why" in detail]
    assert "quá 72 giờ" not in guest.post("/login", data={"name": "van.minh", "password": "sai-mat-khau"}).text
    again = given(post(admin, "/users/van.minh/password")[1])
    assert enter(guest, "van.minh", again) == 303


def test_a_new_account_must_change_its_temporary_password_before_anything_else(
    admin: TestClient, guest: TestClient, db_path: Path
) -> None:
    status, text = post(admin, "/users", name=" Van.Minh ", full_name="Lê <b>Minh", role="operator", whole="1")
    assert status == 200
    password = given(text)
    assert password not in admin.get("/users").text
    assert "Lê &lt;b&gt;Minh" in admin.get("/users").text
    assert ("thu.ha", "user_added", {"user": "van.minh", "role": "operator", "places": []}) in deeds(db_path)
    assert password not in str(deeds(db_path))
    assert enter(guest, "van.minh", password) == 303
    assert guest.get("/rooms").headers["location"] == "/account"
    assert guest.get("/api/v1/rooms").status_code == 403
    held = guest.get("/account").text
    assert "quản trị viên đặt" in held
    token = held.split('name="csrf" value="')[1].split('"')[0]
    same = guest.post("/account/password", data={"csrf": token, "old": password, "new": password, "again": password})
    assert same.status_code == 400
    changed = guest.post("/account/password", data={"csrf": token, "old": password, "new": NEW, "again": NEW})
    assert changed.status_code == 303
    assert guest.get("/rooms").status_code == 200


WRONG: tuple[tuple[dict[str, str], str], ...] = (
    ({"name": "x", "role": "viewer", "whole": "1"}, "2 đến 40"),
    ({"name": "a b", "role": "viewer", "whole": "1"}, "2 đến 40"),
    ({"name": "moi", "role": "king", "whole": "1"}, "Không có vai trò"),
    ({"name": "khach", "role": "admin", "whole": "1"}, "đã có"),
    ({"name": "moi", "role": "viewer", "whole": "0"}, "Chưa chọn nơi"),
    ({"name": "moi", "role": "viewer"}, "Chưa chọn nơi"),
    ({"name": "moi", "role": "viewer", "whole": "0", "place": "99999999"}, "Chưa chọn nơi"),
)


def test_a_wrong_form_makes_no_account(admin: TestClient, db_path: Path) -> None:
    for fields, said in WRONG:
        status, text = post(admin, "/users", **fields)
        assert (status, said in text) == (400, True), fields
    with sqlite3.connect(db_path) as db:
        assert {row[0] for row in db.execute("SELECT name FROM users")} == {"thu.ha", "khach"}
        assert db.execute("SELECT role FROM users WHERE name = 'khach'").fetchone() == ("viewer",)


def test_role_and_places_follow_the_form_and_end_the_sessions(
    admin: TestClient, guest: TestClient, db_path: Path
) -> None:
    sign_in(guest, "khach")
    with sqlite3.connect(db_path) as db:
        node, code = db.execute("SELECT id, code FROM nodes WHERE level = 'commune' ORDER BY id").fetchone()
    done = post(admin, "/users/khach/change", full_name="Khách", role="operator", whole="0", place=str(node))
    assert done == (303, "/users/khach?done=changed")
    assert guest.get("/rooms").status_code == 303
    detail = {"user": "khach", "role": "operator", "role_before": "viewer", "places": [f"commune {code}"],
              "places_before": []}  # fmt: skip
    assert deeds(db_path)[-1] == ("thu.ha", "user_changed", detail)
    sign_in(guest, "khach")
    rooms = len(re.findall(r'href="/rooms/th-', guest.get("/rooms").text))
    assert 0 < rooms < 50
    assert f'value="{node}" checked' in admin.get("/users/khach").text
    post(admin, "/users/khach/change", full_name="Tên khác", role="operator", whole="0", place=str(node))
    assert guest.get("/rooms").status_code == 200, "another name alone ends no session"


def test_a_place_that_is_gone_never_becomes_the_whole_tree(admin: TestClient, db_path: Path) -> None:
    with sqlite3.connect(db_path) as db:
        db.execute("INSERT INTO user_scopes (user, node) VALUES ('khach', 987654)")
    assert "1 nơi không còn" in admin.get("/users/khach").text
    assert post(admin, "/users/khach/change", full_name="", role="viewer", whole="0")[0] == 303
    with sqlite3.connect(db_path) as db:
        assert db.execute("SELECT node FROM user_scopes WHERE user = 'khach'").fetchall() == [(987654,)]


def test_locking_ends_sessions_and_unlocking_lets_in_again(admin: TestClient, guest: TestClient, db_path: Path) -> None:
    sign_in(guest, "khach")
    assert post(admin, "/users/khach/lock") == (303, "/users/khach?done=locked")
    assert guest.get("/rooms").status_code == 303
    assert enter(guest, "khach", seed.PASSWORD) == 401
    assert "Đang khóa" in admin.get("/users").text
    assert post(admin, "/users/khach/unlock")[0] == 303
    assert enter(guest, "khach", seed.PASSWORD) == 303
    assert [what for _, what, _ in deeds(db_path) if what.startswith("user_")][-2:] == ["user_locked", "user_unlocked"]


def test_password_second_step_and_sessions_are_reset(admin: TestClient, guest: TestClient, db_path: Path) -> None:
    sign_in(guest, "khach")
    with sqlite3.connect(db_path) as db:
        db.execute("INSERT INTO totp (user, secret, since_s) VALUES ('khach', 'JBSWY3DPEHPK3PXP', 1)")
        db.execute("INSERT INTO recovery_codes VALUES ('h', 'khach')")
    assert post(admin, "/users/khach/sessions")[0] == 303
    assert guest.get("/rooms").status_code == 303
    assert guest.post("/login", data={"name": "khach", "password": seed.PASSWORD}).headers["location"] == "/login/code"
    assert post(admin, "/users/khach/totp")[0] == 303
    assert guest.post("/login", data={"name": "khach", "password": seed.PASSWORD}).headers["location"] == "/triage"
    status, text = post(admin, "/users/khach/password")
    assert status == 200
    assert guest.get("/rooms").status_code == 303
    assert enter(guest, "khach", seed.PASSWORD) == 401
    assert enter(guest, "khach", given(text)) == 303
    done = [what for by, what, _ in deeds(db_path) if by == "thu.ha"]
    assert done[-3:] == ["user_sessions_ended", "totp_reset", "password_reset"]


def test_nobody_changes_their_own_account_here(admin: TestClient, db_path: Path) -> None:
    make_admin(db_path, "second")
    before = len(deeds(db_path))
    for deed in DEEDS:
        status, text = post(admin, f"/users/thu.ha/{deed}", role="viewer", whole="1")
        assert (deed, status, "Không tự sửa" in text) == (deed, 400, True)
        assert post(admin, f"/users/nobody/{deed}", role="viewer", whole="1")[0] == 404, deed
    assert len(deeds(db_path)) == before
    assert admin.get("/users").status_code == 200


def test_two_administrators_cannot_lock_each_other_out(db_path: Path) -> None:
    make_admin(db_path, "thu.ha", "second")
    sessions = Sessions(db_path, time.time)
    with sqlite3.connect(db_path) as db:  # bound to a place: such a one cannot let the others in again
        db.execute("INSERT INTO user_scopes SELECT 'second', MIN(id) FROM nodes")
    with pytest.raises(NotChangedError, match=r"users\.last"):
        people.lock(sessions, "second", "thu.ha", 1.0)
    for role, places in (("viewer", frozenset[int]()), ("admin", frozenset({1}))):
        with pytest.raises(NotChangedError, match=r"users\.last"):
            people.change(sessions, "second", "thu.ha", "", role, places, 1.0)
    people.lock(sessions, "thu.ha", "second", 1.0)
    with pytest.raises(NotChangedError, match="not_yours"):
        people.lock(sessions, "second", "thu.ha", 1.0)  # its page was still open
    sessions.close()
    assert [what for _, what, _ in deeds(db_path)][-1] == "user_locked"


def test_an_account_of_the_office_has_no_password_here(admin: TestClient, db_path: Path, guest: TestClient) -> None:
    sign_in(guest, "khach")
    with sqlite3.connect(db_path) as db:
        given = "UPDATE users SET hash = 'oidc$given$abc', must_change = 1, given_s = ? WHERE name = 'khach'"
        db.execute(given, (time.time(),))
    assert guest.get("/rooms").status_code == 200, "it has no password that it could change"
    assert "hệ thống của cơ quan" in guest.get("/account").text
    assert 'name="old"' not in guest.get("/account").text
    status, text = post(admin, "/users/khach/password")
    assert (status, "không có mật khẩu ở đây" in text) == (400, True)


def test_nothing_changes_without_the_sessions_token(admin: TestClient, db_path: Path) -> None:
    before = len(deeds(db_path))
    for deed in DEEDS:
        assert admin.post(f"/users/khach/{deed}", data={"role": "viewer", "whole": "1"}).status_code == 403, deed
    assert admin.post("/users", data={"name": "moi", "role": "admin", "whole": "1"}).status_code == 403
    assert len(deeds(db_path)) == before


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (390, "dark")])
def test_the_pages_are_accessible(browser: Any, filled: Path, tmp_path: Path, width: int, scheme: str) -> None:
    path = Path(shutil.copy(filled, tmp_path / "hub.db"))
    make_admin(path, "thu.ha")
    site = Site(path)
    try:
        page = open_page(browser, site, width, 844, color_scheme=scheme)
        for name in ("users", "users/khach", "users/thu.ha"):
            page.goto(f"{site.url}/{name}")
            page.wait_for_selector(".pulse.on")
            page.screenshot(path=tmp_path / f"{name.replace('/', '-')}-{width}.png", full_page=True)
            assert violations(page) == [], name
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.goto(f"{site.url}/users")
        page.fill("#name", "van.minh")
        assert not page.is_visible(".branches"), "nothing to tick where it would not count"
        page.click("input[name=whole][value='0']")
        page.click(".branches summary >> nth=0")
        page.click(".branches details >> nth=0 >> input[type=checkbox] >> nth=1")
        page.click(".confirm .first")
        page.wait_for_selector("#given")
        page.screenshot(path=tmp_path / f"given-{width}.png", full_page=True)
        assert violations(page) == []
        page.click(".acts .first")
        page.wait_for_url("**/users/van.minh")
        assert page.locator(".branches input:checked").count() == 1
        assert not page.faults
        page.context.close()
    finally:
        site.stop()
