"""The clock of the room, or of its hub, is stepped by an hour or by ten years, and an hour later stepped back.

Meanwhile and afterwards every feature is asked. What must hold: nothing is authorised by the wrong time, and nothing is
forbidden by it for long after it was right again.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from agent.core.timelines import DOUBT_S
from tests.agent.clock_room import DAY_S, HOUR_S, LOOK_S, STEPS, YEARS_S, Installation
from tests.agent.core.world import WALL_S
from wire import messages as m
from wire.topics import Leaf

HEALED_S = 90.0
"""From a hang to the act, a lease included."""
WHO = ("room", "hub", "both")
by_step = pytest.mark.parametrize("step_s", STEPS, ids=("1h", "-1h", "10y", "-10y"))
by_who = pytest.mark.parametrize("who", WHO)


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    """A room that has been well for a while, and has a document."""
    place = Installation(tmp_path)
    place.run(60.0)
    place.document()
    place.run(60.0)
    return place


def step(place: Installation, step_s: float, who: str = "room") -> None:
    """Set the clock of one of them, or of both: rooms often have the time from their hub."""
    if who in ("room", "both"):
        place.clock.step_s = step_s
    if who in ("hub", "both"):
        place.hub_step_s = step_s
    place.run(20.0)


def there_and_back(place: Installation, step_s: float, who: str = "room", between_s: float = HOUR_S) -> None:
    step(place, step_s, who)
    place.run(between_s, 30.0)
    step(place, 0.0, who)


def meeting(place: Installation, in_s: float, lasts_s: float = HOUR_S, *, secret: bool = False) -> m.Meeting:
    """One that begins so long from now, in truth."""
    start_s = WALL_S + place.clock.true_s + in_s
    return m.Meeting("m1", "Giao ban", start_s, start_s + lasts_s, secret=secret)


@by_who
@by_step
def test_a_codec_that_hangs_is_healed_at_the_wrong_time_and_at_the_right_one(
    place: Installation, who: str, step_s: float
) -> None:
    step(place, step_s, who)
    assert place.hangs() <= HEALED_S
    place.run(HOUR_S, 30.0)
    step(place, 0.0, who)
    assert place.hangs() <= HEALED_S


@by_who
@by_step
def test_leases_count_by_no_wall_clock(place: Installation, who: str, step_s: float) -> None:
    """What was denied at the wrong time is asked for again after five minutes; what was granted then is used up."""
    place.grants = False
    step(place, step_s, who)
    place.hung = True
    place.heals = set()
    while not any(event.kind == "lease_wanted" for event in place.told):
        place.run(2.0)
    place.order("lease_denied")
    step(place, 0.0, who)
    place.run(240.0)
    assert place.begun == []
    place.grants = True
    place.run(120.0)
    assert [name for name, _ in place.begun] == ["codec_restart"]


@by_who
@by_step
def test_an_order_is_taken_once_and_grows_old(place: Installation, who: str, step_s: float) -> None:
    for turn in (step_s, 0.0):
        step(place, turn, who)
        place.run(200.0, 20.0)
        ident = place.order("light_on")
        place.run(10.0)
        assert place.replies[ident] in ("accepted", "done")
        old = place.nonce
        place.run(30.0)
        late = place.order("light_off", nonce=old)
        place.run(10.0)
        assert place.replies[late] in ("accepted", "done"), "within its time"
        place.run(300.0, 10.0)
        dead = place.order("fan_on", nonce=old)
        place.run(10.0)
        assert place.replies[dead] in ("expired", "bad_nonce")


@pytest.mark.parametrize(
    ("who", "step_s"), [("room", HOUR_S), ("room", YEARS_S), ("room", -YEARS_S), *(("both", one) for one in STEPS)]
)
def test_a_confirmation_of_an_hour_ago_is_not_believed(place: Installation, who: str, step_s: float) -> None:
    """But by a room whose clock is an hour behind: for that there is the signer. Afterwards a fresh one is taken."""
    place.document(meeting(place, 60.0, 3 * HOUR_S))
    place.run(120.0)

    def confirmed(ago_s: float) -> str:
        said = m.Confirmed(person="Lê Văn Thắng", what="no_picture_no_sound", at_s=place.hub_s - ago_s)
        ident = place.order("codec_restart", confirmed=said)
        place.run(10.0)
        return place.replies[ident]

    step(place, step_s, who)
    assert confirmed(HOUR_S) != "done"
    assert place.begun == []
    place.run(HOUR_S, 30.0)
    step(place, 0.0, who)
    assert confirmed(200.0) == "confirmation_old"
    assert confirmed(30.0) == "done"


@by_who
@by_step
@pytest.mark.parametrize("synced", [True, False], ids=["synced", "unsynced"])
def test_the_next_true_document_is_taken(place: Installation, who: str, step_s: float, synced: bool) -> None:
    """Neither a version of ten years ahead nor a clock of ten years ago makes the room deaf to what is true."""
    if not synced:
        place.start_board(off_s=60.0)
        place.run(20.0)
        assert not place.clock.synced
    step(place, step_s, who)
    place.document(meeting(place, 9 * HOUR_S))
    place.run(HOUR_S, 30.0)
    step(place, 0.0, who)
    place.run(10.0)
    version = place.document(meeting(place, 8 * HOUR_S))
    place.run(10.0)
    assert place.room.state.desired_version == version
    assert [one.start_s for one in place.room.state.policy.meetings] == [one.start_s for one in _told(place).meetings]
    place.start_board(off_s=60.0)
    place.run(120.0)
    version = place.document()
    place.run(10.0)
    assert place.room.state.desired_version == version, "after a restart too"


def _told(place: Installation) -> m.Desired:
    return m.decode(m.Desired, place.retained)


@by_step
def test_a_document_that_came_at_the_wrong_time_is_in_force_when_it_is_right(
    place: Installation, step_s: float
) -> None:
    """Retained, it comes but once: nobody sends it again."""
    step(place, step_s)
    place.run(HOUR_S / 2, 20.0)
    version = place.document(meeting(place, 9 * HOUR_S))
    place.run(HOUR_S / 2, 20.0)
    step(place, 0.0)
    assert place.room.state.desired_version == version
    assert place.line.session.desired_version == version


def test_an_old_document_is_not_taken_again_over_one_that_came_from_the_future(place: Installation) -> None:
    first = place.retained
    place.run(60.0)
    place.document(meeting(place, 9 * HOUR_S))
    place.run(10.0)
    step(place, YEARS_S, "both")
    place.document(meeting(place, 7 * HOUR_S))
    place.run(60.0)
    future = place.retained
    step(place, 0.0, "both")
    place._hear(first, place._topic(Leaf.DESIRED))
    place.run(10.0)
    assert place.told[-1].reason == "outdated"
    version = place.document()
    place.run(10.0)
    assert place.room.state.desired_version == version
    place._hear(future, place._topic(Leaf.DESIRED))
    place.run(10.0)
    assert place.room.state.desired_version == version, "nor the one from the future"


@by_step
def test_nothing_in_a_calls_path_is_restarted_near_a_meeting(place: Installation, step_s: float) -> None:
    """A display is not what leaves a room without a meeting: from a quarter of an hour before it is let alone."""
    place.document(meeting(place, 120.0, 2 * HOUR_S))
    place.run(10.0)
    step(place, step_s)
    for _ in range(30):
        place.run(120.0, 10.0)
        place.order("codec_power_cycle")
        place.order("display_power_cycle")
        place.run(10.0)
    step(place, 0.0)
    place.order("codec_power_cycle")
    place.run(10.0)
    assert place.begun == []
    assert set(place.replies.values()) == {"meeting_near"}


@by_step
def test_what_the_clock_has_come_back_from_forbids_nothing_before_a_meeting(place: Installation, step_s: float) -> None:
    """By the hour that it was wrong the meeting would begin now: its codec could not be healed for it."""
    place.document(meeting(place, 2.25 * HOUR_S, 4 * HOUR_S))
    there_and_back(place, step_s)
    place.run(DOUBT_S + 300.0, 10.0)
    for _ in range(2):
        assert place.hangs() <= HEALED_S
        place.run(HOUR_S / 2, 20.0)


@by_step
def test_the_microphone_stays_off_in_a_secret_meeting(place: Installation, step_s: float) -> None:
    place.document(meeting(place, 1800.0, 2 * HOUR_S, secret=True))
    place.run(1200.0, 10.0)
    start_s = place.clock.true_s - 200.0
    there_and_back(place, step_s)
    place.run(2 * HOUR_S, 30.0)
    shut = [at_s for at_s in place.open_s if start_s <= at_s < start_s + 2 * HOUR_S + 1500.0]
    assert shut == []
    place.document()
    place.run(28 * HOUR_S, 120.0)
    assert place.secrecy() == "open", "and it comes on again"


@by_step
def test_a_maintenance_goes_on_to_its_end_and_no_further(place: Installation, step_s: float) -> None:
    place.document(maintenance_s=1.5 * HOUR_S)
    place.run(10.0)
    step(place, step_s)
    place.hung = True
    place.heals = set()
    place.run(HOUR_S, 30.0)
    step(place, 0.0)
    place.run(HOUR_S / 2 - 120.0, 10.0)
    assert place.begun == [], "people are at work"
    assert place.states[-1].mode == "maintenance"
    place.run(DOUBT_S + 300.0, 10.0)
    assert place.begun, "they are not any more"


@by_step
def test_a_maintenance_that_is_over_stays_so(place: Installation, step_s: float) -> None:
    place.document(maintenance_s=HOUR_S)
    place.run(HOUR_S + 60.0, 10.0)
    there_and_back(place, step_s)
    place.run(DOUBT_S + 60.0, 10.0)
    assert place.hangs() <= HEALED_S
    assert place.states[-1].mode == "normal"


@by_step
def test_a_maintenance_that_is_told_at_the_wrong_time_is_kept(place: Installation, step_s: float) -> None:
    step(place, step_s)
    place.document(maintenance_s=3 * HOUR_S)
    place.run(HOUR_S, 30.0)
    step(place, 0.0)
    place.hung = True
    place.heals = set()
    place.run(1.5 * HOUR_S, 10.0)
    assert place.begun == [], "people are at work"
    place.run(HOUR_S, 30.0)
    assert place.begun


def test_a_maintenance_that_no_clock_can_have_told_counts_for_half_a_day_over_all_starts(place: Installation) -> None:
    """The hub's was eight days ahead. By the room's the window cannot be open; nor can it be told to be over."""
    place.hub_step_s = 8 * DAY_S
    place.document(maintenance_s=2 * HOUR_S)
    place.hung = True
    place.heals = set()
    for _ in range(4):
        place.run(2.9 * HOUR_S, 60.0)
        place.start_board(off_s=60.0)
    assert place.begun == []
    place.run(2 * HOUR_S, 30.0)
    assert place.begun


def spent(place: Installation) -> list[float]:
    """Let a codec hang that nothing heals, until its day's budget is used up; when it was restarted."""
    place.hung, place.heals = True, set()
    place.run(3 * HOUR_S, 10.0)
    place.hung = False
    place.heals = {"codec_restart", "codec_power_cycle"}
    return place.restarts()


