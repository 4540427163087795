"""The second step of signing in: set up, asked for, taken once, and not to be guessed at or gone around."""

from __future__ import annotations

import base64
import re
import sqlite3
from pathlib import Path

import pyotp
import pytest
from starlette.testclient import TestClient

from hub.access import auth
from hub.access.accounts import BadAccountError, reset_second_step
from hub.access.step import second_step
from hub.access.step.second_step import HalfIn
from hub.access.step.seeds import Seeds
from hub.app import create_app
from hub.settings import HubSettings, load
from hub.store.db import open_db, transaction
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, csrf
from tests.hub.console.fake import FakeHub

USER = "thu.ha"
RFC_6238 = base64.b32encode(b"12345678901234567890").decode()


class Door:
    """The console with a clock of its own, and an operator with a phone."""

    def __init__(self, path: Path, settings: HubSettings | None = None) -> None:
        self.path, self.now_s = path, 1_800_000_000.0
        self.app = create_app(path, settings, FakeHub(path), lambda: self.now_s)
        self.secret = ""

    def browser(self, address: str = "10.0.0.1") -> TestClient:
        """One that has never been here."""
        return TestClient(self.app, headers=HTML, follow_redirects=False, client=(address, 1))

    def password(self, browser: TestClient) -> str:
        """Send name and password; where it leads."""
        answer = browser.post("/login", data={"name": USER, "password": seed.PASSWORD, "next": "/rooms"})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def code(self, *, later: int = 0) -> str:
        """What the phone shows, some steps from now."""
        return pyotp.TOTP(self.secret).at(self.now_s, counter_offset=later)

    def switch_on(self, browser: TestClient) -> list[str]:
        """Set it up as a person would; gives the recovery codes."""
        token = csrf_of(browser)
        shown = browser.post("/account/totp/start", data={"csrf": token, "password": seed.PASSWORD})
        assert shown.status_code == 200, shown.text
        assert "<svg" in shown.text
        self.secret = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', shown.text)[1].replace(" ", "")  # type: ignore[index]
        done = browser.post("/account/totp/confirm", data={"csrf": token, "code": self.code()})
        assert done.status_code == 200, done.text
        return re.findall(r"<li><code>([a-z0-9-]+)</code>", done.text)

    def deeds(self) -> list[str]:
        """What stands in the log."""
        with sqlite3.connect(self.path) as db:
            return [row[0] for row in db.execute("SELECT what FROM audit ORDER BY id")]


def csrf_of(browser: TestClient) -> str:
    """The session's token, from whichever page is offered."""
    return browser.get("/account").text.split('name="csrf" value="')[1].split('"')[0]


@pytest.fixture
def door(db_path: Path) -> Door:
    """A console where nobody must have a second step."""
    return Door(db_path)


@pytest.fixture
def stepped(door: Door) -> tuple[Door, list[str]]:
    """The same, with the second step on for half an hour, and its recovery codes."""
    browser = door.browser()
    door.password(browser)
    codes = door.switch_on(browser)
    door.now_s += 1800
    return door, codes


