"""What a room's settings become for the engine: bounded, scaled, and nothing lost on the way."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from agent.core.policy import Guards, Policy, Thresholds, make_policy
from agent.core.remedies import LOADS, OFF_MAX_S, scaled

UNSCALED = {
    "meeting_near_s",
    "meeting_margin_s",
    "maintenance_blind_s",
    "upgrade_max_s",
    "attended_max_s",
    "shed_max_s",
}
"""Times of the world outside, which compressed time does not compress."""


def test_everything_that_is_given_is_there() -> None:
    thresholds = Thresholds(dark_lx=9.0)
    made = make_policy(
        relays=frozenset({"codec"}), apis=frozenset({"codec_wake"}), thresholds=thresholds,
        disabled=frozenset({"howling"}), phones={"carrier": "18001166"}, room_hash=0.25,
    )  # fmt: skip
    assert made == Policy(
        LOADS, frozenset({"codec"}), frozenset({"codec_wake"}), thresholds, Guards(),
        disabled=frozenset({"howling"}), phones={"carrier": "18001166"}, room_hash=0.25,
    )  # fmt: skip


def test_a_number_to_call_or_the_centre_where_none_is_known() -> None:
    made = make_policy(phones={"carrier": "18001166"})
    assert (made.phone("carrier"), made.phone("power")) == ("18001166", "Trung tâm")


@pytest.mark.parametrize("time_scale", [0.01, 0.5, 1.0])
def test_compressed_time_compresses_every_guard_but_those_of_the_world_outside(time_scale: float) -> None:
    guards = Guards(*(100.0 + number for number, _ in enumerate(fields(Guards))))
    made = make_policy(guards=guards, time_scale=time_scale)
    assert made.time_scale == time_scale
    for field in fields(Guards):
        factor = 1.0 if field.name in UNSCALED else time_scale
        assert getattr(made.guards, field.name) == getattr(guards, field.name) * factor, field.name


def test_compressed_time_compresses_the_times_of_a_load_and_nothing_else() -> None:
    load = replace(LOADS["codec"], boot_s=100.0, off_s=20.0, min_off_s=10.0, hold_on_s=200.0)
    expected = replace(load, boot_s=25.0, off_s=5.0, min_off_s=2.5, hold_on_s=50.0)
    assert scaled(load, 0.25) == expected
    assert make_policy({"codec": load}, time_scale=0.25).loads["codec"] == expected


@pytest.mark.parametrize("time_scale", [0.0099, 1.0001, -1.0])
def test_a_scale_that_would_stretch_or_stop_time_is_refused(time_scale: float) -> None:
    with pytest.raises(ValueError, match=rf"^time_scale {time_scale} is outside 0.01 to 1$"):
        make_policy(time_scale=time_scale)


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
