"""The same trouble again is one thing to handle, and too often needs a person once."""

from __future__ import annotations

from hub.store.recurrence import AGAIN_S, OFTEN, Episode, lingers, placed

MINUTE = 60.0


def series(*spans: tuple[float, float]) -> list[Episode]:
    """The episodes that opened and closed at these minutes, each with its place."""
    found: list[Episode] = []
    for opened, closed in spans:
        found.append(placed(found[-OFTEN:], Episode(opened * MINUTE, closed * MINUTE)))
    return found


def test_what_comes_back_within_the_hour_after_its_end_is_the_same() -> None:
    found = series((1, 10), (69, 75), (135, 140))
    assert [one.nth for one in found] == [1, 2, 3]
    assert {one.first_s for one in found} == {MINUTE}
    assert [one.nth for one in series((1, 10), (70.1, 75))] == [1, 1]
    assert [one.nth for one in series((1, 0), (500, 0))] == [1, 2], "the end of the first never came"


def test_fourteen_in_half_an_hour_need_a_person_from_the_sixth_on() -> None:
    found = series(*((1 + 2.4 * n, 2 + 2.4 * n) for n in range(14)))
    assert found[-1].nth == 14
    assert [bool(one.often_s) for one in found] == [False] * OFTEN + [True] * (14 - OFTEN)
    assert len({one.often_s for one in found[OFTEN:]}) == 1, "once, not with each"


def test_more_than_five_an_hour_and_not_more_than_five_in_all() -> None:
    assert not any(one.often_s for one in series(*((1 + 13 * n, 2 + 13 * n) for n in range(20))))
    assert series(*((1 + 11 * n, 2 + 11 * n) for n in range(6)))[-1].often_s
    apart = [*((1 + n, 1.5 + n) for n in range(5)), (70, 71)]
    assert series(*apart)[-1] == Episode(70 * MINUTE, 71 * MINUTE, 1, 70 * MINUTE, 0.0), "another series"


def test_the_last_of_such_a_series_stays_until_it_is_over() -> None:
    assert lingers(MINUTE, MINUTE, False, MINUTE + AGAIN_S - 1)
    assert not lingers(MINUTE, MINUTE, False, MINUTE + AGAIN_S)
    assert not lingers(MINUTE, MINUTE, True, MINUTE + 1), "its next one stands in its place"
    assert not lingers(MINUTE, 0.0, False, MINUTE + 1)
    assert not lingers(0.0, MINUTE, False, MINUTE), "it still stands by itself"
