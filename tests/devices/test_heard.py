"""When a control line counts as one that answers."""

from __future__ import annotations

import pytest

from agent.core.facts import BUSY, SLOW, NoReading, Reading
from agent.devices.base import is_heard

SILENT = NoReading("timeout")


@pytest.mark.parametrize(
    ("answers", "heard"),
    [
        ((), False),
        ((SILENT, SILENT), False),
        ((SILENT, SLOW), SLOW),
        ((SLOW, b"on"), True),
        ((SILENT, b""), True),
        ((SILENT, NoReading("refused")), True),
        ((BUSY,), True),
    ],
    ids=["nothing asked", "silent", "slow", "slow and an answer", "an empty answer", "says no", "says it is busy"],
)
def test_a_line_answers_when_one_question_was_answered(answers: tuple[object, ...], heard: Reading) -> None:
    assert is_heard({str(place): answer for place, answer in enumerate(answers)}) == heard
