"""The one table of transitions, as it is drawn and as it refuses."""

from __future__ import annotations

import pytest

from agent.core.phases import TRANSITIONS, Phase, Signal, after
from agent.core.transitions import ImpossibleTransitionError, drawing


def test_the_drawing_has_one_line_for_each_transition_and_begins_in_health() -> None:
    head, start, *lines = drawing(TRANSITIONS, Phase.CLEAR).split("\n")
    assert (head, start) == ("stateDiagram-v2", "    [*] --> clear")
    assert lines == [f"    {source} --> {target}: {signal}" for (source, signal), target in TRANSITIONS.items()]


def test_what_the_table_does_not_have_is_our_bug_and_says_which() -> None:
    with pytest.raises(ImpossibleTransitionError, match=r"^act in clear$"):
        after(Phase.CLEAR, Signal.ACT)
