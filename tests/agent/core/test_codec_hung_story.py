"""The fault that the product exists for, told step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.events import DesiredChanged, OrderReceived, RecordKind, RemedyDone
from agent.core.facts import NoReading, Reading
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.state import LoadState
from tests.agent.core.test_staging import live, names
from tests.agent.core.world import IDLE, WALL_S, World

HUNG: dict[str, Reading] = {
    **IDLE,
    "codec.api": False,
    "codec.in_call": NoReading("timeout"),
    "codec.standby": NoReading("timeout"),
    "codec.registered": NoReading("timeout"),
}

OUT: dict[str, Reading] = {
    "env.light_lx": 4.0, "amp.draw_w": 0.0, "pc.alive": False, "pc.app_running": False, "display.fault": "failure",
    "net.gateway": False, "net.hub": False, "codec.ping": False, "codec.api": False, "codec.camera": False,
    "codec.registered": False, "codec.draw_w": 0.0,
}  # fmt: skip
"""What stops with the mains, whatever of it hangs on the UPS."""


def hung_world() -> World:
    world = World()
    world.run(IDLE, 60)
    world.run(HUNG, 25)
    return world


def test_a_hung_codec_is_restarted_and_heals() -> None:
    world = hung_world()
    assert world.remedies() == ["codec_restart"]
    assert world.phase("codec_hung") is Phase.REMEDYING
    world.finish()
    assert world.phase("codec_hung") is Phase.SETTLING
    world.run(HUNG, 100)  # it boots; misses are not counted
    assert world.remedies() == ["codec_restart"]
    world.run(IDLE, 25)
    assert world.phase("codec_hung") is Phase.CLEAR
    (cleared,) = world.records(RecordKind.FAULT_CLEARED)
    assert cleared.reason == "healed_by_room"
    assert cleared.fault_id == world.records(RecordKind.FAULT_CONFIRMED)[0].fault_id


def test_the_next_rungs_are_a_power_cycle_the_whole_room_and_then_a_person() -> None:
    world = hung_world()
    world.finish()
    world.run(HUNG, 225 + 40)
    assert world.remedies() == ["codec_restart", "codec_power_cycle"]
    world.finish()
    begun = live(world, 225 + 40, HUNG)
    assert names(begun) == ["room_staged_boot", "codec_power_cycle"]
    begun = live(world, 1500, HUNG)
    assert names(begun) == ["camera_power_cycle", "splitter_power_cycle", "display_power_cycle"]
    assert world.phase("codec_hung") is Phase.ESCALATED
    (escalated,) = world.records(RecordKind.FAULT_ESCALATED)
    assert escalated.reason == "ladder_exhausted"
    assert escalated.words["vi"].title.startswith("Máy bị treo")


@pytest.mark.parametrize("ago_s", [(2600.0, 2500.0), (80_000.0, 70_000.0, 60_000.0)])
def test_the_whole_room_is_not_restarted_for_a_codec_that_may_take_no_part(ago_s: tuple[float, ...]) -> None:
    world = World(mono_s=100_000.0)
    spent = LoadState(cycles_s=tuple(world.mono_s - ago for ago in ago_s))
    world.state = replace(world.state, loads={"codec": spent})
    world.run(IDLE, 60)
    world.run(HUNG, 25)
    assert world.remedies() == ["codec_restart"]
    world.finish()
    world.run(HUNG, 225 + 40)
    assert world.remedies() == ["codec_restart"], "neither its own cycle nor, for nothing, all others"
    assert world.phase("codec_hung") is Phase.ESCALATED


def test_a_restart_that_fails_outright_climbs_but_still_respects_hold_on() -> None:
    world = hung_world()
    world.finish(ok=False, reason="timeout")
    assert world.remedies() == ["codec_restart"]
    world.run(HUNG, 160)
    assert world.remedies() == ["codec_restart"], "hold-on is 180 s for the load, whoever asks"
    world.run(HUNG, 90)
    assert world.remedies() == ["codec_restart", "codec_power_cycle"]


@pytest.mark.parametrize("last", [True, False])
def test_no_act_while_the_draw_says_call(last: bool) -> None:
    world = World()
    world.run({**IDLE, "codec.in_call": last, "codec.draw_w": 46.0}, 30)
    world.run({**HUNG, "codec.draw_w": 46.0}, 600)
    assert world.remedies() == []
    assert world.phase("codec_hung") is Phase.ESCALATED, "a person hears of it"
    assert world.records(RecordKind.REMEDY_REFUSED)[0].reason == "call_unknown"


def test_without_a_calibrated_meter_a_silent_codec_is_left_alone() -> None:
    world = World()
    world.state = replace(
        world.state,
        policy=replace(world.state.policy, thresholds=replace(world.state.policy.thresholds, call_draw_w=0.0)),
    )
    world.run(IDLE, 30)
    world.run(HUNG, 300)
    assert world.remedies() == []
    assert world.phase("codec_hung") is Phase.ESCALATED


def test_the_act_follows_when_the_call_is_over() -> None:
    world = World()
    world.run({**IDLE, "codec.in_call": True, "codec.draw_w": 46.0}, 30)
    world.run({**HUNG, "codec.draw_w": 46.0}, 300)
    assert world.remedies() == []
    world.run(HUNG, 30)
    assert world.remedies() == ["codec_restart"]
    assert world.records(RecordKind.FAULT_REARMED)[-1].reason == "permitted"


def test_no_restart_close_to_a_meeting_but_after_it() -> None:
    world = World()
    start_s = WALL_S + world.mono_s + 560
    world.feed(DesiredChanged(1, (Meeting("m1", "Giao ban", start_s, start_s + 1800),)))
    world.run(IDLE, 30)
    world.run(HUNG, 560 + 1800 - 40)
    assert world.remedies() == []
    assert world.records(RecordKind.REMEDY_REFUSED)[0].reason == "meeting_near"
    world.run(HUNG, 60)
    assert world.remedies() == ["codec_restart"]


def test_one_look_is_one_strike_however_many_facts_it_carries() -> None:
    world = World()
    world.run(IDLE, 10)
    world.see(HUNG)
    world.mono_s += 10
    world.see(HUNG)
    assert world.phase("codec_hung") is Phase.SUSPECTED
    world.mono_s += 10
    world.see(HUNG)
    assert world.records(RecordKind.FAULT_CONFIRMED)


def test_ping_alone_never_cuts() -> None:
    world = World()
    world.run(IDLE, 30)
    world.run({**IDLE, "codec.ping": False}, 300)
    assert world.remedies() == []


def test_an_operators_restart_is_not_mistaken_for_a_fault() -> None:
    world = World()
    world.run(IDLE, 60)
    world.see(IDLE)
    world.feed(OrderReceived("c1", "codec_power_cycle", "lan"))
    assert world.remedies() == ["codec_power_cycle"]
    world.run({**HUNG, "codec.draw_w": 0.5, "codec.ping": False}, 15)
    world.finish()
    world.run({**HUNG, "codec.ping": False}, 150)
    assert world.records(RecordKind.FAULT_CONFIRMED) == []
    assert world.records(RecordKind.REMEDY_DONE)[-1].command == "c1"


def test_a_command_passes_the_same_interlock_and_only_once() -> None:
    world = World()
    world.run({**IDLE, "codec.in_call": True}, 30)
    world.feed(OrderReceived("c1", "codec_power_cycle", "lan"))
    world.feed(OrderReceived("c1", "codec_power_cycle", "lan"))
    assert world.remedies() == []
    assert [r.reason for r in world.records(RecordKind.COMMAND_REFUSED)] == ["in_call"]
    world.run(IDLE, 30)
    world.feed(OrderReceived("c1", "codec_power_cycle", "lan"))
    assert world.remedies() == [], "an id that was answered is never obeyed later"
    world.feed(OrderReceived("c2", "burn_down", "lan"))
    assert world.records(RecordKind.COMMAND_REFUSED)[-1].reason == "unknown_action"


def test_an_act_that_is_never_reported_counts_as_failed() -> None:
    world = hung_world()
    act = world.started()[0].act
    world.run(HUNG, 40)
    assert world.records(RecordKind.REMEDY_DONE)[0].reason == "no_report"
    world.feed(RemedyDone(act.act_id, ok=True))  # too late: changes nothing
    assert len(world.records(RecordKind.REMEDY_DONE)) == 1


def test_a_codec_without_power_is_not_called_hung() -> None:
    world = World()
    world.run(IDLE, 30)
    world.run({**HUNG, "codec.ping": False, "codec.draw_w": 0.3}, 35)
    assert [r.rule for r in world.records(RecordKind.FAULT_CONFIRMED)] == ["codec_no_power"]
    assert world.remedies() == ["codec_power_cycle"]


def test_consequences_of_a_lost_line_are_not_raised() -> None:
    world = World()
    world.run(IDLE, 30)
    world.run({**IDLE, "net.hub": False, "codec.registered": False}, 640)
    assert [r.rule for r in world.records(RecordKind.FAULT_CONFIRMED)] == ["uplink_lost"]
    assert world.remedies() == ["converter_power_cycle"]


def test_what_goes_out_with_the_mains_is_no_fault_of_its_own() -> None:
    world = World()
    start_s = WALL_S + world.mono_s + 1800
    world.feed(DesiredChanged(1, (Meeting("m", "Giao ban", start_s, start_s + 3600),)))
    world.run(IDLE, 30)
    world.run({**IDLE, **OUT, "mains.voltage_v": 0.0, "ups.on_battery": True}, 300)
    assert [r.rule for r in world.records(RecordKind.FAULT_CONFIRMED)] == ["mains_lost"]
    world.run({**IDLE, "env.light_lx": 4.0}, 300)
    assert [r.rule for r in world.records(RecordKind.FAULT_CONFIRMED)] == ["mains_lost", "room_dark"], "with the mains"


def test_old_evidence_authorises_nothing() -> None:
    world = World()
    world.run({**IDLE, "codec.in_call": True, "codec.draw_w": 46.0}, 30)
    world.run({**HUNG, "codec.draw_w": 46.0}, 90)
    world.run({**HUNG, "codec.api": NoReading("link")}, 300)  # our own adapter is gone: is it still hung?
    assert world.remedies() == []
    assert world.records(RecordKind.REMEDY_REFUSED)[-1].reason == "no_evidence"


def test_an_order_that_never_left_uses_nothing_up_and_the_next_rung_follows_at_once() -> None:
    world = hung_world()
    act = world.started()[0].act
    world.feed(RemedyDone(act.act_id, ok=False, reason="timeout", proof={"sent": False}))
    world.run(HUNG, 5)
    assert world.remedies() == ["codec_restart", "codec_power_cycle"]


def test_waiting_for_our_own_clock_calls_no_person() -> None:
    world = hung_world()
    world.finish(ok=False, reason="timeout")  # it may have been obeyed: the load has to settle
    world.run(HUNG, 225 + 20)
    assert world.records(RecordKind.FAULT_ESCALATED) == []
    assert world.remedies() == ["codec_restart", "codec_power_cycle"]
