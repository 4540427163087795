"""The live stream in a real browser: right after silence, back after a dead line, one for all tabs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hub.console.live import Live
from hub.port import Change
from tests.hub.console.lines import Line
from tests.hub.console.test_browser import Site, browser, open_page, site
from tests.hub.console.test_typing_browser import Gate, add_incident

__all__ = ["browser", "site"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
ROOM = "th-14758-2"
TILE = f'#tiles a[href="/rooms/{ROOM}"]'
THREE_BEATS_MS = 16_000
SOON_MS = 60_000
"""How long anything may take on a machine that does other things besides."""


@pytest.fixture(scope="module")
def signed_in(browser: Any, site: Site) -> Any:
    """The cookies of an operator."""
    page = open_page(browser, site)
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture
def context(browser: Any, signed_in: Any) -> Iterator[Any]:
    """A browser of one's own, signed in."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, storage_state=signed_in)
    context.set_default_timeout(SOON_MS)
    yield context
    context.close()


def live(site: Site) -> Live:
    found: Live = site.server.config.app.state.live  # type: ignore[union-attr]
    return found


def until(page: Any, what: Callable[[], bool]) -> None:
    """Until the server is so, as the browser goes on."""
    until_s = time.monotonic() + SOON_MS / 1000
    while not what() and time.monotonic() < until_s:
        page.wait_for_timeout(20)
    assert what()


def change(site: Site, verdict: str) -> None:
    site.hub.write("UPDATE twins SET verdict = ? WHERE room = ?", verdict, ROOM)
    site.hub.tell(Change(rooms=frozenset({ROOM})))


def test_a_tile_that_changed_while_no_page_was_open_changes_back(context: Any, site: Site) -> None:
    page = context.new_page()
    page.goto(f"{site.url}/")
    page.wait_for_selector(f"{TILE}.s-ready")
    until(page, lambda: live(site).watching == 1)
    page.goto("about:blank")
    until(page, lambda: live(site).watching == 0)
    seen = live(site).change
    change(site, "fault")
    until(page, lambda: live(site).change > seen)
    page.goto(f"{site.url}/")
    page.wait_for_selector(f"{TILE}.s-fault")
    until(page, lambda: live(site).watching == 1)
    change(site, "ready")
    page.wait_for_selector(f"{TILE}.s-ready")


def test_the_meetings_box_counts_with_the_legend_before_its_fragment_is_here(context: Any, site: Site) -> None:
    page = context.new_page()
    page.goto(f"{site.url}/")
    until(page, lambda: live(site).watching == 1)
    page.route(f"{site.url}/", lambda _route: None)
    ready = int(page.inner_text("#ready b"))
    change(site, "fault")
    page.wait_for_selector(f"{TILE}.s-fault")
    assert page.inner_text("#ready b") == page.inner_text(".legend [data-c=v-ready]") == str(ready - 1)
    assert page.inner_text("[data-c=unready]") == f"{621 - ready + 1} phòng chưa sẵn sàng"
    change(site, "ready")
    page.wait_for_selector(f"{TILE}.s-ready")
    page.close()


def test_eight_tabs_have_one_stream_and_all_hear_it(context: Any, site: Site) -> None:
    pages = [context.new_page() for _ in range(8)]
    for page in pages:
        page.goto(f"{site.url}/versions")
    until(pages[0], lambda: live(site).watching >= 1)
    site.hub.facts["broker_connected"] = False
    try:
        for page in pages:
            page.wait_for_selector(".pulse.off")
        assert live(site).watching == 1
        pages[0].close()
        site.hub.facts["broker_connected"] = True
        for page in pages[1:]:
            page.wait_for_selector(".pulse.on")
        assert live(site).watching == 1
    finally:
        site.hub.facts["broker_connected"] = True


def test_a_line_that_died_without_a_word_is_told_and_taken_up_again(context: Any, site: Site) -> None:
    line = Line(int(site.url.rpartition(":")[2]))
    page = context.new_page()
    page.clock.install()
    page.goto(f"{line.url}/triage")
    until(page, lambda: live(site).watching == 1)
    line.cut()
    page.clock.run_for(THREE_BEATS_MS)
    page.wait_for_selector(".stale[data-text]:not([hidden])")
    new = add_incident(site)
    line.mend()
    page.clock.run_for(THREE_BEATS_MS)
    page.wait_for_selector(".stale[data-text]", state="hidden")
    page.wait_for_selector(f"#{new}")
    page.close()
    line.close()


def test_a_clock_that_is_set_while_the_page_is_open_shifts_no_age(context: Any, site: Site) -> None:
    page = context.new_page()
    page.clock.install()
    page.goto(f"{site.url}/triage")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        " `<time id=mine data-s=${Number(document.body.dataset.now) - 5430}></time>`)"
    )
    page.clock.run_for(1000)
    assert page.locator("#mine").inner_text() == "1 giờ 30 phút"
    for hours in (3, -3):
        page.clock.set_system_time(time.time() + hours * 3600)
        page.clock.run_for(1000)
        assert page.locator("#mine").inner_text() == "1 giờ 30 phút"
        shown = page.locator(".clock b").inner_text()
        h, m, s = map(int, re.findall(r"\d+", shown))
        off_s = (h * 3600 + m * 60 + s - (time.time() + 7 * 3600)) % 86400
        assert min(off_s, 86400 - off_s) < SOON_MS / 1000, shown


def test_news_between_a_page_and_its_stream_are_not_lost(context: Any, site: Site) -> None:
    page = context.new_page()
    page.add_init_script("delete window.SharedWorker")  # a browser without; its page has a stream of its own
    gate = Gate(page, "**/api/stream")
    page.goto(f"{site.url}/triage")
    gate.wait()
    seen = live(site).change
    new = add_incident(site)
    until(page, lambda: live(site).change > seen)
    gate.open()
    page.wait_for_selector(f"#{new}")
