"""How old acts are at least, over starts that know no time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.ages import DAY_S, EVERY_S, NO_AGES, parse, passed, text
from agent.core.events import Observed, OrderReceived, RemedyDone, Tick
from agent.core.facts import Instant, Observation
from agent.runtime.room import Room
from agent.store.memory import MemoryStore
from agent.store.reading import small, summed
from tests.agent.core.world import IDLE, policy


def test_all_up_to_a_mark_are_as_old_as_it() -> None:
    ages = passed(NO_AGES, 5, 100.0)
    ages = passed(ages, 9, 100.0 + EVERY_S)
    assert [ages.at_least_s(n, 2000.0) for n in (1, 5, 6, 9, 10)] == [1900.0, 1900.0, 1000.0, 1000.0, 0.0]


def test_marks_are_set_seldom_and_only_for_what_is_new() -> None:
    ages = passed(NO_AGES, 5, 100.0)
    assert passed(ages, 6, 100.0 + EVERY_S - 1) is ages
    assert passed(ages, 5, 100.0 + EVERY_S).marks == ages.marks
    assert passed(NO_AGES, 0, 100.0).marks == (), "nothing has happened yet"
    assert passed(NO_AGES, 1, 100.0).marks == ((1, 100.0),)


def test_marks_of_this_day_are_kept_however_old_the_boot_is() -> None:
    ages = passed(passed(NO_AGES, 5, 50_000.0), 9, 50_000.0 + EVERY_S)
    assert passed(ages, 9, 50_000.0 + 2 * EVERY_S).marks == ((5, 50_000.0), (9, 50_000.0 + EVERY_S))


@pytest.mark.parametrize(("kept", "age_s"), [("5=0", 0.0), ("5=-9", 0.0), ("5=0.5", 0.5), ("5=99999", DAY_S)])
def test_what_was_kept_is_between_now_and_a_day_old(kept: str, age_s: float) -> None:
    assert parse(kept, 100_000.0).at_least_s(5, 100_000.0) == age_s


def test_of_what_is_a_day_old_one_mark_is_left_and_is_not_written_again() -> None:
    ages = NO_AGES
    for n in range(200):
        ages = passed(ages, n, n * EVERY_S)
        assert len(ages.marks) <= DAY_S / EVERY_S + 1
    written = {text(passed(ages, 199, (200 + n) * EVERY_S + DAY_S)) for n in range(3)}
    assert written == {"199=86400"}


@pytest.mark.parametrize("spoilt", ["", "x", "5=x", "x=5", "5", "aeb24ba5 5=100"])
def test_what_the_card_has_spoilt_makes_nothing_older(spoilt: str) -> None:
    assert parse(spoilt, 50.0) == NO_AGES


def test_what_is_written_again_before_the_first_look_of_a_run_is_a_little_younger_and_no_more() -> None:
    """A run that ends at once must not begin the day anew for all acts."""
    again = parse(text(parse("5=5000", 50.0)), 50.0)
    assert again.at_least_s(5, 50.0) == 5000.0 - EVERY_S
    assert passed(parse("5=5000", 50.0), 6, 50.0).marks[-1] == (6, 50.0), "a mark is due"


def test_one_changed_digit_makes_nothing_older() -> None:
    kept = summed("5=900")
    assert small("ages", kept) == kept
    assert [small("ages", one) for one in (kept.replace("=9", "=8"), kept.replace("5=", "6="), "5=900")] == [None] * 3
    assert small("ages", "") == ""


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(1.0, 30_000.0), st.booleans()), max_size=30))
def test_no_act_is_ever_taken_for_older_than_it_is(story: list[tuple[int, float, bool]]) -> None:
    """Boots of any length, with acts in them: `lived_s` is the sum of their clocks."""
    ages, lived_s, mono_s, newest, began_s = NO_AGES, 0.0, 30.0, 0, dict[int, float]()
    for more, pause_s, reboots in story:
        for _ in range(more):
            newest += 1
            began_s[newest] = lived_s
        ages = passed(ages, newest, mono_s)
        lived_s, mono_s = lived_s + pause_s, mono_s + pause_s
        ages = passed(ages, newest, mono_s)
        if reboots:
            ages, mono_s = parse(text(ages), 30.0), 30.0
        for act_id, at_s in began_s.items():
            assert ages.at_least_s(act_id, mono_s) <= lived_s - at_s + 0.51 * len(story), "to the second, per start"


def test_a_room_without_a_time_server_that_is_switched_off_each_evening_acts_again() -> None:
    """Three cycles at first, and then ten hours a day: after three days the day's budget is free again."""
    store = MemoryStore("e")
    replies = []
    for boot in range(5):
        room = Room((), policy(), store, f"b{boot}", "0.1", "r")
        mono_s = 30.0
        room.restore(Instant(mono_s, 0.0, synced=False))
        while mono_s < 10 * 3600.0:
            now = Instant(mono_s, 0.0, synced=False)
            room.feed(Observed(Observation("t", IDLE)), now)
            room.feed(Tick(), now)
            if (boot == 0 and mono_s % 4000.0 == 30.0) or mono_s == 9 * 3600.0 + 30.0:
                room.feed(OrderReceived(f"c{boot}-{mono_s}", "codec_power_cycle", "lan"), now)
                for order in room.commit(now):
                    room.feed(RemedyDone(order.act.act_id, ok=True), now)
            room.commit(now)
            mono_s += 10.0
        replies += [reply.reason or reply.outcome for _, reply in room.replies]
    assert replies[:6] == ["accepted", "done"] * 3, "three of the first day"
    assert replies[-2:] == ["accepted", "done"]
    assert "budget_day" in replies[6:-2]
