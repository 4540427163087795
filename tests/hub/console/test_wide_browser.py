"""A wide screen: accessible there too, and no room's name cut while there is space."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub.console.test_browser import PAGES, Site, browser, open_page, violations

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
NAMES = ".row .where b, .row .where small, .urgent .dim, .cm span, .faults b"


@pytest.fixture(scope="module")
def page(browser: Any, filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An operator's page on a screen of 1920 by 1080."""
    site = Site(Path(shutil.copy(filled, tmp_path_factory.mktemp("wide") / "hub.db")))
    page = open_page(browser, site, 1920, 1080)
    page.at = site.url
    yield page
    page.context.close()
    site.stop()


def test_every_page_is_accessible(page: Any) -> None:
    found: list[str] = []
    for path in PAGES:
        page.goto(page.at + path)
        found += [f"{path} {line}" for line in violations(page)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", ["/", "/triage", "/rooms/th-14878-2"])
def test_no_name_is_cut(page: Any, path: str) -> None:
    page.goto(page.at + path)
    cut = page.eval_on_selector_all(
        NAMES, "found => found.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent)"
    )
    assert not cut
