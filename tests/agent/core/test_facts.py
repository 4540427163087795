"""What counts as known: the catalogue's ranges, and how long a look stays good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

import agent.rules
from agent.core.engine import initial
from agent.core.events import Observed
from agent.core.facts import (
    FACTS,
    SLOW,
    Evidence,
    FactSpec,
    Instant,
    NoReading,
    Observation,
    Reading,
    Seen,
    View,
    plausible,
)
from tests.agent.core.toy import RULE, UNSEEN, later, room, toy
from tests.agent.core.world import IDLE, World, policy

GARBLED = NoReading("garbled")
FRESH_S = FACTS["codec.draw_w"].fresh_s


SPECS = {key: replace(spec, fresh_s=spec.fresh_s / 10) for key, spec in FACTS.items()}
"""Those of a room that looks ten times as often."""


def view(seen: Seen | None, mono_s: float, specs: Mapping[str, FactSpec] = FACTS) -> View:
    return View({"codec.draw_w": seen} if seen else {}, Instant(mono_s, 0.0, synced=True), specs)


def at(mono_s: float) -> Instant:
    return Instant(mono_s, 0.0, synced=True)


@pytest.mark.parametrize(
    ("key", "reading", "is_believed"),
    [
        ("codec.draw_w", 0.0, True),  # both ends of a range belong to it
        ("codec.draw_w", 2500, True),
        ("codec.draw_w", -0.1, False),
        ("codec.draw_w", 2500.1, False),
        ("codec.draw_w", float("nan"), False),
        ("codec.draw_w", float("inf"), False),
        ("codec.jitter_ms", 1e9, True),  # no upper end
        ("codec.jitter_ms", -1.0, False),
        ("codec.jitter_ms", float("inf"), False),
        ("net.clock_offset_s", -4e8, True),  # no end at all
        ("net.clock_offset_s", float("-inf"), False),
        ("net.clock_offset_s", float("nan"), False),
        ("codec.in_call", True, True),
        ("display.input", "HDMI 1", True),
        ("a fact of a later version", 7.0, True),
        ("codec.draw_w", NoReading("timeout"), True),  # no reading stays what it is
    ],
)
def test_a_value_outside_its_range_is_no_reading(key: str, reading: Reading, is_believed: bool) -> None:
    assert plausible(key, reading) == (reading if is_believed else GARBLED)


@pytest.mark.parametrize("spec", FACTS.values(), ids=FACTS)
def test_what_a_good_room_reads_lies_in_the_range(spec: FactSpec) -> None:
    assert plausible(spec.key, spec.good) == spec.good


def test_a_look_is_good_to_the_very_end_of_its_time_and_not_beyond() -> None:
    seen = Seen().with_reading(31.0, at(100.0))
    assert view(seen, 100.0 + FRESH_S).value("codec.draw_w") == 31.0
    assert view(seen, 100.1 + FRESH_S).value("codec.draw_w") is None
    assert view(seen, 100.0 + FRESH_S / 10, SPECS).value("codec.draw_w") == 31.0
    assert view(seen, 100.1 + FRESH_S / 10, SPECS).value("codec.draw_w") is None


def test_silence_is_told_while_it_is_fresh() -> None:
    silent = Seen().with_reading(31.0, at(100.0)).with_reading(NoReading("timeout"), at(110.0))
    assert view(silent, 111.0).silent("codec.draw_w") == "timeout"
    assert view(silent, 111.0 + FRESH_S).silent("codec.draw_w") == ""
    assert view(Seen().with_reading(31.0, at(100.0)), 101.0).silent("codec.draw_w") == ""
    assert view(None, 1.0).silent("codec.draw_w") == ""


def test_the_age_of_the_last_good_value_outlives_silence() -> None:
    silent = Seen().with_reading(31.0, at(100.0)).with_reading(NoReading("timeout"), at(110.0))
    assert view(silent, 130.0).good_age_s("codec.draw_w") == 30.0
    assert view(None, 130.0).good_age_s("codec.draw_w") == float("inf")


def test_evidence_has_ages_to_a_tenth_and_minus_one_where_nothing_was_ever_good() -> None:
    def rows(seen: Seen | None) -> tuple[Evidence, ...]:
        return view(seen, 130.06).evidence("codec.draw_w")

    good = Seen().with_reading(31.0, at(100.0))
    assert rows(good) == (Evidence("codec.draw_w", 31.0, 30.1),)
    assert rows(good.with_reading(NoReading("timeout"), at(110.0))) == (
        Evidence("codec.draw_w", None, 30.1, "timeout"),
    )
    assert rows(Seen().with_reading(NoReading("refused"), at(110.0))) == (
        Evidence("codec.draw_w", None, -1.0, "refused"),
    )
    assert rows(None) == (), "what is not fitted is no evidence"


def test_only_numbers_are_numbers() -> None:
    for reading, number in ((31, 31.0), (True, None), ("31", None)):
        assert view(Seen().with_reading(reading, at(1.0)), 2.0).number("codec.draw_w") == number


def test_silence_is_as_fresh_as_its_end_and_a_witness_as_old_as_its_question() -> None:
    """A silent codec may be waited for longer than its facts are fresh."""
    world = World(state=initial(policy(facts=SPECS), agent.rules.load()))
    asked = dict.fromkeys(("codec.api", "codec.in_call"), world.mono_s - 6.0)
    readings = {"codec.api": False, "codec.in_call": False}
    world.feed(Observed(Observation("codec", readings, asked, world.mono_s)))
    view = world.state.view(world.now)
    assert view.is_false("codec.api")
    assert view.good_age_s("codec.in_call") == 6.0
    world.mono_s += 3.6
    assert not world.state.view(world.now).is_false("codec.api"), "a tenth of 35 s"


@pytest.mark.parametrize(
    ("looks_at_s", "stays"),
    [
        ((90.0, 95.0, 100.0), True),
        ((90.1, 95.0, 100.0), False),
        ((80.0, 100.0), False),
        ((85.0, 90.0, 95.0, 100.0), True),
        ((98.0, 99.0, 100.0), False),
    ],
)
def test_what_stays_false_was_so_at_three_looks_five_seconds_apart(looks_at_s: tuple[float, ...], stays: bool) -> None:
    known = Seen()
    for at_s in looks_at_s:
        known = known.with_reading(False, Instant(at_s, 0.0, synced=True))
    view = View({"codec.api": known}, Instant(101.0, 0.0, synced=True))
    assert view.stays_false("codec.api", 3, 5.0) is stays


def test_what_was_true_before_has_not_stayed_false() -> None:
    known = Seen()
    for at_s, value in ((70.0, False), (80.0, True), (90.0, False), (100.0, False)):
        known = known.with_reading(value, Instant(at_s, 0.0, synced=True))
    assert not View({"codec.api": known}, Instant(101.0, 0.0, synced=True)).stays_false("codec.api", 3, 5.0)


def test_a_late_answer_is_known_although_a_newer_question_had_none() -> None:
    silent = Seen().with_reading(NoReading("timeout"), at(10.0))
    late = silent.with_reading(46.0, at(5.0))
    assert late == replace(silent, good=46.0, good_at=at(5.0))
    assert late.with_reading(40.0, at(4.0)) == late, "older than what is known"


def seen_then_slow(key: str, reading: Reading, after_s: float) -> World:
    """One look that gave the reading, and so much later one that had no time for it."""
    world = World()
    world.see({**IDLE, key: reading})
    world.mono_s += after_s
    world.see({key: SLOW})
    return world


@pytest.mark.parametrize(
    ("key", "reading", "after_s", "value"),
    [
        ("codec.camera", True, 10.0, True),
        ("codec.camera", False, 10.0, False),
        ("codec.camera", True, FACTS["codec.camera"].fresh_s, True),
        ("codec.camera", True, FACTS["codec.camera"].fresh_s + 0.1, None),
        ("codec.camera", NoReading("timeout"), 10.0, None),
        ("codec.in_call", False, 10.0, None),  # a witness that was not read is unknown, never "no call"
        ("codec.draw_w", 31.0, 10.0, None),
        ("codec.api", False, 10.0, None),  # what is slow is not dead
        ("codec.api", True, 10.0, None),
    ],
)
def test_what_a_look_had_no_time_for_stays_as_it_was_while_that_is_fresh(
    key: str, reading: Reading, after_s: float, value: object
) -> None:
    world = seen_then_slow(key, reading, after_s)
    assert world.state.view(world.now).value(key) is value
    if value is None:
        assert world.state.view(world.now).silent(key) == "slow"


def test_a_fault_that_is_told_of_at_every_second_look_begins_and_passes() -> None:
    """A slow line tells its facts in turn: the looks between them are no looks at this one."""
    world = room(replace(RULE, ladder=()))
    phases = ["clear", "suspected", "suspected", "escalated", "escalated"]
    for phase, reading in zip(phases, [False] * 3 + [True] * 2, strict=True):
        assert toy(world).phase.value == phase
        later(world, 10, {**IDLE, "codec.registered": reading})
        later(world, 10, {**UNSEEN, "codec.registered": SLOW})
    assert toy(world).phase.value == "clear"
