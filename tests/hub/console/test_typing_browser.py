"""What is typed stays what is typed: an answer takes no focus, no key orders a room by accident, a list holds still."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from hub.port import Change
from tests.hub.console.test_browser import Site, browser, open_page, site

__all__ = ["browser", "site"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
LATER_MS = 61_000
"""Longer than a hand may rest on a list before the list is let go."""


NUMBERS = itertools.count(901)
"""Of incidents that come while a test runs."""


@pytest.fixture(scope="module")
def signed_in(browser: Any, site: Site) -> Any:
    """The cookies of an operator."""
    page = open_page(browser, site)
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture
def page(browser: Any, site: Site, signed_in: Any) -> Iterator[Any]:
    """The operators' home on a desk's screen, of which nobody has a row yet, with the changes asked for in `posted`."""
    site.hub.write("UPDATE incidents SET acked_by = '', acked_s = 0")
    context = browser.new_context(
        viewport={"width": 1366, "height": 768}, bypass_csp=True, storage_state=signed_in
    )  # fmt: skip
    page = context.new_page()
    page.posted, page.faults = [], []
    page.on("request", lambda request: page.posted.append(request.url) if request.method == "POST" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    show(page, site)
    yield page
    assert not page.faults
    context.close()


def show(page: Any, site: Site) -> None:
    page.goto(f"{site.url}/triage")
    page.wait_for_selector(".pulse.on")


class Gate:
    """Holds back the answers to requests of one kind until it is opened."""

    def __init__(self, page: Any, pattern: str) -> None:
        self._page, self._pattern = page, pattern
        self._held: list[Any] = []
        self._is_open = False
        page.route(pattern, self._hold)

    def _hold(self, route: Any) -> None:
        if self._is_open:
            route.continue_()
        else:
            self._held.append(route)

    def wait(self) -> None:
        """Until a request stands before it."""
        until_s = time.monotonic() + 20
        while not self._held and time.monotonic() < until_s:
            self._page.wait_for_timeout(20)
        assert self._held, f"nobody asked for {self._pattern}"

    def open(self) -> None:
        """Let all through, now and later."""
        self._is_open = True
        for route in self._held:
            route.continue_()


def chosen(page: Any) -> str:
    """The number of the row that is chosen in the list."""
    return str(page.locator(".rows .row:has([aria-current])").get_attribute("data-id"))


def add_incident(site: Site) -> str:
    """A new one on top, of a kind of its own since many of one kind are one row; gives the id of its row."""
    number = next(NUMBERS)
    site.hub.write(
        "INSERT INTO incidents (id, room, epoch, fault_id, rule, severity, phase, needs_person, opened_s, confirmed_s)"
        " VALUES (?, 'th-14758-2', 'e1', ?, ?, 'critical', 'escalated', 1, ?, ?)",
        number, number, f"rule_{number}", time.time(), time.time(),
    )  # fmt: skip
    site.hub.tell(Change(incidents=frozenset({number})))
    return f"r{number}"


def rows(page: Any) -> list[str]:
    return list(page.eval_on_selector_all(".rows>.row", "found => found.map(row => row.id)"))


def test_an_answer_takes_no_focus_and_the_rest_of_the_sentence_orders_nothing(page: Any) -> None:
    number = chosen(page)
    gate = Gate(page, "**/incidents/*/ack")
    page.keyboard.press("a")
    gate.wait()
    page.keyboard.press("n")
    page.keyboard.type("Đã gọi, ")
    gate.open()
    page.wait_for_selector(".toast:not(:empty)")
    page.wait_for_selector(f"#pane form[action='/incidents/{number}/unack']")
    page.keyboard.type("sarsna 123")
    assert page.locator("#pane textarea").input_value() == "Đã gọi, sarsna 123"
    assert page.evaluate("document.activeElement.id") == f"note-{number}"
    assert [url.rpartition("/")[2] for url in page.posted] == ["ack"]
    assert page.url.endswith("/triage")


def test_ctrl_enter_saves_and_what_is_typed_meanwhile_stays(page: Any) -> None:
    gate = Gate(page, "**/incidents/*/note")
    page.keyboard.press("n")
    page.keyboard.type("Đã gọi phòng.")
    page.keyboard.press("Control+Enter")
    gate.wait()
    page.keyboard.type(" Chờ người")
    gate.open()
    page.wait_for_selector("#pane blockquote:has-text('Đã gọi phòng.')")
    page.keyboard.type(" đến.")
    assert page.locator("#pane textarea").input_value() == " Chờ người đến."
    assert len(page.posted) == 1


def test_a_note_half_written_outlives_its_pane_and_its_page(page: Any, site: Site) -> None:
    page.keyboard.press("n")
    page.keyboard.type("viết dở")
    area = str(page.evaluate("document.activeElement.id"))
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_selector(f"#{area}", state="detached")
    page.keyboard.press("k")
    page.wait_for_selector(f"#{area}")
    assert page.locator(f"#{area}").input_value() == "viết dở"
    page.goto(f"{site.url}/rooms")
    page.goto(f"{site.url}/triage")
    assert page.locator(f"#{area}").input_value() == "viết dở"


def test_keys_wait_for_the_pane_of_the_row_that_was_chosen(page: Any) -> None:
    first = chosen(page)
    gate = Gate(page, "**/triage?part=pane*")
    page.keyboard.press("j")
    second = chosen(page)
    gate.wait()
    page.keyboard.press("a")
    page.keyboard.press("n")
    page.keyboard.type("goi arsk")
    assert not page.posted, f"{first} is still in the pane"
    gate.open()
    page.wait_for_selector(f"#pane form[action='/incidents/{second}/unack']")
    assert page.locator(f"#note-{second}").input_value() == "goi arsk"
    assert [url.split("/", 3)[3] for url in page.posted] == [f"incidents/{second}/ack"]


def test_what_was_pressed_for_one_row_is_not_done_to_the_next(page: Any) -> None:
    gate = Gate(page, "**/triage?part=pane*")
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.keyboard.press("j")
    third = chosen(page)
    gate.wait()
    gate.open()
    page.wait_for_selector(f"#pane [data-live*='incident:{third} ']")
    assert not page.posted


def test_a_pane_that_does_not_come_leaves_the_choice_with_the_one_that_is_shown(page: Any) -> None:
    first = chosen(page)
    page.route("**/triage?part=pane*", lambda route: route.abort())
    page.keyboard.press("j")
    page.wait_for_selector(".toast.wrong:not(:empty)")
    assert chosen(page) == first
    page.faults.clear()  # the browser says that the request failed, as it should


def test_the_list_holds_still_under_the_pointer_and_says_how_many_wait(page: Any, site: Site) -> None:
    before = rows(page)
    page.hover(".rows>.row:nth-child(2)")
    new = [add_incident(site) for _ in range(3)]
    page.wait_for_selector("[data-waiting]:text-is('3 mới')")
    assert rows(page) == before
    site.hub.write("UPDATE incidents SET closed_s = ? WHERE id = ?", time.time(), before[0][1:])
    site.hub.tell(Change(incidents=frozenset({int(before[0][1:])})))
    page.wait_for_selector(f"#{before[0]}.gone")
    assert rows(page) == before
    page.hover(".brand")
    page.wait_for_selector(f"#{new[2]}")
    assert set(rows(page)) == {*new, *before[1:]}
    assert page.locator("[data-waiting]").is_hidden()


def test_the_list_holds_still_under_the_focus_until_it_is_asked_for(page: Any, site: Site) -> None:
    page.keyboard.press("j")
    before, focused = rows(page), chosen(page)
    new = add_incident(site)
    page.wait_for_selector("[data-waiting]:text-is('1 mới')")
    assert rows(page) == before
    page.keyboard.press("m")
    page.wait_for_selector(f"#{new}")
    assert chosen(page) == focused
    assert page.evaluate("document.activeElement.closest('.row').dataset.id") == focused


def test_a_hand_that_rests_for_a_minute_holds_nothing(page: Any, site: Site) -> None:
    page.clock.install()
    show(page, site)
    page.hover(".rows>.row:nth-child(2)")
    new = add_incident(site)
    page.wait_for_selector("[data-waiting]:text-is('1 mới')")
    page.clock.run_for(LATER_MS)
    page.wait_for_selector(f"#{new}")


def test_call_is_a_key_too(page: Any) -> None:
    page.evaluate(
        "document.addEventListener('click', event => {"
        " const phone = event.target.closest('.phone');"
        " if (phone) { event.preventDefault(); window.called = phone.href } })"
    )
    page.keyboard.press("c")
    assert str(page.evaluate("window.called")).startswith("tel:")


def test_single_keys_can_be_switched_off(page: Any, site: Site) -> None:
    first = chosen(page)
    page.keyboard.press("?")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.reload()
    page.wait_for_selector(".pulse.on")
    for key in ("j", "a", "r", "s", "2", "?"):
        page.keyboard.press(key)
    assert chosen(page) == first
    assert not page.locator("#keys").is_visible()
    assert not page.posted
    assert page.locator("#pane kbd").first.is_hidden()
    page.keyboard.press("ArrowDown")
    assert chosen(page) != first, "what is no letter works on"
    page.click(".user summary")
    page.click("[data-keys]")
    page.check("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    assert chosen(page) == first


def test_a_key_that_is_held_down_acts_once(page: Any) -> None:
    number = chosen(page)
    page.keyboard.down("a")
    page.wait_for_selector(f"#pane form[action='/incidents/{number}/unack']")
    page.keyboard.down("a")
    assert page.locator("#pane [aria-busy=true]").count() == 0, "it came again because the finger was still there"
    page.keyboard.up("a")
    page.keyboard.press("a")
    page.wait_for_selector(f"#pane form[action='/incidents/{number}/ack']")
    assert [url.rpartition("/")[2] for url in page.posted] == ["ack", "unack"]
