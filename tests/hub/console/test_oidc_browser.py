"""Signing in at a provider on another site as a person meets it, under the console's own policy, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.access.oidc.accounts import add_oidc_user
from hub.settings import load
from hub.store.db import open_db
from tests.brokers import free_port
from tests.hub.console.test_browser import Site, browser, violations
from tests.hub.oidc_provider import CLIENT, SECRET, Provider

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
]


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    made.person = {"sub": "u-1", "preferred_username": "lan.anh"}
    yield made
    made.close()


@pytest.fixture
def site(filled: Path, tmp_path: Path, provider: Provider) -> Iterator[Site]:
    """A console that browsers know as `localhost`, which is another site than the provider's 127.0.0.1."""
    port = free_port()
    (tmp_path / "secret").write_text(SECRET, "utf-8")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "hub.toml").write_text(
        f'[oidc]\nissuer = "{provider.issuer}"\nclient_id = "{CLIENT}"\npublic_url = "http://localhost:{port}"\n'
        f'client_secret_file = "{tmp_path}/secret"\n',
        "utf-8",
    )
    path = Path(shutil.copy(filled, tmp_path / "hub.db"))
    db = open_db(path)
    add_oidc_user(db, "lan.anh", "operator", by="test", now_s=1.0)
    db.close()
    site = Site(path, load(tmp_path / "hub.toml"), port)
    site.url = f"http://localhost:{port}"
    yield site
    site.stop()


def test_there_and_back_under_the_consoles_own_policy(browser: Any, site: Site, provider: Provider) -> None:
    context = browser.new_context()
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{site.url}/rooms?q=14797")
    page.wait_for_url("**/login?next=*")
    page.click('a[href^="/login/oidc"]')
    page.wait_for_url("**/rooms?q=14797")
    assert page.locator(".user summary").is_visible()
    assert faults == []
    (session,) = (cookie for cookie in context.cookies() if cookie["name"] == "diemcau_session")
    assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")
    assert "diemcau_oidc" not in {cookie["name"] for cookie in context.cookies()}
    assert provider.asked[-3:] == ["/keys", "/authorize", "/token"]
    context.close()


@pytest.mark.parametrize(("width", "scheme", "language"), [(1366, "light", "vi"), (390, "dark", "en")])
def test_the_form_and_a_refusal_can_be_read_by_everyone(
    browser: Any, site: Site, provider: Provider, tmp_path: Path, width: int, scheme: str, language: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, bypass_csp=True, color_scheme=scheme)
    context.add_cookies([{"name": "diemcau_language", "value": language, "url": site.url}])
    page = context.new_page()
    page.goto(f"{site.url}/login")
    page.screenshot(path=tmp_path / f"form-{width}.png")
    assert violations(page) == []
    provider.fault = "nonce"
    page.click('a[href^="/login/oidc"]')
    page.wait_for_selector("[role=alert]")
    page.screenshot(path=tmp_path / f"refused-{width}.png")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    context.close()
