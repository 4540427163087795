"""Every refusal has a name, and a case that provokes it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from agent.core.events import DesiredChanged
from agent.core.facts import NoReading
from agent.core.interlock import permit
from agent.core.lifecycles import Latch, LeaseState, Supply
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.reasons import ALLOWED, PASSING, Decision, Reason
from agent.core.remedies import LOADS, REMEDIES
from agent.core.state import Act, Fault, Lease, LoadState, Staged
from agent.core.timelines import UNSTEPPED
from tests.agent.core.world import IDLE, WALL_S, World, policy

Change = Callable[[World], None]


def _with_policy(**changes: object) -> Change:
    def change(world: World) -> None:
        world.state = replace(world.state, policy=replace(world.state.policy, **changes))  # type: ignore[arg-type]

    return change


def _with_load(name: str, **changes: object) -> Change:
    def change(world: World) -> None:
        world.state = replace(world.state, loads={name: replace(LoadState(), **changes)})  # type: ignore[arg-type]

    return change


def _seeing(**readings: object) -> Change:
    def change(world: World) -> None:
        world.see({key.replace("__", "."): value for key, value in readings.items()})  # type: ignore[misc]

    return change


def _meeting(world: World) -> None:
    start_s = WALL_S + world.mono_s + 899
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + 60),)))


def _meeting_unsynced(world: World) -> None:
    start_s = WALL_S + world.mono_s + 90_000
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + 60),)))
    world.synced = False
    world.state = replace(world.state, times=UNSTEPPED)  # no time server since the start


def _silent_after_call(world: World) -> None:
    world.see({"codec.in_call": True})
    world.see({"codec.in_call": NoReading("timeout")})


def _silent_in_upgrade(world: World) -> None:
    world.see({"codec.upgrading": True})
    world.mono_s += 3000
    world.see({**IDLE, "codec.upgrading": NoReading("timeout"), "codec.api": NoReading("timeout")})


def _stale(world: World) -> None:
    world.mono_s += 3600
    world.see({"mains.voltage_v": 224.0})


def _weak_lately(world: World) -> None:
    world.see({"mains.voltage_v": 190.0})
    world.mono_s += 29
    world.see({**IDLE, "mains.voltage_v": 224.0})
    world.mono_s += 29
    world.see(IDLE)


def _uplink_cut_before(world: World) -> None:
    fault = Fault("uplink_lost", Phase.CONFIRMED, fault_id=1, since_s=world.mono_s - 2000)
    world.state = replace(
        world.state,
        faults={"uplink_lost": fault},
        loads={"converter": LoadState(acts_s=(world.mono_s - 1900,))},
    )


def _returning(world: World) -> None:
    world.state = replace(world.state, staged=Staged(("switch", "codec"), world.mono_s))


def _real_meeting(world: World) -> None:
    now_s = WALL_S + world.mono_s
    trial = Meeting("t", "Kết nối thử", now_s - 60, now_s + 600, trial=True)
    world.feed(DesiredChanged(1, (trial,)))
    assert permit(REMEDIES["codec_unmute"], world.state, world.now) == ALLOWED
    world.feed(DesiredChanged(2, (trial, Meeting("m", "Họp", now_s - 5, now_s + 60))))


def _projector(world: World) -> None:
    _with_policy(loads={**world.state.policy.loads, "display": replace(LOADS["display"], never_cut=True)})(world)


def _just_off(world: World) -> None:
    world.state = replace(world.state, loads={"light": LoadState(supply=Supply.OFF, off_since_s=world.mono_s - 0.9)})


def _lease(state: LeaseState, ago_s: float = 0.0) -> Change:
    def change(world: World) -> None:
        world.see({"hub.session": True})
        world.state = replace(world.state, lease=Lease(state, world.mono_s - ago_s))

    return change


def _looked_before(world: World) -> None:
    world.see(IDLE)
    world.mono_s += 5.1


def _meter_looked_before(world: World) -> None:
    _looked_before(world)
    world.see({key: value for key, value in IDLE.items() if key != "codec.draw_w"})


def _codec_looked_before(world: World) -> None:
    _looked_before(world)
    world.see({key: value for key, value in IDLE.items() if key != "codec.in_call"})


def _relay_moved(world: World) -> None:
    world.state = replace(world.state, last_relay_s=world.mono_s - 1.9)


CASES: dict[Reason, list[Change]] = {
    Reason.SAFE_MODE: [_with_policy(safe_mode=True)],
    Reason.NOT_FITTED: [_with_policy(relays=frozenset())],
    Reason.PROJECTOR: [_projector],
    Reason.ATTENDED: [_seeing(room__attended=True)],
    Reason.UPGRADING: [_seeing(codec__upgrading=True), _silent_in_upgrade],
    Reason.OWN_UPLINK: [lambda _world: None],
    Reason.UPLINK_ONCE: [_uplink_cut_before],
    Reason.RETURNING: [_returning],
    Reason.MIN_OFF: [_just_off],
    Reason.NOT_A_TRIAL: [lambda _world: None, _real_meeting],
    Reason.LATCHED: [_with_load("codec", latch=Latch.LATCHED)],
    Reason.LEASE: [_lease(LeaseState.NONE), _lease(LeaseState.ASKED, 19.9), _lease(LeaseState.ASKED, 300.0)],
    Reason.FLEET_BUDGET: [_lease(LeaseState.DENIED, 299.9)],
    Reason.MAINTENANCE: [_with_policy(maintenance_until_s=WALL_S + 5000)],
    Reason.IN_CALL: [_seeing(codec__in_call=True)],
    Reason.CALL_UNKNOWN: [_stale, _silent_after_call, _seeing(codec__in_call=NoReading("timeout"), codec__draw_w=46.0)],
    Reason.WITNESSES_DISAGREE: [_seeing(codec__draw_w=46.0)],
    Reason.MEETING_NEAR: [_meeting],
    Reason.CLOCK_UNKNOWN: [_meeting_unsynced],
    Reason.ON_BATTERY: [_seeing(ups__on_battery=True)],
    Reason.MAINS_UNSTABLE: [_seeing(mains__voltage_v=190.0), _seeing(mains__voltage_v=251.0), _weak_lately],
    Reason.CONDENSATION: [_seeing(env__rack_temp_c=22.0)],
    Reason.LOAD_BUSY: [_with_load("codec", act_id=7)],
    Reason.UPSTREAM_DOWN: [_with_load("switch", act_id=7), _with_load("switch", settle_until_s=1030.0)],
    Reason.SETTLING: [_with_load("codec", settle_until_s=1030.0)],
    Reason.HOLD_ON: [_with_load("codec", acts_s=(1000.0 - 150.0,))],
    Reason.STAGGER: [_relay_moved],
    Reason.LOOKING: [_looked_before, _meter_looked_before, _codec_looked_before],
    Reason.BUDGET_HOUR: [
        _with_load("codec", acts_s=(-2000.0, -1500.0, -1000.0)),
        _with_load("codec", cycles_s=(-2000.0, -1500.0)),
    ],
    Reason.BUDGET_DAY: [
        _with_load("codec", acts_s=tuple(-80_000.0 + 4000 * n for n in range(6))),
        _with_load("codec", cycles_s=(-80_000.0, -60_000.0, -40_000.0)),
    ],
}
REMEDY = {
    Reason.PROJECTOR: "display_power_cycle",
    Reason.OWN_UPLINK: "converter_power_cycle",
    Reason.UPLINK_ONCE: "converter_power_cycle",
    Reason.MIN_OFF: "light_on",
    Reason.NOT_A_TRIAL: "codec_unmute",
}
"""The act that a guard is about, where it is not the codec's power cycle."""
OWN = {Reason.LEASE, Reason.FLEET_BUDGET}
"""Guards of the room's own decisions: an order comes from the hub already."""
ELSEWHERE = {Reason.UNKNOWN_ACTION, Reason.NO_EVIDENCE, Reason.FLAPPING, Reason.NOT_YET, Reason.NO_JOURNAL}
"""Given by the engine and the shell: tested there."""


