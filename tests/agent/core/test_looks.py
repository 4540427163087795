"""A call may have begun since the last look: an act that would disturb one looks first, and orders wait for that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.engine import initial
from agent.core.events import AskWitnesses, OrderReceived, Record, RecordKind, Tick
from agent.core.facts import FACTS, NoReading, Reading
from agent.core.interlock import permit
from agent.core.looks import ORDERS_MAX
from agent.core.phases import Phase
from agent.core.policy import WAITS
from agent.core.reasons import ALLOWED, Decision, Reason
from agent.core.remedies import REMEDIES
from agent.core.state import Fault
from tests.agent.core.world import IDLE, World, policy

HUNG: dict[str, Reading] = {
    **IDLE,
    **dict.fromkeys(("codec.in_call", "codec.standby", "codec.registered", "codec.camera"), NoReading("timeout")),
    "codec.api": False,
}
WITNESS_S = 5.0


def room(seen_ago_s: float, readings: dict[str, Reading] = IDLE) -> World:
    """A calm room, last looked at so long ago."""
    world = World()
    world.run(readings, 120)
    world.see(readings)
    world.mono_s += seen_ago_s
    world.effects.clear()
    return world


def order(world: World, action: str = "codec_power_cycle", command: str = "c1") -> None:
    world.feed(OrderReceived(command, action, "lan"))


def looks(world: World) -> int:
    return sum(isinstance(effect, AskWitnesses) for effect in world.effects)


def refusals(world: World) -> list[str]:
    return [record.reason for record in world.records(RecordKind.COMMAND_REFUSED)]


def test_an_order_looks_first_and_begins_with_what_it_sees() -> None:
    world = room(WITNESS_S + 0.1)
    order(world)
    assert (world.remedies(), looks(world), refusals(world)) == ([], 1, [])
    world.mono_s += 1.5
    world.see(IDLE)
    assert world.remedies() == ["codec_power_cycle"]
    assert world.records(RecordKind.REMEDY_STARTED)[0].command == "c1"
    assert world.state.waiting == ()


def test_a_call_that_began_since_the_last_look_is_not_cut() -> None:
    world = room(WITNESS_S + 0.1)
    order(world)
    world.mono_s += 1.5
    world.see({**IDLE, "codec.in_call": True, "codec.draw_w": 48.0})
    assert (world.remedies(), refusals(world)) == ([], ["in_call"])
    world.run(IDLE, 60)
    assert world.remedies() == [], "an order that was refused is over"


def test_a_fresh_look_is_enough_and_its_limit_is_exact() -> None:
    world = room(WITNESS_S)
    order(world)
    assert (world.remedies(), looks(world)) == (["codec_power_cycle"], 0)


def test_what_disturbs_no_call_does_not_wait() -> None:
    world = room(30.0)
    order(world, "light_on")
    assert (world.remedies(), looks(world)) == (["light_on"], 0)


def test_switching_off_what_a_call_needs_looks_first_as_well() -> None:
    world = room(WITNESS_S + 0.1)
    needed = replace(world.state.policy.loads["amplifier"], needed_in_call=True)
    world.state = replace(
        world.state, policy=replace(world.state.policy, loads={**world.state.policy.loads, "amplifier": needed})
    )
    assert permit(REMEDIES["amplifier_off"], world.state, world.now) == Decision(Reason.LOOKING)
    assert permit(REMEDIES["amplifier_on"], world.state, world.now) == ALLOWED


def test_an_order_that_no_look_answers_is_refused_in_time() -> None:
    world = room(WITNESS_S + 0.1)
    order(world)
    world.mono_s += WAITS.order_s
    world.feed(Tick())
    assert refusals(world) == []
    world.mono_s += 0.1
    world.feed(Tick())
    assert (world.remedies(), refusals(world)) == ([], ["looking"])


def test_the_look_is_asked_for_again_but_not_at_every_turn() -> None:
    world = room(WITNESS_S + 0.1)
    order(world)
    world.mono_s += WAITS.ask_again_s - 0.1
    world.feed(Tick())
    assert looks(world) == 1
    world.mono_s += 0.1
    world.feed(Tick())
    assert looks(world) == 2


def test_orders_that_wait_are_few_and_keep_their_order() -> None:
    world = room(WITNESS_S + 0.1)
    for number in range(ORDERS_MAX + 1):
        order(world, "codec_power_cycle" if number else "codec_restart", f"c{number}")
    assert len(world.state.waiting) == ORDERS_MAX
    assert [record.command for record in world.records(RecordKind.COMMAND_REFUSED)] == [f"c{ORDERS_MAX}"]
    world.see(IDLE)
    assert world.remedies() == ["codec_restart"]
    assert refusals(world)[1:] == ["load_busy"] * (ORDERS_MAX - 1)


def test_the_same_order_delivered_again_does_not_wait_twice() -> None:
    world = room(WITNESS_S + 0.1)
    order(world)
    order(world)
    assert len(world.state.waiting) == 1


@pytest.mark.parametrize("silent", ["codec.in_call", "codec.draw_w"])
def test_a_witness_that_says_nothing_is_not_waited_for(silent: str) -> None:
    """One that is silent has no say: the rules for a single witness hold, and it has to be fresh."""
    world = room(WITNESS_S + 0.1)
    others = {key: value for key, value in IDLE.items() if key != silent}
    world.see({**others, silent: NoReading("timeout")})
    assert permit(REMEDIES["codec_power_cycle"], world.state, world.now) == ALLOWED
    world.mono_s += WITNESS_S + 0.1
    assert permit(REMEDIES["codec_power_cycle"], world.state, world.now) == Decision(Reason.LOOKING)


@pytest.mark.parametrize("unasked", ["codec.in_call", "codec.draw_w"])
def test_a_witness_that_was_not_asked_for_long_is_asked_first(unasked: str) -> None:
    """After a pause of the whole board one probe is back before the other; the one that is back may be wrong."""
    world = room(FACTS[unasked].fresh_s + 0.1)
    world.see({key: value for key, value in IDLE.items() if key != unasked})
    assert permit(REMEDIES["codec_power_cycle"], world.state, world.now) == Decision(Reason.LOOKING)
    without = replace(world.state, facts={k: v for k, v in world.state.facts.items() if k != unasked})
    assert permit(REMEDIES["codec_power_cycle"], without, world.now) == ALLOWED, "a room without it has nothing to ask"


def test_the_rooms_own_remedy_looks_first_and_does_not_call_a_person_over_it() -> None:
    """The codec has been silent for long; its meter speaks only when it is asked."""
    world = room(0.0, HUNG)
    world = World(state=replace(world.state, acts={}, loads={}), mono_s=world.mono_s)
    fault = replace(
        world.state.fault("codec_hung"), phase=Phase.CONFIRMED, fault_id=9, rung=1, refused="", act_id=0, acts=0,
        settle_until_s=0.0, waiting_since_s=world.mono_s,
    )  # fmt: skip
    world.state = replace(world.state, faults={"codec_hung": fault})
    world.mono_s += WITNESS_S + 0.1
    world.feed(Tick())
    assert (world.remedies(), looks(world)) == ([], 1)
    world.mono_s += 0.4
    world.see({"codec.draw_w": 31.0})
    world.feed(Tick())
    assert world.remedies() == ["codec_power_cycle"]


def test_a_room_offers_what_only_a_look_stands_before() -> None:
    from agent.uplink.report import actions

    world = room(WITNESS_S + 0.1)
    offered = {row.remedy: row.refused for row in actions(world.state, world.now)}
    assert offered["codec_power_cycle"] == ""


def test_looks_asked_for_in_a_row_are_one_strike() -> None:
    """Orders have the room look again and again: a blip must not become a fault by that."""
    world = room(0.0)
    for _ in range(6):
        world.see(HUNG)
        world.mono_s += 0.4
    assert world.state.fault("codec_hung").strikes == 1
    world.run(HUNG, 25)
    assert world.phase("codec_hung") is not Phase.SUSPECTED


def test_a_room_of_other_waits_asks_sooner_and_waits_shorter() -> None:
    world = World(state=initial(policy(waits=replace(WAITS, ask_again_s=1.0, order_s=7.5)), ()))
    world.see(IDLE)
    world.mono_s += WITNESS_S + 0.1
    order(world)
    for after_s, asked in ((0.9, 1), (0.1, 2)):
        world.mono_s += after_s
        world.feed(Tick())
        assert looks(world) == asked
    world.mono_s += 6.5
    world.feed(Tick())
    assert refusals(world) == []
    world.mono_s += 0.1
    world.feed(Tick())
    assert refusals(world) == [Reason.LOOKING]


def test_a_refused_order_says_which_fault_and_load_it_was_meant_for() -> None:
    world = World()
    world.see({**IDLE, "codec.in_call": True})
    fault = Fault("codec_hung", Phase.CONFIRMED, 7)
    world.state = replace(world.state, faults={"codec_hung": fault})
    order(world)
    order(world, "of_a_later_version", "c2")
    refused = Record(
        RecordKind.COMMAND_REFUSED, "codec_hung", 7, reason=Reason.IN_CALL, remedy="codec_power_cycle", load="codec"
    )
    unknown = Record(RecordKind.COMMAND_REFUSED, reason=Reason.UNKNOWN_ACTION, remedy="of_a_later_version")
    assert world.records(RecordKind.COMMAND_REFUSED) == [
        replace(refused, command="c1", by="lan"), replace(unknown, command="c2", by="lan")
    ]  # fmt: skip
