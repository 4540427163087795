"""The confirmation of somebody in the room, in a real browser: accessible, and given without a mouse."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.console.test_browser import ROOM, Site, browser, open_page, violations

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def site(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A console of its own, with a meeting under way."""
    site = Site(Path(shutil.copy(filled, tmp_path_factory.mktemp("confirmed") / "hub.db")))
    now_s = time.time()
    site.hub.write("INSERT INTO meetings VALUES ('now', 'Giao ban', ?, ?, 0)", now_s - 60, now_s + 3600)
    site.hub.write("INSERT INTO meeting_rooms VALUES ('now', ?)", ROOM)
    yield site
    site.stop()


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (390, "dark")])
def test_the_form_is_accessible(browser: Any, site: Site, width: int, scheme: str) -> None:
    page = open_page(browser, site, width, 844, color_scheme=scheme)
    found: list[str] = []
    for language in ("en", "vi"):
        page.evaluate(
            "language => fetch('/language', {method: 'POST', redirect: 'manual',"
            " body: new URLSearchParams({language, back: '/', csrf: document.body.dataset.csrf})})",
            language,
        )
        page.goto(f"{site.url}/rooms/{ROOM}/act/codec_restart")
        page.wait_for_selector(".pulse.on")
        assert page.get_attribute("html", "lang") == language
        assert page.is_visible("#person")
        found += violations(page)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.context.close()
    assert not found, "\n".join(found)


def test_it_is_given_with_the_keyboard_alone_and_never_without_the_mark(browser: Any, site: Site) -> None:
    page = open_page(browser, site)
    page.goto(f"{site.url}/rooms/{ROOM}/act/codec_restart")
    page.focus("#why")
    page.keyboard.type("TV xanh")
    page.keyboard.press("Tab")
    page.keyboard.type("Lê Văn Thắng")
    page.keyboard.press("Enter")
    assert page.url.endswith("/act/codec_restart"), "the browser asks for the mark first"
    page.focus("#person")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/rooms/{ROOM}?said=*")
    assert "Lê Văn Thắng trong phòng xác nhận" in page.inner_text("#f-orders")
    with sqlite3.connect(site.db_path) as db:
        assert db.execute("SELECT confirmed FROM orders WHERE why = 'TV xanh'").fetchall() == [("Lê Văn Thắng",)]
    assert page.faults == []
    page.context.close()
