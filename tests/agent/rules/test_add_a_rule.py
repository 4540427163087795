"""The example of docs/add-a-rule.md: a new fault is one rule, and at most four more files that a person writes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.example import changed, contents, copied, done, judged, ran

GUIDE = "docs/add-a-rule.md"
RECORDING = "tests/agent/rules/recordings/air_stale.toml"
BY_HAND_MAX = 5


class Finished(NamedTuple):
    """The copy, and which of its files a person and the tools have changed."""

    place: Path
    by_hand: set[str]
    written: set[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The project with the guide's example in it and its documents written."""
    place = tmp_path_factory.mktemp("rule")
    copied(place)
    before = contents(place)
    done(place, GUIDE)
    by_hand = changed(before, contents(place))
    written = ran(place, "tools.docs")
    assert written.endswith("rc=0"), written[-3000:]
    return Finished(place, by_hand, changed(before, contents(place)) - by_hand)


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Path:
    """One that a test may spoil."""
    return Path(shutil.copytree(finished.place, tmp_path / "spoilt"))


@pytest.mark.timeout(600)
def test_a_new_fault_is_five_files_by_hand_at_most(finished: Finished) -> None:
    assert len(finished.by_hand) <= BY_HAND_MAX, sorted(finished.by_hand)
    assert {"docs/faults/README.md", "docs/faults/air_stale.md", "docs/settings.md"} <= finished.written
    assert all(name.startswith("docs/") for name in finished.written)


@pytest.mark.timeout(600)
def test_everything_that_looks_at_rules_is_content(finished: Finished) -> None:
    place = finished.place
    said = judged(
        place, "tests/agent/rules/test_rules.py", "tests/agent/core/test_policy.py", "tests/house/test_documented.py",
        "tests/hub/console/test_catalogues.py", "tests/sim/test_scenario.py", "tests/sim/test_healing.py",
        "-k", "air_stale or not (test_healing or test_links or test_every_make_target or test_decisions)",
    )  # fmt: skip
    assert said.endswith("rc=0"), said[-4000:]
    passed = re.search(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) > 300
    code = [name for name in finished.by_hand if name.endswith(".py")]
    for check in (("check",), ("format", "--check")):
        said = ran(place, "ruff", *check, *code)
        assert said.endswith("rc=0"), said


@pytest.mark.timeout(600)
def test_what_was_forgotten_is_named_with_its_place(copy: Path) -> None:
    (copy / RECORDING).unlink()
    (copy / "docs/faults/air_stale.md").unlink()
    rule = copy / "agent/rules/air_stale.py"
    rule.write_text(re.sub(r'"air_fresh": "[^"]+"', '"fresh": "?"', rule.read_text("utf-8")), "utf-8")
    said = judged(
        copy, "tests/agent/rules/test_rules.py", "tests/house/test_documented.py", "-k",
        "seen_faulty or up_to_date or (air_stale and good_room)",
    )  # fmt: skip
    assert said.endswith("rc=1"), said[-3000:]
    for sentence in (f"record a look that shows it: {RECORDING}", "run `make docs`", "say 'air_fresh' in the reasons"):
        assert sentence in said, f"{sentence!r} is not said: {said[-3000:]}"
