"""What the light rooms of a province have, and what the hub makes of a room that has less."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from agent.core.facts import Instant, NoReading
from agent.core.secrecy import Secrecy
from hub.core.twin import Unseen, unseen
from sim import fitout
from sim.fault_kind import expected
from sim.faults import FAULTS
from sim.light import LightRoom, Shared
from sim.physics import Fitting
from tests.sim.seen import everything
from tests.sim.test_light import SCALE, WALL_S, Days

ROOMS = [f"ph-{number}" for number in range(621)]
WHOLE = fitout.whole(SCALE)


def days_of(fitting: Fitting) -> Days:
    """A light room that is fitted so, with a hub that listens."""
    days = Days()
    days.room = LightRoom("ph-1", Shared(SCALE), days.now, 3, fitting=fitting)
    days.room.session.connected(days.now)
    return days


def test_a_province_has_rooms_of_every_sort_and_most_have_a_codec_that_can_be_asked() -> None:
    fitted = [fitout.of_light(room, 1, SCALE) for room in ROOMS]
    codecs = Counter(one.codec for one in fitted)
    assert codecs["pinged"] >= 20
    assert codecs["unwatched"] >= 4
    assert codecs["asked"] > 0.9 * len(ROOMS)
    for share, count in (
        (fitout.NO_METERS, sum(not one.meters for one in fitted)),
        (fitout.NO_UPS, sum(one.ups_runtime_s == 0 for one in fitted)),
        (fitout.SOUND_METER, sum(one.sound_meter for one in fitted)),
        (fitout.AMPLIFIER, sum("amplifier" in one.profiles for one in fitted)),
        (fitout.PC, sum("pc" in one.profiles for one in fitted)),
    ):
        assert 0.5 * share < count / len(ROOMS) < 1.5 * share


def test_the_seed_decides_and_nothing_else() -> None:
    assert [fitout.of_light(room, 1, SCALE) for room in ROOMS] == [fitout.of_light(room, 1, SCALE) for room in ROOMS]
    assert [fitout.of_light(room, 1, SCALE) for room in ROOMS] != [fitout.of_light(room, 2, SCALE) for room in ROOMS]


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_province_has_rooms_for_every_fault(fault: str) -> None:
    kind = FAULTS[fault]
    fit = [room for room in ROOMS if expected(kind, fitout.of_light(room, 1, SCALE)) == kind.expect]
    assert len(fit) > 0.1 * len(ROOMS)


@pytest.mark.parametrize(
    ("fitting", "why"),
    [
        (WHOLE, ""),
        (replace(fitout.without(WHOLE, "pc"), codec="pinged"), Unseen.CODEC_PINGED),
        (replace(fitout.without(WHOLE, "pc"), codec="unwatched"), Unseen.NO_CODEC),
        (replace(WHOLE, codec="unwatched"), ""),
    ],
    ids=["asked", "pinged", "unwatched", "unwatched, with a PC"],
)
def test_the_hub_knows_whether_a_room_can_meet_and_why_not(fitting: Fitting, why: str) -> None:
    days = days_of(fitting)
    days.pass_s(30)
    state = days.states[-1]
    assert unseen(state) == why
    offered = {action.remedy for action in state.actions}
    assert ("codec_restart" in offered) is (fitting.codec == "asked")
    assert ("codec_power_cycle" in offered) is (fitting.codec != "unwatched")
    assert ("pc_app_restart" in offered) is ("pc" in fitting.profiles)


@pytest.mark.parametrize(
    "fitting", [WHOLE, replace(WHOLE, codec="pinged"), replace(WHOLE, codec="unwatched"), replace(WHOLE, meters=False),
                replace(WHOLE, ups_runtime_s=0.0), fitout.without(WHOLE, "pc"), fitout.without(WHOLE, "amplifier"),
                replace(WHOLE, sound_meter=False)],
)  # fmt: skip
def test_a_fitting_says_which_facts_a_room_tells(fitting: Fitting) -> None:
    days = days_of(fitting)
    told = set(everything(days.room.physics, days.room.chance))
    every = set(everything(days_of(WHOLE).room.physics, days.room.chance))
    assert {fact for fact in every if fitting.tells(fact)} == told


def test_no_sound_is_measured_before_it_is_known_that_no_meeting_is_secret() -> None:
    days = Days()
    days.pass_s(10)
    assert days.room.secrecy is not Secrecy.OPEN
    assert isinstance(days.room.room.state.facts["sound.level_dbc"].attempt, NoReading)
    days.room.secrecy = Secrecy.OPEN
    days.room.turn(Instant(days.room.due_s, WALL_S, True))
    assert days.room.room.state.facts["sound.level_dbc"].attempt == pytest.approx(42.0, abs=5)


def test_a_board_without_a_time_server_says_that_its_clock_cannot_be_trusted() -> None:
    days = Days()
    days.pass_s(10)
    assert days.states[-1].stamp.synced
    days.put("clock_off", ahead_s=500.0)
    days.pass_s(30)
    state = days.states[-1]
    assert not state.stamp.synced
    assert state.stamp.wall_s > days.now.wall_s + 400.0
    assert state.facts["net.clock_synced"].value is False
    FAULTS["clock_off"].lift(days.room.physics, days.at_s)
    days.pass_s(30)
    assert days.states[-1].stamp.synced
