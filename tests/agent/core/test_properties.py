"""Whatever a room goes through, these hold at every step."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.events import OrderReceived, Record, RecordKind, RemedyDone, StartRemedy, Tick
from agent.core.facts import NoReading, Reading
from agent.core.interlock import RELAY_METHODS
from agent.core.phases import TRANSITIONS, Phase, Signal, after
from agent.core.remedies import REMEDIES, Method
from agent.core.transitions import drawing
from tests.agent.core.world import IDLE, World
from tests.effort import examples

LOOKS: dict[str, list[Reading]] = {
    "codec.api": [True, False, NoReading("link")],
    "codec.ping": [True, False],
    "codec.in_call": [True, False, NoReading("timeout"), NoReading("absent")],
    "codec.draw_w": [0.2, 31.0, 46.0, NoReading("timeout"), float("nan"), -5.0],
    "codec.registered": [True, False],
    "codec.standby": [True, False],
    "mains.voltage_v": [224.0, 190.0, 20.0, NoReading("timeout")],
    "ups.on_battery": [True, False],
    "net.link": [True, False],
    "net.gateway": [True, False],
    "net.hub": [True, False],
    "env.temp_c": [27.0, 39.0, 85.0],
    "env.light_lx": [20.0, 400.0],
}
look = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in LOOKS.items()})
moves = st.one_of(
    st.tuples(st.just("look"), look, st.integers(1, 6)),
    st.tuples(st.just("wait"), st.integers(1, 400)),
    st.tuples(st.just("done"), st.booleans()),
    st.tuples(st.just("order"), st.sampled_from([*REMEDIES, "recheck", "nonsense"])),
)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(moves, max_size=60))
def test_safety_holds_at_every_step(script: list[tuple[object, ...]]) -> None:
    world = World()
    world.see(IDLE)
    restarts: dict[str, list[float]] = {}
    cycles: dict[str, list[float]] = {}
    running: dict[str, int] = {}
    relay_s = float("-inf")
    orders = 0
    for move in script:
        match move:
            case ("look", dict(readings), int(times)):
                effects = tuple(e for _ in range(times) for e in _later(world, 10, readings))
            case ("wait", int(seconds)):
                world.mono_s += seconds
                effects = world.feed(Tick())
            case ("done", bool(ok)):
                effects = world.feed(RemedyDone(next(iter(world.state.acts), 0), ok))
            case ("order", str(action)):
                orders += 1
                effects = world.feed(OrderReceived(f"c{orders}", action, "lan"))
        for effect in effects:
            if isinstance(effect, Record) and effect.kind == RecordKind.REMEDY_DONE and effect.load:
                running.pop(effect.load, None)
            if isinstance(effect, Record) and effect.kind in (RecordKind.REMEDY_REFUSED, RecordKind.COMMAND_REFUSED):
                assert effect.reason, "every refusal has a reason"
            if not isinstance(effect, StartRemedy):
                continue
            load, remedy = effect.load, effect.remedy
            began_s = effect.act.started_s
            assert load.name not in running, "one act a load at a time"
            running[load.name] = effect.act.act_id
            if remedy.method in RELAY_METHODS:
                assert began_s - relay_s >= world.state.policy.guards.stagger_s
                relay_s = began_s
            if remedy.restarts:
                past = restarts.setdefault(load.name, [])
                assert not past or began_s - past[-1] >= load.hold_on_s
                past.append(began_s)
                assert sum(began_s - at_s < 3600 for at_s in past) <= load.budget_per_hour
                assert sum(began_s - at_s < 86400 for at_s in past) <= load.budget_per_day
                if remedy.method is Method.CYCLE:
                    cut = cycles.setdefault(load.name, [])
                    cut.append(began_s)
                    assert sum(began_s - at_s < 3600 for at_s in cut) <= load.cycles_per_hour
                    assert sum(began_s - at_s < 86400 for at_s in cut) <= load.cycles_per_day
                word = world.state.facts["codec.in_call"]
                assert word.attempt is not True or began_s - word.attempt_at_s >= 60, "a call, not long ago"
                draw_w = world.state.view(world.now).number("codec.draw_w")
                assert draw_w is None or draw_w < 40, "a fresh draw that shows a call"
        _coherent(world)


def _later(world: World, seconds: float, readings: dict[str, Reading]) -> tuple[object, ...]:
    world.mono_s += seconds
    return (*world.see(readings), *world.feed(Tick()))


def _coherent(world: World) -> None:
    for fault in world.state.faults.values():
        if fault.phase is Phase.REMEDYING:
            assert fault.act_id in world.state.acts
    for name, load in world.state.loads.items():
        assert (load.act_id == 0) == (name not in {a.load for a in world.state.acts.values()})
    assert len(world.state.acts) <= len(world.state.policy.loads)


def test_the_table_reaches_every_phase_and_leaves_it() -> None:
    assert set(TRANSITIONS.values()) == set(Phase)
    assert {phase for phase, _ in TRANSITIONS} == set(Phase)
    assert after(Phase.CLEAR, Signal.STRIKE) is Phase.SUSPECTED
    assert "escalated --> confirmed: rearm" in drawing(TRANSITIONS, Phase.CLEAR)
