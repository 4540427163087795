"""Crashes stop an agent from acting, for a while; a mains that flickers does not."""

from __future__ import annotations

import pytest

from agent.runtime.starts import CRASHES_MAX, SAFE_S, STARTS_KEPT, Starts, begun, ended, lifted, parse, text

BOOT = "a" * 32


def crash(times: int, every_s: float, starts: Starts | None = None, boot: str = BOOT, first_s: float = 40.0) -> Starts:
    """So many starts, none of which ends in order; through the store each time."""
    starts = starts or Starts()
    for n in range(times):
        starts = parse(text(begun(starts, boot, first_s + n * every_s)))
    return starts


def test_five_crashes_in_ten_minutes_are_safe_mode_for_half_an_hour() -> None:
    assert not crash(5, 60).safe(280)
    starts = crash(6, 60)
    assert (starts.crashes, starts.safe(340)) == (5, True)
    assert starts.safe(340 + 1799)
    assert not starts.safe(340 + 1800)


def test_five_crashes_in_more_than_ten_minutes_are_none() -> None:
    assert not crash(40, 121).safe(40 + 40 * 121)


def test_mains_that_flicker_are_no_crashes() -> None:
    """Six starts with six boot ids in ten minutes, each at the same moment of its own boot."""
    starts = Starts()
    for n in range(6):
        starts = parse(text(begun(starts, f"{n:032x}", 41.0)))
        assert not starts.safe(41.0)
    assert (starts.power_cuts, starts.crashes) == (5, 0)


def test_power_cuts_weeks_apart_on_a_board_without_a_clock_are_none_either() -> None:
    starts = Starts()
    for n in range(16):
        starts = parse(text(begun(starts, f"{n:032x}", 40.0 + n / 10)))
    assert (starts.power_cuts, starts.safe(42.0)) == (15, False)


def test_an_end_in_order_is_neither_crash_nor_power_cut() -> None:
    starts = Starts()
    for n in range(10):
        starts = parse(text(ended(begun(starts, BOOT, 40.0 + n))))
        assert starts.crashes == 0
    assert begun(starts, "b" * 32, 40.0).power_cuts == 0


def test_an_end_in_order_does_not_end_safe_mode_and_its_time_does() -> None:
    starts = parse(text(ended(crash(6, 10))))
    assert begun(starts, BOOT, 200.0).safe(200.0)
    later = begun(starts, BOOT, 90.0 + SAFE_S)
    assert (later.safe(90.0 + SAFE_S), later.crashes) == (False, 0)


def test_a_crash_in_safe_mode_prolongs_it() -> None:
    starts = begun(crash(6, 10), BOOT, 1500.0)
    assert starts.safe(1500.0 + SAFE_S - 1)
    assert not starts.safe(1500.0 + SAFE_S)


def test_after_its_end_the_count_begins_anew() -> None:
    starts = lifted(crash(6, 10), 90.0 + SAFE_S)
    assert not starts.safe(90.0 + SAFE_S)
    starts = crash(4, 10, starts, first_s=100.0 + SAFE_S)
    assert (starts.crashes, starts.safe(130.0 + SAFE_S)) == (4, False)
    assert crash(1, 0, starts, first_s=150.0 + SAFE_S).safe(150.0 + SAFE_S)


def test_a_crash_before_its_end_is_kept_in_mind_however_long_it_took() -> None:
    """A run of twenty minutes in safe mode, and its crash: the window is past, the safe mode is not."""
    starts = crash(6, 10)
    assert begun(starts, BOOT, 90.0 + 1200.0).safe(90.0 + 2400.0)


def test_a_new_boot_begins_without_safe_mode() -> None:
    assert not begun(crash(6, 10), "b" * 32, 50.0).safe(50.0)


def test_no_number_grows_without_end() -> None:
    assert len(crash(100, 1).at_s) == STARTS_KEPT > CRASHES_MAX


@pytest.mark.parametrize(
    "kept", ["", "1700000000 1700000010 1700000020", "b", "b x y z", "b 1", "\x00", "b nan nan nan", "b inf inf inf"]
)
def test_what_is_spoilt_or_older_is_no_start(kept: str) -> None:
    assert not begun(parse(kept), BOOT, 50.0).safe(50.0)


def test_no_spoilt_number_makes_safe_mode_last() -> None:
    starts = begun(parse(f"{BOOT} 0 0 inf"), BOOT, 50.0)
    assert not starts.safe(50.0 + SAFE_S)


def test_it_is_kept_as_it_is() -> None:
    starts = Starts(BOOT, 3, 2, 1834.5, (12.5, 34.5))
    assert parse(text(starts)) == starts