@pytest.mark.parametrize(
    ("reason", "change"), [(reason, change) for reason, changes in CASES.items() for change in changes]
)
def test_each_guard_refuses_alone(reason: Reason, change: Change) -> None:
    world = World()
    world.run(IDLE, 20)
    world.see(IDLE)
    remedy = REMEDIES[REMEDY.get(reason, "codec_power_cycle")]
    if reason not in (Reason.OWN_UPLINK, Reason.UPLINK_ONCE, Reason.NOT_A_TRIAL):
        assert permit(remedy, world.state, world.now, own=True) == ALLOWED
    change(world)
    if reason in (Reason.HOLD_ON, Reason.BUDGET_HOUR, Reason.BUDGET_DAY):
        assert world.mono_s == 1020.0, "the cases above are relative to this"
    assert permit(remedy, world.state, world.now, own=True) == Decision(reason)
    if reason in OWN:
        assert permit(remedy, world.state, world.now) == ALLOWED


def test_every_reason_has_a_case() -> None:
    assert set(CASES) | ELSEWHERE == set(Reason)


def test_lasting_refusals_do_not_wait() -> None:
    assert set(Reason) - PASSING == {
        Reason.NOT_FITTED, Reason.UNKNOWN_ACTION, Reason.BUDGET_HOUR, Reason.BUDGET_DAY,
        Reason.PROJECTOR, Reason.OWN_UPLINK, Reason.UPLINK_ONCE, Reason.LATCHED,
    }  # fmt: skip


