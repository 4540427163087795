"""Some rooms for some days, as `make prove` simulates a thousand: no promise is broken, and a seed is a story."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.effort import some
from tests.house.source import ROOT
from tests.prove.rooms import seeds_of, simulate
from tests.prove.sim.crash import Plan

ONE = """
import sys
from tests.prove.rooms import simulate
result = simulate(int(sys.argv[1]), 0.15, rate=1.5)
print(result.trace_hash, sum(result.deaths.values()), sum(result.acts.values()))
"""


@pytest.mark.sampled
@pytest.mark.parametrize("seed", some(range(100, 106), always=(100,)))
def test_a_troubled_room_keeps_every_promise(seed: int) -> None:
    result = simulate(seed, 0.5, rate=1.5)
    assert result.violations == [], "\n".join(result.trace[-60:])


def _in_another_process(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ONE, str(seed)], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_seed_gives_the_same_story_to_the_byte() -> None:
    first, second = _in_another_process(7, "1"), _in_another_process(7, "2")
    assert first == second
    _, deaths, acts = first.split()
    assert int(deaths) > 0, "a story without a crash proves little"
    assert int(acts) > 0
    assert _in_another_process(8, "1") != first


def test_a_room_that_is_left_in_peace_does_nothing() -> None:
    result = simulate(1, 1.0, plan=Plan(), script=[], calm_s=60.0)
    assert (result.violations, dict(result.acts), dict(result.deaths)) == ([], {}, {})
    assert result.counted["looks"] < 1000, "looks that repeat the last ones are left out"


def test_room_days_are_made_up_of_rooms() -> None:
    assert seeds_of(5, 5.0, 2.0) == [(5, 2.0), (6, 2.0), (7, 1.0)]
