"""Each limit of the interlock at its very edge: the last moment at which it refuses, and the first after it.

Mutation testing (`make mutants`) asks for these: a limit that is off by one comparison is a limit nobody has pinned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent.core.engine import step
from agent.core.events import DesiredChanged, Observed, OrderReceived, Tick
from agent.core.facts import Instant, NoReading, Observation, Reading
from agent.core.interlock import DAY_S, HOUR_S, permit
from agent.core.lifecycles import LeaseState, StageState, Supply
from agent.core.maintenance import is_open
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.reasons import ALLOWED, Decision, Reason
from agent.core.remedies import REMEDIES
from agent.core.state import Act, Fault, Lease, LoadState, Staged
from agent.core.timelines import UNSTEPPED
from tests.agent.core.world import IDLE, WALL_S, World


def room(**readings: Reading) -> World:
    """A healthy room of which everything was seen just now."""
    world = World(mono_s=100_000.0)
    world.see({**IDLE, **{key.replace("__", "."): value for key, value in readings.items()}})
    return world


def said(world: World, remedy: str = "codec_power_cycle", *, own: bool = False) -> str:
    """The refusal's name; empty when it is permitted."""
    return permit(REMEDIES[remedy], world.state, world.now, own=own).reason or ""


def with_load(world: World, name: str = "codec", **changes: object) -> World:
    state = replace(LoadState(), **changes)  # type: ignore[arg-type]
    world.state = replace(world.state, loads={**world.state.loads, name: state})
    return world


def with_policy(world: World, **changes: object) -> World:
    world.state = replace(world.state, policy=replace(world.state.policy, **changes))  # type: ignore[arg-type]
    return world


def with_guards(world: World, **changes: float) -> World:
    return with_policy(world, guards=replace(world.state.policy.guards, **changes))


@pytest.mark.parametrize(
    ("age_s", "field", "reason"),
    [
        (180.0, "hold", Reason.HOLD_ON),
        (HOUR_S, "hour", Reason.BUDGET_HOUR),
        (DAY_S, "day", Reason.BUDGET_DAY),
        (HOUR_S, "cycles", Reason.BUDGET_HOUR),
        (DAY_S, "cycles_day", Reason.BUDGET_DAY),
    ],
)
def test_limits_of_a_load_end_at_their_very_second(age_s: float, field: str, reason: Reason) -> None:
    def at(age: float) -> str:
        oldest = 100_000.0 - age
        recent = [100_000.0 - n for n in (200.0, 250.0, 300.0, 350.0, 400.0)]
        later = [100_000.0 - n for n in (4000.0, 5000.0, 6000.0, 7000.0, 8000.0)]
        histories: dict[str, dict[str, Any]] = {
            "hold": {"acts_s": (oldest,)},
            "hour": {"acts_s": tuple(sorted((oldest, *recent[:2])))},
            "day": {"acts_s": tuple(sorted((oldest, *later)))},
            "cycles": {"cycles_s": tuple(sorted((oldest, recent[0])))},
            "cycles_day": {"cycles_s": tuple(sorted((oldest, *later[:2])))},
        }
        return said(with_load(room(), **histories[field]))

    assert at(age_s - 0.01) == reason
    assert at(age_s) == ""


def test_settling_and_upstream_end_at_their_very_second() -> None:
    assert said(with_load(room(), settle_until_s=100_000.01)) == Reason.SETTLING
    assert said(with_load(room(), settle_until_s=100_000.0)) == ""
    assert said(with_load(room(), "switch", settle_until_s=100_000.01)) == Reason.UPSTREAM_DOWN
    assert said(with_load(room(), "switch", settle_until_s=100_000.0)) == ""


