"""The second step as a person meets it: the picture scanned, the code typed, the door opened."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest

from hub.console.live import Live
from tests.hub.console import seed
from tests.hub.console.test_browser import Site, browser, open_page, violations

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]


@pytest.fixture
def site(filled: Path, tmp_path: Path) -> Iterator[Site]:
    """A console of one's own: accounts are changed in it."""
    site = Site(Path(shutil.copy(filled, tmp_path / "hub.db")))
    yield site
    site.stop()


def seen(page: Any, name: str, folder: Path, width: int) -> None:
    """Look at the page: nothing sticks out, and axe finds nothing."""
    page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
    assert violations(page) == [], name


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (390, "dark")])
def test_set_up_and_sign_in(browser: Any, site: Site, tmp_path: Path, width: int, scheme: str) -> None:
    page = open_page(browser, site, width, 844, color_scheme=scheme)
    page.click(".user summary")
    page.click('.menu a[href="/account"]')
    page.wait_for_url("**/account")
    page.fill("#step-password", seed.PASSWORD)
    page.press("#step-password", "Enter")
    page.wait_for_selector("svg.qr")
    box = page.locator("svg.qr").bounding_box()
    assert box["width"] >= 160, "large enough to be scanned"
    seen(page, "setup", tmp_path, width)
    app = pyotp.TOTP(page.inner_text(".secret").replace(" ", ""))
    page.fill("#code", app.at(_browser_s(page)))
    page.press("#code", "Enter")
    page.wait_for_selector(".codes")
    codes = re.findall(r"[a-z0-9]{4}(?:-[a-z0-9]{4}){3}", page.inner_text(".codes"))
    assert len(codes) == 10
    seen(page, "recovery", tmp_path, width)
    page.click(".acts .first")
    page.wait_for_url("**/account")
    page.click(".more summary")
    seen(page, "account", tmp_path, width)
    page.click(".user summary")
    page.click('form[action="/logout"] button')
    page.wait_for_url("**/login")
    page.fill("#name", "thu.ha")
    page.fill("#password", seed.PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/login/code")
    assert page.evaluate("document.activeElement.id") == "code"
    seen(page, "code", tmp_path, width)
    # The next one, which a phone's clock may show already: the present one was taken above.
    page.fill("#code", app.at(_browser_s(page), counter_offset=1))
    page.press("#code", "Enter")
    page.wait_for_url("**/triage")
    assert not page.faults
    assert all(url.startswith((site.url, "data:")) for url in page.requested)
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1366, "dark"), (390, "light")])
def test_an_administrator_is_led_through_password_and_second_step(
    browser: Any, site: Site, tmp_path: Path, width: int, scheme: str
) -> None:
    with sqlite3.connect(site.db_path) as db:
        given = "UPDATE users SET role = 'admin', must_change = 1, given_s = ? WHERE name = 'thu.ha'"
        db.execute(given, (time.time(),))
    site.server.config.app.state.console.sessions.totp_for_admins = True  # type: ignore[union-attr]
    page = open_page(browser, site, width, 844, color_scheme=scheme, lands_on="**/account")
    seen(page, "held-password", tmp_path, width)
    page.fill("#old", seed.PASSWORD)
    for field in ("#new", "#again"):
        page.fill(field, "Điểm cầu số bảy")
    page.click(".acts .first")
    page.wait_for_selector("#step-password")
    seen(page, "held-totp", tmp_path, width)
    page.fill("#step-password", "Điểm cầu số bảy")
    page.click(".acts .first")
    page.wait_for_selector("svg.qr")
    seen(page, "held-setup", tmp_path, width)
    page.fill("#code", pyotp.TOTP(page.inner_text(".secret").replace(" ", "")).at(_browser_s(page)))
    page.press("#code", "Enter")
    page.wait_for_selector(".codes")
    page.goto(f"{site.url}/users")
    page.wait_for_selector(".people")
    assert not page.faults
    page.context.close()


def test_codes_that_are_shown_once_are_not_lost_to_the_end_of_the_session_before(browser: Any, site: Site) -> None:
    """The step ends the session that asked for it, and its stream says so before the answer with the codes is here."""
    page = open_page(browser, site, 1366, 844, lands_on="**/triage")
    page.goto(f"{site.url}/account")
    page.fill("#step-password", seed.PASSWORD)
    page.press("#step-password", "Enter")
    page.wait_for_selector("svg.qr")
    live: Live = site.server.config.app.state.live  # type: ignore[union-attr]

    def answered_late(route: Any) -> None:
        answer = route.fetch(max_redirects=0)
        until_s = time.monotonic() + 30
        while live._streams and time.monotonic() < until_s:
            page.wait_for_timeout(20)
        page.wait_for_timeout(1000)  # long enough for a page that does not wait for the answer
        route.fulfill(response=answer)

    page.route("**/account/totp/confirm", answered_late)
    page.fill("#code", pyotp.TOTP(page.inner_text(".secret").replace(" ", "")).at(_browser_s(page)))
    page.press("#code", "Enter")
    page.wait_for_selector(".codes")
    page.context.close()


def _browser_s(page: Any) -> float:
    """The time of day, which the hub under test shares with the browser."""
    return float(page.evaluate("Date.now() / 1000"))
