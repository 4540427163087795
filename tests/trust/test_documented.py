"""docs/trust.md has a row for every action and every field that is signed, with the numbers of the code."""

from __future__ import annotations

import re

import msgspec
import pytest

from hub.signer import rules
from tests.house.source import ROOT
from wire import bounds
from wire import messages as m

PAGE = (ROOT / "docs" / "trust.md").read_text("utf-8")
PART = PAGE.split("## What the signer lets through, and what the room refuses\n")[1].split("\n## ")[0]
ROWS = [line.split("|")[1:-1] for line in PART.splitlines() if line.startswith("| ")]
NAMED = {name for row in ROWS for name in re.findall(r"`([a-z_]+)`", row[0])}


@pytest.mark.parametrize("action", sorted(rules.ACTIONS))
def test_an_action_has_a_row(action: str) -> None:
    assert action in NAMED


@pytest.mark.parametrize("kind", [m.Command, m.Confirmed, m.Desired, m.Has, m.Meeting])
def test_a_field_has_a_row(kind: type[msgspec.Struct]) -> None:
    assert {one.name for one in msgspec.structs.fields(kind)} <= NAMED


def test_every_row_says_what_both_do() -> None:
    assert len(ROWS) > 20
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in ROWS)


def row(name: str) -> str:
    """All that is said of it."""
    return " ".join(" ".join(cells) for cells in ROWS if f"`{name}`" in cells[0])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("recheck", f"{rules.ROOM_MAX} orders a room and {rules.FLEET_MAX} in all"),
        ("codec_restart", f"`confirmed` {rules.CONFIRMED_MAX} in all"),
        ("lease_granted", f"{rules.ANSWERS_MAX} in ten minutes"),
        ("expires_s", f"up to {rules.EXPIRES_MAX_S:.0f} s"),
        ("boot", f"1 to {rules.NONCE_MAX} letters"),
        ("by", f"1 to {rules.BY_MAX} and up to {rules.REASON_MAX} letters"),
        ("person", f"1 to {bounds.PERSON_MAX} printable letters"),
        ("at_s", f"{bounds.CONFIRMED_MAX_S:.0f} s old and {bounds.AHEAD_MAX_S:.0f} s ahead"),
        ("version", f"{bounds.VERSION_AHEAD_MAX_S / bounds.DAY_S:.0f} days ahead"),
        (
            "maintenance_until_s",
            f"{bounds.MAINTENANCE_MAX_S / bounds.DAY_S:.0f} days ahead; in {rules.MAINTAINED_MAX} ",
        ),
        ("meetings", f"at most {bounds.MEETINGS_MAX} "),
        ("title", f"up to {bounds.TITLE_MAX} letters"),
        ("start_s", f"{bounds.MEETING_MAX_S / 3600:.0f} h later"),
        ("start_s", f"at most {bounds.MEETING_AHEAD_MAX_S / bounds.DAY_S:.0f} days ahead"),
        ("start_s", f"at most {bounds.MEETING_AGE_MAX_S / bounds.DAY_S:.0f} days ago"),
    ],
)
def test_the_numbers_are_those_of_the_code(name: str, said: str) -> None:
    assert said in row(name)


def test_the_count_of_all_documents_is_that_of_the_code() -> None:
    assert f"{rules.DOCUMENTS_MAX} documents in ten minutes" in PART
