"""Whether a secret meeting is on, to the second; and that not knowing never counts as "no"."""

from __future__ import annotations

import pytest

from agent.core.facts import Instant, NoReading, Reading, Seen, View
from agent.core.policy import Meeting
from agent.core.secrecy import Secrecy, secrecy
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
