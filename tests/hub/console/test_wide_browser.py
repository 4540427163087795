"""A wide screen: accessible there too, and no room's name cut while there is space."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.console.test_browser import PAGES, Site, browser, open_page, violations

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
NAMES = ".row .where b, .row .where small, .urgent .dim, .cm span, .faults b, .head h1, .rooms .c-room a, .chip"
TALL = 1080


@pytest.fixture(scope="module")
def page(browser: Any, filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An operator's page on a screen of 1920 by 1080."""
    site = Site(Path(shutil.copy(filled, tmp_path_factory.mktemp("wide") / "hub.db")))
    page = open_page(browser, site, 1920, 1080)
    page.at, page.path, page.site = site.url, site.db_path, site
    yield page
    page.context.close()
    site.stop()


def test_every_page_is_accessible(page: Any) -> None:
    found: list[str] = []
    for path in PAGES:
        page.goto(page.at + path)
        found += [f"{path} {line}" for line in violations(page)]
    assert not found, "\n".join(found)


def test_every_page_is_accessible_to_an_administrator_too(browser: Any, page: Any) -> None:
    with sqlite3.connect(page.path) as db:
        db.execute("UPDATE users SET role = 'admin' WHERE name = 'thu.ha'")
    dark = open_page(browser, page.site, 1920, TALL, color_scheme="dark")
    found: list[str] = []
    for path in (*PAGES, "/users", "/users/thu.ha", "/audit"):
        dark.goto(page.at + path)
        assert "/login" not in dark.url
        found += [f"{path} {line}" for line in violations(dark)]
    dark.context.close()
    with sqlite3.connect(page.path) as db:
        db.execute("UPDATE users SET role = 'operator' WHERE name = 'thu.ha'")
    assert not found, "\n".join(found)


def test_the_overview_stands_on_one_screen_in_seven_columns(page: Any) -> None:
    page.goto(f"{page.at}/")
    assert page.evaluate("document.documentElement.scrollHeight") <= TALL
    lefts = page.eval_on_selector_all(".cl", "all => all.map(one => Math.round(one.getBoundingClientRect().left))")
    assert len(set(lefts)) == 7
    assert page.locator("#f-top li:visible").count() == 9, "nine of those that need a hand"
    assert "máy đang tự sửa" in page.locator("#f-mending:visible").inner_text()


@pytest.mark.parametrize("path", ["/rooms/th-14878-2", "/incidents/2", "/health"])
def test_no_quarter_of_the_screen_is_empty(page: Any, path: str) -> None:
    page.goto(page.at + path)
    cards = page.eval_on_selector_all(
        ".card:not([hidden])", "all => all.map(one => one.getBoundingClientRect()).map(box => [box.left, box.right])"
    )
    assert min(left for left, _ in cards) < 60
    assert max(right for _, right in cards) > 1920 - 60


def test_a_room_stands_side_by_side(page: Any) -> None:
    page.goto(f"{page.at}/rooms/th-14878-2")
    lefts = [page.locator(one).bounding_box()["x"] for one in ("#f-say", "#f-time", "#f-actions")]
    assert lefts == sorted(set(lefts))
    assert page.evaluate("document.documentElement.scrollHeight") <= TALL


@pytest.mark.parametrize("path", ["/", "/triage", "/rooms", "/incidents/2", "/rooms/th-14878-2"])
def test_no_name_is_cut(page: Any, path: str) -> None:
    page.goto(page.at + path)
    cut = page.eval_on_selector_all(
        NAMES, "found => found.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    )
    assert not cut
