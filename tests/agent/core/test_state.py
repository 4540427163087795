"""What a room's state says of its clock: whether it may date what another boot has to judge."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.facts import Instant
from agent.core.state import DATELESS_S, RoomState
from agent.core.timelines import STEP_S
from tests.agent.core.world import WALL_S, World

BOOTED_S = 100.0
"""Monotonic: since then the journal's newest time has been behind."""


def state(*, ends_s: tuple[float, ...] = (), doubted: bool | None = None) -> RoomState:
    return replace(World().state, ends_s=ends_s, ends_at_s=BOOTED_S, doubted=doubted)


def at(mono_s: float, wall_s: float | None = None, *, synced: bool = True) -> Instant:
    return Instant(mono_s, WALL_S + mono_s if wall_s is None else wall_s, synced)


@pytest.mark.parametrize("doubted", [True, False])
def test_what_was_doubted_at_the_first_discipline_stays_so(doubted: bool) -> None:
    judged_otherwise = state(ends_s=() if doubted else (1.0, 2.0), doubted=doubted)
    assert judged_otherwise.in_doubt(at(200.0)) is doubted


def test_a_clock_that_nobody_has_judged_yet_is_judged_now() -> None:
    assert state(ends_s=(1.0, 2.0)).in_doubt(at(200.0))
    assert not state(ends_s=(1.0,)).in_doubt(at(200.0))


def test_doubt_ends_with_the_first_day_of_a_boot() -> None:
    doubted = state(doubted=True)
    assert doubted.in_doubt(at(DATELESS_S - 0.1))
    assert not doubted.in_doubt(at(DATELESS_S))


def test_a_clock_that_stands_before_the_journals_newest_time_disagrees() -> None:
    known, end_s = state(ends_s=(WALL_S,)), WALL_S + 300.0 * (1 - 1e-4) - STEP_S
    assert known.disagrees(at(BOOTED_S + 300.0, end_s - 0.01))
    assert not known.disagrees(at(BOOTED_S + 300.0, end_s + 0.01))
    assert not known.disagrees(at(BOOTED_S + 300.0, end_s - 0.01, synced=False)), "it says nothing"


def test_before_the_journals_end_nothing_has_passed_since_then() -> None:
    assert not state(ends_s=(WALL_S,)).disagrees(at(BOOTED_S - 50.0, WALL_S - STEP_S + 0.01))
    assert state(ends_s=(WALL_S,)).disagrees(at(BOOTED_S - 50.0, WALL_S - STEP_S - 0.01))
    assert not state(ends_s=(WALL_S,)).disagrees(at(BOOTED_S, WALL_S - STEP_S)), "a step of that size is none"


def test_of_more_than_one_end_of_the_journal_the_latest_counts() -> None:
    assert state(ends_s=(WALL_S, WALL_S - 9000.0)).disagrees(at(BOOTED_S, WALL_S + 9000.0))
    assert not state(ends_s=(WALL_S, WALL_S - 9000.0)).disagrees(at(BOOTED_S, WALL_S, synced=False))
    assert not state().disagrees(at(BOOTED_S, 0.0)), "a journal without a time"


def test_only_an_undoubted_disciplined_clock_dates() -> None:
    calm = state(ends_s=(WALL_S,))
    assert calm.dates(at(200.0))
    assert not calm.dates(at(200.0, synced=False))
    assert not replace(calm, doubted=True).dates(at(200.0))
