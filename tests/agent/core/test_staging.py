"""Mains lost and back: what is shed, and in which order the room returns."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from agent.core.events import OrderReceived, RecordKind, RemedyDone, Restarted, StartRemedy, Tick
from agent.core.facts import NoReading, Reading
from agent.core.interlock import permit
from agent.core.lifecycles import Supply
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.reasons import ALLOWED, Decision, Reason
from agent.core.remedies import REMEDIES, Method
from agent.core.stages import STAGES
from agent.core.state import Fault, LoadState
from tests.agent.core.world import IDLE, World

DARK: dict[str, Reading] = {**IDLE, "mains.voltage_v": NoReading("timeout"), "ups.on_battery": True}


def live(world: World, seconds: float, readings: dict[str, Reading]) -> list[StartRemedy]:
    """Ten seconds between looks, a tick every second; every act ends well within its own time."""
    begun: list[StartRemedy] = []
    end_s = world.mono_s + seconds
    while world.mono_s < end_s:
        world.mono_s += 1.0
        effects = world.see(readings) if world.mono_s % 10 == 0 else ()
        effects += world.feed(Tick())
        for effect in effects:
            if isinstance(effect, StartRemedy):
                begun.append(effect)
        for act in tuple(world.state.acts.values()):
            remedy = REMEDIES[act.remedy]
            wait_s = world.state.policy.loads[act.load].off_s if remedy.method is Method.CYCLE else 0.0
            if remedy.method is not Method.STAGED and world.mono_s >= act.started_s + wait_s:
                world.feed(RemedyDone(act.act_id, ok=True))
    return begun


def names(begun: list[StartRemedy]) -> list[str]:
    return [start.remedy.name for start in begun]


def room(*, hash_of_name: float = 0.5, **loads: LoadState) -> World:
    world = World()
    policy = replace(world.state.policy, room_hash=hash_of_name)
    on = {name: LoadState() for name in ("amplifier", "light", "fan")}
    world.state = replace(world.state, policy=policy, loads={**on, **loads})
    live(world, 20, IDLE)
    return world


def test_extras_are_switched_off_one_after_the_other_and_come_back_last_of_all() -> None:
    world = room()
    begun = live(world, 60, DARK)
    assert names(begun) == ["amplifier_off", "light_off", "fan_off"]
    times = [start.act.started_s for start in begun]
    assert all(b - a >= world.state.policy.guards.stagger_s for a, b in pairwise(times))
    back_s = world.mono_s + 10  # the first look that sees it
    begun = live(world, 400, IDLE)
    assert names(begun) == ["amplifier_on", "light_on", "fan_on"]
    assert begun[0].act.started_s >= back_s + 120 + 0.5 * 60, "two calm minutes and the room's share of one"
    assert world.state.staged is None
    assert [
        len(world.records(kind))
        for kind in (RecordKind.RETURN_BEGAN, RecordKind.RETURN_ENDED, RecordKind.STAGE_UNVERIFIED)
    ] == [1, 1, 0]
    assert not any(load.off for load in world.state.loads.values())


def test_nothing_that_a_call_needs_is_shed_in_a_call() -> None:
    world = room()
    assert names(live(world, 60, {**DARK, "codec.in_call": True, "codec.draw_w": 46.0})) == ["fan_off"]
    assert names(live(world, 60, {**DARK, "codec.in_call": NoReading("link"), "codec.draw_w": NoReading("link")})) == []


def test_what_was_off_before_stays_off() -> None:
    world = room(light=LoadState(supply=Supply.OFF))
    live(world, 60, DARK)
    assert "light_on" not in names(live(world, 400, IDLE))


def test_a_stage_waits_for_the_one_before() -> None:
    world = room()
    live(world, 60, DARK)
    no_gateway = {**IDLE, "net.gateway": False, "net.hub": False, "codec.api": NoReading("timeout")}
    begun = live(world, 250, no_gateway)
    assert "amplifier_on" not in names(begun)
    assert world.state.staged is not None
    assert world.state.staged.stages[0] == "switch"
    assert permit(REMEDIES["display_power_cycle"], world.state, world.now) == Decision(Reason.RETURNING)
    assert "amplifier_on" in names(live(world, 200, IDLE))


def test_a_stage_that_never_serves_is_passed_over_and_told_of() -> None:
    world = room()
    live(world, 60, DARK)
    silent = {key: value for key, value in IDLE.items() if key != "amp.draw_w"} | {"amp.draw_w": 0.0}
    begun = live(world, 900, silent)
    assert {"amplifier_on", "light_on", "fan_on"} <= set(names(begun)), "nothing stays off for want of a proof"
    assert [r.load for r in world.records(RecordKind.STAGE_UNVERIFIED)] == ["amplifier"]


def test_a_second_outage_starts_the_wait_again() -> None:
    world = room()
    live(world, 60, DARK)
    live(world, 140, IDLE)
    live(world, 30, DARK)
    back_s = world.mono_s + 10
    begun = live(world, 400, IDLE)
    assert begun[0].act.started_s >= back_s + 150


def test_a_dip_in_mid_return_starts_the_wait_again() -> None:
    world = room()
    live(world, 60, DARK)
    live(world, 140, IDLE)
    live(world, 10, {**IDLE, "mains.voltage_v": 190.0})
    dip_s = world.mono_s
    assert live(world, 300, IDLE)[0].act.started_s >= dip_s + 150


def test_what_is_shed_comes_back_even_when_nobody_knows_of_the_mains() -> None:
    world = room()
    live(world, 60, DARK)
    deaf = {**IDLE, "mains.voltage_v": NoReading("timeout"), "ups.on_battery": NoReading("timeout")}
    live(world, world.state.policy.guards.shed_max_s - 200, deaf)
    assert world.state.load("fan").off
    assert set(names(live(world, 300, deaf))) == {"amplifier_on", "light_on", "fan_on"}


def test_a_board_that_has_started_anew_lets_the_room_return() -> None:
    world = World()
    world.feed(Restarted(off_loads=("amplifier", "light"), shed_loads=("amplifier",), rebooted=True))
    live(world, 20, IDLE)
    assert permit(REMEDIES["codec_restart"], world.state, world.now) == Decision(Reason.RETURNING)
    begun = live(world, 300, IDLE)
    assert names(begun) == ["amplifier_on"]
    assert permit(REMEDIES["codec_restart"], world.state, world.now) == ALLOWED


STARTING: dict[str, Reading] = {**IDLE, "codec.api": False, "codec.ping": False, "codec.draw_w": 38.0}


def confirmed(world: World) -> list[str]:
    return [record.rule for record in world.records(RecordKind.FAULT_CONFIRMED)]


def test_a_codec_that_starts_with_the_room_is_not_taken_for_hung() -> None:
    world = World()
    world.feed(Restarted(rebooted=True))
    live(world, 150, STARTING)
    live(world, 20, IDLE)
    assert confirmed(world) == []
    assert world.state.staged is not None
    assert "codec" not in world.state.staged.stages
    live(world, 40, STARTING)
    assert confirmed(world) == ["codec_hung"], "it has served: a start is over"


def test_a_codec_that_never_comes_back_is_told_of_when_its_start_is_over() -> None:
    world = World()
    world.feed(Restarted(rebooted=True))
    live(world, 220, STARTING)
    assert confirmed(world) == []
    live(world, 40, STARTING)
    assert confirmed(world) == ["codec_hung"]


def test_an_amplifier_that_was_shed_is_not_missed_before_its_turn() -> None:
    soon = World().now.wall_s + 1800.0
    world = room()
    policy = replace(world.state.policy, meetings=(Meeting("m", "Giao ban", soon, soon + 3600.0),))
    world.state = replace(world.state, policy=policy)
    assert "amplifier_off" in names(live(world, 60, DARK))
    begun = live(world, 130, {**IDLE, "amp.draw_w": 0.0})
    assert "far_sound_lost" not in confirmed(world)
    assert "amplifier_on" not in names(begun)


def test_the_same_boot_returns_to_nothing() -> None:
    world = World()
    world.feed(Restarted(off_loads=("light",)))  # an operator's
    assert world.state.staged is None


def test_an_agent_that_ended_in_mid_return_begins_it_anew() -> None:
    world = room()
    world.feed(Restarted(off_loads=("amplifier", "light"), shed_loads=("amplifier",)))
    assert names(live(world, 300, IDLE)) == ["amplifier_on"]
    assert [len(world.records(kind)) for kind in (RecordKind.RETURN_BEGAN, RecordKind.RETURN_ENDED)] == [1, 1]


def test_an_agent_that_ended_in_an_outage_waits_for_its_end() -> None:
    world = room()
    lost = replace(Fault("mains_lost"), phase=Phase.CONFIRMED, fault_id=3, since_wall_s=world.now.wall_s - 60)
    world.feed(Restarted(off_loads=("amplifier",), shed_loads=("amplifier",), open_faults=(lost,)))
    assert world.state.staged is None
    assert "amplifier_on" not in names(live(world, 600, DARK))
    assert "amplifier_on" in names(live(world, 400, IDLE))


def test_a_staged_boot_cycles_every_load_in_its_order_but_the_way_to_the_hub() -> None:
    world = room()
    world.feed(OrderReceived("c1", "room_staged_boot", "lan"))
    begun = live(world, 900, IDLE)
    cycled = [start.load.name for start in begun if start.remedy.method is Method.CYCLE]
    assert cycled == [name for name in STAGES if name in ("codec", "camera", "splitter", "display")]
    for before, after in pairwise(begun):
        settled_s = before.act.started_s + before.load.off_s
        assert after.act.started_s > settled_s, "the one before has its power back first"
    assert world.records(RecordKind.REMEDY_DONE)[-1].remedy == "room_staged_boot"
    assert world.records(RecordKind.REMEDY_DONE)[-1].outcome == "done"
    assert world.state.acts == {}


def test_a_staged_boot_never_begins_in_a_call() -> None:
    world = room()
    live(world, 20, {**IDLE, "codec.in_call": True, "codec.draw_w": 46.0})
    world.feed(OrderReceived("c1", "room_staged_boot", "lan"))
    assert world.records(RecordKind.COMMAND_REFUSED)[-1].reason == Reason.IN_CALL


def test_a_call_that_begins_in_mid_boot_keeps_the_stages_to_come() -> None:
    world = room()
    world.feed(OrderReceived("c1", "room_staged_boot", "lan"))
    live(world, 60, IDLE)
    call = {**IDLE, "codec.in_call": True, "codec.draw_w": 46.0}
    world.see(call)
    begun = live(world, 900, call)
    assert not [start for start in begun if start.load.in_call_path]
    assert {r.reason for r in world.records(RecordKind.REMEDY_REFUSED)} == {Reason.IN_CALL}
    assert world.state.staged is None, "it ends all the same"
