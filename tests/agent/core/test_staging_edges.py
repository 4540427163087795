"""The return of a room at its edges, one step at a time: what is shed, switched, waited for and passed over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core import staging
from agent.core.engine import initial
from agent.core.events import AskWitnesses, Record, RecordKind, RemedyDone, StartRemedy
from agent.core.facts import NoReading, Reading
from agent.core.lifecycles import StageState, Supply
from agent.core.phases import Phase
from agent.core.reasons import Reason
from agent.core.remedies import LOADS
from agent.core.rule import Rule, Severity, unknown
from agent.core.stages import patience_s
from agent.core.state import Fault, LoadState, RoomState, Staged
from tests.agent.core.world import IDLE, World, policy

DARK: dict[str, Reading] = {**IDLE, "mains.voltage_v": NoReading("timeout"), "ups.on_battery": True}


def rule(name: str, *loads: str, power_loss: bool = False) -> Rule:
    return Rule(
        name, Severity.MAJOR, "codec.api", (), lambda view, _: unknown(view, "nothing"), {}, "", "", "", "",
        loads=loads, power_loss=power_loss,
    )  # fmt: skip


def room(readings: dict[str, Reading] = IDLE, **changes: object) -> World:
    """A room that has just been looked at, with a rule for mains lost and one each for codec and camera."""
    rules = (rule("mains", power_loss=True), rule("codec_ill", "codec", "camera"), rule("camera_ill", "camera"))
    world = World(state=replace(initial(policy(), rules), loads={}, **changes))  # type: ignore[arg-type]
    world.see(readings)
    return world


def on(world: World, state: RoomState) -> tuple[RoomState, list[str], tuple[object, ...]]:
    """One step of the return: the room after it, what began, all that came of it."""
    state, effects, ended = staging.advance(state, world.now)
    begun = [effect.remedy.name for effect in effects if isinstance(effect, StartRemedy)]
    return state, begun, (*effects, *((ended,) if ended else ()))


# Beginning


def test_a_return_begins_only_where_something_can_return_and_none_is_under_way() -> None:
    world = room()
    under_way = Staged(("codec",), 5.0, cut=True, act_id=3)
    for state in (replace(world.state, staged=under_way), replace(world.state, policy=policy(relays=frozenset()))):
        assert staging.mains_back(state, world.now) == (state, ())


# Shedding


def shed(world: World) -> list[str]:
    fault = Fault("mains", Phase.CONFIRMED, 1)
    return on(world, replace(world.state, faults={"mains": fault}))[1]


def test_only_what_may_be_shed_is_shed() -> None:
    keep = replace(LOADS["amplifier"], shed=False)
    odd = replace(LOADS["codec"], shed=True)  # nothing can switch it off
    assert shed(room(DARK)) == ["amplifier_off"]
    assert shed(room(DARK, policy=policy(loads={**LOADS, "amplifier": keep, "codec": odd}))) == ["light_off"]
    fewer = {name: load for name, load in LOADS.items() if name != "amplifier"}
    assert shed(room(DARK, policy=policy(loads=fewer))) == ["light_off"]


def test_what_has_been_off_for_the_longest_time_is_given_back_and_nothing_else() -> None:
    world = room()
    world.mono_s += 20_000.0
    since_s = world.mono_s - world.state.policy.guards.shed_max_s
    light = LoadState(supply=Supply.SHED, off_since_s=since_s)
    others = {
        "amplifier": LoadState(supply=Supply.OFF, off_since_s=since_s),  # a person's wish
        "fan": LoadState(),  # on already
    }
    state, begun, effects = on(world, replace(world.state, loads={**others, "light": light}))
    assert begun == ["light_on"]
    assert [e.by for e in effects if isinstance(e, Record)] == ["return"]
    assert state.acts
    sooner = replace(light, off_since_s=since_s + 0.1)
    later_shed = {"amplifier": replace(light, off_since_s=since_s + 0.1), "light": light}
    assert on(world, replace(world.state, loads=later_shed))[1] == ["light_on"], "one that is not due hides no other"
    assert on(world, replace(world.state, loads={**others, "light": sooner}))[1] == []
    kept_off = replace(world.state, loads={"light": light}, policy=policy(safe_mode=True))
    assert on(world, kept_off) == (kept_off, [], ())


# Switching a stage


def booting(world: World, *stages: str, cut: bool = True, **more: object) -> RoomState:
    staged = Staged(stages, world.mono_s - 500.0, cut=cut, act_id=3)
    return replace(world.state, staged=replace(staged, **more))  # type: ignore[arg-type]


def switched(world: World, *stages: str) -> Staged:
    return Staged(stages, 0.0, cut=True, act_id=3, stands=StageState.SWITCHED, since_s=world.mono_s)


def test_a_stage_that_can_never_be_cut_is_passed_over_and_told() -> None:
    world = room(policy=policy(loads={**LOADS, "display": replace(LOADS["display"], never_cut=True)}))
    state, begun, effects = on(world, booting(world, "display", "light"))
    assert (begun, effects) == (
        [], (Record(RecordKind.REMEDY_REFUSED, reason=Reason.PROJECTOR, remedy="display_power_cycle", load="display"),)
    )  # fmt: skip
    assert state.staged is not None
    assert state.staged.stages == ("display", "light")
    assert (state.staged.stands, state.staged.since_s) == (StageState.SWITCHED, world.mono_s)


@pytest.mark.parametrize(("over_s", "is_told"), [(0.0, False), (0.1, True)])
def test_a_stage_waits_for_its_permission_for_so_long_and_no_longer(over_s: float, is_told: bool) -> None:
    world = room({**IDLE, "codec.in_call": True})
    since_s = world.mono_s - world.state.policy.guards.refused_escalate_s - over_s
    state, begun, effects = on(world, booting(world, "codec", stands=StageState.HELD, since_s=since_s))
    assert begun == []
    told = [(e.reason, e.remedy, e.load) for e in effects if isinstance(e, Record)]
    assert told == ([(Reason.IN_CALL, "codec_power_cycle", "codec")] if is_told else [])
    assert state.staged is not None
    held, switched = (StageState.HELD, since_s), (StageState.SWITCHED, world.mono_s)
    assert (state.staged.stands, state.staged.since_s) == (switched if is_told else held)


def test_a_stage_waits_from_its_first_refusal() -> None:
    world = room({**IDLE, "codec.in_call": True})
    state, _, _ = on(world, booting(world, "codec"))
    assert state.staged is not None
    assert (state.staged.stands, state.staged.since_s) == (StageState.HELD, world.mono_s)


def test_a_stage_has_the_room_looked_at_before_its_load_is_cut() -> None:
    world = room()
    world.mono_s += world.state.policy.guards.witness_s + 1.0
    state, begun, effects = on(world, booting(world, "codec"))
    assert (begun, effects, state.look_asked_s) == ([], (AskWitnesses(),), world.mono_s)


def test_every_stage_has_a_wait_of_its_own() -> None:
    world = room()
    served = booting(world, "camera", "light", stands=StageState.SWITCHED, since_s=world.mono_s)
    state, _, _ = on(world, served)
    assert served.staged is not None
    assert state.staged == replace(served.staged, stages=("light",), stands=StageState.DUE)


# Waiting for a stage


def test_a_stage_of_which_no_proof_comes_has_its_time_to_the_end() -> None:
    world = room({**IDLE, "codec.camera": False})
    limit_s = patience_s(world.state, "camera")
    began_s = world.mono_s - limit_s
    assert on(world, booting(world, "camera", "light", stands=StageState.SWITCHED, since_s=began_s))[2] == ()
    _, _, effects = on(world, booting(world, "camera", "light", stands=StageState.SWITCHED, since_s=began_s - 0.06))
    told = Record(
        RecordKind.STAGE_UNVERIFIED, load="camera", reason="no_proof", detail={"waited_s": round(limit_s + 0.1, 1)}
    )
    assert effects == (told,)


@pytest.mark.parametrize(("given_up", "goes_on"), [("camera_ill", True), ("codec_ill", False)])
def test_a_stage_that_was_given_to_a_person_is_not_waited_for(given_up: str, goes_on: bool) -> None:
    world = room({**IDLE, "codec.camera": False})
    state = replace(world.state, faults={given_up: Fault(given_up, Phase.ESCALATED, 1)})
    state = replace(state, staged=switched(world, "camera", "light"))
    after, _, _ = on(world, state)
    assert after.staged is not None
    assert (after.staged.stages == ("light",)) is goes_on


def test_a_rule_of_two_loads_gives_up_the_first_of_them() -> None:
    world = room({**IDLE, "codec.api": False})
    state = replace(world.state, faults={"codec_ill": Fault("codec_ill", Phase.ESCALATED, 1)})
    state = replace(state, staged=switched(world, "codec", "light"))
    after, _, _ = on(world, state)
    assert after.staged is not None
    assert after.staged.stages == ("light",)


@pytest.mark.parametrize(
    ("load", "readings", "says"),
    [
        ("camera", {"codec.camera": True}, True),
        ("camera", {"codec.camera": False}, False),
        ("camera", {}, None),  # nothing in this room could tell
        ("converter", {"net.hub": False, "net.beyond": True}, True),  # the hub may be away
        ("converter", {"net.hub": True}, True),
        ("converter", {"net.hub": False, "net.beyond": False}, False),
        ("light", {"env.light_lx": 400.0}, None),  # no fact proves it
        ("amplifier", {"amp.draw_w": 3.0}, True),
        ("amplifier", {"amp.draw_w": 2.9}, False),
    ],
)
def test_what_proves_that_a_load_serves(load: str, readings: dict[str, Reading], says: bool | None) -> None:
    world = World()
    world.see(readings)
    assert staging.serves(world.state, load, world.mono_s, world.now) is says


def test_a_proof_from_before_the_switching_or_one_that_fell_silent_is_none() -> None:
    world = World()
    world.see({"codec.camera": True})
    assert staging.serves(world.state, "camera", world.mono_s + 0.1, world.now) is False
    world.see({"codec.camera": NoReading("timeout")})
    assert staging.serves(world.state, "camera", world.mono_s, world.now) is False


# The end


def test_mains_lost_again_ends_the_boot_and_says_why() -> None:
    world = room(DARK)
    fault = {"mains": Fault("mains", Phase.CONFIRMED, 1)}
    state, _, effects = on(world, replace(booting(world, "codec"), faults=fault))
    assert (state.staged, effects) == (None, (RemedyDone(3, ok=False, reason="mains_lost"),))


def test_a_return_tells_how_long_it_took_to_a_tenth() -> None:
    world = room()
    _, _, effects = on(world, replace(world.state, staged=Staged((), world.mono_s - 7.06)))
    assert effects == (Record(RecordKind.RETURN_ENDED, detail={"lasted_s": 7.1}),)
