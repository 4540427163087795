"""When a room is about to be used, and when it certainly is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.facts import Instant
from agent.core.policy import Meeting
from agent.core.schedule import at_night, trial_runs, wanted
from tests.agent.core.world import policy

START_S, END_S = 1_790_000_000.0, 1_790_003_600.0
MEETING = Meeting("m", "giao ban", START_S, END_S)
TRIAL = replace(MEETING, trial=True)
MIDNIGHT_S = 86_400.0 * 20_000
"""UTC."""


def at(wall_s: float, *, synced: bool = True) -> Instant:
    return Instant(1000.0, wall_s, synced)


@pytest.mark.parametrize(
    ("wall_s", "expected"),
    [(START_S - 3601, False), (START_S - 3600, True), (END_S - 1, True), (END_S, False)],
)
def test_a_room_is_wanted_from_an_hour_before_a_meeting_until_its_end(wall_s: float, expected: bool) -> None:
    assert wanted(policy(meetings=(MEETING,)), at(wall_s)) is expected
    assert wanted(policy(meetings=(MEETING,)), at(wall_s, synced=False)) is expected


@pytest.mark.parametrize(
    ("wall_s", "expected"), [(START_S - 1, False), (START_S, True), (END_S - 1, True), (END_S, False)]
)
def test_a_trial_runs_from_its_start_until_its_end(wall_s: float, expected: bool) -> None:
    assert trial_runs(policy(meetings=(TRIAL,)), at(wall_s)) is expected


def test_a_trial_counts_only_by_a_disciplined_clock_and_while_no_real_meeting_runs() -> None:
    assert not trial_runs(policy(meetings=(TRIAL,)), at(START_S, synced=False))
    assert not trial_runs(policy(meetings=(TRIAL, MEETING)), at(START_S))
    assert not trial_runs(policy(), at(START_S))
    longer = replace(TRIAL, end_s=END_S + 60.0)
    assert trial_runs(policy(meetings=(longer, MEETING)), at(END_S)), "the real one has just ended"


@pytest.mark.parametrize(
    ("local_h", "expected"),
    [(0.0, False), (0.99, False), (1.0, True), (3.99, True), (4.0, False), (13.0, False), (23.9, False)],
)
def test_night_is_from_one_to_four_in_the_rooms_own_time(local_h: float, expected: bool) -> None:
    wall_s = MIDNIGHT_S + (local_h - 7) * 3600  # Vietnam: UTC+7
    assert at_night(policy(), at(wall_s)) is expected
    assert not at_night(policy(), at(wall_s, synced=False))