def test_min_off_and_stagger_end_at_their_very_second() -> None:
    for off_since_s, reason in ((99_995.01, Reason.MIN_OFF), (99_995.0, ""), (None, "")):
        off = with_load(room(), "amplifier", supply=Supply.OFF, off_since_s=off_since_s)
        assert said(off, "amplifier_on") == reason
    world = room()
    world.state = replace(world.state, last_relay_s=99_998.01)
    assert said(world) == Reason.STAGGER
    world.state = replace(world.state, last_relay_s=99_998.0)
    assert said(world) == ""


@pytest.mark.parametrize(
    ("volts", "reason"), [(198.0, ""), (197.99, Reason.MAINS_UNSTABLE), (242.0, ""), (242.01, Reason.MAINS_UNSTABLE)]
)
def test_the_mains_is_good_at_its_very_limits(volts: float, reason: str) -> None:
    assert said(room(mains__voltage_v=volts)) == reason


def test_the_mains_is_calm_after_its_very_minute() -> None:
    world = room()
    world.state = replace(world.state, mains_bad_s=99_940.01)
    assert said(world) == Reason.MAINS_UNSTABLE
    world.state = replace(world.state, mains_bad_s=99_940.0)
    assert said(world) == ""


@pytest.mark.parametrize(
    ("saw", "reason"),
    [
        ({"ups.on_battery": True}, Reason.MAINS_UNSTABLE),
        ({"mains.voltage_v": 197.99}, Reason.MAINS_UNSTABLE),
        ({"mains.voltage_v": 242.01}, Reason.MAINS_UNSTABLE),
        ({"mains.voltage_v": 501.0}, ""),
        ({"mains.voltage_v": NoReading("timeout"), "ups.on_battery": False}, ""),
    ],
)
def test_a_dip_counts_although_a_later_question_was_answered_sooner(saw: dict[str, Reading], reason: str) -> None:
    """Two looks at the meter cross: the one that was asked first, in the dip, comes after the one that saw its end."""
    world = room()
    late = Observation("power", saw, dict.fromkeys(saw, world.mono_s - 0.2))
    world.feed(Observed(late))
    assert said(world) == reason
    world.mono_s += 60.0
    world.see(IDLE)
    assert said(world) == "", "it was a moment, and does not go on"


def maintained(ends_in_s: float, *, synced: bool = True) -> World:
    """A room that has just been told of a maintenance."""
    world = room()
    world.synced = synced
    world.feed(DesiredChanged(1, maintenance_until_s=WALL_S + world.mono_s + ends_in_s))
    return world


def test_maintenance_ends_at_its_very_second_by_a_good_clock() -> None:
    assert said(maintained(0.01)) == Reason.MAINTENANCE
    assert said(maintained(0.0)) == ""


def test_a_clock_that_is_stepped_forward_and_back_ends_no_maintenance() -> None:
    """Hands are in the equipment. What a wrong time server said is not to be remembered as the window's end."""
    world = World()
    world.see(IDLE)
    world.feed(Tick())
    world.feed(DesiredChanged(1, maintenance_until_s=WALL_S + world.mono_s + 3600.0))
    for step_s in (7200.0, 7200.0, 0.0, 0.0):
        world.mono_s += 1.0
        there = Instant(world.mono_s, WALL_S + world.mono_s + step_s)
        for event in (Observed(Observation("test", IDLE)), Tick()):
            world.state, _ = step(world.state, event, there)
        assert permit(REMEDIES["light_off"], world.state, there) == Decision(Reason.MAINTENANCE)
    assert world.state.maintenance_over_s == 0.0


def test_a_maintenance_is_open_by_the_wall_clock_whatever_was_remembered_of_its_end() -> None:
    """A wrong clock may have seen that end."""
    world = World()
    world.see(IDLE)
    world.state = replace(world.state, maintenance_over_s=WALL_S + 5000.0)
    world.feed(DesiredChanged(1, maintenance_until_s=WALL_S + 5000.0))
    assert permit(REMEDIES["light_off"], world.state, world.now) == Decision(Reason.MAINTENANCE)
    world.mono_s = 5000.0
    world.see(IDLE)
    assert permit(REMEDIES["light_off"], world.state, world.now) == ALLOWED


