"""The kinds of trouble that need more than a switch do what they say, and the promise that each one is for is asked."""

from __future__ import annotations

import random

import pytest

from agent.core import interlock
from agent.core.reasons import ALLOWED, Decision, Reason
from agent.core.secrecy import Secrecy
from tests.prove.invariants import INVARIANTS
from tests.prove.meeting_rules import story
from tests.prove.rooms import Result, simulate
from tests.prove.sim import troubles
from tests.prove.sim.chaos import KINDS, Happening
from tests.prove.sim.crash import Plan

ROOM_DAYS, MEAN_RATE = 1000.0, 0.85
"""Of a default run, and how troubled its rooms are on average."""
AT_LEAST = 20


def _one(kind: str, seed: int, *more: Happening, lasts_s: float = 0.0, days: float = 0.06) -> Result:
    """A quiet room with one such trouble."""
    dice = random.Random(seed)
    lasts_s = lasts_s or KINDS[kind].longest_s
    script = [*troubles.single(kind, 600.0, lasts_s, dice), *more]
    return simulate(seed, days, plan=Plan(), script=script, calm_s=0.0, real=False)


def _broken(result: Result) -> set[str]:
    """Promises that were broken; these rooms end in mid-trouble, so nothing is promised of their end."""
    return {one.invariant for one in result.violations if INVARIANTS[one.invariant].when != "end"}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_comes_often_enough_in_a_default_run(name: str) -> None:
    assert KINDS[name].a_day * ROOM_DAYS * MEAN_RATE >= AT_LEAST


@pytest.mark.parametrize("real", [False, True])
def test_a_good_order_is_obeyed_and_a_bad_one_is_not(real: bool) -> None:
    def ordered(how: str) -> int:
        order = Happening(700.0, "an order", lambda world: world.line.order("codec_power_cycle", how))
        script = [order, *troubles.drawn(random.Random(1), 0.02, 0.0)]
        return simulate(1, 0.02, plan=Plan(), script=script, calm_s=0.0, real=real).acts["codec_power_cycle"]

    assert [ordered(how) for how in ("good", "twice", "bad nonce", "wrong boot", "old counter")] == [1, 1, 0, 0, 0]


@pytest.mark.parametrize("kind", ["a call begins while the card stalls", "a call begins while an intent is written"])
def test_time_passes_in_a_commit_of_a_light_room(kind: str) -> None:
    results = [_one(kind, seed) for seed in range(4)]
    assert sum(result.counted["commits that stalled"] for result in results) >= 3
    assert set().union(*map(_broken, results)) == set()


def test_a_codec_in_its_upgrade_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    order = Happening(700.0, "an order", lambda world: world.line.order("codec_power_cycle", "good"))
    assert _broken(_one("firmware is written", 1, order)) == set()
    honest = interlock.permit

    def careless(*given: object, **more: object) -> Decision:
        decision = honest(*given, **more)  # type: ignore[arg-type]
        return ALLOWED if decision.reason is Reason.UPGRADING else decision

    for module in ("interlock", "ladder", "looks", "handover"):
        monkeypatch.setattr(f"agent.core.{module}.permit", careless)
    assert "upgrade_never_cut" in _broken(_one("firmware is written", 1, order))


def test_a_welded_relay_breaks_no_promise() -> None:
    result = _one("relay has welded", 3, lasts_s=5000.0, days=0.1)
    assert _broken(result) == set()
    assert result.acts["codec_power_cycle"] >= 1


@pytest.mark.parametrize(("kind", "lasts_s"), [("hub's machine is off", 5000.0), ("ring down", 1800.0)])
def test_no_converter_is_cycled_for_what_lies_beyond_it(kind: str, lasts_s: float) -> None:
    result = _one(kind, 1, lasts_s=lasts_s)
    assert (_broken(result), dict(result.acts), dict(result.needless)) == (set(), {}, {})


def test_poison_ends_no_agent() -> None:
    result = _one("poisoned messages", 2)
    assert (_broken(result), dict(result.acts)) == (set(), {})


def test_a_copied_card_costs_no_event() -> None:
    result = simulate(
        4, 0.05, plan=Plan(), real=False, calm_s=2000.0,
        script=[
            *troubles.single("card is cloned", 600.0, 900.0, random.Random(4)),
            *troubles.single("codec hangs softly", 900.0, 0.0, random.Random(4)),
            *(one for one in story(4, 0.0) if one.what == "calm"),
        ],
    )  # fmt: skip
    assert [one for one in result.violations if one.invariant != "every_fault_settles"] == []


def test_the_age_of_restarts_outlives_a_power_cut() -> None:
    results = [_one("restarts of before, a power cut, then a hang", seed, days=0.5) for seed in range(3)]
    assert set().union(*map(_broken, results)) == set()
    assert sum(sum(result.deaths.values()) for result in results) == 3


def test_sound_in_a_secret_meeting_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _broken(_one("secret meeting", 1, lasts_s=3000.0, days=0.1)) == set()
    monkeypatch.setattr("agent.uplink.gate.secrecy", lambda *_given, **_more: Secrecy.OPEN)
    assert "no_sound_in_a_secret_meeting" in _broken(_one("secret meeting", 1, lasts_s=3000.0, days=0.1))
