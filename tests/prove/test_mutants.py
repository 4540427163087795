"""Ten and more bugs, made by hand in interlock, ladder, journal and outbox: the simulation catches each one."""

from __future__ import annotations

import sys

import pytest

from tests.prove.invariants import INVARIANTS
from tests.prove.mutants import MUTANTS
from tests.prove.rooms import simulate
from tests.prove.sim.judge import Violation

DAYS, RATE = 0.5, 0.7
ROOMS_MAX = 100
"""Most bugs are caught in the first few rooms. One that needs a clock set wrong, a kill meanwhile and a spent budget
shows itself in two rooms of a hundred."""
AFTER_S = 3700.0
"""The liveness phase of a bug that shows itself only there."""


def caught(name: str) -> tuple[int, Violation] | None:
    """The first room that breaks a promise, and which; a room that is cut off in mid-trouble promises nothing yet."""
    for seed in range(1, ROOMS_MAX + 1):
        bug = MUTANTS[name]
        calm_s = AFTER_S if bug.late else 1.0
        result = simulate(seed, DAYS, rate=RATE, often=bug.often, calm_s=calm_s, real=bug.real)
        broken = [one for one in result.violations if bug.late or INVARIANTS[one.invariant].when != "end"]
        if broken:
            return seed, broken[0]
    return None


def test_there_are_ten_bugs_at_least() -> None:
    assert len(MUTANTS) >= 10
    assert all(mutant.says for mutant in MUTANTS.values())


@pytest.mark.prove
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_bug_made_by_hand_is_caught(name: str) -> None:
    with MUTANTS[name].at_work():
        found = caught(name)
    assert found is not None, f"{MUTANTS[name].says} No room of {ROOMS_MAX} noticed."
    seed, broken = found
    sys.stdout.write(f"\n{name}: {MUTANTS[name].says}\n  seed {seed}: {broken.invariant}: {broken.what}\n")


@pytest.mark.parametrize(
    "name", ["off_time_is_unbounded", "intent_is_journalled_after_the_act", "events_are_forgotten_when_sent"]
)
def test_some_bugs_are_caught_at_once(name: str) -> None:
    """The others take longer to come to light, and are looked for by `make prove`."""
    with MUTANTS[name].at_work():
        assert caught(name) is not None
