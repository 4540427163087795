"""Each life that is no fault's: what its table has, what it does not have, and where it can lead."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import pytest

from agent.core.lifecycles import (
    LATCH,
    LEASE,
    ORDER,
    STAGE,
    SUPPLY,
    Latch,
    LatchSignal,
    LeaseSignal,
    LeaseState,
    OrderSignal,
    OrderState,
    StageSignal,
    StageState,
    Supply,
    Switched,
)
from agent.core.phases import TRANSITIONS, Phase, Signal
from agent.core.transitions import ImpossibleTransitionError, following

Table = Mapping[tuple[Any, Any], Any]
LIVES: dict[str, tuple[Table, type[enum.StrEnum], type[enum.StrEnum], enum.StrEnum, set[enum.StrEnum]]] = {
    "fault": (TRANSITIONS, Phase, Signal, Phase.CLEAR, set()),
    "supply": (SUPPLY, Supply, Switched, Supply.ON, set()),
    "latch": (LATCH, Latch, LatchSignal, Latch.OPEN, set()),
    "lease": (LEASE, LeaseState, LeaseSignal, LeaseState.NONE, set()),
    "order": (ORDER, OrderState, OrderSignal, OrderState.RECEIVED, {OrderState.BEGUN, OrderState.REFUSED}),
    "stage": (STAGE, StageState, StageSignal, StageState.DUE, set()),
}
"""Table, states, signals, where it begins, and where it ends."""
each = pytest.mark.parametrize(("table", "states", "signals", "first", "ends"), LIVES.values(), ids=LIVES)


@each
def test_every_state_can_be_reached_and_every_signal_means_something(
    table: Table, states: type[enum.StrEnum], signals: type[enum.StrEnum], first: enum.StrEnum, ends: set[enum.StrEnum]
) -> None:
    reached = {first}
    for _ in states:
        reached |= {target for (source, _), target in table.items() if source in reached}
    assert reached == set(states)
    assert {signal for _, signal in table} == set(signals)


@each
def test_what_has_not_ended_can_go_on_and_what_has_ended_cannot(
    table: Table, states: type[enum.StrEnum], signals: type[enum.StrEnum], first: enum.StrEnum, ends: set[enum.StrEnum]
) -> None:
    for state in states:
        leads = {target for (source, _), target in table.items() if source is state}
        assert bool(leads - {state}) is (state not in ends), state


@pytest.mark.parametrize("life", [name for name in LIVES if name not in ("fault", "order", "stage")])
def test_what_others_may_do_at_any_time_is_possible_in_every_state(life: str) -> None:
    """A person switches, the hub answers, a day is spent whenever they like: no signal of theirs is our bug."""
    table, states, signals, *_ = LIVES[life]
    assert set(table) == {(state, signal) for state in states for signal in signals}


def test_what_a_table_does_not_have_is_our_bug() -> None:
    with pytest.raises(ImpossibleTransitionError, match=r"^hold in switched$"):
        following(STAGE, StageState.SWITCHED, StageSignal.HOLD)


def test_nothing_but_the_end_of_an_outage_or_a_person_gives_back_what_was_shed() -> None:
    assert {signal for signal in Switched if SUPPLY[Supply.SHED, signal] is not Supply.SHED} == {Switched.ON}


def test_no_lease_outlives_its_use() -> None:
    assert {LEASE[state, LeaseSignal.USE] for state in LeaseState} == {LeaseState.NONE}
