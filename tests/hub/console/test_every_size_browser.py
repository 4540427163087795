"""Every page at every size, in both languages and colours, as operator and as administrator: accessible, and no wider
than the screen. `--basetemp DIR` keeps the pictures."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub.access.permissions import ROUTES
from tests.hub.console.test_browser import PAGES, ROOM, Site, browser, open_page, violations

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SIZES = {390: 844, 1366: 768, 1920: 1080}
SCHEMES = ("light", "dark")
ROLES = ("operator", "admin")
ADMINS = ("/users", "/users/khach", "/audit")
USUAL = (1920, "light", "admin")
"""What no other test of `make test` looks at."""


@pytest.fixture(scope="module")
def sites(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """A console for each role of thu.ha's."""
    found = {}
    for role in ROLES:
        path = Path(shutil.copy(filled, tmp_path_factory.mktemp(role) / "hub.db"))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE users SET role = ? WHERE name = 'thu.ha'", (role,))
        found[role] = Site(path)
    yield found
    for site in found.values():
        site.stop()


def test_every_page_of_an_administrator_is_among_them() -> None:
    plain = {path for (method, path), right in ROUTES.items() if method == "GET" and right in ("accounts", "audit")}
    assert plain == {"/users", "/users/{name}", "/audit", "/audit.csv"}


@pytest.mark.parametrize("path", ["/meetings", "/users", "/audit", "/health", "/versions", "/rooms"])
def test_no_table_sticks_out_of_a_phone(browser: Any, sites: dict[str, Site], path: str) -> None:
    page = open_page(browser, sites["admin"], 390, SIZES[390])
    page.goto(sites["admin"].url + path)
    assert page.locator("tbody tr").count() > 0
    cut = page.eval_on_selector_all(
        "table,.scroll", "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML.slice(0, 80))"
    )
    hidden = page.eval_on_selector_all(
        "tbody td", "all => all.filter(e => e.innerText.trim() && e.getBoundingClientRect().right > innerWidth).length"
    )
    page.context.close()
    assert (cut, hidden) == ([], 0)


@pytest.mark.parametrize(
    ("width", "scheme", "role"),
    [
        pytest.param(*one, marks=[] if one == USUAL else [pytest.mark.prove])
        for one in itertools.product(SIZES, SCHEMES, ROLES)
    ],
)
def test_axe_finds_nothing(
    browser: Any,
    sites: dict[str, Site],
    tmp_path: Path,
    pytestconfig: pytest.Config,
    width: int,
    scheme: str,
    role: str,
) -> None:
    site = sites[role]
    page = open_page(browser, site, width, SIZES[width], color_scheme=scheme)
    found: list[str] = []
    for language in ("vi", "en"):
        page.goto(f"{site.url}/health")
        page.evaluate(
            "language => fetch('/language', {method: 'POST', redirect: 'manual',"
            " body: new URLSearchParams({language, back: '/', csrf: document.body.dataset.csrf})})",
            language,
        )
        for path in (*PAGES, *(ADMINS if role == "admin" else ())):
            page.goto(site.url + path)
            page.wait_for_selector(".pulse.on")
            assert page.locator("html").get_attribute("lang") == language
            found += [f"{language} {path} {line}" for line in violations(page)]
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            found += [f"{language} {path}: {wide} px too wide"] if wide > 0 else []
            if pytestconfig.option.basetemp:
                name = path.strip("/").replace("/", "-").replace("?", "-").replace(ROOM, "room") or "home"
                page.screenshot(path=tmp_path / f"{language}-{name}-{width}-{scheme}.png", full_page=width == 390)
    page.context.close()
    assert not found, "\n".join(found)