def test_without_a_good_clock_maintenance_lasts_a_working_day_at_most() -> None:
    for ends_in_s in (-5000.0, 5000.0, 1e9):
        unsure = maintained(ends_in_s, synced=False)
        assert said(unsure) == Reason.MAINTENANCE, "nobody knows whether it is over"
        unsure.mono_s += 12 * 3600 - 0.01
        assert said(unsure) == Reason.MAINTENANCE
        unsure.mono_s += 0.02
        assert said(unsure) != Reason.MAINTENANCE


def test_what_a_good_clock_has_seen_end_stays_over() -> None:
    world = maintained(10.0)
    world.mono_s += 11.0
    world.feed(Tick())
    world.synced = False
    assert said(world) != Reason.MAINTENANCE
    world.state = replace(world.state, times=UNSTEPPED)
    assert said(world) != Reason.MAINTENANCE, "in a start without a time server too"
    world.feed(DesiredChanged(2, maintenance_until_s=WALL_S + world.mono_s + 60.0))
    assert said(world) == Reason.MAINTENANCE, "another one"


def test_a_window_is_believed_up_to_the_longest_that_there_is() -> None:
    week_s = 7 * 86_400.0 + 5.0
    for ends_in_s, open_ in ((week_s, True), (week_s + 0.01, None)):
        world = maintained(ends_in_s)
        assert is_open(world.state, world.now) is open_


@pytest.mark.parametrize(
    ("fact", "field", "reason"),
    [
        ("room.attended", "attended_max_s", Reason.ATTENDED),
        ("codec.upgrading", "upgrade_max_s", Reason.UPGRADING),
    ],
)
def test_a_word_from_the_room_outlives_its_source_for_its_very_time(fact: str, field: str, reason: Reason) -> None:
    world = with_guards(room(), **{field: 500.0})
    world.see({fact: True})
    world.mono_s += 499.99
    world.see({**IDLE, fact: NoReading("timeout")})
    assert said(world) == reason
    world.mono_s += 0.01
    world.see(IDLE)
    assert said(world) == ""


@pytest.mark.parametrize("fact", ["room.attended", "codec.upgrading"])
def test_a_fresh_no_is_no_word(fact: str) -> None:
    world = room()
    world.see({fact: False})
    assert said(world) == ""


def test_new_firmware_forbids_all_that_feeds_the_codec() -> None:
    world = room(codec__upgrading=True)
    open_fault = Fault("room_network_lost", Phase.CONFIRMED, fault_id=1, since_s=99_000.0)
    world.state = replace(world.state, faults={"room_network_lost": open_fault})
    assert {r: said(world, r) for r in ("codec_restart", "switch_power_cycle", "room_staged_boot")} == {
        "codec_restart": Reason.UPGRADING, "switch_power_cycle": Reason.UPGRADING, "room_staged_boot": Reason.UPGRADING,
    }  # fmt: skip
    assert said(world, "display_power_cycle") == ""


def test_what_the_room_lacks_is_not_fitted() -> None:
    assert said(with_policy(room(), apis=frozenset()), "codec_restart") == Reason.NOT_FITTED
    assert said(with_policy(room(), relays=frozenset()), "room_staged_boot") == Reason.NOT_FITTED


def test_only_the_present_stage_may_be_acted_upon_once_it_has_its_power() -> None:
    def at(stands: StageState, remedy: str) -> str:
        world = room()
        stages = ("codec", "display", "camera")
        world.state = replace(world.state, staged=Staged(stages, 99_000.0, stands=stands, since_s=99_500.0))
        return said(world, remedy)

    assert at(StageState.DUE, "codec_power_cycle") == Reason.RETURNING
    assert at(StageState.HELD, "codec_power_cycle") == Reason.RETURNING
    assert at(StageState.SWITCHED, "codec_power_cycle") == ""
    assert at(StageState.SWITCHED, "display_power_cycle") == Reason.RETURNING
    assert at(StageState.SWITCHED, "camera_power_cycle") == Reason.RETURNING
    assert at(StageState.SWITCHED, "splitter_power_cycle") == "", "it has returned already"
    assert at(StageState.SWITCHED, "board_reboot") == Reason.RETURNING, "not in the middle of a return"


