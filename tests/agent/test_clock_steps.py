"""The clock of the room, or of its hub, is stepped by an hour or by ten years, and an hour later stepped back.

Meanwhile and afterwards every feature is asked. What must hold: nothing is authorised by the wrong time, and nothing is
forbidden by it for long after it was right again.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from agent.core.timelines import DOUBT_S
from tests.agent.clock_room import (
    DAY_S,
    HEALED_S,
    HOUR_S,
    LOOK_S,
    STEPS,
    YEARS_S,
    Installation,
    by_step,
    by_who,
    meeting,
    settled,
    step,
    there_and_back,
)
from tests.agent.core.world import WALL_S
from wire import messages as m
from wire.event_kinds import EventKind


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    return settled(tmp_path)


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
    while not any(event.kind == EventKind.LEASE_WANTED for event in place.told):
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


def opened(place: Installation, start_s: float, lasts_s: float) -> list[float]:
    """When sound could have been measured around a meeting."""
    return [at_s for at_s in place.open_s if start_s - 900.0 < at_s < start_s + lasts_s + 900.0]


@by_step
@pytest.mark.parametrize("starts", [1, 3])
def test_a_board_that_starts_anew_in_a_secret_meeting_takes_no_clocks_word_for_its_end(
    place: Installation, step_s: float, starts: int
) -> None:
    """How long it was off only the clock could say, and that may be the one that is wrong."""
    start_s, lasts_s = place.clock.true_s + 1800.0, 2 * HOUR_S
    place.document(meeting(place, 1800.0, lasts_s, secret=True))
    place.run(1200.0, 10.0)
    place.clock.step_s = step_s
    for _ in range(starts):
        place.start_board(off_s=40.0)
        place.run(900.0, 10.0)
        place.start_board(off_s=20.0, same_boot=True)
        place.run(300.0, 10.0)
    place.run(start_s + lasts_s + 900.0 - place.clock.true_s, 30.0)
    assert opened(place, start_s, lasts_s) == []
    place.clock.step_s = 0.0
    place.run(60.0, 10.0)
    place.document()
    place.run(60.0, 10.0)
    assert place.secrecy() == "open", "and it comes on again"


@pytest.mark.parametrize("step_s", [-HOUR_S, -1900.0, -YEARS_S])
def test_a_clock_that_stands_before_what_the_journal_knows_opens_nothing_in_a_secret_meeting(
    place: Installation, step_s: float
) -> None:
    """The board was off before the meeting was near, and has been on for longer than its clock would have it."""
    start_s, lasts_s = place.clock.true_s + 2 * HOUR_S, 2 * HOUR_S
    place.document(meeting(place, 2 * HOUR_S, lasts_s, secret=True))
    place.run(600.0, 10.0)
    place.clock.step_s = step_s
    place.start_board(off_s=40.0)
    place.run(start_s + lasts_s + 900.0 - place.clock.true_s, 30.0)
    assert opened(place, start_s, lasts_s) == []


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