@pytest.mark.parametrize("how", ["same process", "agent restarts", "power cut at the wrong time", "power cut twice"])
@by_step
def test_budgets_are_neither_wider_nor_used_up_for_long(place: Installation, step_s: float, how: str) -> None:
    """Restarts before the step, in it and after it: in truth never more than a day allows. Then the day is over."""
    place.hung, place.heals = True, set()
    place.run(HOUR_S / 2, 20.0)
    step(place, step_s)
    place.run(HOUR_S / 4, 10.0)
    if how == "agent restarts":
        place.start_board(same_boot=True)
    elif how != "same process":
        place.start_board(off_s=120.0)
    place.run(HOUR_S / 2, 20.0)
    step(place, 0.0)
    place.run(HOUR_S / 4, 10.0)
    if how == "power cut twice":
        place.start_board(off_s=120.0)
    place.run(20 * HOUR_S, 60.0)
    cycles = [at_s for name, at_s in place.begun if name == "codec_power_cycle"]
    for at_s in place.restarts():
        day = [other for other in place.restarts() if at_s - DAY_S < other <= at_s]
        hour = [other for other in place.restarts() if at_s - HOUR_S < other <= at_s]
        assert len(day) <= 6
        assert len(hour) <= 3
    assert all(len([o for o in cycles if at_s - DAY_S < o <= at_s]) <= 3 for at_s in cycles)
    place.hung = False
    place.run(300.0)
    place.order("clear_latches")
    place.run(8 * HOUR_S, 60.0)
    place.heals = {"codec_restart", "codec_power_cycle"}
    assert place.hangs() <= HEALED_S


