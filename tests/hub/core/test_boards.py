"""Two boards are told by a start that was over and speaks on; late and repeated messages accuse nobody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.intake.boards import Boards
from wire.messages import Stamp


def said(boot: str, mono_s: float) -> Stamp:
    return Stamp(epoch=f"e{boot}", seq=0, boot=boot, mono_s=mono_s, wall_s=0.0, synced=False)


def heard(*words: tuple[str, float]) -> list[bool]:
    boards = Boards()
    return [boards.hear(said(*word)) for word in words]


def test_a_start_that_was_over_speaks_on() -> None:
    assert heard(("a", 1), ("b", 1), ("a", 2)) == [False, False, True]
    assert heard(("a", 1), ("b", 1), ("a", 2), ("a", 3), ("b", 2)) == [False, False, True, False, True]


def test_what_is_delivered_again_is_no_second_board() -> None:
    assert not any(heard(("a", 1), ("a", 2), ("b", 1), ("a", 1), ("a", 2), ("b", 1), ("b", 2)))


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=40))
def test_one_board_that_starts_again_is_never_accused(steps: list[tuple[int, bool]]) -> None:
    """A board speaks, starts anew, and a broker repeats anything that was said before."""
    boards, said_before, boot, mono_s = Boards(), [], 0, 0.0
    for repeat, anew in steps:
        if anew:
            boot, mono_s = boot + 1, 0.0
        mono_s += 1
        said_before.append(said(f"b{boot}", mono_s))
        assert not boards.hear(said_before[-1])
        assert not any(boards.hear(stamp) for stamp in said_before[len(said_before) - repeat :])
