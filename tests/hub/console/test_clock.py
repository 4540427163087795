"""What the pages say of the hub's clock."""

from __future__ import annotations

import pytest

from tests.hub.console.conftest import Client
from tests.hub.console.fake import FakeHub


@pytest.mark.parametrize("word", ["off", "set", "set_waits", "start"])
def test_every_page_says_that_the_clock_is_wrong(client: Client, hub: FakeHub, word: str) -> None:
    assert "máy chủ lệch" not in client.get("/").text
    hub.facts |= {"clock": word, "clock_off_s": -7200.0}
    for path in ("/", "/triage", "/health"):
        text = client.get(path).text
        assert "máy chủ" in text
        assert word == "start" or "2 giờ" in text, path
        assert f"clock.{word}" not in text
