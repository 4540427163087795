"""Whether a secret meeting is on, to the second; and that not knowing never counts as "no"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.core.facts import Instant, NoReading, Reading, Seen, View
from agent.core.policy import Meeting
from agent.core.secrecy import Secrecy, quiet_for_s, secrecy
from agent.core.timelines import UNSTEPPED, seen
from tests.agent.core.world import policy

START_S, END_S = 1_790_000_000.0, 1_790_003_600.0
PLAIN = Meeting("p", "giao ban", START_S, END_S)
SECRET = Meeting("s", "họp mật", START_S, END_S, secret=True)


def judged(
    wall_s: float, *meetings: Meeting, in_call: Reading | None = None, told: bool = True, synced: bool = True
) -> Secrecy:
    now = Instant(1000.0, wall_s, synced)
    facts = {} if in_call is None else {"codec.in_call": Seen().with_reading(in_call, now)}
    return secrecy(policy(meetings=meetings), View(facts, now), told=told)


@pytest.mark.parametrize(
    ("wall_s", "expected"),
    [
        (START_S - 901, Secrecy.OPEN),
        (START_S - 900, Secrecy.MEETING),
        (END_S, Secrecy.MEETING),
        (END_S + 899, Secrecy.MEETING),
        (END_S + 900, Secrecy.OPEN),
    ],
)
def test_from_a_quarter_of_an_hour_before_to_one_after(wall_s: float, expected: Secrecy) -> None:
    assert judged(wall_s, PLAIN, SECRET) is expected
    assert judged(wall_s, PLAIN) is Secrecy.OPEN


@pytest.mark.parametrize("in_call", [True, False, NoReading("timeout"), None])
def test_in_the_meeting_it_does_not_matter_what_else_is_known(in_call: Reading | None) -> None:
    for told in (True, False):
        assert judged(START_S, SECRET, in_call=in_call, told=told) is Secrecy.MEETING


@pytest.mark.parametrize(
    ("in_call", "expected"),
    [
        (True, Secrecy.MEETING),
        (False, Secrecy.OPEN),
        (NoReading("timeout"), Secrecy.UNKNOWN),
        (None, Secrecy.OPEN),
    ],
)
def test_a_call_that_goes_on_after_the_end_is_the_meeting(in_call: Reading | None, expected: Secrecy) -> None:
    assert judged(END_S + 900, SECRET, in_call=in_call) is expected
    assert judged(END_S + 7199, SECRET, in_call=in_call) is expected
    assert judged(END_S + 7200, SECRET, in_call=in_call) is Secrecy.OPEN
    assert judged(END_S + 900, PLAIN, in_call=in_call) is Secrecy.OPEN


def test_a_call_long_before_the_meeting_is_another() -> None:
    assert judged(START_S - 1000, SECRET, in_call=True) is Secrecy.OPEN


def test_without_the_hubs_word_or_the_time_nobody_knows() -> None:
    assert judged(START_S, PLAIN) is Secrecy.OPEN
    assert judged(START_S, PLAIN, told=False) is Secrecy.UNKNOWN
    assert judged(START_S, PLAIN, synced=False) is Secrecy.UNKNOWN
    assert judged(START_S, told=False) is Secrecy.UNKNOWN
    assert judged(START_S) is Secrecy.OPEN


def test_without_the_time_a_listed_secret_meeting_is_on() -> None:
    for wall_s in (0.0, START_S - 10_000, END_S + 100_000):
        assert judged(wall_s, PLAIN, SECRET, synced=False) is Secrecy.MEETING


def test_the_words_are_those_of_the_wire() -> None:
    assert [str(one) for one in Secrecy] == ["open", "secret_meeting", "not_told"]


@pytest.mark.parametrize(("more", "on"), [({"doubted": True}, True), ({"quiet_until_s": 50.1}, True), ({}, False)])
def test_what_the_journal_says_against_the_clock_keeps_a_listed_meeting_on(more: dict[str, Any], on: bool) -> None:
    view = View({}, Instant(50.0, END_S + 10_000.0))
    for meeting, expected in ((SECRET, Secrecy.MEETING if on else Secrecy.OPEN), (PLAIN, Secrecy.OPEN)):
        assert secrecy(policy(meetings=(meeting,)), view, told=True, **more) is expected
    late = replace(view, now=replace(view.now, mono_s=50.1))
    assert secrecy(policy(meetings=(SECRET,)), late, told=True, quiet_until_s=50.1) is Secrecy.OPEN


@pytest.mark.parametrize(
    ("wall_s", "left_s"),
    [
        (START_S - 901.0, 0.0),
        (START_S - 900.0, END_S - START_S + 1800.0),
        (END_S + 899.0, 1.0),
        (END_S + 900.0, 0.0),
    ],
)
def test_how_long_it_goes_on_is_known_while_it_is_on(wall_s: float, left_s: float) -> None:
    both, now = policy(meetings=(PLAIN, SECRET)), Instant(50.0, wall_s)
    assert quiet_for_s(both, UNSTEPPED, now, 0.0) == left_s
    assert quiet_for_s(both, UNSTEPPED, now, 60.0) == max(left_s, 10.0), "one of before the start goes on"
    assert quiet_for_s(policy(meetings=(PLAIN,)), UNSTEPPED, now, 60.0) == 0.0, "nothing is listed any more"
    lost = replace(now, synced=False)
    assert quiet_for_s(both, UNSTEPPED, lost, 0.0) == 0.0, "that clock says nothing"
    known = seen(UNSTEPPED, now)
    assert quiet_for_s(both, known, replace(lost, wall_s=0.0), 0.0) == left_s


def test_in_the_first_second_of_a_boot_too_nothing_is_quiet_that_nobody_said() -> None:
    now = Instant(0.5, START_S - 5000.0, synced=True)
    assert secrecy(policy(meetings=(SECRET,)), View({}, now), told=True) is Secrecy.OPEN
