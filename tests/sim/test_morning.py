"""A demonstration that is left running: whoever looks sees something happen, and the meeting is when its name says."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest

from sim import fitout, scenario
from sim.fault_kind import expected
from sim.faults import FAULTS
from sim.morning import SHORT_REST_S, Morning, title_of
from sim.places import Place, by_cluster, by_commune, province
from sim.province import HANOI, SCALE, meetings_csv

SEED = 1
TURN_S = 1.0
TWO_MINUTES_S = 120.0
HEALING_S = 60.0
"""A room that heals itself is seen at it, or as just done, for at least so long."""


@dataclass
class Told:
    """A province that only notes what is done to it."""

    places: list[Place]
    real_kinds: dict[str, str] = field(default_factory=dict)
    now_s: float = 0.0
    faults: list[tuple[float, str, tuple[str, ...], float]] = field(default_factory=list)
    """When, which, where, and for how long its cause lasts."""

    def suits(self, room: str, fault: str) -> bool:
        kind = FAULTS[fault]
        return expected(kind, fitout.of_light(room, SEED, SCALE)) == kind.expect

    def tell(self, rooms: tuple[str, ...], **order: Any) -> None:
        if order["do"] == "inject":
            self.faults.append((self.now_s, order["fault"], rooms, order["lasts_s"]))


def left_running(for_s: float, rooms: int = 621, name: str = "morning") -> Told:
    """What happens to the rooms of a demonstration in that time."""
    places = province(rooms)
    step = len(places) // 6
    kinds = ("cisco_tcp", "cisco_serial", "poly_tcp", "generic", "cisco_tcp", "cisco_serial")
    told = Told(places, dict(zip([place.room for place in places[::step]], kinds, strict=False)))
    morning = Morning(told, scenario.load(name), SEED, lambda *_: None)
    while told.now_s < for_s:
        morning.turn(told.now_s, open_ended=True)
        told.now_s += TURN_S
    return told


@pytest.fixture(scope="module")
def day() -> Told:
    """Three hours."""
    return left_running(3 * 3600.0)


@pytest.mark.parametrize("fault", ["ring_down", "mains_lost"])
def test_whoever_looks_after_two_minutes_sees_a_ring_and_a_power_cut(day: Told, fault: str) -> None:
    spans = [(at_s, at_s + lasts_s) for at_s, name, _, lasts_s in day.faults if name == fault]
    dark = [at_s for at_s in range(int(TWO_MINUTES_S), 3 * 3600, 5) if not any(a <= at_s < b for a, b in spans)]
    shown_s = 3 * 3600 - TWO_MINUTES_S - 5 * len(dark)
    assert any(a <= TWO_MINUTES_S < b for a, b in spans)
    assert shown_s > 0.9 * 3 * 3600
    assert all(b - a <= 5 or b - a > 60 for a, b in itertools.pairwise(dark)), "never away for long"


def test_whoever_looks_sees_rooms_that_heal_themselves(day: Told) -> None:
    healed = [at_s for at_s, name, _, _ in day.faults if FAULTS[name].expect == "healed" and at_s > TWO_MINUTES_S / 2]
    gaps = [later - at_s for at_s, later in itertools.pairwise(healed)]
    assert max(gaps) <= HEALING_S
    assert 3 * 3600 - healed[-1] <= HEALING_S


def test_wide_faults_strike_whole_communes_and_clusters_and_others_each_time(day: Told) -> None:
    clusters = [set(rooms) for rooms in by_cluster(day.places).values()]
    communes = [set(rooms) for rooms in by_commune(day.places).values()]
    rings = [rooms for _, name, rooms, _ in day.faults if name == "ring_down"]
    cuts = [rooms for _, name, rooms, _ in day.faults if name == "mains_lost"]
    assert all(set(rooms) in clusters for rooms in rings)
    assert all(set(rooms) in communes for rooms in cuts)
    assert len(set(rings[:12])) == 12
    assert len(set(cuts[:15])) == 15


def test_most_rooms_are_well_at_any_time(day: Told) -> None:
    for at_s in range(0, 3 * 3600, 60):
        struck = {
            room for start_s, _, rooms, lasts_s in day.faults if start_s <= at_s < start_s + lasts_s for room in rooms
        }
        assert len(struck) < 0.15 * len(day.places)


def test_a_room_rests_before_it_is_struck_again_by_the_same_fault(day: Told) -> None:
    last: dict[tuple[str, str], float] = {}
    for at_s, name, rooms, _ in day.faults:
        for room in set(rooms) - set(day.real_kinds):
            assert at_s - last.get((room, name), -3600.0) >= 3600.0, f"{name} in {room}"
            last[room, name] = at_s


def test_a_small_province_goes_on_as_well() -> None:
    told = left_running(3600.0, rooms=40)
    late = {name for at_s, name, _, _ in told.faults if at_s > 2400.0}
    assert {"ring_down", "mains_lost", "codec_hang_soft"} <= late
    for name in late:
        where: dict[tuple[str, ...], float] = {}
        for at_s, rooms, lasts_s in [
            (at_s, rooms, lasts_s) for at_s, one, rooms, lasts_s in told.faults if one == name
        ]:
            assert at_s - where.get(rooms, -SHORT_REST_S) >= SHORT_REST_S
            where[rooms] = at_s + lasts_s


def test_rooms_are_struck_by_what_they_can_tell_of(day: Told) -> None:
    for _, name, rooms, _ in day.faults:
        if FAULTS[name].scope == "room":
            assert all(day.suits(room, name) for room in rooms if room not in day.real_kinds), name


def test_every_fault_is_named_in_both_languages() -> None:
    for line in scenario.load("morning").lines:
        vi, en = title_of(line, 4)
        assert vi == f"Sự cố tại 4 phòng: {FAULTS[line.fault].vi}"
        assert en == f"Fault in 4 rooms: {FAULTS[line.fault].title}"
    names = [kind.vi for kind in FAULTS.values()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "_" in name]


def test_the_meeting_comes_again_every_two_hours() -> None:
    plan = scenario.load("morning")
    now = dt.datetime(2026, 11, 30, 23, 41, tzinfo=HANOI)
    rows = list(csv.DictReader(io.StringIO(meetings_csv(plan, now))))
    assert [row["start"] for row in rows[:3]] == ["01/12/2026 00:21", "01/12/2026 02:21", "01/12/2026 04:21"]
    assert rows[0]["end"] == "01/12/2026 01:06"
    assert {row["title"] for row in rows} == {plan.meeting_title}


def test_a_meeting_that_comes_once_comes_once() -> None:
    plan = scenario.load("hub_off")
    rows = list(csv.DictReader(io.StringIO(meetings_csv(plan, dt.datetime(2026, 11, 30, 8, tzinfo=HANOI)))))
    assert len(rows) == 1
