"""A demonstration's policy and rules: every duration shorter but those of the world outside, and the same stories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

import agent.rules
from agent.config.pace import SHARED, shortened, shortened_rules
from agent.config.room import AgentConfig
from agent.core.engine import initial
from agent.core.events import OrderReceived, Record, RecordKind, Tick
from agent.core.facts import FACTS, Instant, NoReading, Reading, View
from agent.core.policy import Guards, Meeting, Waits, make_policy
from agent.core.remedies import LOADS, REMEDIES, Method
from tests.agent.core.world import IDLE, World, policy

SCALES = [0.01, 0.5, 1.0]
KEPT = {
    "meeting_near_s", "meeting_margin_s", "maintenance_blind_s", "upgrade_max_s", "attended_max_s", "shed_max_s",
}  # fmt: skip
"""What the room shares with people, devices and the grid."""


def numbered(kind: type[Any]) -> Any:
    """One with another number in every field."""
    return kind(*(100.0 + number for number, _ in enumerate(fields(kind))))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("kind", "where"), [(Guards, "guards"), (Waits, "waits")])
def test_every_guard_and_wait_is_shorter_but_those_of_the_world_outside(
    kind: type[Any], where: str, scale: float
) -> None:
    before = numbered(kind)
    made = getattr(shortened(replace(make_policy(), **{where: before}), scale), where)
    for field in fields(kind):
        factor = 1.0 if field.name in KEPT else scale
        assert getattr(made, field.name) == getattr(before, field.name) * factor, field.name


def test_every_exception_is_a_guard_and_has_a_reason() -> None:
    assert set(SHARED) == KEPT <= {field.name for field in fields(Guards)}
    assert all(len(reason) > 20 for reason in SHARED.values())


def test_the_times_of_a_load_are_shorter_and_its_budgets_are_not() -> None:
    load = replace(LOADS["codec"], boot_s=100.0, off_s=20.0, min_off_s=10.0, hold_on_s=200.0)
    expected = replace(load, boot_s=25.0, off_s=5.0, min_off_s=2.5, hold_on_s=50.0)
    made = shortened(make_policy({"codec": load}), 0.25).loads
    assert made["codec"] == expected
    assert made.keys() == LOADS.keys()
    assert made["room"].hold_on_s == LOADS["room"].hold_on_s / 4


def test_effects_are_awaited_shorter_and_what_is_known_ages_sooner() -> None:
    made = shortened(policy(), 0.5)
    assert made.remedies == {name: replace(remedy, settle_s=remedy.settle_s / 2) for name, remedy in REMEDIES.items()}
    assert made.facts == {key: replace(spec, fresh_s=spec.fresh_s / 2) for key, spec in FACTS.items()}


def test_nothing_else_of_a_policy_changes() -> None:
    meeting = Meeting("m", "Giao ban", 1.0, 2.0)
    before = policy(meetings=(meeting,), maintenance_until_s=77.0, room_hash=0.5, phones={"centre": "1"})
    made = shortened(before, 0.1)
    kept = {where: getattr(before, where) for where in ("guards", "waits", "loads", "remedies", "facts")}
    assert replace(made, **kept) == before
    assert shortened(before, 1.0) == before


@pytest.mark.parametrize("scale", [0.0099, 1.0001, -1.0])
def test_a_scale_that_would_stretch_or_stop_time_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match=rf"^time_scale {scale} is outside 0.01 to 1$"):
        shortened(policy(), scale)


def test_a_rule_is_certain_sooner_and_its_ladder_waits_shorter() -> None:
    plain = {rule.name: rule for rule in agent.rules.load()}
    made = {rule.name: rule for rule in shortened_rules(plain.values(), 0.1)}
    assert made == {name: replace(rule, confirm_s=rule.confirm_s * 0.1) for name, rule in plain.items()}
    nothing_known = View({}, Instant(0.0, 0.0))
    (waits,) = {
        rule.act_after_s(nothing_known, shortened(policy(), 0.1))
        for rule in made.values()
        if rule.act_after_s is not None and rule.name == "uplink_lost"
    }
    assert waits == policy().waits.by_itself_s * 0.1


def test_a_room_has_the_policy_of_its_settings() -> None:
    made = AgentConfig("r-1", time_scale=0.5).policy(frozenset())
    assert made.guards.mains_calm_s == Guards().mains_calm_s / 2
    assert AgentConfig("r-1").policy(frozenset()).guards == Guards()


# The same story at another pace

SILENT = NoReading("timeout")
HUNG: dict[str, Reading] = {
    **IDLE, "codec.api": False,
    **dict.fromkeys(("codec.in_call", "codec.standby", "codec.registered", "codec.camera"), SILENT),
}  # fmt: skip
CUT: dict[str, Reading] = {**IDLE, "net.hub": False, "net.beyond": False}


class Paced:
    """A room at this scale, in whose clock all else is as in any other."""

    def __init__(self, scale: float) -> None:
        self.scale, self.step = scale, 0
        rules = shortened_rules(agent.rules.load(), scale)
        self.world = World(state=initial(shortened(policy(), scale), rules))

    def live(self, seconds: int, readings: Mapping[str, Reading]) -> None:
        """A tick a second and a look every ten, in the room's own seconds; an act ends when its time is over."""
        for _ in range(seconds):
            self.step += 1
            self.world.mono_s = 1000.0 + self.step * self.scale
            if self.step % 10 == 0:
                self.world.see(readings)
            self.world.feed(Tick())
            for act in tuple(self.world.state.acts.values()):
                load, method = self.world.state.policy.loads[act.load], REMEDIES[act.remedy].method
                off_s = load.off_s if method is Method.CYCLE else self.scale
                if self.world.mono_s >= act.started_s + 1.01 * off_s:
                    self.world.finish()

    def told(self) -> list[tuple[object, ...]]:
        """What was recorded, without the durations in it."""
        return [(e.kind, e.rule, e.reason, e.remedy, e.outcome) for e in self.world.effects if isinstance(e, Record)]


def story(scale: float) -> list[tuple[object, ...]]:
    room = Paced(scale)
    room.live(60, IDLE)
    room.live(900, HUNG)
    room.live(60, IDLE)
    room.live(700, CUT)
    room.live(120, IDLE)
    room.world.feed(OrderReceived("c1", "display_power_cycle", "lan", ""))
    room.live(120, IDLE)
    return room.told()


def test_a_short_story_is_told_as_the_long_one() -> None:
    long = story(1.0)
    kinds = {told[0] for told in long}
    assert {
        RecordKind.FAULT_CONFIRMED,
        RecordKind.REMEDY_DONE,
        RecordKind.FAULT_ESCALATED,
        RecordKind.FAULT_CLEARED,
        RecordKind.REMEDY_REFUSED,
    } <= kinds
    assert {told[3] for told in long} >= {"codec_restart", "codec_power_cycle", "converter_power_cycle"}
    assert story(0.125) == long
