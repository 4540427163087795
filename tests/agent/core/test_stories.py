"""The engine tells its stories word for word as they were read and kept."""

from __future__ import annotations

import pytest

from tests.agent.core.stories import FOLDER, STORIES, text


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told_as_it_was(name: str) -> None:
    assert text(name) == (FOLDER / f"{name}.txt").read_text("utf-8"), (
        "if that is meant: python -m tests.agent.core.stories, and read the difference"
    )


def test_no_story_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(STORIES)
