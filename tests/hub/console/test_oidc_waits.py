"""Who has to wait at the way back from the provider, and who does not whatever pages elsewhere do."""

from __future__ import annotations

import pytest

from hub.pages import oidc
from tests.hub.console.conftest import sign_in
from tests.hub.console.test_oidc import Centre, centre, made_before, provider, running
from tests.hub.oidc_provider import Provider

__all__ = ["centre", "provider", "running"]


def test_whoever_is_refused_again_and_again_has_to_wait(centre: Centre, provider: Provider) -> None:
    provider.fault = "nonce"
    answers = [centre.sign_in().status_code for _ in range(32)]
    assert answers[0] == 403
    assert answers[-1] == 429
    assert len(centre.rows("oidc_refused")) == 30
    sign_in(centre.browser)  # passwords are another matter
    provider.fault = ""
    made_before(centre.path)
    assert centre.sign_in().status_code == 303, "this browser is known, and counts for itself alone"


IMAGE = {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image", "sec-fetch-site": "cross-site"}


@pytest.mark.parametrize("headers", [IMAGE, {}], ids=["an image", "an image in an old browser"])
@pytest.mark.parametrize("path", ["/login/oidc/callback?state=x&code=y", "/login/oidc/callback", "/login/oidc"])
def test_an_image_on_any_page_shuts_no_office_out(centre: Centre, headers: dict[str, str], path: str) -> None:
    made_before(centre.path)
    for _ in range(120):
        answer = centre.browser.get(path, headers=headers)
        assert answer.status_code == (303 if path == "/login/oidc" and not headers else 400)
        centre.browser.cookies.clear()  # a browser sends none along, and takes none
    assert centre.rows("oidc_refused") == []
    assert centre.sign_in().status_code == 303
    centre.browser.cookies.clear()
    sign_in(centre.browser)


def test_a_page_that_opens_windows_shuts_nobody_out_and_does_not_fill_the_log(centre: Centre) -> None:
    made_before(centre.path)
    for _ in range(60):
        centre.browser.get("/login/oidc")
        assert centre.browser.get("/login/oidc/callback?state=x&code=y").status_code == 400
    assert len(centre.rows("oidc_refused")) <= oidc.ROWS_BURST + 2
    assert centre.sign_in().status_code == 303
