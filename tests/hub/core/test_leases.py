"""How many rooms may restart something by themselves at a time."""

from __future__ import annotations

import pytest

from hub.core.leases import DENIED, GRANTED, Budget


@pytest.mark.parametrize(
    ("granted", "installed", "answer"),
    [(0, 621, GRANTED), (30, 621, GRANTED), (31, 621, DENIED), (4, 10, GRANTED), (5, 10, DENIED), (5, 0, DENIED)],
)
def test_a_share_of_the_fleet_and_never_less_than_a_few(granted: int, installed: int, answer: str) -> None:
    assert Budget(share_pct=5.0, floor=5).answer(granted, installed) == answer


def test_one_room_gets_two_and_not_the_share_of_all() -> None:
    budget = Budget(share_pct=5.0, floor=5)
    assert [budget.answer(2, 621, to_room) for to_room in (0, 1, 2, 3)] == [GRANTED, GRANTED, DENIED, DENIED]


def test_nothing_is_a_budget_too() -> None:
    assert Budget(share_pct=0, floor=0).answer(0, 621) == DENIED
