"""Silence is noticed by the hub's own timer, never while the hub itself is deaf, and one cause is one group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.liveness import GROUP_WINDOW_S, Silent, group_keys, silent_since_s
from hub.core.twin import Twin
from hub.core.when import BootClock
from wire.messages import Stamp

BEAT = 60.0


def twin(heard_s: float = 1000, online: bool = True, lost_since_s: float = 0) -> Twin:
    return Twin("p1", heard_s=heard_s, online=online, lost_since_s=lost_since_s, boot="b")


@pytest.mark.parametrize(
    ("room", "now_s", "listening_s", "since"),
    [
        (twin(), 1180, 0, None),
        (twin(), 1181, 0, 1000),
        (twin(), 1181, 1100, None),
        (twin(), 1281, 1100, 1000),
        (twin(lost_since_s=1010), 1024, 0, None),
        (twin(lost_since_s=1010), 1025, 0, 1010),
        (twin(online=False, lost_since_s=1010), 1024, 0, None),
        (twin(online=False, lost_since_s=1010), 1025, 0, 1010),
        (twin(online=False, lost_since_s=1010), 1025, 1020, None),
        (twin(heard_s=0), 1181, 1000, 1000),
        (Twin("p1"), 9999, 0, None),
    ],
    ids=["3-beats", "over", "hub-was-deaf", "deaf-then-over", "will-grace", "will", "end-grace", "end", "end-deaf",
         "leftover-only", "never-heard"],
)  # fmt: skip
def test_silence(room: Twin, now_s: float, listening_s: float, since: float | None) -> None:
    assert silent_since_s(room, now_s, listening_s, BEAT) == since


def lost(count: int, cluster: str = "c1", start: float = 100, step: float = 10, group: str = "") -> list[Silent]:
    return [Silent(f"{cluster}-{n}", cluster, start + n * step, group) for n in range(count)]


def test_six_of_ten_share_a_key_and_five_do_not() -> None:
    assert group_keys(lost(5), {"c1": 10}) == {}
    keys = group_keys(lost(6), {"c1": 10})
    assert len(keys) == 6
    assert set(keys.values()) == {"room_lost:c1:100"}


def test_two_of_two_are_not_a_group() -> None:
    assert group_keys(lost(2), {"c1": 2}) == {}


def test_losses_far_apart_are_not_one_cause() -> None:
    assert group_keys(lost(6, step=GROUP_WINDOW_S), {"c1": 6}) == {}


def test_clusters_do_not_mix_and_rooms_of_none_never_group() -> None:
    assert group_keys(lost(2) + lost(2, "c2") + lost(9, ""), {"c1": 2, "c2": 2, "": 9}) == {}


def test_follower_joins_the_key_that_stands() -> None:
    known = lost(3, group="room_lost:c1:100")
    assert group_keys([*known, Silent("late", "c1", 200)], {"c1": 30}) == {"late": "room_lost:c1:100"}


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=12), st.integers(1, 12))
def test_key_once_given_never_changes(times: list[float], size: int) -> None:
    silent = [Silent(f"r{n}", "c", at) for n, at in enumerate(times)]
    keys = group_keys(silent, {"c": size})
    again = [Silent(one.room, one.cluster, one.since_s, keys.get(one.room, "")) for one in silent]
    assert group_keys(again, {"c": size}) == {}


def stamp(mono_s: float, wall_s: float, synced: bool, boot: str = "b") -> Stamp:
    return Stamp(epoch="e", seq=1, boot=boot, mono_s=mono_s, wall_s=wall_s, synced=synced)


def test_wrong_clock_is_mended_by_the_monotonic_one() -> None:
    clock = BootClock()
    clock.hear(stamp(50, 0, False), 10_050)
    clock.hear(stamp(60, 0, False), 10_075)  # was 15 s on its way: the better estimate stays
    assert clock.at_s(stamp(20, 3, False), 10_100) == 10_020
    assert clock.at_s(stamp(20, 9_000, True), 10_100) == 9_000
    assert clock.at_s(stamp(20, 3, False, "other"), 10_100) == 3


def test_nothing_happens_in_the_future() -> None:
    assert BootClock().at_s(stamp(1, 99_999, True), 500) == 500
