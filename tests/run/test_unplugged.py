"""A room of fifteen devices, all unplugged: nothing grows, and the watchdog is always fed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unplugged import DAY_S, watch

WATCHDOG_S = 60.0
"""`WatchdogSec` of the unit; systemd advises to be heard from twice as often."""
MINUTES_S = 60.0
"""What `make test` has time for: an hour and forty minutes of the room's."""


@pytest.mark.run
@pytest.mark.xdist_group("programs-2")
@pytest.mark.timeout(180)
def test_an_hour_without_any_device_costs_nothing(tmp_path: Path) -> None:
    judge(tmp_path, MINUTES_S)


@pytest.mark.prove
@pytest.mark.timeout(1200)
def test_a_day_without_any_device_costs_nothing(tmp_path: Path) -> None:
    judge(tmp_path, DAY_S)


def judge(folder: Path, lasts_s: float) -> None:
    found = watch(folder, lasts_s)
    print(found.words())
    assert found.connections > lasts_s, "the devices were asked for all the time"
    assert max(found.gaps_s) < WATCHDOG_S / 2
    # The first quarter learns: modules are loaded, caches fill. From then on nothing may grow.
    for column, slack in ((0, 2.0), (1, 6.0)):
        assert found.quarter(column, 3) <= found.quarter(column, 1) + slack, found.words()
    assert found.quarter(2, 3) <= found.quarter(2, 1) * 1.03, found.words()
