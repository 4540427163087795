"""One episode, one incident: whatever the network does to its events."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.incident import Told, fold
from wire.event_kinds import EventKind
from wire.messages import Event, Stamp, Words

T0 = 1_780_000_000.0


def told(seq: int, kind: str, **fields: Any) -> Told:
    """Event `seq`, one minute after the one before."""
    at_s = T0 + 60.0 * seq
    stamp = Stamp(epoch="e", seq=seq, boot="b", mono_s=60.0 * seq, wall_s=at_s, synced=True)
    return Told(at_s, Event(stamp=stamp, kind=kind, fault_id=7, **fields))


CONFIRMED = told(
    1, EventKind.FAULT_CONFIRMED, rule="codec_hung", severity="major", phase="confirmed", reason="api_silent",
    since_s=T0 + 30, words={"vi": Words("Máy bị treo", ["Chờ."])},
)  # fmt: skip
STARTED = told(2, EventKind.REMEDY_STARTED, act_id=1, remedy="codec_restart")
DONE = told(3, EventKind.REMEDY_DONE, act_id=1, remedy="codec_restart", outcome="done")
FAILED = told(3, EventKind.REMEDY_DONE, act_id=1, remedy="codec_restart", outcome="failed")
REFUSED = told(
    4, EventKind.REMEDY_REFUSED, remedy="codec_power_cycle", reason="in_call", severity="major", phase="confirmed"
)
ESCALATED = told(
    5, EventKind.FAULT_ESCALATED, reason="waited_long", phase="escalated", words={"vi": Words("Cần người")}
)
REARMED = told(6, EventKind.FAULT_REARMED, phase="confirmed", reason="cool_off")
ORDERED = told(
    7, EventKind.REMEDY_DONE, act_id=9, remedy="codec_power_cycle", outcome="done", command="c1", by="thu.ha"
)
CLEARED = told(8, EventKind.FAULT_CLEARED, rule="codec_hung", severity="major", phase="clear", since_s=T0 + 30)


def test_healed_by_the_room() -> None:
    found = fold([CONFIRMED, STARTED, DONE, CLEARED])
    assert (found.rule, found.severity, found.phase, found.outcome) == (
        "codec_hung",
        "major",
        "clear",
        "room",
    )
    assert (found.opened_s, found.confirmed_s, found.closed_s) == (T0 + 30, T0 + 60, T0 + 480)
    assert found.remedies == ["codec_restart"]
    assert found.words["vi"].title == "Máy bị treo"
    assert not found.needs_person


def test_healed_by_an_order() -> None:
    assert fold([CONFIRMED, STARTED, FAILED, ESCALATED, ORDERED, CLEARED]).outcome == "order"


def test_what_an_order_did_is_no_act_of_the_rooms_own() -> None:
    ordered = told(7, EventKind.REMEDY_STARTED, act_id=9, remedy="codec_power_cycle", command="c1")
    assert fold([CONFIRMED, STARTED, ordered]).own_acts == 1


def test_recovered_by_itself_and_a_failed_or_mere_recheck_heals_nothing() -> None:
    recheck = told(2, EventKind.REMEDY_DONE, remedy="recheck", outcome="done", command="c")
    assert fold([CONFIRMED, CLEARED]).outcome == "itself"
    assert fold([CONFIRMED, recheck, FAILED, CLEARED]).outcome == "itself"


def test_room_word_counts_where_the_act_was_dropped() -> None:
    assert fold([CONFIRMED, told(8, EventKind.FAULT_CLEARED, reason="healed_by_room")]).outcome == "room"


@pytest.mark.parametrize(
    ("events", "phase", "person", "refused"),
    [
        ([CONFIRMED], "confirmed", False, ""),
        ([CONFIRMED, STARTED], "remedying", False, ""),
        ([CONFIRMED, STARTED, DONE], "settling", False, ""),
        ([CONFIRMED, STARTED, FAILED], "confirmed", False, ""),
        ([CONFIRMED, REFUSED], "confirmed", False, "in_call"),
        ([CONFIRMED, REFUSED, ESCALATED], "escalated", True, "in_call"),
        ([CONFIRMED, REFUSED, ESCALATED, ORDERED], "escalated", True, "in_call"),
        ([CONFIRMED, REFUSED, ESCALATED, REARMED], "confirmed", True, ""),
        ([CONFIRMED, REFUSED, ESCALATED, CLEARED], "clear", False, ""),
    ],
)
def test_phases(events: list[Told], phase: str, person: bool, refused: str) -> None:
    found = fold(events)
    assert (found.phase, found.needs_person, found.refused) == (phase, person, refused)


def test_beginning_that_never_arrived_is_still_an_incident() -> None:
    found = fold([STARTED])
    assert (found.phase, found.severity, found.opened_s, found.rule) == ("remedying", "warning", STARTED.at_s, "")


def test_symptom_moves_with_a_clock_that_was_wrong() -> None:
    """The room thought it was 1970; the hub knows when it happened."""
    stamp = Stamp(epoch="e", seq=1, boot="b", mono_s=90, wall_s=90, synced=False)
    found = fold([Told(T0, Event(stamp=stamp, kind=EventKind.FAULT_CONFIRMED, fault_id=1, rule="r", since_s=60))])
    assert (found.opened_s, found.confirmed_s) == (T0 - 30, T0)


def test_nothing_is_no_incident() -> None:
    with pytest.raises(ValueError, match="needs an event"):
        fold([])


STORY = [CONFIRMED, STARTED, FAILED, REFUSED, ESCALATED, REARMED, ORDERED, CLEARED]


@given(st.sets(st.sampled_from(range(len(STORY))), min_size=1), st.integers(0, 2**32), st.integers(0, 8))
def test_order_and_repeats_change_nothing(chosen: set[int], seed: int, repeats: int) -> None:
    events = [STORY[index] for index in sorted(chosen)]
    shuffled = events + events[:repeats]
    random.Random(seed).shuffle(shuffled)
    assert fold(shuffled) == fold(events)
    assert (fold(events).closed_s > 0) == (CLEARED in events)
    assert fold(events).needs_person == (ESCALATED in events and CLEARED not in events)
