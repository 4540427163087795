"""The console in a real browser: accessible in both languages, alone with its host, and usable without a mouse."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright import sync_api as playwright

from hub.app import create_app
from hub.port import Change
from tests.hub.console import seed
from tests.hub.console.conftest import PLAIN
from tests.hub.console.fake import FakeHub

AXE = Path(__file__).parents[2] / "node/node_modules/axe-core/axe.min.js"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
ROOM = "th-14878-2"
LOST = 11
PAGES = (*PLAIN, "/triage?tab=shelved", f"/rooms/{ROOM}", "/incidents/2", "/incidents/14",
         f"/rooms/{ROOM}/act/codec_power_cycle", "/account",
         f"/rooms/{ROOM}/handover")  # fmt: skip

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
]


class Site:
    """The console on a free port of loopback."""

    def __init__(self, db_path: Path, settings: Any = None, port: int = 0) -> None:
        self.db_path = db_path
        self.hub = FakeHub(db_path)
        config = uvicorn.Config(
            create_app(db_path, settings, self.hub), host="127.0.0.1", port=port, log_level="warning",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until_s = time.monotonic() + 30
        while not self.server.started and time.monotonic() < until_s:
            self.thread.join(0.02)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """End the server and its streams."""
        self.server.should_exit = True
        self.thread.join(10)


@pytest.fixture(scope="module")
def site(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One console for all tests of this file."""
    site = Site(Path(shutil.copy(filled, tmp_path_factory.mktemp("site") / "hub.db")))
    yield site
    site.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of this file."""
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def open_page(
    browser: Any, site: Site, width: int = 1366, height: int = 768, *, lands_on: str = "**/triage", **options: Any
) -> Any:
    """A page of a fresh context with an operator signed in. Its requests and errors are kept as attributes."""
    # The test runs scripts in the page, which the strict policy would forbid; another test looks at the policy.
    context = browser.new_context(viewport={"width": width, "height": height}, bypass_csp=True, **options)
    page = context.new_page()
    page.requested, page.faults = [], []
    page.on("request", lambda request: page.requested.append(request.url))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{site.url}/login")
    page.fill("#name", "thu.ha")
    page.fill("#password", seed.PASSWORD)
    page.click("button")
    page.wait_for_url(lands_on)
    return page


def violations(page: Any) -> list[str]:
    """What axe finds, one line each."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        "axe.run({resultTypes: ['violations'],"
        " runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (390, "dark")])
def test_every_page_is_accessible_and_asks_only_its_own_host(browser: Any, site: Site, width: int, scheme: str) -> None:
    page = open_page(browser, site, width, 844, color_scheme=scheme)
    found: list[str] = []
    for language in ("vi", "en"):
        page.goto(f"{site.url}/health")
        page.evaluate(
            "language => fetch('/language', {method: 'POST', redirect: 'manual',"
            " body: new URLSearchParams({language, back: '/', csrf: document.body.dataset.csrf})})",
            language,
        )
        for path in PAGES:
            page.goto(site.url + path)
            page.wait_for_selector(".pulse.on")
            assert page.locator("html").get_attribute("lang") == language
            found += [f"{language} {path} {line}" for line in violations(page)]
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{path} is {wide} px too wide at {width}"
    page.goto(f"{site.url}/triage")
    page.wait_for_selector(".pulse.on")
    page.keyboard.press("?")
    found += violations(page)
    page.context.close()
    assert not found, "\n".join(found)
    assert not page.faults
    assert all(url.startswith((site.url, "data:")) for url in page.requested)


def test_the_login_page_is_accessible(browser: Any, site: Site) -> None:
    page = browser.new_context(bypass_csp=True).new_page()
    page.goto(f"{site.url}/login?next=/rooms")
    assert not violations(page)
    page.fill("#name", "thu.ha")
    page.fill("#password", "wrong")
    page.click("button")
    assert page.locator("[role=alert]").inner_text()
    assert not violations(page)
    page.context.close()


def test_targets_are_large_enough(browser: Any, site: Site) -> None:
    page = open_page(browser, site)
    for path in PAGES:
        page.goto(site.url + path)
        small = page.evaluate(
            """() => [...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,summary')]
              .filter(e => e.offsetParent && !e.closest('p,dd.inline') && !e.matches('.skip,[type=checkbox]'))
              .map(e => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
              .filter(([, r]) => r.height > 1 && (r.height < 23.5 || r.width < 23.5)).map(([h]) => h)"""
        )
        assert not small, f"{path}: {small[:5]}"
    page.context.close()


def test_a_shift_without_a_mouse(browser: Any, site: Site) -> None:
    page = open_page(browser, site)

    def chosen() -> str:
        return str(page.locator(".rows .row:has([aria-current])").get_attribute("id"))

    first = chosen()
    page.keyboard.press("j")
    assert chosen() != first
    page.keyboard.press("k")
    assert chosen() == first
    page.keyboard.press("j")
    number = chosen()[1:]
    page.wait_for_selector(f"#pane [data-live*='incident:{number} ']")
    page.keyboard.press("a")
    page.wait_for_selector(f"#r{number} .holder:has-text('thu.ha')")
    page.wait_for_selector(f"#pane form[action='/incidents/{number}/unack']")
    page.keyboard.press("s")
    page.wait_for_selector("#pane .shelve[open]")
    page.keyboard.press("Enter")
    # The row has moved to another tab; the pane stays with it, for the call to the room.
    page.wait_for_selector(f"#r{number}", state="detached")
    page.wait_for_selector(f"#pane form[action='/incidents/{number}/unshelve']")
    page.keyboard.press("n")
    page.keyboard.type("Đã gọi phòng")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#pane blockquote:has-text('Đã gọi phòng')")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("nhu xuan")
    page.wait_for_selector("#found a[aria-selected=true]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/rooms/th-16174-*")
    assert not page.faults
    page.context.close()


def test_changes_arrive_by_themselves(browser: Any, site: Site) -> None:
    page = open_page(browser, site)
    page.goto(f"{site.url}/")
    page.wait_for_selector(".pulse.on")
    tile = page.locator('#tiles a[href="/rooms/th-14758-2"]')
    assert tile.get_attribute("class") == "s-ready"
    site.hub.write("UPDATE twins SET verdict = 'fault' WHERE room = 'th-14758-2'")
    site.hub.tell(Change(rooms=frozenset({"th-14758-2"})))
    page.wait_for_selector('#tiles a.s-fault[href="/rooms/th-14758-2"]', timeout=15_000)

    page.goto(f"{site.url}/triage")
    page.wait_for_selector(".pulse.on")
    with sqlite3.connect(site.db_path) as db:
        db.execute(
            "INSERT INTO incidents (id, room, epoch, fault_id, rule, severity, phase, needs_person, opened_s,"
            " confirmed_s) VALUES (900, 'th-14758-2', 'e1', 900, 'codec_hung', 'critical', 'escalated', 1, ?, ?)",
            (time.time(), time.time()),
        )
    page.focus("#note-" + str(page.locator(".rows .row:has([aria-current])").get_attribute("data-id")))
    page.keyboard.type("đang gõ dở")
    site.hub.tell(Change(incidents=frozenset({900})))
    page.wait_for_selector("#r900", timeout=15_000)
    assert page.evaluate("document.activeElement.value") == "đang gõ dở", "what someone types is never thrown away"
    chosen = str(page.locator("#pane article").get_attribute("data-live")).split()[0].split(":")[1]
    page.evaluate("document.activeElement.blur()")
    site.hub.add_note(int(chosen), "van.minh", "ghi chú của đồng nghiệp")
    page.wait_for_selector("#pane blockquote:has-text('của đồng nghiệp')", timeout=15_000)
    assert page.locator("#pane textarea").input_value() == "đang gõ dở", "nor when they look away"
    assert not page.faults
    page.context.close()


def test_a_lost_stream_is_said_and_the_page_catches_up(browser: Any, filled: Path, tmp_path: Path) -> None:
    site = Site(Path(shutil.copy(filled, tmp_path / "hub.db")))
    page = open_page(browser, site)
    page.clock.install()
    page.goto(f"{site.url}/")
    page.wait_for_selector(".pulse.on")
    page.context.set_offline(True)
    site.stop()
    page.clock.run_for(21_000)
    page.wait_for_selector(".stale[data-text]:not([hidden])")
    assert "Mất kết nối với máy chủ" in page.locator(".stale[data-text]").inner_text()
    page.context.close()


def test_works_without_scripts(browser: Any, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/login")
    page.fill("#name", "thu.ha")
    page.fill("#password", seed.PASSWORD)
    page.click("button")
    page.goto(f"{site.url}/incidents/8")
    page.click("form[action$='/ack'] button")
    assert page.locator("form[action$='/unack']").count() == 1
    context.close()


def test_the_policy_holds_and_nothing_breaks_it(browser: Any, site: Site) -> None:
    context = browser.new_context()
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{site.url}/login")
    page.fill("#name", "thu.ha")
    page.fill("#password", seed.PASSWORD)
    page.click("button")
    for path in PAGES:
        page.goto(site.url + path)
        page.wait_for_selector(".pulse.on")
    context.close()
    assert not faults
