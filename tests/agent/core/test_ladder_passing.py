"""How a fault passes, what is put back then, and what is told on the way, with a rule made for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from agent.core import flapping
from agent.core.events import Record, RecordKind, Tell
from agent.core.facts import NoReading
from agent.core.phases import Phase
from agent.core.remedies import LOADS
from agent.core.state import Fault, LoadState
from tests.agent.core.toy import ILL, RULE, WELL, WORDS, later, room, toy

# Passing


def test_only_looks_that_know_something_count_and_one_that_does_not_begins_the_passes_anew() -> None:
    world = room(phase=Phase.ESCALATED, rung=1, gave_up="gone", phase_since_s=1000.0)
    for seen in (WELL, {**WELL, "codec.registered": NoReading("timeout")}, WELL):
        later(world, 10.0, seen)
    assert world.phase("toy") is Phase.ESCALATED
    later(world, 10.0, ILL)
    assert world.state.looks["toy"] == (False, False, True)


def test_what_flaps_goes_on_flapping_until_it_has_been_calm_for_longer_than_it_took() -> None:
    between = next(h for h in histories() if flapping.flaps(h, True) and not flapping.flaps(h, False))
    for before in (True, False):
        world = room()
        names = frozenset({"toy"}) if before else frozenset()
        world.state = replace(world.state, looks={"toy": between[:-1]}, flapping=names)
        later(world, 10.0, ILL if between[-1] else WELL)
        assert ("toy" in world.state.flapping) is before


def histories() -> Iterator[tuple[bool, ...]]:
    """Twenty looks with ever more changes among the oldest of them."""
    for changes in range(20):
        yield tuple(n % 2 == 0 if n < changes else False for n in range(20))


def test_a_fault_that_passes_says_what_it_was_and_how_long_it_lasted() -> None:
    world = room(phase=Phase.CONFIRMED, since_s=980.0, since_wall_s=77.0, refused="in_call", passes=1)
    later(world, 0.06, {**WELL, "codec.in_call": True})
    (cleared,) = world.records(RecordKind.FAULT_CLEARED)
    assert (cleared.reason, cleared.since_wall_s, cleared.detail) == ("recovered", 77.0, {"acts": 0, "lasted_s": 20.1})
    assert [e for e in world.effects if isinstance(e, Tell)] == [Tell("toy", Phase.CLEAR, {})]
    assert toy(world) == Fault("toy")


def test_a_boot_time_is_not_learned_from_what_a_person_has_mended() -> None:
    world = room(phase=Phase.ESCALATED, phase_since_s=1000.0, gave_up="gone")
    world.state = replace(world.state, loads={"codec": LoadState(ended_s=world.mono_s - 300.0)})
    later(world, 1.0, WELL)
    assert world.state.load("codec").boot_s == 0.0


@pytest.mark.parametrize(("acts", "begun"), [(1, ["light_off"]), (0, [])])
def test_what_the_ladder_has_switched_is_put_back_when_the_fault_is_gone(acts: int, begun: list[str]) -> None:
    world = room(replace(RULE, on_clear="light_off"), phase=Phase.CONFIRMED, acts=acts, passes=1)
    later(world, 1.0, WELL)
    assert world.remedies() == begun
    told = [e.kind for e in world.effects if isinstance(e, Record)]
    assert told == [RecordKind.FAULT_CLEARED] + [RecordKind.REMEDY_STARTED] * acts


def test_what_may_not_be_put_back_stays() -> None:
    world = room(replace(RULE, on_clear="light_off"), phase=Phase.CONFIRMED, acts=1, passes=1)
    later(world, 1.0, {**WELL, "codec.in_call": True})
    assert world.records(RecordKind.FAULT_CLEARED)
    assert world.remedies() == []


def test_a_confirmed_fault_comes_with_its_words() -> None:
    world = room(strikes=2, phase=Phase.SUSPECTED, since_s=900.0, struck_s=900.0)
    later(world, 1.0, {**ILL, "codec.in_call": True})
    (confirmed,) = world.records(RecordKind.FAULT_CONFIRMED)
    assert confirmed.words == WORDS
    assert Tell("toy", Phase.CONFIRMED, WORDS) in world.effects


def test_a_rung_that_is_passed_over_and_a_lease_for_the_next_are_both_told() -> None:
    load = {"display": replace(LOADS["display"], never_cut=True)}
    world = room(replace(RULE, ladder=("display_power_cycle", "codec_restart")), load=load, phase=Phase.CONFIRMED)
    later(world, 1.0, {**ILL, "hub.session": True})
    told = [(e.kind, e.remedy) for e in world.effects if isinstance(e, Record)]
    assert told == [(RecordKind.REMEDY_REFUSED, "display_power_cycle"), (RecordKind.LEASE_WANTED, "codec_restart")]
