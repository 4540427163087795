"""The console on a phone: everything that a desk shows, what can be done first, and no list without an end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from hub.console import assets
from tests.hub.console.test_browser import ROOM, Site, browser, open_page, site

__all__ = ["browser", "site"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
SCREENS_MAX = 10


@pytest.fixture(scope="module")
def phone(browser: Any, site: Site) -> Iterator[Any]:
    """An operator's page on a phone of 390 by 844."""
    page = open_page(browser, site, 390, 844, has_touch=True, is_mobile=True)
    page.at = site.url
    yield page
    assert not page.faults
    page.context.close()


def test_the_list_of_rooms_has_an_end_and_the_next_page_is_a_touch_away(phone: Any) -> None:
    phone.goto(f"{phone.at}/rooms")
    assert phone.evaluate("document.documentElement.scrollHeight") < SCREENS_MAX * 844
    first = phone.locator("tbody tr a").first.inner_text()
    following = phone.locator(".pager [rel=next]")
    assert following.bounding_box()["height"] >= 40
    following.tap()
    phone.wait_for_url("**page=2")
    assert phone.locator("tbody tr").count() == 50
    assert phone.locator(".pager [rel=prev]").count() == 1
    assert first


@pytest.mark.parametrize("width", [390, 820])
def test_no_column_is_lost(browser: Any, site: Site, width: int) -> None:
    page = open_page(browser, site, width, 844)
    page.goto(f"{site.url}/rooms")
    seen = page.eval_on_selector_all(
        "tbody tr:first-child td",
        "cells => cells.map(one => [one.className, one.innerText.trim(), one.offsetHeight > 0])",
    )
    page.context.close()
    assert [name for name, _, _ in seen] == [
        "c-state", "c-room", "c-commune", "c-cluster", "c-problem", "c-meeting", "c-heard"
    ]  # fmt: skip
    assert all(text and shown for _, text, shown in seen)


def test_styles_name_what_they_mean_and_count_no_columns() -> None:
    styles = [file.read_text("utf-8") for file in sorted(assets.FOLDER.glob("*.css"))]
    assert not re.findall(r"[^{}]*(?:nth-(?:child|of-type)|t[dh]:(?:first|last)-child)[^{}]*", "".join(styles))


def test_what_is_typed_into_the_filter_narrows_the_list(phone: Any) -> None:
    phone.goto(f"{phone.at}/rooms?page=3")
    phone.fill(".filters [name=q]", "nhu xuan")
    phone.wait_for_function("document.querySelectorAll('tbody tr').length < 50")
    names = phone.locator("tbody .c-cluster").all_inner_texts()
    assert set(names) <= {"Cụm Như Xuân", "Cụm Như Thanh"}
    assert not phone.locator(".toast").inner_text()


def test_the_timeline_shows_now_at_its_own_width(phone: Any) -> None:
    phone.goto(f"{phone.at}/rooms/{ROOM}")
    assert phone.locator(".timeline:visible").count() == 1
    seen = phone.evaluate(
        """() => { const svg = document.querySelector('.timeline.near'), box = svg.getBoundingClientRect();
          const bar = svg.querySelector('rect').getBoundingClientRect();
          const scale = box.width / svg.viewBox.baseVal.width;
          return {right: box.right, inner: innerWidth, bar: bar.right, scale}; }"""
    )
    assert seen["right"] <= seen["inner"]
    assert seen["bar"] == pytest.approx(seen["right"], abs=4), "the open fault reaches now"
    assert seen["scale"] == pytest.approx(1.0, abs=0.05), "letters as large as drawn"
    assert phone.locator("#h-time").inner_text() == "6 giờ qua"


def test_a_desk_shows_the_day(browser: Any, site: Site) -> None:
    page = open_page(browser, site)
    page.goto(f"{site.url}/rooms/{ROOM}")
    assert "day" in str(page.locator(".timeline:visible").get_attribute("class"))
    assert page.locator("#h-time").inner_text() == "24 giờ qua"
    page.context.close()


@pytest.mark.parametrize(
    ("path", "act", "story"),
    [("/incidents/2", "#f-acts .acts", "#f-story"), (f"/rooms/{ROOM}", "#f-actions .offers", "#f-facts")],
)
def test_acts_stand_before_the_story(phone: Any, path: str, act: str, story: str) -> None:
    phone.goto(phone.at + path)
    assert phone.locator(act).last.bounding_box()["y"] < phone.locator(story).bounding_box()["y"]
    assert phone.evaluate(
        "([act, story]) => Boolean(document.querySelector(act)"
        ".compareDocumentPosition(document.querySelector(story)) & Node.DOCUMENT_POSITION_FOLLOWING)",
        [act, story],
    ), "for the Tab key and a screen reader, too"


@pytest.mark.parametrize("path", ["/triage", "/incidents/2", "/rooms", f"/rooms/{ROOM}"])
def test_nobody_is_told_of_keys_under_a_thumb(phone: Any, path: str) -> None:
    phone.goto(phone.at + path)
    phone.locator(".user summary").tap()
    assert phone.locator("kbd:visible").count() == 0
    assert phone.locator("[data-keys]:visible").count() == 0


def test_a_desk_is_told_of_keys(browser: Any, site: Site) -> None:
    page = open_page(browser, site)
    page.goto(f"{site.url}/incidents/2")
    assert page.locator(".acts kbd:visible").count() >= 3
    page.context.close()
