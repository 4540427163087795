"""When water forms on equipment."""

from __future__ import annotations

import pytest

from agent.core.air import condensing, dew_distance_c, dew_point_c
from agent.core.facts import NoReading, Reading
from tests.agent.core.world import World

MOIST: dict[str, Reading] = {"env.temp_c": 25.0, "env.humidity_pct": 80.0}
SENSORS = ("env.temp_c", "env.humidity_pct", "env.rack_temp_c")


@pytest.mark.parametrize(
    ("temp_c", "humidity_pct", "dew_c"), [(25.0, 80.0, 21.3), (20.0, 50.0, 9.3), (30.0, 90.0, 28.2)]
)
def test_the_dew_point_is_that_of_the_published_tables(temp_c: float, humidity_pct: float, dew_c: float) -> None:
    assert dew_point_c(temp_c, humidity_pct) == pytest.approx(dew_c, abs=0.1)
    assert dew_point_c(temp_c, 100.0) == pytest.approx(temp_c)


def test_a_sensor_that_reads_bone_dry_counts_as_one_percent() -> None:
    assert dew_point_c(25.0, 0.0) == dew_point_c(25.0, 1.0) < dew_point_c(25.0, 1.5)


def judged(readings: dict[str, Reading]) -> tuple[float | None, bool | None]:
    world = World()
    world.see(readings)
    view = world.state.view(world.now)
    return dew_distance_c(view), condensing(view, world.state.policy.thresholds)


@pytest.mark.parametrize(("above_c", "expected"), [(2.9, True), (3.1, False)])
def test_a_surface_within_three_degrees_of_the_dew_point_condenses(above_c: float, expected: bool) -> None:
    distance_c, wet = judged({**MOIST, "env.rack_temp_c": dew_point_c(25.0, 80.0) + above_c})
    assert distance_c == pytest.approx(above_c)
    assert wet is expected


def test_a_surface_just_at_the_margin_is_dry() -> None:
    world = World()
    world.see({"env.temp_c": 25.0, "env.humidity_pct": 100.0, "env.rack_temp_c": 28.0})
    view, limits = world.state.view(world.now), world.state.policy.thresholds
    distance_c = dew_distance_c(view)
    assert distance_c is not None
    assert condensing(view, type(limits)(dew_margin_c=distance_c)) is False


@pytest.mark.parametrize("missing", SENSORS)
def test_a_silent_sensor_leaves_the_distance_unknown(missing: str) -> None:
    assert judged({**MOIST, "env.rack_temp_c": 30.0, missing: NoReading("timeout")})[0] is None


@pytest.mark.parametrize(("humidity_pct", "expected"), [(85.0, False), (85.1, True)])
def test_without_a_surface_humidity_decides(humidity_pct: float, expected: bool) -> None:
    assert judged({"env.temp_c": 25.0, "env.humidity_pct": humidity_pct})[1] is expected


def test_without_any_sensor_nothing_is_known() -> None:
    assert judged({})[1] is None
