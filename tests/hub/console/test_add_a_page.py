"""The example of docs/add-a-page.md: a new page is five files, and the tests find it by themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.example import changed, contents, copied, done, judged, ran

GUIDE = "docs/add-a-page.md"
BY_HAND_MAX = 5


@pytest.mark.timeout(600)
def test_a_new_page_is_five_files_and_is_tested_unasked(tmp_path: Path) -> None:
    copied(tmp_path)
    before = contents(tmp_path)
    done(tmp_path, GUIDE)
    by_hand = changed(before, contents(tmp_path))
    assert len(by_hand) <= BY_HAND_MAX, sorted(by_hand)
    said = judged(
        tmp_path, "tests/hub/console/test_pages.py", "tests/hub/console/test_auth.py",
        "tests/hub/console/test_permissions.py", "tests/hub/console/test_catalogues.py", "-k",
        "contacts or holds_every_route or nothing_from_outside or (by_role_and_scope and part) or catalogues", "-vv",
    )  # fmt: skip
    assert said.endswith("rc=0"), said[-4000:]
    for test in ("test_page_in_both_languages_within_its_budget", "test_a_stranger_is_sent_to_the_form"):
        assert re.search(rf"{test}\[/contacts\] PASSED", said), said[-4000:]
    assert "docs/sentences.md" in ran(tmp_path, "tools.docs"), "the guide says make docs: the new words are on the page"
    said = ran(tmp_path, "tools.docs", "--check")
    assert said.endswith("rc=0"), said[-3000:]
    code = [name for name in by_hand if name.endswith(".py")]
    for check in (("check",), ("format", "--check")):
        said = ran(tmp_path, "ruff", *check, *code)
        assert said.endswith("rc=0"), said
