"""Steps of the wall clock: what time it may be after them, and that none of them ends a secret meeting."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.core.events import Tick
from agent.core.facts import Instant, Seen, View
from agent.core.policy import Meeting
from agent.core.schedule import trial_runs
from agent.core.secrecy import Secrecy, quiet_for_s, secrecy
from agent.core.timelines import (
    DOUBT_S,
    KEEP_S,
    KEPT_MAX,
    TOUCH_S,
    UNSTEPPED,
    Timeline,
    Timelines,
    kept_by,
    known,
    lasts_by,
    seen,
)
from agent.runtime.room import Room
from agent.store.memory import MemoryStore
from tests.agent.core.world import policy

START_S, END_S = 1_790_000_000.0, 1_790_003_600.0
OFFSET_S = START_S - 100.0
"""The true wall clock minus the monotonic one: the meeting begins at 100 s."""
SECRET = Meeting("s", "họp mật", START_S, END_S, secret=True)
OVER_S = 100.0 + 3600.0 + 900.0
"""Monotonic: nothing of the meeting goes on after it."""


def at(mono_s: float, step_s: float = 0.0, *, synced: bool = True) -> Instant:
    return Instant(mono_s, mono_s + OFFSET_S + step_s, synced)


def looked(*moments: Instant) -> Timelines:
    times = UNSTEPPED
    for now in moments:
        times = seen(times, now)
    return times


def judged(times: Timelines, now: Instant, in_call: bool | None = None, *meetings: Meeting) -> Secrecy:
    facts = {} if in_call is None else {"codec.in_call": Seen().with_reading(in_call, now)}
    return secrecy(policy(meetings=meetings or (SECRET,)), View(facts, now), told=True, times=times)


@pytest.mark.parametrize("step_s", [-1e8, -7200.0, -1100.0, 5000.0, 7200.0, 1e8])
def test_one_step_either_way_ends_no_meeting(step_s: float) -> None:
    times = looked(at(200))
    for mono_s in range(201, int(OVER_S), 60):
        now = at(mono_s, step_s)
        times = seen(times, now)
        assert judged(times, now) is Secrecy.MEETING, "what was on stays on, and says so"
    now = at(300, 1e8)
    assert judged(looked(now), now) is Secrecy.OPEN, "who has not seen it knows nothing"


@pytest.mark.parametrize("stepped_before", [True, False])
def test_a_new_process_of_the_same_boot_knows_of_the_step(stepped_before: bool) -> None:
    """The agent starts anew in a secret meeting, after the clock was stepped or before: its microphone stays off."""
    store = MemoryStore("e")
    room = Room((), policy(meetings=(SECRET,)), store, "b1", "0.1", "r")
    room.restore(at(150, synced=False))
    for now in (at(200), at(300), at(400, 9 * 3600.0 if stepped_before else 0.0)):
        room.feed(Tick(), now)
        room.commit(now)
    written = store.remember("b1").meta["offsets"]
    room.feed(Tick(), at(500, 9 * 3600.0 if stepped_before else 0.0))
    room.commit(at(500))
    assert store.remember("b1").meta["offsets"] == written, "a tick that shows nothing new wears no card"
    later = at(600, 9 * 3600.0)
    for boot, then in (("b1", Secrecy.MEETING), ("b2", Secrecy.OPEN)):
        again = Room((), policy(meetings=(SECRET,)), store, boot, "0.1", "r")
        again.restore(replace(later, synced=False))
        again.feed(Tick(), later)
        assert judged(again.state.times, later) is then
        assert again.state.times.doubtful(later) is (boot == "b1" and not stepped_before)


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 12])
def test_without_a_server_the_latest_time_is_among_those_that_it_may_be(steps: int) -> None:
    times = looked(*(at(200 + n, 1000.0 * n) for n in range(steps)))
    latest = at(300, 1000.0 * (steps - 1)).wall_s
    assert latest in times.known(Instant(300, 5.0, synced=False))


def test_of_many_steps_the_newest_outlive_the_process_with_the_present_one_last() -> None:
    times = looked(*(at(200 + n, 100.0 * n) for n in range(5)), at(300, 200.0))
    offsets_s = kept_by(times)
    assert offsets_s == tuple(OFFSET_S + step_s for step_s in (0.0, 100.0, 300.0, 400.0, 200.0))
    again = known(tuple(range(0, 1200, 100)), at(400))
    assert [one.offset_s for one in again.kept] == list(range(400, 1200, 100))
    assert again.present == Timeline(1100, 400)
    assert known((), at(400)) == UNSTEPPED


STEPS = st.sampled_from([0.0, 1.0, -1.0, 2.5, -60.0, 3600.0, -3600.0, 7200.0, 86_400.0, -86_400.0, 1e8, -1e8])
LOOKS = st.lists(
    st.tuples(st.floats(0.1, 700.0), STEPS | st.floats(-1e9, 1e9), st.booleans(), st.sampled_from([None, True, False])),
    min_size=1, max_size=40,
)  # fmt: skip


@given(first_s=st.floats(-800.0, 3600.0), looks=LOOKS)
@example(first_s=0.0, looks=[(1.0, 7200.0, True, False)] * 30)
@example(first_s=0.0, looks=[(1.0, 1000.0 * n, True, False) for n in range(5, 40)])
def test_no_steps_open_the_gate_before_the_true_end(
    first_s: float, looks: list[tuple[float, float, bool, bool | None]]
) -> None:
    """Whatever the clock shows, by whatever steps, disciplined or not: on is on until its end by monotonic time."""
    mono_s = 100.0 + first_s
    times = looked(at(mono_s))
    assert judged(times, at(mono_s)) is Secrecy.MEETING
    for pause_s, step_s, synced, in_call in looks:
        mono_s += pause_s
        now = at(mono_s, step_s, synced=synced)
        times = seen(times, now)
        if mono_s < OVER_S:
            assert judged(times, now, in_call) is not Secrecy.OPEN
        assert len(times.kept) <= KEPT_MAX + 1


def test_a_call_goes_on_after_the_end_whatever_the_clock_shows() -> None:
    times = looked(at(200), at(OVER_S, 9000.0))
    now = at(OVER_S + 60, 9000.0)
    assert judged(times, now, True) is Secrecy.MEETING
    assert judged(times, at(OVER_S + DOUBT_S, 9000.0), False) is Secrecy.OPEN


def test_a_step_leaves_doubt_where_a_secret_meeting_is_listed() -> None:
    """Long before it by both clocks: a clock that was set once is often set again."""
    far = Meeting("s", "x", START_S + 1e6, END_S + 1e6, secret=True)
    times = looked(at(200), at(201, 300.0))
    assert judged(times, at(202, 300.0), None, far) is Secrecy.UNKNOWN
    assert judged(times, at(201 + DOUBT_S, 300.0), None, far) is Secrecy.OPEN
    plain = Meeting("p", "x", START_S, END_S)
    assert judged(times, at(202, 300.0), None, plain) is Secrecy.OPEN, "nothing secret is listed"


def test_a_meeting_that_the_step_moved_away_is_on_by_the_time_before() -> None:
    times = looked(at(-5000.0), at(-4000.0, -7200.0))
    now = at(150.0, -7200.0)
    assert judged(seen(times, now), now) is Secrecy.MEETING


def test_more_steps_than_are_kept_leave_the_room_not_knowing() -> None:
    times = looked(*(at(9e5 + n, 1e4 * n) for n in range(KEPT_MAX + 3)))
    far = Meeting("s", "x", START_S + 1e8, END_S + 1e8, secret=True)
    now = at(9e5 + 20_000.0)
    assert judged(times, now, None, far) is Secrecy.UNKNOWN
    later = at(9e5 + KEEP_S + 60.0)
    assert judged(seen(times, later), later, None, far) is Secrecy.UNKNOWN, "a step again"
    assert judged(looked(later), later, None, far) is Secrecy.OPEN


def test_a_timeline_is_forgotten_when_nothing_of_it_can_go_on() -> None:
    times = looked(at(0), at(1, 500.0))
    assert times.walls(at(2, 500.0)) == (at(2, 500.0).wall_s, at(2).wall_s)
    late = at(KEEP_S + 200.0, 500.0)
    assert seen(times, late).walls(late) == (late.wall_s,)


def test_slewing_and_the_reading_of_two_clocks_are_no_step() -> None:
    times = looked(at(0), at(10, 1.9), at(20, -1.9), at(200, 1.0))
    assert len(times.kept) == 1
    assert not times.doubtful(at(201))


def test_a_clock_that_is_not_disciplined_says_nothing() -> None:
    assert looked(at(0, 5000.0, synced=False)) == UNSTEPPED
    times = looked(at(0, -1e9, synced=False), at(10))
    assert not times.doubtful(at(11)), "the first synchronisation is no step"


def test_a_real_meeting_does_not_become_a_trial_by_a_step() -> None:
    """In a trial the room may unmute its microphones by itself."""
    real = Meeting("m", "giao ban", START_S, END_S)
    trial = Meeting("t", "kết nối thử", START_S + 7200.0, START_S + 9000.0, trial=True)
    both = policy(meetings=(real, trial))
    now = at(300.0, 7200.0)
    assert trial_runs(both, now), "by the wall clock alone"
    times = looked(at(200.0), now)
    assert not trial_runs(both, now, times)
    assert not trial_runs(both, at(300.0 + DOUBT_S, 7200.0), times), "the meeting goes on"
    only = policy(meetings=(trial,))
    assert not trial_runs(only, now, times), "soon after a step nobody knows"
    assert trial_runs(only, at(300.0 + DOUBT_S, 7200.0), times)


def test_restarts_of_the_agent_prolong_no_trust_in_a_clock_without_its_server() -> None:
    """Twenty-five hours without a time server, and a crash every hour."""
    store = MemoryStore("e")
    for hour in range(26):
        room = Room((), policy(), store, "b1", "0.1", "r")
        now = at(1000.0 + hour * 3600.0, synced=False)
        room.restore(now)
        if hour == 0:
            now = at(1001.0)
        room.feed(Tick(), now)
        room.commit(now)
        assert bool(room.state.times.known(replace(now, synced=False))) is (hour < 24), hour


def test_when_each_was_last_the_present_one_outlives_the_process() -> None:
    times = looked(at(1000.0), at(2000.0, 500.0), at(9000.0, 500.0))
    assert lasts_by(times) == (1000.0, 9000.0)
    again = known(kept_by(times), at(9100.0), lasts_by(looked(at(1000.0), at(2000.0, 500.0), at(9500.0, 500.0))))
    assert [(one.offset_s, one.last_s) for one in again.kept] == [(OFFSET_S, 1000.0), (OFFSET_S + 500.0, 9000.0)]
    assert known((1.0, 2.0), at(50.0), (40.0,)).kept[0].last_s == 50.0, "where the journal cannot say"
    assert known((1.0,), at(50.0), (9e9,)).kept[0].last_s == 50.0, "never later than now"


def test_what_the_clock_has_come_back_from_is_left_when_the_doubt_is_over() -> None:
    times = looked(at(1000.0), at(2000.0, 3600.0), at(5600.0))
    soon, later = at(5600.0 + DOUBT_S - 1), at(5600.0 + DOUBT_S)
    assert times.known(soon) == (soon.wall_s, soon.wall_s + 3600.0)
    assert times.known(later) == (later.wall_s,)
    assert times.walls(later) == (later.wall_s, later.wall_s + 3600.0), "a secret meeting goes on by it"
    assert times.known(replace(later, synced=False)) == (later.wall_s,)
    again = at(5600.0 + DOUBT_S, 3600.0)
    assert set(times.known(again)) == {again.wall_s, later.wall_s}, "and it is back when the clock is"


def test_a_clock_that_was_set_once_may_have_been_right_before() -> None:
    times = looked(at(1000.0), at(2000.0, 3600.0))
    late = at(2000.0 + 20 * 3600.0, 3600.0)
    assert set(times.known(late)) == {late.wall_s, late.wall_s - 3600.0}
    assert times.in_order(late) == (late.wall_s - 3600.0, late.wall_s)


def test_times_stand_in_the_order_in_which_the_clock_first_showed_them() -> None:
    now = at(500, -7200.0)
    first, second = Timeline(OFFSET_S, 400.0, 200.0), Timeline(OFFSET_S - 7200.0, 500.0, 450.0)
    times = Timelines((second, first), second)
    assert times.known(now) == (500 + OFFSET_S - 7200.0, 500 + OFFSET_S), "the likeliest first"
    assert times.in_order(now) == (500 + OFFSET_S, 500 + OFFSET_S - 7200.0)


def test_the_present_time_alone_has_its_place_in_the_order_too() -> None:
    first, present = Timeline(OFFSET_S + 7200.0, 400.0, 300.0), Timeline(OFFSET_S, 500.0, 100.0)
    assert Timelines((first,), present, 600.0).in_order(at(500)) == (500 + OFFSET_S, 500 + OFFSET_S + 7200.0)


def test_a_time_that_was_never_seen_before_is_the_last_in_the_order() -> None:
    first = Timeline(OFFSET_S + 7200.0, 400.0, 300.0)
    now = at(500)
    assert Timelines((first,)).in_order(now) == (now.wall_s + 7200.0, now.wall_s)


def test_a_slip_of_two_seconds_is_no_other_time() -> None:
    now = at(500)
    assert Timelines((Timeline(OFFSET_S + 2.0, 400.0),)).walls(now) == (now.wall_s,)
    assert Timelines((Timeline(OFFSET_S + 2.5, 400.0),)).walls(now) == (now.wall_s, now.wall_s + 2.5)


def test_a_secret_meeting_that_is_on_by_a_time_the_clock_has_left_again_stays_quiet() -> None:
    now = at(OVER_S + 3600.0)
    first, left = Timeline(OFFSET_S, now.mono_s, 100.0), Timeline(OFFSET_S - 7200.0, 200.0, 150.0)
    times = Timelines((left, first), first)
    assert times.known(now) == (now.wall_s,)
    assert quiet_for_s(policy(meetings=(SECRET,)), times, now, 0.0) == END_S + 900.0 - (now.wall_s - 7200.0)


@pytest.mark.parametrize(("later_s", "walls"), [(86_400.0, 1), (86_400.1, 0)])
def test_a_clock_without_its_server_is_known_for_the_whole_of_a_day(later_s: float, walls: int) -> None:
    times = seen(UNSTEPPED, at(100.0))
    assert len(times.known(at(100.0 + later_s, synced=False))) == walls


def test_what_is_two_seconds_apart_is_one_time() -> None:
    now = Instant(0.0, 1000.0, synced=True)
    times = Timelines((Timeline(1002.0, 0.0), Timeline(1002.5, 0.0)), Timeline(1000.0, 0.0))
    assert times.known(now) == (1000.0, 1002.5)


def test_a_clock_two_seconds_off_the_present_time_has_left_the_others_again() -> None:
    times = Timelines((Timeline(5000.0, 60.0, 50.0),), Timeline(1000.0, 60.0, 10.0))
    assert times.known(Instant(0.0, 1002.0, synced=True)) == (1002.0,)
    assert times.known(Instant(0.0, 1002.5, synced=True)) == (1002.5, 5000.0), "that is another step"


def test_after_a_start_nobody_knows_which_time_was_left_for_which() -> None:
    now = Instant(100.0, 10_000.0, synced=True)
    assert set(known((6_300.0, 9_900.0), now).known(now)) == {10_000.0, 6_400.0}


def test_a_time_is_touched_when_it_has_stood_for_a_while_and_not_at_each_look() -> None:
    times = looked(at(200))
    assert seen(times, at(200 + TOUCH_S - 1)) is times
    touched = seen(times, at(200 + TOUCH_S)).present
    assert touched is not None
    assert touched.last_s == 200 + TOUCH_S


@pytest.mark.parametrize(("after_s", "kept"), [(KEEP_S - 1, 2), (KEEP_S, 1)])
def test_a_time_that_was_left_is_kept_for_so_long_and_no_longer(after_s: float, kept: int) -> None:
    left = looked(at(200), at(201, 7200.0))
    assert len(seen(left, at(200 + after_s, 7200.0)).kept) == kept


def test_a_step_of_two_seconds_is_none_and_beyond_the_most_that_are_kept_all_is_in_doubt() -> None:
    assert len(looked(at(200), at(260, 2.0)).kept) == 1
    full = looked(*(at(200 + n, 60.0 * n) for n in range(KEPT_MAX)))
    assert len(full.kept) == KEPT_MAX
    over = seen(full, at(300, 3600.0))
    assert over.doubt_until_s == 300 + KEEP_S
    assert over.present is not None
    assert over.present not in over.kept
