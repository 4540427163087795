"""How the room page words single facts: name, value with its unit, and why there is none."""

from __future__ import annotations

import pytest

from hub.console.views import fact_groups
from hub.console.words import words
from wire.messages import FactNow, Stamp, State

STAMP = Stamp(epoch="e", seq=0, boot="0" * 32, mono_s=0.0, wall_s=1000.0, synced=True)


@pytest.mark.parametrize(
    ("language", "name", "warming"),
    [
        ("vi", "Khí CO₂", "cảm biến đang làm nóng, số đo chưa tin cậy"),
        ("en", "Carbon dioxide", "the sensor is warming up, its readings do not count yet"),
    ],
)
def test_carbon_dioxide(language: str, name: str, warming: str) -> None:
    for fact, says in ((FactNow(1234, 1000.0), "1234 ppm"), (FactNow(None, 0.0, ok=False, reason="warming"), warming)):
        [(group, [line])] = fact_groups(words(language), State(stamp=STAMP, facts={"env.co2_ppm": fact}), 1000.0)
        assert (group, line.name, line.value) == ("env", name, says)
