"""What the rooms' clocks say of the hub's."""

from __future__ import annotations

import pytest

from hub.core.room_clocks import (
    AGAIN_S,
    CONTRADICTED_S,
    FRESH_S,
    OFF_S,
    ROOMS_MIN,
    WITNESS_WAIT_S,
    RoomClocks,
    is_off,
    takes,
)  # fmt: skip

NOW_S = 1_780_000_000.0


def heard(*ahead_s: float) -> RoomClocks:
    clocks = RoomClocks()
    for number, one in enumerate(ahead_s):
        clocks.hear(f"p{number}", NOW_S + one, NOW_S)
    return clocks


def test_too_few_rooms_say_nothing() -> None:
    assert heard(*[3600.0] * (ROOMS_MIN - 1)).ahead_s(NOW_S) is None
    assert heard(*[3600.0] * ROOMS_MIN).ahead_s(NOW_S) == 3600.0


def test_one_wrong_room_moves_nothing() -> None:
    assert heard(0.1, -0.2, 0.0, 3e8, 0.05).ahead_s(NOW_S) == pytest.approx(0.05)


def test_old_words_do_not_count_and_the_fastest_does() -> None:
    clocks = heard(0.0, 0.0, 0.0)
    assert clocks.ahead_s(NOW_S + FRESH_S) == 0.0
    assert clocks.ahead_s(NOW_S + FRESH_S + 1) is None
    for room in ("p0", "p1", "p2"):  # came late
        clocks.hear(room, NOW_S + 10 - 30, NOW_S + 10)
    assert clocks.ahead_s(NOW_S + 10) == 0.0
    for room in ("p0", "p1", "p2"):
        clocks.hear(room, NOW_S + AGAIN_S - 30, NOW_S + AGAIN_S)
    assert clocks.ahead_s(NOW_S + AGAIN_S) == -30.0


@pytest.mark.parametrize("by_s", [3600.0, -3600.0, 3e8, -3e8])
def test_words_of_before_a_step_count_against_the_clock_after_it(by_s: float) -> None:
    clocks = heard(by_s, by_s, by_s)
    clocks.moved(by_s)
    assert clocks.ahead_s(NOW_S + by_s) == pytest.approx(0.0)
    assert clocks.ahead_s(NOW_S) is None or abs(by_s) < FRESH_S


@pytest.mark.parametrize(("ahead_s", "off"), [(None, False), (OFF_S, False), (OFF_S + 1, True), (-OFF_S - 1, True)])
def test_off(ahead_s: float | None, off: bool) -> None:
    assert is_off(ahead_s) is off


@pytest.mark.parametrize(
    ("step_s", "ahead_s", "waited_s", "contradicted", "expected"),
    [
        (3600.0, 3601.0, 0.0, False, True),  # the time server was reached: rooms have that time
        (3600.0, 0.1, 1e9, False, False),  # it slipped: rooms have the time before
        (3600.0, -3600.0, 0.0, False, False),  # away from the rooms
        (3600.0, None, WITNESS_WAIT_S - 1, False, None),
        (3600.0, None, WITNESS_WAIT_S, False, True),
        (3600.0, None, CONTRADICTED_S - 1, True, None),
        (3600.0, None, CONTRADICTED_S, True, True),
        (-3e8, 0.0, 1e9, False, False),
    ],
)
def test_which_steps_are_taken(
    step_s: float, ahead_s: float | None, waited_s: float, contradicted: bool, expected: bool | None
) -> None:
    assert takes(step_s, ahead_s, waited_s, contradicted=contradicted) is expected
