"""Limits that outlast a fault: the latch of a load, the fleet's lease, the agent's own way out, and no effect."""

from __future__ import annotations

from dataclasses import replace

from agent.core.events import OrderReceived, Record, RecordKind, RemedyDone, Restarted, StartRemedy
from agent.core.facts import NoReading, Reading
from agent.core.interlock import permit
from agent.core.leases import DENIED, GRANTED
from agent.core.phases import Phase
from agent.core.reasons import Decision, Reason
from agent.core.remedies import REMEDIES
from agent.core.state import LoadState
from tests.agent.core.test_staging import live, names
from tests.agent.core.world import IDLE, World

HUNG: dict[str, Reading] = {**IDLE, "codec.api": False, "codec.in_call": NoReading("timeout")}
CYCLE = REMEDIES["codec_power_cycle"]


def tired(**changes: object) -> World:
    """A room whose codec has had its three cycles of the day, none of them in the last hour."""
    world = World(mono_s=80_000.0)
    acts = tuple(80_000.0 - hours * 3600 for hours in (20, 12, 4))
    codec = replace(LoadState(acts_s=acts, cycles_s=acts), **changes)  # type: ignore[arg-type]
    world.state = replace(world.state, loads={"codec": codec})
    live(world, 20, IDLE)
    return world


def test_a_fourth_cycle_in_a_day_latches_the_load_until_a_person_clears_it() -> None:
    world = tired()
    live(world, 900, HUNG)
    assert [r.load for r in world.records(RecordKind.LOAD_LATCHED)] == ["codec"]
    assert world.state.fault("codec_hung").phase is Phase.ESCALATED
    world.mono_s += 100_000  # another day does not help
    live(world, 20, IDLE)
    assert permit(CYCLE, world.state, world.now) == Decision(Reason.LATCHED)
    world.feed(OrderReceived("c1", "clear_latches", "lan"))
    assert world.records(RecordKind.REMEDY_DONE)[-1].detail == {"loads": "codec"}
    assert permit(CYCLE, world.state, world.now).allowed


def test_a_latched_fault_stays_with_its_person_in_silence_until_it_is_cleared() -> None:
    world = tired()
    live(world, 900, HUNG)
    told = len(world.effects)
    live(world, 8000, HUNG)
    assert [e for e in world.effects[told:] if isinstance(e, Record)] == []
    world.feed(OrderReceived("c1", "clear_latches", "lan"))
    world.mono_s += 86_400
    assert "codec_restart" in names(live(world, 60, HUNG))


def test_the_latch_outlives_a_restart() -> None:
    world = World()
    world.feed(Restarted(latched_loads=("codec",)))
    live(world, 20, IDLE)
    assert permit(CYCLE, world.state, world.now) == Decision(Reason.LATCHED)


def connected(readings: dict[str, Reading]) -> dict[str, Reading]:
    return {**readings, "hub.session": True}


def leased() -> World:
    world = World()
    live(world, 20, connected(IDLE))
    return world


def test_a_connected_room_asks_before_it_restarts_something() -> None:
    world = leased()
    assert names(live(world, 35, connected(HUNG))) == []
    assert [(r.remedy, r.load) for r in world.records(RecordKind.LEASE_WANTED)] == [("codec_restart", "codec")]
    world.feed(OrderReceived("l1", GRANTED, "hub"))
    assert names(live(world, 5, connected(HUNG))) == ["codec_restart"]


def test_one_lease_is_one_act() -> None:
    world = leased()
    live(world, 35, connected(HUNG))
    world.feed(OrderReceived("l1", GRANTED, "hub"))
    assert names(live(world, 400, connected(HUNG)))[0] == "codec_restart"
    assert len(world.records(RecordKind.LEASE_WANTED)) == 2, "the power cycle asks for its own"


def test_a_silent_hub_leaves_the_rooms_own_limits() -> None:
    world = leased()
    begun = live(world, 60, connected(HUNG))
    asked = world.records(RecordKind.LEASE_WANTED)
    assert len(asked) == 1
    assert names(begun) == ["codec_restart"]


def test_without_a_hub_nobody_is_asked() -> None:
    world = World()
    live(world, 20, IDLE)
    assert names(live(world, 35, {**HUNG, "hub.session": False})) == ["codec_restart"]
    assert world.records(RecordKind.LEASE_WANTED) == []


def test_a_denied_room_waits_calls_a_person_and_asks_again() -> None:
    world = leased()
    live(world, 35, connected(HUNG))
    world.feed(OrderReceived("l1", DENIED, "hub"))
    assert names(live(world, 200, connected(HUNG))) == []
    assert world.records(RecordKind.FAULT_ESCALATED)[-1].reason == Reason.FLEET_BUDGET
    live(world, 105, connected(HUNG))
    assert len(world.records(RecordKind.LEASE_WANTED)) == 2
    world.feed(OrderReceived("l2", GRANTED, "hub"))
    assert names(live(world, 5, connected(HUNG))) == ["codec_restart"]


def test_a_lease_permits_nothing_by_itself() -> None:
    world = leased()
    world.feed(OrderReceived("l1", GRANTED, "hub"))
    assert names(live(world, 100, connected({**HUNG, "codec.draw_w": 46.0}))) == []


def test_the_way_to_the_hub_is_cut_once_for_each_fault() -> None:
    world = World()
    live(world, 20, IDLE)
    down = {**IDLE, "net.hub": False}
    assert names(live(world, 20_000, down)) == ["converter_power_cycle"]
    live(world, 200, IDLE)
    assert names(live(world, 700, down)) == ["converter_power_cycle"], "another fault, another try"


def test_a_cycle_that_a_meter_saw_no_effect_of_has_failed() -> None:
    world = World()
    live(world, 20, IDLE)
    effects = world.feed(OrderReceived("c1", "codec_power_cycle", "lan"))
    act = next(e.act for e in effects if isinstance(e, StartRemedy))
    world.feed(RemedyDone(act.act_id, ok=True, proof={"draw_before_w": 31.0, "draw_off_w": 30.5}))
    done = world.records(RecordKind.REMEDY_DONE)[-1]
    assert (done.outcome, done.reason) == ("failed", "no_effect")


def test_new_evidence_is_worth_another_try() -> None:
    world = World()
    live(world, 20, IDLE)
    live(world, 3000, HUNG)
    assert world.state.fault("codec_hung").phase is Phase.ESCALATED
    other = {**HUNG, "codec.ping": NoReading("timeout"), "codec.draw_w": 30.0}
    live(world, 40, other)
    assert world.records(RecordKind.FAULT_REARMED)[-1].reason == "new_evidence"
