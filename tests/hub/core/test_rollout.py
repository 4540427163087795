"""A roll-out over a province that is simulated room by room: good versions arrive, bad ones turn round in time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.core import rollout as ro
from hub.core.rollout import Phase, Rollout, RoomNow
from tests.effort import examples

ROOMS = {f"r-{n:04d}": f"xa-{n % 166:03d}" for n in range(621)}
TICK_S = 3 * 3600.0


@dataclass
class Province:
    """Rooms that take what is wanted of them within three hours, and what the new version does to them."""

    spoils: Callable[[str], str] = lambda _room: ""
    """What the new version does to a room: empty, `sick`, `undo` or `dead`."""
    unreachable: frozenset[str] = frozenset()
    busy: frozenset[str] = frozenset()
    rooms: dict[str, RoomNow] = field(default_factory=dict)
    now_s: float = 1_000_000.0

    def __post_init__(self) -> None:
        self.rooms = {
            room: RoomNow("1.0", online=room not in self.unreachable, well=True, busy=room in self.busy)
            for room in ROOMS
        }

    def tick(self, r: Rollout, frozen: str = "") -> Rollout:
        """Three hours go by."""
        for room, version in ro.wanted(r, self.rooms, frozen).items():
            now = self.rooms[room]
            if not now.online or now.version == version:
                continue
            does = self.spoils(room) if version == r.version else ""
            self.rooms[room] = {
                "": replace(now, version=version, well=True),
                "sick": replace(now, version=version, well=False),
                "undo": replace(now, undid=version),
                "dead": replace(now, version=version, online=False, silent_s=0.0),
            }[does]
        self.rooms = {
            room: replace(now, silent_s=0.0 if now.online else now.silent_s + TICK_S)
            for room, now in self.rooms.items()
        }
        self.now_s += TICK_S
        return ro.step(r, self.rooms, self.now_s, frozen)

    def run(self, r: Rollout, ticks: int = 8 * 10) -> Rollout:
        for _ in range(ticks):
            r = self.tick(r)
        return r

    def on(self, version: str) -> int:
        return sum(now.version == version for now in self.rooms.values())


def begin(province: Province) -> Rollout:
    return ro.plan(ROOMS, "2.0", "1.0", province.now_s, ro.well(province.rooms))


def test_the_waves_of_the_province() -> None:
    r = begin(Province())
    assert [len(wave) for wave in r.waves] == [1, 6, 31, 155, 428]
    assert sorted(room for wave in r.waves for room in wave) == sorted(ROOMS)
    early = [ROOMS[room] for wave in r.waves[:3] for room in wave]
    assert len(set(early)) == len(early), "no commune gives two rooms while another has given none"
    assert ro.plan(ROOMS, "2.0", "1.0", 0, ROOMS).waves == r.waves
    assert ro.plan(ROOMS, "2.1", "1.0", 0, ROOMS).waves != r.waves, "not always the same rooms go first"


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_a_small_province_has_fewer_waves(count: int) -> None:
    rooms = dict(list(ROOMS.items())[:count])
    waves = ro.plan(rooms, "2.0", "1.0", 0, ROOMS).waves
    assert sum(map(len, waves)) == count
    assert all(waves)
    assert len(waves[0]) == 1


def test_nothing_to_do_is_refused() -> None:
    with pytest.raises(ValueError, match="needs rooms"):
        ro.plan({}, "2.0", "1.0", 0, ())
    with pytest.raises(ValueError, match="another version"):
        ro.plan(ROOMS, "1.0", "1.0", 0, ())


def test_a_good_version_reaches_every_room_and_takes_its_time() -> None:
    province = Province()
    r = begin(province)
    began_s = province.now_s
    seen: dict[int, float] = {}
    while r.phase is not Phase.DONE:
        r = province.tick(r)
        seen.setdefault(r.wave, province.now_s - began_s)
        assert province.now_s - began_s < 30 * 86_400
    assert province.on("2.0") == 621
    assert seen[1] >= 86_400
    assert seen[2] - seen[1] >= 86_400
    assert seen[3] - seen[2] >= 21_600


@pytest.mark.parametrize("does", ["sick", "undo", "dead"])
@pytest.mark.parametrize("wave", [0, 1, 2, 3, 4])
def test_a_wave_with_three_per_cent_bad_rooms_turns_round(does: str, wave: int) -> None:
    province = Province()
    r = begin(province)
    size = len(r.waves[wave])
    bad = set(r.waves[wave][: max(1, -(-size * 3 // 100))])
    province.spoils = lambda room: does if room in bad else ""
    r = province.run(r)
    assert r.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    assert r.wave == wave
    assert "bad" in r.reason
    allowed = ro.touched(r)
    assert all(province.rooms[room].version == "1.0" for room in ROOMS if room not in allowed), "untouched stay so"
    assert all(now.version == "1.0" for now in province.rooms.values() if now.online), "whoever can be reached is back"


def test_one_bad_room_in_a_great_wave_is_shown_and_does_not_stop_it() -> None:
    province = Province()
    r = begin(province)
    only = r.waves[4][0]
    province.spoils = lambda room: "sick" if room == only else ""
    r = province.run(r)
    assert r.phase is Phase.DONE
    assert ro.count(r, province.rooms, 4).bad == 1


@pytest.mark.parametrize("everywhere", [True, False])
def test_what_goes_wrong_everywhere_is_no_fault_of_the_version(everywhere: bool) -> None:
    """A storm: every fifth room has a fault. Where only the touched ones do, the version is to blame."""
    province = Province()
    r = begin(province)
    while r.wave < 3 or r.phase is not Phase.SOAKING:
        r = province.tick(r)
    for wave in r.waves if everywhere else r.waves[:4]:
        for room in wave[4::5]:
            province.rooms[room] = replace(province.rooms[room], well=False)
    assert ro.count(r, province.rooms, 3).bad == 31
    later = province.tick(r)
    assert later.usual_bad == pytest.approx(0.2 if everywhere else 0.0, abs=0.01)
    assert (later.phase is Phase.ROLLING_BACK) == (not everywhere)


def test_rooms_that_were_sick_before_say_nothing() -> None:
    province = Province()
    r = begin(province)
    for room in r.waves[1]:
        province.rooms[room] = replace(province.rooms[room], well=False)
    province.spoils = lambda room: "sick" if room in r.waves[1] else ""
    r = province.run(r, 25)
    assert r.phase is Phase.SOAKING
    assert r.wave == 1, "nobody in it can vouch for the version"
    assert ro.count(r, province.rooms, 1).sick_before == 6


def test_unreachable_rooms_are_apart_and_taken_up_when_they_come() -> None:
    plan = begin(Province())
    away = frozenset(plan.waves[3][:30])
    province = Province(unreachable=away)
    r = province.run(begin(province))
    assert r.phase is Phase.DONE
    assert ro.count(r, province.rooms, 3).unreachable == 30
    assert province.on("2.0") == 591
    for room in away:
        province.rooms[room] = replace(province.rooms[room], online=True)
    province.run(r, 1)
    assert province.on("2.0") == 621


def test_a_room_that_was_installed_later_is_taken_up_when_the_others_are_done() -> None:
    province = Province()
    r = begin(province)
    province.rooms["r-late"] = RoomNow("1.0", online=True, well=True)
    assert "r-late" not in ro.wanted(r, province.rooms)
    r = province.run(r)
    assert r.phase is Phase.DONE
    assert province.rooms["r-late"].version == "2.0"


def test_a_first_room_that_cannot_be_reached_is_waited_for() -> None:
    plan = begin(Province())
    province = Province(unreachable=frozenset(plan.waves[0]))
    r = province.run(begin(province))
    assert (r.wave, r.phase) == (0, Phase.RUNNING)


def test_a_room_near_a_meeting_is_left_alone() -> None:
    plan = begin(Province())
    province = Province(busy=frozenset(plan.waves[1]))
    r = province.run(begin(province), 40)
    assert (r.wave, r.phase) == (1, Phase.RUNNING)
    assert province.on("2.0") == 1


def test_nothing_new_is_begun_in_a_frozen_window() -> None:
    province = Province()
    r = begin(province)
    for _ in range(40):
        r = province.tick(r, "đại hội")
    assert province.on("2.0") == 0
    assert ro.frozen_by([(10, 20, "đại hội")], 10) == "đại hội"
    assert ro.frozen_by([(10, 20, "đại hội")], 20) == ""


def test_a_pause_keeps_what_was_soaked() -> None:
    province = Province()
    r = province.run(begin(province), 7)
    assert r.phase is Phase.SOAKING
    r = ro.pause(r, province.now_s, "vì bão")
    r = province.run(r, 40)
    assert (r.phase, province.on("2.0")) == (Phase.PAUSED, 1)
    r = ro.resume(r, province.now_s)
    ticks = 0
    while r.wave == 0:
        r = province.tick(r)
        ticks += 1
    assert ticks <= 3, "18 hours had passed already"


def test_a_person_may_turn_a_finished_roll_out_round() -> None:
    province = Province()
    r = province.run(begin(province))
    r = province.run(ro.roll_back(r, province.now_s, "chị Hà"), 3)
    assert r.phase is Phase.ROLLED_BACK
    assert province.on("1.0") == 621


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.6), st.floats(0, 0.3))
def test_whatever_happens_no_room_outside_the_waves_is_touched(seed: int, bad: float, away: float) -> None:
    chance = random.Random(seed)
    gone = frozenset(room for room in ROOMS if chance.random() < away)
    marks = {room: chance.choice(("sick", "undo", "dead")) for room in ROOMS if chance.random() < bad}
    province = Province(spoils=lambda room: marks.get(room, ""), unreachable=gone)
    r = begin(province)
    most = 0
    for _ in range(25):
        r = province.tick(r)
        most = max(most, r.wave)
        allowed = {room for wave in r.waves[: most + 1] for room in wave}
        assert all(now.version == "1.0" for room, now in province.rooms.items() if room not in allowed)
        for n in range(len(r.waves)):
            c = ro.count(r, province.rooms, n)
            assert c.good + c.bad + c.waiting + c.sick_before + c.unreachable == c.targeted
