"""What a room's settings become for the engine: bounded, and nothing lost on the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.policy import Guards, Policy, Thresholds, make_policy
from agent.core.remedies import LOADS, OFF_MAX_S


def test_everything_that_is_given_is_there() -> None:
    thresholds, guards = Thresholds(dark_lx=9.0), Guards(witness_s=4.0)
    made = make_policy(
        relays=frozenset({"codec"}), apis=frozenset({"codec_wake"}), thresholds=thresholds, guards=guards,
        disabled=frozenset({"howling"}), phones={"carrier": "18001166"}, room_hash=0.25,
    )  # fmt: skip
    assert made == Policy(
        LOADS, frozenset({"codec"}), frozenset({"codec_wake"}), thresholds, guards,
        disabled=frozenset({"howling"}), phones={"carrier": "18001166"}, room_hash=0.25,
    )  # fmt: skip


def test_a_number_to_call_is_empty_where_none_is_known() -> None:
    made = make_policy(phones={"carrier": "18001166"})
    assert (made.phone("carrier"), made.phone("power")) == ("18001166", "")


@pytest.mark.parametrize("off_s", [1.0, OFF_MAX_S])
def test_the_ends_of_an_off_time_are_allowed(off_s: float) -> None:
    load = replace(LOADS["codec"], off_s=off_s, min_off_s=1.0)
    assert make_policy({"codec": load}).loads["codec"].off_s == off_s


@pytest.mark.parametrize(
    ("off_s", "min_off_s", "said"),
    [
        (0.9, 0.5, "load codec: off_s 0.9 is outside 1 to 120"),
        (120.1, 0.5, "load codec: off_s 120.1 is outside 1 to 120"),
        (5.0, 5.1, "load codec: off_s 5.0 is below its min_off_s 5.1"),
    ],
)
def test_an_unsafe_off_time_is_refused_in_a_sentence(off_s: float, min_off_s: float, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        make_policy({"codec": replace(LOADS["codec"], off_s=off_s, min_off_s=min_off_s)})