@pytest.mark.parametrize("boots_right", [True, False], ids=["boots right", "boots wrong"])
@by_step
def test_restarts_of_weeks_ago_do_not_become_new_by_a_power_cut_at_the_wrong_time(
    place: Installation, step_s: float, boots_right: bool
) -> None:
    """What was restarted three times long ago is healed all the same, at the wrong time and afterwards."""
    for _ in range(3):
        place.order("codec_power_cycle")
        place.run(HOUR_S, 60.0)
    assert len(place.begun) == 3
    place.start_board(off_s=20 * DAY_S)
    place.run(600.0, 10.0)
    if boots_right:
        place.start_board(off_s=120.0)  # wrong from its first moment on, so that nobody sees a step
        place.clock.step_s = step_s
        place.run(HOUR_S / 2, 20.0)
        place.clock.step_s = 0.0
        place.start_board(off_s=120.0)
        place.run(200.0, 10.0)
    else:
        step(place, step_s)
        place.run(HOUR_S / 2, 20.0)
        place.start_board(off_s=120.0)
        place.run(HOUR_S / 2, 20.0)
        step(place, 0.0)
    place.run(DOUBT_S, 10.0)
    assert place.hangs() <= HEALED_S
    place.run(700.0)
    ident = place.order("codec_power_cycle")
    place.run(10.0)
    assert place.replies[ident] == "done"
    place.start_board(off_s=120.0)
    place.run(HOUR_S, 30.0)
    assert place.hangs() <= HEALED_S
    assert not any(load.latched for load in place.room.state.loads.values())


