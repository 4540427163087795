"""The acknowledgement never runs ahead of a gap, and always gets there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.core.acks import Contiguity


def test_gap_holds_the_acknowledgement_back() -> None:
    seen = Contiguity()
    assert seen.add(1)
    assert not seen.add(3)
    assert (seen.acked, seen.waiting) == (1, 1)
    assert seen.add(2)
    assert (seen.acked, seen.waiting) == (3, 0)


def test_floor_closes_a_gap_the_room_cannot_fill() -> None:
    seen = Contiguity()
    assert seen.add(10, floor=8)
    assert seen.acked == 7
    seen.add(9, floor=8)
    seen.add(8, floor=8)
    assert seen.acked == 10


def test_floor_above_the_event_is_not_believed() -> None:
    seen = Contiguity()
    seen.add(5, floor=1_000_000)
    assert seen.acked == 5


def test_goes_on_from_what_the_database_holds() -> None:
    seen = Contiguity(4, above=[6, 7, 3])
    assert (seen.acked, seen.waiting) == (4, 2)
    seen.add(5)
    assert seen.acked == 7


@given(st.lists(st.integers(1, 60), max_size=120))
def test_equals_the_first_gap_in_any_order_with_repeats(order: list[int]) -> None:
    seen = Contiguity()
    for seq in order:
        seen.add(seq)
    have = set(order)
    gap = next(number for number in range(1, 62) if number not in have)
    assert seen.acked == gap - 1
    assert seen.waiting == sum(1 for number in have if number > gap)


@given(st.integers(1, 40), st.integers(0, 20), st.randoms(use_true_random=False))
def test_every_event_of_an_honest_room_is_acknowledged_at_last(count: int, dropped: int, random: object) -> None:
    """The room dropped its first ones; the others arrive shuffled and repeated, each with the floor of its time."""
    first = min(dropped, count - 1) + 1
    sent = [(seq, first) for seq in range(first, count + 1)] * 2
    random.shuffle(sent)  # type: ignore[attr-defined]
    seen = Contiguity()
    highest = 0
    for seq, floor in sent:
        seen.add(seq, floor)
        assert seen.acked >= highest
        highest = seen.acked
    assert (seen.acked, seen.waiting) == (count, 0)
