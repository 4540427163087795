"""The page of the log: who may see it, what it finds, and that it says when the chain is broken."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from hub.access.permissions import ROLES
from hub.console.words import LANGUAGES, words
from hub.pages import log
from hub.store import audit
from hub.store.db import open_db, transaction
from tests.house.source import ROOT
from tests.hub.console.conftest import sign_in
from tests.hub.console.fake import FakeHub
from tests.hub.console.test_browser import Site, browser, open_page, violations

__all__ = ["browser"]


@pytest.fixture
def admin(stranger: TestClient, db_path: Path) -> TestClient:
    """A browser with an administrator signed in, and some rows to read."""
    _promote(db_path)
    sign_in(stranger)
    return stranger


def _promote(path: Path) -> None:
    db = open_db(path)
    with transaction(db):
        db.execute("UPDATE users SET role = 'admin' WHERE name = 'thu.ha'")
        audit.append(db, 1e9, "<b>an</b>", "order", {"room": "th-1", "action": "recheck", "why": ""})
        audit.append(db, 1e9, "=bình", "note", {"text": "x" * 2000})
    db.close()


def test_only_administrators_are_offered_the_log(client: TestClient, db_path: Path) -> None:
    assert client.get("/audit").status_code == 403
    assert 'href="/audit"' not in client.get("/health").text
    assert ROLES["admin"] - ROLES["technician"] == {"audit", "accounts"}


def test_rows_are_found_by_person_and_by_deed(admin: TestClient) -> None:
    text = admin.get("/audit").text
    assert 'href="/audit"' in admin.get("/health").text
    assert "&lt;b&gt;an&lt;/b&gt;" in text
    assert "<b>an</b>" not in text
    assert "thao tác: Kiểm tra lại" in text
    assert "phòng: th-1" in text
    found = admin.get("/audit", params={"by": "<b>an</b>"}).text
    assert found.count("<tr><td>") == 1
    assert admin.get("/audit", params={"what": "note"}).text.count("<tr><td>") == 1
    assert "Không có dòng nào" in admin.get("/audit", params={"by": "nobody"}).text


def test_the_page_says_whether_the_chain_stands(admin: TestClient, db_path: Path) -> None:
    assert "Nhật ký nguyên vẹn" in admin.get("/audit?check=1").text
    with sqlite3.connect(db_path) as db:
        db.execute("DROP TRIGGER audit_keeps_rows")
        number = db.execute("SELECT id FROM audit WHERE what = 'order'").fetchone()[0]
        db.execute("UPDATE audit SET by = 'ai đó' WHERE id = ?", (number,))
    assert f"đứt ở dòng {number}: dòng đã bị sửa" in admin.get("/audit?check=1").text


def test_the_download_is_safe_and_leaves_a_row(admin: TestClient, db_path: Path) -> None:
    answer = admin.get("/audit.csv", params={"what": "note"})
    assert answer.headers["content-disposition"].startswith("attachment")
    rows = list(csv.reader(answer.text.lstrip("\ufeff").splitlines(), delimiter=";"))
    assert [row[2] for row in rows[1:]] == ["'=bình"]
    with sqlite3.connect(db_path) as db:
        assert db.execute("SELECT what, by FROM audit ORDER BY id DESC").fetchone() == ("audit_exported", "thu.ha")


def test_every_deed_has_its_words() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "hub").rglob("*.py"))
    plain = r'(?:audit\.append\(|self\.audit\(|sessions\.audit\()[^"{]*"([a-z_]+)"'
    deeds = set(re.findall(plain, source)) | set(re.findall(r'_done\(db, row, by, now_s, "([a-z]+)"', source))
    deeds -= {"hub", "authority", "?"}
    assert {"order", "login", "ack", "shelve", "handed_over", "user_set"} <= deeds
    for language in LANGUAGES:
        t = words(language)
        assert [deed for deed in deeds if t.name("did", deed) == deed] == []


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (390, "dark")])
def test_the_page_is_accessible(browser: Any, filled: Path, tmp_path: Path, width: int, scheme: str) -> None:
    path = Path(shutil.copy(filled, tmp_path / "hub.db"))
    _promote(path)
    site = Site(path)
    try:
        page = open_page(browser, site, width, 844, color_scheme=scheme)
        page.goto(f"{site.url}/audit?check=1")
        page.wait_for_selector(".pulse.on")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.select_option("[name=what]", "note")
        page.click(".picks .btn.first")
        page.wait_for_url("**/audit?by=&what=note")
        assert page.locator("tbody tr").count() == 1
        page.goto(f"{site.url}/audit?check=1")
        page.wait_for_selector(".pulse.on")
        page.screenshot(path=tmp_path / f"audit-{width}.png")
        assert not page.faults
        page.context.close()
    finally:
        site.stop()


def test_the_console_says_whether_the_log_gets_there(client: TestClient, hub: FakeHub) -> None:
    t = words("vi")
    assert t("health.field.syslog") not in client.get("/health").text, "no collector is set"
    for reached in ("yes", "no"):
        hub.facts["syslog"] = reached
        assert t(f"health.syslog.{reached}") in client.get("/health").text


def _details() -> set[str]:
    """The names of details that functions hand over which write into the log."""
    found: set[str] = set()
    for path in (ROOT / "hub").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for part in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            calls = [node for node in ast.walk(part) if isinstance(node, ast.Call) and _writes(node.func)]
            told = [one for one in ast.walk(part) if isinstance(one, ast.Dict)] if calls else []
            found |= {str(key.value) for one in told for key in one.keys if isinstance(key, ast.Constant)}
            found |= {key.arg for call in calls if isinstance(call.func, ast.Name) for key in call.keywords if key.arg}
    return found - {"Content-Disposition"}


def _writes(called: ast.expr) -> bool:
    match called:
        case ast.Attribute(value=ast.Name(id="audit"), attr="append") | ast.Attribute(attr="audit"):
            return True
        case ast.Name(id=name):
            return name == "_done"
        case _:
            return False


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_detail_of_the_log_is_shown_by_its_raw_name(language: str) -> None:
    t, names = words(language), _details()
    assert len(names) > 40
    assert not sorted(name for name in names if not t.has(f"detail.{name}"))


def test_details_are_told_in_words() -> None:
    def told(what: str, **detail: object) -> str:
        return log._plainly(words("vi"), what, json.dumps(detail))

    assert (
        told("order_refused", action="recheck", reason="offline")
        == "thao tác: Kiểm tra lại, lý do: phòng đang mất kết nối"
    )
    assert told("shelve", until_s=0, reason="Chờ") == "đến: 01/01/1970 07:00, lý do: Chờ"
    assert told("oidc_refused", reason="expired").startswith("lý do: Thông tin đăng nhập đã hết hạn")
    assert told("user_set", role="admin", places=["a", "b"], oidc=True) == (
        "vai trò: Quản trị, nơi phụ trách: a, b, tài khoản cơ quan: có"
    )
    assert told("handed_over", online=True, told=False).startswith("Phòng đang kết nối: có, Đã hướng dẫn")
