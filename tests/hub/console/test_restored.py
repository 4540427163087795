"""What the console says and asks after a restore, and that nobody who was locked since is let in."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hub.app import create_app
from hub.changes import restored
from hub.commands import backup
from hub.main import main
from hub.store.db import open_db, open_reader, transaction
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, csrf, sign_in
from tests.hub.console.fake import FakeHub

HOUR_S = 3600.0


@pytest.fixture
def database(db_path: Path, tmp_path: Path) -> Path:
    """A hub of yesterday evening, with an administrator, restored today; thu.ha alone was vouched for."""
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE users SET role = 'admin' WHERE name = 'thu.ha'")
        db.execute("INSERT INTO users (name, hash, role, created_s) VALUES ('van.minh', 'x', 'operator', 1)")
    now_s = time.time()
    copy, _ = backup.backup(db_path, tmp_path / "copies", now_s - 20 * HOUR_S)
    backup.restore(copy, tmp_path / "data", now_s, open_for=["thu.ha"])
    return tmp_path / "data/hub.db"


@pytest.fixture
def app(database: Path) -> FastAPI:
    return create_app(database, None, FakeHub(database))


@pytest.fixture
def admin(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers=HTML, follow_redirects=False) as client:
        sign_in(client)
        yield client


def locked(path: Path) -> dict[str, int]:
    with closing(open_reader(path)) as db:
        return {row["name"]: row["disabled"] for row in db.execute("SELECT name, disabled FROM users")}


def enter(app: FastAPI, name: str) -> int:
    guest = TestClient(app, headers=HTML, follow_redirects=False, client=("10.0.0.9", 1))
    return int(guest.post("/login", data={"name": name, "password": seed.PASSWORD}).status_code)


def test_every_page_says_what_the_copy_did_not_have(admin: TestClient) -> None:
    for path in ("/rooms", "/meetings", "/users", "/health", "/account"):
        page = admin.get(path).text
        assert "Dữ liệu đã được khôi phục" in page, path
        assert "đánh dấu họp mật" in page, path


def test_who_was_locked_since_is_not_open_again(app: FastAPI, admin: TestClient, database: Path) -> None:
    waiting = [name for name, disabled in locked(database).items() if disabled == restored.WAITING]
    assert "khach" in waiting
    assert enter(app, "khach") == 401
    assert "mở lại tài khoản" in TestClient(app, headers=HTML).get("/login").text
    admin.post("/users/khach/lock", data={"csrf": csrf(admin)})
    assert "Chờ mở sau khôi phục" in admin.get("/users").text
    assert admin.post("/users/open", data={"csrf": csrf(admin)}).status_code == 303
    assert locked(database) == {name: int(name == "khach") for name in locked(database)}, "the one who was locked stays"
    assert enter(app, "khach") == 401
    assert "Chờ mở sau khôi phục" not in admin.get("/users").text


def test_one_account_is_opened_alone(app: FastAPI, admin: TestClient, database: Path) -> None:
    assert admin.post("/users/khach/unlock", data={"csrf": csrf(admin)}).status_code == 303
    assert enter(app, "khach") == 303
    assert restored.WAITING in locked(database).values(), "the others wait"


def test_it_is_said_for_two_weeks_and_while_something_is_left_to_do(database: Path) -> None:
    with closing(open_db(database)) as db:
        now_s = time.time()
        assert restored.told(db, now_s + 99 * 86_400) is not None
        with transaction(db):
            restored.check(db, "an", now_s)
            db.execute("UPDATE users SET disabled = 0")
        assert restored.told(db, now_s + 13 * 86_400) is not None
        assert restored.told(db, now_s + 15 * 86_400) is None


def test_the_schedule_is_said_to_be_right_on_its_page_or_by_a_command(
    admin: TestClient, database: Path, tmp_path: Path
) -> None:
    assert "Đã kiểm tra lịch và họp mật" in admin.get("/meetings").text
    assert admin.post("/meetings/checked", data={"csrf": csrf(admin)}).status_code == 303
    assert "Đã kiểm tra lịch và họp mật" not in admin.get("/meetings").text
    with closing(open_db(database)) as db:
        assert not restored.unchecked(db)
        db.execute("INSERT INTO meta VALUES (?, '1')", (restored.UNCHECKED,))
    (tmp_path / "hub.toml").write_text(f'data_dir = "{database.parent}"\n', "utf-8")
    assert main(["schedule-checked", "--config", str(tmp_path / "hub.toml")]) == 0
    with closing(open_db(database)) as db:
        assert not restored.unchecked(db)
        assert [row[0] for row in db.execute("SELECT by FROM audit WHERE what = 'schedule_checked'")] == [
            "thu.ha", "command line",
        ]  # fmt: skip


def test_the_command_says_what_is_to_be_done(filled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy, _ = backup.backup(filled, tmp_path / "copies", time.time())
    for name, words, waits in (("a", [], True), ("b", ["--open", "thu.ha"], True), ("c", ["--open", "*"], False)):
        (tmp_path / f"{name}.toml").write_text(f'data_dir = "{name}"\n', "utf-8")
        assert main(["restore", str(copy), "--config", str(tmp_path / f"{name}.toml"), *words]) == 0
        said = capsys.readouterr().out
        assert ("add-user NAME --role admin" in said) is waits
        assert "schedule-checked" in said
        waiting = [one for one in locked(tmp_path / name / "hub.db").values() if one == restored.WAITING]
        assert bool(waiting) is waits