def test_acts_of_ten_years_ahead_do_not_count_as_just_done_after_every_start(place: Installation) -> None:
    """The whole boot was wrong, and nobody saw a step. What it did counts for a day of running, and not for ten years
    of mornings."""
    place.start_board(off_s=60.0)
    place.clock.step_s = YEARS_S
    place.run(600.0, 10.0)
    for _ in range(3):
        place.order("codec_power_cycle")
        place.run(HOUR_S, 60.0)
    assert len(place.begun) == 3
    place.clock.step_s = 0.0
    for _ in range(4):
        place.start_board(off_s=14 * HOUR_S)
        place.run(7 * HOUR_S, 60.0)
    place.run(20.0)
    ident = place.order("codec_power_cycle")
    place.run(10.0)
    assert place.replies[ident] == "done"


@by_step
def test_what_is_told_can_be_put_in_order_and_dated(place: Installation, step_s: float) -> None:
    place.order("light_on")
    step(place, step_s)
    place.order("light_off")
    place.run(HOUR_S, 30.0)
    step(place, 0.0)
    place.order("light_on")
    place.run(200.0, LOOK_S)
    stamps = [event.stamp for event in place.told]
    assert [one.seq for one in stamps] == sorted({one.seq for one in stamps})
    assert all(before.mono_s <= after.mono_s for before, after in pairwise(stamps))
    assert {one.boot for one in stamps} == {place.boot}
    for one in stamps:
        true_s = WALL_S + place.clock.booted_s + one.mono_s
        assert min(abs(one.wall_s - true_s), abs(one.wall_s - true_s - step_s)) < 1.0, "as its clock stood then"
    begun = [batch.stamp.mono_s for batch in place.batches]
    assert begun == sorted(begun)
    newest = place.states[-1]
    assert all(0 <= newest.stamp.wall_s - fact.at_s < 60.0 for fact in newest.facts.values())
