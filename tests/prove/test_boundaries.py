"""The agent dies once at every boundary it crosses while it heals one room: nothing is broken, nothing is lost."""

from __future__ import annotations

import pytest

from sim.physics import Hang
from tests.effort import some
from tests.prove.rooms import Result, simulate
from tests.prove.sim.chaos import Happening, calm, visit
from tests.prove.sim.crash import BOUNDARIES, KILL, POWER, Plan
from tests.prove.sim.world import World

DAYS = 1500 / 86_400
"""25 minutes of trouble."""
CALM_S = 2400.0
SEED = 3


def _hang(world: World) -> None:
    world.place.codec.hang = Hang.HARD


def _mute(world: World) -> None:
    world.place.codec.volume_pct = 0


def script() -> list[Happening]:
    """A codec that no order reaches, so that both rungs are tried; an operator's order; a desired document."""
    return [
        Happening(60.0, "hangs", _hang),
        Happening(700.0, "an order", lambda world: world.line.order("light_on", "good")),
        Happening(760.0, "planned", lambda world: world.line.hub.want(meetings=[])),
        Happening(800.0, "an order", lambda world: world.line.order("codec_restart", "twice")),
        Happening(DAYS * 86_400, "calm", calm),
        Happening(DAYS * 86_400 + 1500.0, "somebody comes", visit),
    ]


def _story(plan: Plan, seed: int = SEED) -> Result:
    return simulate(seed, DAYS, plan=plan, script=script(), calm_s=CALM_S)


def crossings() -> list[tuple[str, int]]:
    """Every boundary the story crosses when nobody dies, with its number."""
    result = _story(Plan())
    assert result.violations == []
    return [(name, n) for name, count in sorted(result.crossed.items()) for n in range(1, count + 1)]


def test_the_story_crosses_every_boundary() -> None:
    assert {name for name, _ in crossings()} == set(BOUNDARIES)


def _broken(chosen: list[tuple[str, int, str]]) -> dict[tuple[str, int, str], Result]:
    found = {one: _story(Plan(at=one)) for one in chosen}
    return {one: result for one, result in found.items() if result.violations or not result.deaths}


@pytest.mark.sampled
def test_a_crash_at_any_boundary_breaks_no_promise() -> None:
    """Each crossing once, killed and unplugged in turn; of the many messages, which are alike, a few."""
    every = crossings()
    chosen = [one for one in every if one[0] != "publish"] + [one for one in every if one[0] == "publish"][::12]
    chosen = some(chosen, always={(name, 1) for name in BOUNDARIES})
    assert not _broken([(name, n, (KILL, POWER)[i % 2]) for i, (name, n) in enumerate(chosen)])


@pytest.mark.prove
@pytest.mark.timeout(600)
def test_any_crash_in_any_way_breaks_no_promise() -> None:
    assert not _broken([(name, n, mode) for name, n in crossings() for mode in (KILL, POWER)])
