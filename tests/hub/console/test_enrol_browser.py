"""Giving a new board its room: by thumb, by keys alone, and where no script runs."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.hub.console import seed
from tests.hub.console.test_browser import Site, browser, open_page, violations
from tests.hub.console.test_installing import request

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
ROOM = "th-16174-2"


@pytest.fixture
def site(filled: Path, tmp_path: Path) -> Any:
    """A console of its own, with a room that has no board yet."""
    path = Path(shutil.copy(filled, tmp_path / "hub.db"))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE twins SET heard_s = 0 WHERE room = ?", (ROOM,))
    site = Site(path)
    yield site
    site.stop()


@pytest.fixture
def code(site: Site) -> str:
    """What a waiting board shows."""
    body = json.dumps({"csr": request(), "board": "Raspberry Pi 4"}).encode()
    asked = urllib.request.Request(f"{site.url}/enrol/ask", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return str(json.load(answer)["code"])


def room_of(site: Site, code: str) -> str:
    with sqlite3.connect(site.db_path) as db:
        return str(db.execute("SELECT room FROM enrolments WHERE code = ?", (code,)).fetchone()[0])


def test_by_thumb(browser: Any, site: Site, code: str) -> None:
    page = open_page(browser, site, 390, 844, has_touch=True, is_mobile=True)
    page.goto(f"{site.url}/enrol")
    page.locator(f"[data-code='{code}']").tap()
    assert page.input_value("#code") == code
    page.fill(".picker [name=find]", "nhu xuan")
    page.wait_for_selector(f".choice >> nth=1 >> text={ROOM}")
    low = page.eval_on_selector_all(".choice", "all => Math.min(...all.map(one => one.getBoundingClientRect().height))")
    assert low >= 48, "a thumb's size"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not violations(page)
    page.locator(f"#choice-{ROOM}").tap()
    page.locator(".confirm .btn.first").tap()
    page.wait_for_url(re.compile(f"given={ROOM}"))
    assert "Phòng họp Đảng ủy" in page.locator("[role=status].gate").inner_text()
    assert room_of(site, code) == ROOM
    assert not page.faults
    page.context.close()


def test_by_keys_alone(browser: Any, site: Site, code: str) -> None:
    page = open_page(browser, site)
    page.goto(f"{site.url}/enrol")
    page.focus("#code")
    page.keyboard.type(code.replace("-", "").lower())
    page.keyboard.press("Tab")
    page.keyboard.type("xa nhu xuan")
    page.wait_for_selector(f".choice >> nth=1 >> text={ROOM}")
    page.keyboard.press("Enter")
    assert "/enrol" in page.url, "Enter in the search gives nothing away"
    assert page.evaluate("document.activeElement.name") == "room"
    while page.evaluate("document.querySelector('.choices :checked')?.value") != ROOM:
        page.keyboard.press("ArrowDown")
    page.focus(".picker [name=find]")
    page.keyboard.type(" zzz")
    page.wait_for_function("document.querySelectorAll('.choice').length === 1")
    assert page.locator(".choices :checked").input_value() == ROOM, "what is chosen stays chosen"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"given={ROOM}"))
    assert room_of(site, code) == ROOM
    page.context.close()


def test_without_scripts(browser: Any, site: Site, code: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/login?next=/enrol")
    page.fill("#name", "thu.ha")
    page.fill("#password", seed.PASSWORD)
    page.click("button")
    page.click(f"[data-code='{code}']")
    page.fill(".picker [name=find]", "nhu xuan")
    page.click(".picker button")
    assert page.input_value("#code") == code
    page.check(f"#room-{ROOM}")
    page.click(".confirm .btn.first")
    assert f"given={ROOM}" in page.url
    assert room_of(site, code) == ROOM
    context.close()
