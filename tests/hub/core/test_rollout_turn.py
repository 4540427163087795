"""Whether one room may be changed now."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.core.rollout import Phase, Rollout, RoomNow, why_not

R = Rollout("2.0", "1.0", (("r-1",), ("r-2", "r-3")), wave=0)
OLD = RoomNow(version="1.0", online=True, well=True)
ROOMS = {"r-1": OLD, "r-2": OLD, "r-3": OLD, "fresh": RoomNow()}


@pytest.mark.parametrize(
    ("rollout", "room", "version", "says"),
    [
        (R, "r-1", "2.0", ""),
        (R, "r-2", "2.0", "its wave is 2, and 1 is under way"),
        (replace(R, wave=1), "r-2", "2.0", ""),
        (R, "r-1", "2.1", "the roll-out brings rooms to 2.0, not to 2.1"),
        (None, "r-1", "2.0", "there is no roll-out"),
        (None, "r-1", "", ""),
        (R, "r-2", "", ""),
        (R, "r-2", "1.0", ""),
        (R, "fresh", "2.0", ""),
        (None, "unknown", "2.0", ""),
        (replace(R, phase=Phase.PAUSED, reason="bão"), "r-1", "2.0", "the roll-out is paused: bão"),
        (replace(R, phase=Phase.ROLLING_BACK), "r-1", "2.0", "brings rooms to 1.0, not to 2.0"),
        (replace(R, wave=1, phase=Phase.DONE), "r-2", "2.0", ""),
    ],
)
def test_only_whose_turn_it_is(rollout: Rollout | None, room: str, version: str, says: str) -> None:
    found = why_not(rollout, room, ROOMS, version)
    assert says in found
    assert bool(says) == bool(found)


@pytest.mark.parametrize("version", ["", "2.0"])
def test_a_meeting_and_a_window_hold_for_settings_too(version: str) -> None:
    busy = {**ROOMS, "r-1": replace(OLD, busy=True)}
    assert "a meeting is on, or begins within the hour" in why_not(R, "r-1", busy, version)
    assert why_not(R, "r-1", ROOMS, version, frozen="đại hội") == "không thay đổi gì lúc này / frozen: đại hội"
    assert why_not(R, "fresh", ROOMS, version, frozen="đại hội") == ""


def test_a_version_that_a_room_undid_is_not_brought_again() -> None:
    undone = {**ROOMS, "r-1": replace(OLD, undid="2.0")}
    assert "went back from 2.0 by itself" in why_not(R, "r-1", undone, "2.0")
    back = replace(R, phase=Phase.ROLLING_BACK)
    on_new = {**ROOMS, "r-1": replace(OLD, version="2.0", undid="2.0")}
    assert why_not(back, "r-1", on_new, "1.0") == ""