def test_the_way_to_the_hub_is_the_fault_only_while_its_own_rule_says_so() -> None:
    def at(fault: Fault, acts_s: tuple[float, ...] = ()) -> str:
        world = with_load(room(), "converter", acts_s=acts_s)
        world.state = replace(world.state, faults={fault.rule: fault})
        return said(world, "converter_power_cycle")

    mine = Fault("uplink_lost", Phase.CONFIRMED, fault_id=1, since_s=99_000.0)
    assert at(mine) == ""
    assert at(replace(mine, phase=Phase.SUSPECTED)) == Reason.OWN_UPLINK
    assert at(replace(mine, rule="codec_hung")) == Reason.OWN_UPLINK
    assert at(replace(mine, rule="a_rule_of_old")) == Reason.OWN_UPLINK
    # Its budget is one an hour: the older act has left it, and is of this fault still.
    long = replace(mine, since_s=90_000.0)
    assert at(long, (90_000.0,)) == Reason.UPLINK_ONCE
    assert at(long, (89_999.9,)) == ""


def test_a_lease_is_asked_granted_and_denied_to_its_very_second() -> None:
    def at(state: LeaseState, ago_s: float = 0.0, wait_s: float = 20.0) -> str:
        world = with_guards(room(), lease_wait_s=wait_s)
        world.see({"hub.session": True})
        world.state = replace(world.state, lease=Lease(state, 100_000.0 - ago_s))
        return said(world, own=True)

    assert at(LeaseState.GRANTED, 299.99) == ""
    assert at(LeaseState.GRANTED, 300.0) == Reason.LEASE, "it is asked for again"
    assert at(LeaseState.DENIED, 299.99) == Reason.FLEET_BUDGET
    assert at(LeaseState.DENIED, 300.0) == Reason.LEASE
    assert at(LeaseState.ASKED, 19.99) == Reason.LEASE
    assert at(LeaseState.ASKED, 20.0) == "", "the hub is silent"
    assert at(LeaseState.ASKED, 299.99) == ""
    assert at(LeaseState.ASKED, 300.0) == Reason.LEASE
    assert at(LeaseState.NONE, wait_s=0.0) == "", "the hub is not asked"
    assert at(LeaseState.NONE, wait_s=0.5) == Reason.LEASE
    assert at(LeaseState.DENIED, 1.0, wait_s=0.0) == ""


def test_nothing_is_switched_off_under_the_hands_of_somebody() -> None:
    assert said(room(room__attended=True), "light_off") == Reason.ATTENDED
    held = with_guards(room(), attended_max_s=1.0)
    held.see({"room.attended": True})
    held.mono_s += 2.0
    held.see({**IDLE, "room.attended": NoReading("garbled")})
    assert said(held, "light_off") == ""
    assert said(with_load(room(), "light", act_id=7), "light_off") == Reason.LOAD_BUSY


@pytest.mark.parametrize(
    ("call_draw_w", "draw_w", "word", "reason"),
    [
        (40.0, 40.0, False, Reason.WITNESSES_DISAGREE),
        (40.0, 39.9, False, ""),
        (0.0, 31.0, False, ""),  # not calibrated: the meter is no witness
        (0.0, 31.0, NoReading("timeout"), Reason.CALL_UNKNOWN),
        (0.5, 31.0, False, Reason.WITNESSES_DISAGREE),
        (40.0, 5.0, NoReading("timeout"), ""),
        (0.0, 5.0, NoReading("timeout"), Reason.CALL_UNKNOWN),  # just alive
        (0.0, 4.99, NoReading("timeout"), ""),  # without power there is no call
    ],
)
def test_the_second_witness_at_its_very_limits(call_draw_w: float, draw_w: float, word: Reading, reason: str) -> None:
    world = room()
    limits = replace(world.state.policy.thresholds, call_draw_w=call_draw_w)
    with_policy(world, thresholds=limits).see({"codec.in_call": word, "codec.draw_w": draw_w})
    assert said(world) == reason


