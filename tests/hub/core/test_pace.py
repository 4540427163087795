"""A month's events pass at once, and one certificate cannot fill the hub."""

from __future__ import annotations

from hub.intake import pace
from hub.intake.pace import Paces, cost


def test_a_month_at_once_passes_and_then_fifty_a_second() -> None:
    paces = Paces()
    assert sum(paces.allow("p1", 1.0, 0.0) for _ in range(5000)) == 2000
    assert sum(paces.allow("p1", 1.0, 10.0) for _ in range(5000)) == 500
    assert paces.allow("p2", 1.0, 10.0), "the others are not slowed"


def test_great_messages_cost_more() -> None:
    assert [cost(size) for size in (0, 1, 4096, 4097, 65_536)] == [1, 1, 1, 2, 16]
    paces = Paces()
    passed = sum(paces.allow("p1", cost(65_536), second / 100) for second in range(1500))
    assert passed * 65_536 < 12 * 2**20, "fifteen seconds of one room"


def test_time_that_goes_back_gives_nothing() -> None:
    paces = Paces(burst=2.0)
    assert [paces.allow("p1", 1.0, at_s) for at_s in (100.0, 50.0, 100.0)] == [True, True, False]


def test_names_without_end_take_no_memory_without_end() -> None:
    paces = Paces()
    for _ in range(2000):
        paces.allow("loud", 1.0, 0.0)
    for number in range(2 * pace.ROOMS_MAX):
        paces.allow(f"r{number}", 1.0, 0.0)
    assert len(paces._buckets) <= pace.ROOMS_MAX
    assert not paces.allow("loud", 1.0, 0.0), "who has used his share up is not forgotten for it"