@pytest.mark.parametrize(
    ("at_s", "code"), [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924")]
)
def test_codes_are_those_of_the_standard(door: Door, at_s: int, code: str) -> None:
    db = open_db(door.path)
    with transaction(db):
        db.execute("INSERT INTO totp (user, secret, since_s) VALUES (?, ?, 1)", (USER, RFC_6238))
        assert second_step.take(db, Seeds(), USER, code, at_s) == "totp"
        assert second_step.take(db, Seeds(), USER, code, at_s) == ""
    db.close()


def test_a_password_alone_opens_nothing(stepped: tuple[Door, list[str]]) -> None:
    door, _ = stepped
    browser = door.browser()
    assert door.password(browser) == "/login/code?next=%2Frooms"
    for path in ("/rooms", "/account", "/api/v1/rooms", "/api/stream"):
        assert browser.get(path).status_code in (303, 401), path
    with sqlite3.connect(door.path) as db:
        assert db.execute("SELECT COUNT(*) FROM sessions WHERE created_s = ?", (door.now_s,)).fetchone() == (0,)
    answer = browser.post("/login/code", data={"code": door.code(), "next": "/rooms"})
    assert answer.headers["location"] == "/rooms"
    assert browser.get("/rooms").status_code == 200
    assert auth.STEP_COOKIE not in browser.cookies
    assert "login" in door.deeds()[-1]


def test_a_code_is_taken_once_and_none_before_it(stepped: tuple[Door, list[str]]) -> None:
    door, _ = stepped
    used, before = door.code(), door.code(later=-1)
    first, second = door.browser(), door.browser("10.0.0.2")
    door.password(first)
    door.password(second)
    assert first.post("/login/code", data={"code": used}).status_code == 303
    for code in (used, before):
        answer = second.post("/login/code", data={"code": code})
        assert (answer.status_code, "đã dùng rồi" in answer.text) == (401, True)
    door.now_s += 30
    assert second.post("/login/code", data={"code": door.code()}).status_code == 303


def test_a_phones_clock_may_be_a_step_off_and_not_two(stepped: tuple[Door, list[str]]) -> None:
    door, _ = stepped
    browser = door.browser()
    door.password(browser)
    for off in (-2, 2):
        assert browser.post("/login/code", data={"code": door.code(later=off)}).status_code == 401
    assert (
        browser.post("/login/code", data={"code": f" {door.code(later=-1)[:3]} {door.code(later=-1)[3:]} "}).status_code
        == 303
    )


def test_recovery_codes_work_once_each_and_stand_hashed(stepped: tuple[Door, list[str]]) -> None:
    door, codes = stepped
    assert len(set(codes)) == second_step.RECOVERY_CODES
    with sqlite3.connect(door.path) as db:
        stored = "\n".join(db.iterdump())
    assert not [code for code in codes if code in stored or code.replace("-", "") in stored]
    browser = door.browser()
    door.password(browser)
    assert browser.post("/login/code", data={"code": codes[3].upper().replace("-", " ")}).status_code == 303
    assert "Còn 9 mã" in browser.get("/account").text
    again = door.browser()
    door.password(again)
    assert again.post("/login/code", data={"code": codes[3]}).status_code == 401
    assert again.post("/login/code", data={"code": codes[4]}).status_code == 303


def test_five_wrong_codes_begin_anew_and_guessing_on_waits(stepped: tuple[Door, list[str]]) -> None:
    door, _ = stepped
    guesser, owner = door.browser("10.6.6.6"), door.browser("10.0.0.9")
    wrong = f"{(int(door.code()) + 500_000) % 1_000_000:06}"
    door.password(guesser)
    answers = [guesser.post("/login/code", data={"code": wrong}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert "đăng nhập lại từ đầu" in answers[-1].text
    assert guesser.post("/login/code", data={"code": door.code()}).status_code == 401, "even the right one, by now"
    door.password(guesser)
    assert guesser.post("/login/code", data={"code": door.code()}).status_code == 429
    assert door.deeds().count("second_step_failed") == 5
    door.password(owner)
    assert owner.post("/login/code", data={"code": door.code()}).status_code == 303, "others do not wait with a guesser"


def test_too_late_or_with_another_password_begins_anew(stepped: tuple[Door, list[str]]) -> None:
    door, _ = stepped
    late, changed = door.browser(), door.browser()
    door.password(late)
    door.now_s += second_step.WAITS_S + 1
    assert "đăng nhập lại từ đầu" in late.post("/login/code", data={"code": door.code()}).text
    door.password(changed)
    with sqlite3.connect(door.path) as db:
        db.execute("UPDATE users SET hash = 'another' WHERE name = ?", (USER,))
    assert changed.post("/login/code", data={"code": door.code()}).status_code == 401
    assert changed.get("/rooms").status_code == 303


def test_setting_up_asks_for_password_and_code_and_ends_sessions_without_it(door: Door) -> None:
    mine, other = door.browser(), door.browser("10.0.0.2")
    door.password(mine)
    door.password(other)
    token = csrf_of(mine)
    assert mine.post("/account/totp/start", data={"csrf": token, "password": "wrong"}).status_code == 400
    assert "Chưa bắt đầu" in mine.post("/account/totp/confirm", data={"csrf": token, "code": "123456"}).text
    shown = mine.post("/account/totp/start", data={"csrf": token, "password": seed.PASSWORD}).text
    wrong = mine.post("/account/totp/confirm", data={"csrf": token, "code": "12345"})
    assert (wrong.status_code, 'class="secret"' in wrong.text) == (400, True), "it can be tried again"
    assert (
        door.browser("10.0.0.3").post("/login", data={"name": USER, "password": seed.PASSWORD}).headers["location"]
        == "/triage"
    ), "what is not confirmed is not asked for"
    assert 'class="secret"' in shown
    door.switch_on(mine)
    assert other.get("/rooms").status_code == 303
    page = mine.get("/account").text
    assert "Đang bật từ" in page
    assert door.secret not in page
    assert "đã được bật" in mine.post("/account/totp/start", data={"csrf": token, "password": seed.PASSWORD}).text
    assert "đã được bật" in mine.post("/account/totp/confirm", data={"csrf": token, "code": door.code()}).text


def test_switching_off_and_new_codes_ask_for_both(stepped: tuple[Door, list[str]]) -> None:
    door, codes = stepped
    browser = door.browser()
    door.password(browser)
    assert browser.post("/login/code", data={"code": codes[0]}).status_code == 303
    token = csrf_of(browser)
    fields = {"csrf": token, "password": seed.PASSWORD}
    for path in ("codes", "off"):
        assert browser.post(f"/account/totp/{path}", data=fields | {"code": "000"}).status_code == 400
        assert (
            browser.post(f"/account/totp/{path}", data=fields | {"password": "no", "code": codes[1]}).status_code == 400
        )
    renewed = browser.post("/account/totp/codes", data=fields | {"code": codes[1]}).text
    fresh = re.findall(r"<li><code>([a-z0-9-]+)</code>", renewed)
    assert len(fresh) == second_step.RECOVERY_CODES
    assert not set(fresh) & set(codes)
    assert browser.post("/account/totp/off", data=fields | {"code": codes[2]}).status_code == 400
    assert browser.post("/account/totp/off", data=fields | {"code": fresh[0]}).status_code == 303
    assert door.password(door.browser()) == "/rooms"
    assert [deed for deed in door.deeds() if deed.startswith(("totp", "recovery"))] == [
        "totp_offered", "totp_on", "recovery_codes_renewed", "totp_off",
    ]  # fmt: skip


def test_administrators_are_led_to_it_where_it_is_required(db_path: Path, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("[web]\nrequire_totp_for_admins = true\n")
    with sqlite3.connect(db_path) as db:
        db.execute("UPDATE users SET role = 'admin' WHERE name = ?", (USER,))
    door = Door(db_path, load(tmp_path / "hub.toml"))
    browser = door.browser()
    door.password(browser)
    for path in ("/", "/rooms", "/audit"):
        assert browser.get(path).headers["location"] == "/account"
    assert browser.get("/api/search?q=a").status_code == 403
    assert browser.get("/api/v1/rooms").status_code == 403
    assert "Anh/chị bật để tiếp tục" in browser.get("/account").text
    assert len(door.switch_on(browser)) == second_step.RECOVERY_CODES
    assert browser.get("/audit").status_code == 200
    door.now_s += 60
    fields = {"csrf": csrf(browser), "password": seed.PASSWORD, "code": door.code()}
    refused = browser.post("/account/totp/off", data=fields)
    assert (refused.status_code, "phải dùng" in refused.text) == (400, True)
    guest = door.browser("10.0.0.2")
    guest.post("/login", data={"name": "khach", "password": seed.PASSWORD})
    assert guest.get("/rooms").status_code == 200, "others need none"


def test_it_is_reset_for_who_lost_the_phone(stepped: tuple[Door, list[str]]) -> None:
    door, codes = stepped
    browser = door.browser()
    door.password(browser)
    browser.post("/login/code", data={"code": codes[0]})
    db = open_db(door.path)
    assert reset_second_step(db, USER, "command line", door.now_s)
    assert not reset_second_step(db, USER, "command line", door.now_s)
    with pytest.raises(BadAccountError, match="nobody"):
        reset_second_step(db, "nobody", "command line", door.now_s)
    assert db.execute("SELECT COUNT(*) FROM recovery_codes").fetchone()[0] == 0
    db.close()
    assert browser.get("/rooms").status_code == 303
    assert door.password(door.browser()) == "/rooms"


def test_no_secret_stands_in_the_log(stepped: tuple[Door, list[str]], caplog: pytest.LogCaptureFixture) -> None:
    door, codes = stepped
    caplog.set_level("DEBUG")
    browser = door.browser()
    door.password(browser)
    browser.post("/login/code", data={"code": "424242"})
    browser.post("/login/code", data={"code": codes[0]})
    with sqlite3.connect(door.path) as db:
        told = str(db.execute("SELECT * FROM audit").fetchall()) + caplog.text
    for secret in (door.secret, codes[0], "424242"):
        assert secret not in told


def test_those_who_wait_for_a_code_are_bounded_and_a_clock_set_back_ends_them() -> None:
    waiting = HalfIn()
    tokens = [waiting.begin(f"u{number}", "h", 1000.0) for number in range(1000)]
    assert [waiting.find(token, 1000.0) is not None for token in tokens].count(True) == second_step._WAITING_MAX
    assert waiting.find(tokens[-1], 900.0) is None
    assert waiting.end(tokens[-2])
    assert not waiting.end(tokens[-2])
