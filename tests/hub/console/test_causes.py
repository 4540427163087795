"""What belongs to one cause becomes one row, and what does not stays apart."""

from __future__ import annotations

from hub.store.read.causes import MASS_MIN, MASS_WITHIN_S, Sign, by_cause


def groups(*signs: Sign) -> list[int]:
    """Sizes of the rows that come out, largest first."""
    return sorted((len(same) for same in by_cause(signs, lambda sign: sign)), reverse=True)


def test_a_few_of_the_same_kind_stay_apart() -> None:
    assert groups(*[Sign("hung", float(n), "") for n in range(MASS_MIN - 1)]) == [1] * (MASS_MIN - 1)


def test_many_at_the_same_time_are_one() -> None:
    assert groups(*[Sign("lost", float(n), "") for n in range(600)]) == [600]


def test_many_over_a_long_time_are_not() -> None:
    assert groups(*[Sign("lost", n * (MASS_WITHIN_S + 1), "") for n in range(9)]) == [1] * 9


def test_kinds_are_never_joined() -> None:
    signs = [Sign(("lost", who), 1.0, "") for who in ("", "an") for _ in range(6)]
    assert groups(*signs) == [6, 6]


def test_a_group_of_the_hub_stays_one_even_when_it_is_small_or_slow() -> None:
    assert groups(Sign("lost", 0.0, "c1"), Sign("lost", 1.0, "c1"), Sign("lost", 2.0, "")) == [2, 1]
    assert groups(Sign("lost", 0.0, "c1"), Sign("lost", 5000.0, "c1")) == [2]


def test_groups_of_several_clusters_that_fell_together_are_one_row() -> None:
    signs = [Sign("lost", float(n), f"c{n % 26}") for n in range(621)]
    assert groups(*signs) == [621]
