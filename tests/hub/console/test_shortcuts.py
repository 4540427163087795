"""One table of keys: the help shows it, the buttons name it, the handbook says it."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.testclient import TestClient

from hub.access.permissions import NAVIGATION
from hub.console.shortcuts import SHORTCUTS, SHOWN

HANDBOOK = Path(__file__).parents[3] / "docs/operators.md"
DIGITS = {str(number) for number, _ in enumerate(NAVIGATION, 1)}


def test_the_help_shows_every_key_with_what_it_does(client: TestClient) -> None:
    page = client.get("/triage").text
    dialog = page[page.index('<dialog id="keys"') : page.index("</dialog>")]
    assert re.findall(r"<kbd>([^<]+)</kbd>", dialog) == [*SHOWN.values(), *sorted(DIGITS)]
    assert not re.findall(r"<dd>(?:keys|nav)\.", dialog)


def test_no_key_does_two_things() -> None:
    keys = [key for one in SHORTCUTS for key in one.on]
    assert len(keys) == len(set(keys))
    assert not DIGITS & set(keys)


def test_a_button_names_no_key_but_its_own(client: TestClient) -> None:
    page = client.get("/triage").text
    named = re.findall(r'data-does="(\w+)" aria-keyshortcuts="([^"]+)"', page)
    assert {does for does, _ in named} >= {"ack", "shelve", "recheck", "call", "note"}
    assert all(SHOWN[does] == key for does, key in named)


def test_the_handbook_names_every_key() -> None:
    section = HANDBOOK.read_text("utf-8").partition("## Phím tắt")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([^`]+)`", section)) == {*SHOWN.values(), *DIGITS}
