"""Clocks that step, as in `test_clock_steps`: what the hub wants of the room is taken, and nothing that is old."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.clock_room import HOUR_S, YEARS_S, Installation, by_step, by_who, meeting, settled, step
from wire import messages as m
from wire.topics import Leaf


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    return settled(tmp_path)


@by_who
@by_step
@pytest.mark.parametrize("synced", [True, False], ids=["synced", "unsynced"])
def test_the_next_true_document_is_taken(place: Installation, who: str, step_s: float, synced: bool) -> None:
    """Neither a version of ten years ahead nor a clock of ten years ago makes the room deaf to what is true."""
    if not synced:
        place.start_board(off_s=60.0)
        place.run(20.0)
        assert not place.clock.synced
    step(place, step_s, who)
    place.document(meeting(place, 9 * HOUR_S))
    place.run(HOUR_S, 30.0)
    step(place, 0.0, who)
    place.run(10.0)
    version = place.document(meeting(place, 8 * HOUR_S))
    place.run(10.0)
    assert place.room.state.desired_version == version
    assert [one.start_s for one in place.room.state.policy.meetings] == [one.start_s for one in _told(place).meetings]
    place.start_board(off_s=60.0)
    place.run(120.0)
    version = place.document()
    place.run(10.0)
    assert place.room.state.desired_version == version, "after a restart too"


def _told(place: Installation) -> m.Desired:
    return m.decode(m.Desired, place.retained)


@by_step
def test_a_document_that_came_at_the_wrong_time_is_in_force_when_it_is_right(
    place: Installation, step_s: float
) -> None:
    """Retained, it comes but once: nobody sends it again."""
    step(place, step_s)
    place.run(HOUR_S / 2, 20.0)
    version = place.document(meeting(place, 9 * HOUR_S))
    place.run(HOUR_S / 2, 20.0)
    step(place, 0.0)
    assert place.room.state.desired_version == version
    assert place.line.session.desired_version == version


def test_an_old_document_is_not_taken_again_over_one_that_came_from_the_future(place: Installation) -> None:
    first = place.retained
    place.run(60.0)
    place.document(meeting(place, 9 * HOUR_S))
    place.run(10.0)
    step(place, YEARS_S, "both")
    place.document(meeting(place, 7 * HOUR_S))
    place.run(60.0)
    future = place.retained
    step(place, 0.0, "both")
    place._hear(first, place._topic(Leaf.DESIRED))
    place.run(10.0)
    assert place.told[-1].reason == "outdated"
    version = place.document()
    place.run(10.0)
    assert place.room.state.desired_version == version
    place._hear(future, place._topic(Leaf.DESIRED))
    place.run(10.0)
    assert place.room.state.desired_version == version, "nor the one from the future"
