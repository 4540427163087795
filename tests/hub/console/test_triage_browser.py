"""The list in a real browser: rows that stay true, the one fitting order, a second line that can be read."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.port import Change
from tests.hub.console.test_browser import Site, browser, open_page

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@pytest.fixture
def site(filled: Path, tmp_path: Path) -> Iterator[Site]:
    """A console of one's own."""
    site = Site(Path(shutil.copy(filled, tmp_path / "hub.db")))
    yield site
    site.stop()


def desk(browser: Any, site: Site, width: int = 1366) -> Any:
    page = open_page(browser, site, width)
    page.wait_for_selector(".pulse.on")
    return page


def test_the_row_under_the_focus_tells_what_is_new_of_it(browser: Any, site: Site) -> None:
    page = desk(browser, site)
    row = page.locator(".rows .row").first
    row.locator(".open").focus()
    site.hub.ack_incident(int(row.get_attribute("data-id")), "van.minh")
    row.locator(".holder:has-text('van.minh')").wait_for(timeout=10_000)
    assert page.evaluate("document.activeElement.matches('.row .open')")
    page.context.close()


def test_the_badge_says_what_the_list_says_also_when_the_list_is_newer(
    browser: Any, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = desk(browser, site)
    badge = int(page.locator("[data-c=hands]").first.inner_text())
    monkeypatch.setattr(site.hub, "tell", lambda _change: None)  # no patch is sent
    site.hub.write("UPDATE incidents SET closed_s = ? WHERE rule = 'mains_lost'", time.time())
    page.locator(".row .open").nth(2).click()
    page.keyboard.press("a")  # what I did myself shows at once
    page.wait_for_function(f"document.querySelector('#h-triage [data-hands]').dataset.hands == {badge - 1}")
    assert page.locator("[data-c=hands]").first.inner_text() == str(badge - 1)
    assert page.title().startswith(f"({badge - 1}) ")
    page.context.close()


def test_the_list_holds_still_and_says_how_many_wait_for_any_of_its_groups(browser: Any, site: Site) -> None:
    page = desk(browser, site)
    page.locator(".rows .row").nth(1).hover()
    before = page.locator(".rows .row").evaluate_all("rows => rows.map(row => row.id)")
    for number, (phase, refused) in enumerate([("escalated", ""), ("confirmed", "in_call"), ("remedying", "")], 900):
        site.hub.write(
            "INSERT INTO incidents (id, room, epoch, fault_id, rule, severity, phase, refused, opened_s, confirmed_s)"
            " VALUES (?, 'th-14758-2', 'e1', ?, ?, 'critical', ?, ?, ?, ?)",
            number, number, f"rule_{number}", phase, refused, time.time(), time.time(),
        )  # fmt: skip
    site.hub.tell(Change(incidents=frozenset({900, 901, 902})))
    page.wait_for_selector("[data-waiting]:has-text('3 mới')", timeout=10_000)
    assert page.locator(".rows .row").evaluate_all("rows => rows.map(row => row.id)") == before
    page.keyboard.press("m")
    for group, number in (("person", 900), ("hand", 901), ("machine", 902)):
        page.wait_for_selector(f"#g-{group}>#r{number}:first-child", timeout=10_000)
    badge = int(page.locator("[data-c=hands]").first.inner_text())
    heads = page.locator(".need.n-person b,.need.n-hand b").all_inner_texts()
    assert badge == sum(map(int, heads))
    page.context.close()


def test_an_order_is_given_beside_what_it_mends_and_the_focus_is_in_its_reason(browser: Any, site: Site) -> None:
    page = desk(browser, site)
    page.locator(".row:has-text('Phòng đang tối') .open").click()
    page.wait_for_selector("#pane .fitting:not(.shut) summary")
    page.keyboard.press("o")
    page.wait_for_selector("#pane .order[open]")
    assert page.evaluate("document.activeElement.name") == "why"
    page.keyboard.type("asr: phòng báo tối")
    page.keyboard.press("Enter")
    page.wait_for_selector(".toast:has-text('Bật đèn')")
    page.wait_for_selector("#pane .story:has-text('thu.ha ra lệnh: Bật đèn')")
    assert page.locator("#pane .shelve[open]").count() == 0, "what is typed is no shortcut"
    page.goto(f"{site.url}/rooms/th-14878-2/act/codec_power_cycle")
    assert page.evaluate("document.activeElement.id") == "why"
    assert not page.faults
    page.context.close()


def test_what_the_room_would_refuse_cannot_be_pressed(browser: Any, site: Site) -> None:
    page = desk(browser, site)
    page.locator(".row:has-text('Chưa kết nối được cuộc họp') .open").click()
    shut = page.locator("#pane .fitting.shut")
    shut.wait_for()
    assert "phòng đang trong cuộc họp" in shut.inner_text()
    assert shut.locator("button,summary,a").count() == 0
    page.keyboard.press("o")
    assert page.url.endswith("/triage")
    page.context.close()


def test_the_second_line_is_never_cut(browser: Any, site: Site) -> None:
    for width in (1366, 390, 1920):
        page = desk(browser, site, width)
        cut = page.evaluate(
            "[...document.querySelectorAll('.row .what small')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)"
            ".map(e => e.innerText)"
        )
        assert not cut, width
        page.context.close()