def test_the_grace_after_a_call_ends_at_its_very_second() -> None:
    world = room(codec__in_call=True)
    world.mono_s += 59.99
    world.see({**IDLE, "codec.in_call": NoReading("timeout")})
    assert said(world) == Reason.CALL_UNKNOWN
    world.mono_s += 0.01
    world.see({**IDLE, "codec.in_call": NoReading("timeout")})
    assert said(world) == ""


def test_two_loads_never_get_their_power_back_together() -> None:
    """The inrush flows when power comes back: an act that would end with another one waits."""
    world = room()
    act = Act(7, "codec_power_cycle", "codec", started_s=world.mono_s - 17.0, deadline_s=world.mono_s + 60)
    world.state = replace(world.state, acts={7: act})  # back in 13 s, as a display's cycle of 15 s would be in 15 s
    world.state = replace(world.state, acts={7: replace(act, started_s=world.mono_s - 16.99)})
    assert said(world, "display_power_cycle") == Reason.STAGGER
    world.state = replace(world.state, acts={7: replace(act, started_s=world.mono_s - 17.0)})
    assert said(world, "display_power_cycle") == ""
    world.state = replace(world.state, acts={7: replace(act, started_s=world.mono_s - 28.01)})
    assert said(world, "light_on") == Reason.STAGGER, "a lamp draws its own inrush"
    world.state = replace(world.state, acts={7: replace(act, started_s=world.mono_s - 28.0)})
    assert said(world, "light_on") == ""


def test_an_act_by_a_devices_own_interface_holds_up_no_relay() -> None:
    world = room()
    act = Act(7, "codec_restart", "codec", started_s=world.mono_s - 30.0, deadline_s=world.mono_s + 60)
    world.state = replace(world.state, acts={7: act})
    assert said(world, "light_on") == ""


def test_power_that_has_just_come_back_holds_up_the_next_relay() -> None:
    world = room()
    world.feed(OrderReceived("c1", "camera_power_cycle", "lan"))
    world.mono_s += 15.0
    world.finish()
    world.mono_s += 1.9
    assert said(world, "light_on") == Reason.STAGGER
    world.mono_s += 0.1
    assert said(world, "light_on") == ""


def _with_meeting(world: World) -> World:
    return with_policy(world, meetings=(Meeting("m", "Giao ban", world.now.wall_s + 60, world.now.wall_s + 3600),))


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (room(), ""),
        (room(codec__in_call=True), Reason.IN_CALL),
        (room(codec__draw_w=45.0), Reason.WITNESSES_DISAGREE),
        (room(codec__upgrading=True), Reason.UPGRADING),
        (room(room__attended=True), Reason.ATTENDED),
        (_with_meeting(room()), Reason.MEETING_NEAR),
        (with_load(room(), acts_s=(99_999.0,), ended_s=99_999.0), ""),  # no restart: its pauses do not count
    ],
)
def test_settings_are_written_only_outside_calls(world: World, reason: str) -> None:
    """Writing settings takes nothing out of service, and may end a call all the same."""
    assert said(world, "codec_settings_restore") == reason


def test_settings_wait_for_witnesses_that_have_just_been_asked() -> None:
    world = room()
    world.mono_s += 20.0
    assert said(world, "codec_settings_restore") == Reason.LOOKING
    assert said(world, "codec_wake") == ""