def test_lights_may_move_in_a_call() -> None:
    world = World()
    world.run({**IDLE, "codec.in_call": True}, 20)
    assert permit(REMEDIES["light_on"], world.state, world.now) == ALLOWED


@pytest.mark.parametrize("name", [name for name, load in LOADS.items() if not load.may_stay_off])
def test_equipment_is_never_left_off(name: str) -> None:
    """No remedy of the catalogue can switch equipment off for good."""
    off = [r.name for r in REMEDIES.values() if r.load == name and r.method.value == "off"]
    assert off == []


def test_no_order_of_its_own_making_leaves_equipment_off_either() -> None:
    world = World()
    world.run(IDLE, 300)
    world.see(IDLE)
    for name in world.state.policy.relays & {name for name, load in LOADS.items() if not load.may_stay_off}:
        off = replace(REMEDIES["fan_off"], name=f"{name}_off", load=name)
        assert permit(off, world.state, world.now) == Decision(Reason.NOT_FITTED)


def test_what_stands_for_the_whole_room_waits_for_every_act() -> None:
    world = World()
    world.run(IDLE, 300)
    world.see(IDLE)
    under_way = Act(1, "light_on", "light", world.mono_s, world.mono_s + 60.0)
    world.state = replace(world.state, acts={1: under_way})
    assert permit(REMEDIES["room_staged_boot"], world.state, world.now) == Decision(Reason.LOAD_BUSY)
    assert permit(REMEDIES["codec_restart"], world.state, world.now) == ALLOWED


def test_after_a_step_of_the_clock_no_trial_is_known_to_run() -> None:
    world = World()
    world.run(IDLE, 300)
    world.see(IDLE)
    now_s = WALL_S + world.mono_s
    world.feed(DesiredChanged(1, (Meeting("t", "Kết nối thử", now_s - 60, now_s + 600, trial=True),)))
    remedy = replace(REMEDIES["light_on"], trial_only=True)
    assert permit(remedy, world.state, world.now) == ALLOWED
    world.state = replace(world.state, times=replace(world.state.times, doubt_until_s=world.mono_s + 1.0))
    assert permit(remedy, world.state, world.now) == Decision(Reason.NOT_A_TRIAL)


def test_nothing_known_authorises_nothing() -> None:
    world = World()
    world.state = replace(world.state, policy=policy())
    for remedy in REMEDIES.values():
        if remedy.restarts:
            assert permit(remedy, world.state, world.now) == Decision(Reason.CALL_UNKNOWN), remedy.name
