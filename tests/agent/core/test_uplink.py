"""No act for nothing: a converter is cycled when nothing beyond it has answered for long, and once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.events import DesiredChanged, RecordKind, Restarted
from agent.core.facts import NoReading, Reading
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.reasons import Reason
from agent.core.state import Fault
from tests.agent.core.test_staging import live, names
from tests.agent.core.world import IDLE, WALL_S, World

WELL: dict[str, Reading] = {**IDLE, "net.beyond": True}
HUB_OFF: dict[str, Reading] = {**WELL, "net.hub": False}
SILENT: dict[str, Reading] = {**HUB_OFF, "net.beyond": False}
ALONE: dict[str, Reading] = {**IDLE, "net.hub": False}
"""A room without a second target."""
LATE_S = 60.0
"""A hung converter is cycled this long after the wait at the latest."""


def room(readings: dict[str, Reading], meeting_in_s: float = 0.0) -> World:
    world = World()
    if meeting_in_s:
        start_s = WALL_S + world.mono_s + meeting_in_s
        world.feed(DesiredChanged(1, (Meeting("m", "Giao ban", start_s, start_s + 3600),)))
    live(world, 30, readings)
    return world


def told(world: World) -> list[str]:
    return [record.rule for record in world.records(RecordKind.FAULT_CONFIRMED)]


def test_while_something_beyond_answers_nothing_is_touched_and_the_hub_is_told_of() -> None:
    world = room(WELL)
    assert names(live(world, 60, HUB_OFF)) == []
    assert told(world) == ["hub_unreachable"], "as early as ever, in the right words"
    assert names(live(world, 4 * 3600, HUB_OFF)) == []
    assert told(world) == ["hub_unreachable"]
    assert world.phase("hub_unreachable") is Phase.ESCALATED
    live(world, 30, WELL)
    assert world.phase("hub_unreachable") is Phase.CLEAR


@pytest.mark.parametrize(("meeting_in_s", "wait_s"), [(0.0, 600.0), (2 * 3600.0, 600.0), (3000.0, 180.0)])
@pytest.mark.parametrize("silent", [SILENT, ALONE], ids=["asked", "no_second_target"])
def test_when_nothing_answers_it_waits_and_then_cycles_once(
    silent: dict[str, Reading], meeting_in_s: float, wait_s: float
) -> None:
    world = room(WELL if "net.beyond" in silent else IDLE, meeting_in_s)
    assert names(live(world, wait_s, silent)) == []
    assert told(world) == ["uplink_lost"]
    assert names(live(world, LATE_S, silent)) == ["converter_power_cycle"]
    if not meeting_in_s:
        assert names(live(world, 6 * 3600, silent)) == [], "once for each fault"


def test_the_fault_is_told_and_given_to_a_person_while_it_waits() -> None:
    world = room(WELL)
    live(world, 70, SILENT)
    assert told(world) == ["uplink_lost"]
    live(world, 120, SILENT)
    assert world.phase("uplink_lost") is Phase.ESCALATED
    assert world.records(RecordKind.FAULT_ESCALATED)[-1].reason == Reason.NOT_YET
    assert world.started() == []


def test_where_no_relay_can_help_nobody_waits() -> None:
    world = World()
    relays = world.state.policy.relays - {"converter"}
    world.state = replace(world.state, policy=replace(world.state.policy, relays=relays))
    live(world, 30, WELL)
    live(world, 70, SILENT)
    assert world.records(RecordKind.FAULT_ESCALATED)[-1].reason == "ladder_exhausted"


@pytest.mark.parametrize("sign", [{"net.beyond": NoReading("denied")}, {"hub.session": True}])
def test_what_cannot_be_asked_and_a_session_that_stands_authorise_nothing(sign: dict[str, Reading]) -> None:
    world = room(WELL)
    assert names(live(world, 3600, {**SILENT, **sign})) == []
    assert told(world) == ["uplink_lost"], "told all the same"
    assert world.records(RecordKind.LEASE_WANTED) == []
    assert names(live(world, 30, {**SILENT, "hub.session": False})) == ["converter_power_cycle"]


def test_an_answer_in_between_begins_the_wait_anew() -> None:
    world = room(WELL)
    live(world, 580, SILENT)
    live(world, 10, HUB_OFF)
    assert world.phase("uplink_lost") is Phase.ESCALATED, "one look ends no fault"
    assert names(live(world, 590, SILENT)) == []
    assert names(live(world, LATE_S, SILENT)) == ["converter_power_cycle"]


def test_a_restarted_agent_waits_again_whatever_its_wall_clock_says() -> None:
    world = World()
    old = Fault("uplink_lost", Phase.ESCALATED, fault_id=7, since_wall_s=1.0, refused=Reason.NOT_YET)
    world.feed(Restarted(open_faults=(old,)))
    assert names(live(world, 590, SILENT)) == []
    assert names(live(world, LATE_S, SILENT)) == ["converter_power_cycle"]


def test_a_cable_that_is_out_costs_no_switch_its_power_at_once() -> None:
    world = room(WELL)
    assert names(live(world, 590, {**SILENT, "net.gateway": False, "net.link": False})) == []
    assert told(world) == ["room_network_lost"]
    assert names(live(world, LATE_S, {**SILENT, "net.gateway": False, "net.link": False})) == ["switch_power_cycle"]
    hung = room(WELL)
    assert names(live(hung, 45, {**SILENT, "net.gateway": False})) == ["switch_power_cycle"], "a hang has its carrier"


def test_a_switch_is_left_alone_while_something_beyond_it_answers() -> None:
    world = room(WELL)
    assert names(live(world, 3600, {**HUB_OFF, "net.gateway": False})) == []
    assert names(live(world, 60, {**SILENT, "net.gateway": False})) == ["switch_power_cycle"]
