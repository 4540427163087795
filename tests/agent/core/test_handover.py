"""Between permit and act: what has come in meanwhile has its say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.acts import start
from agent.core.events import AskWitnesses, DesiredChanged, OrderReceived, RecordKind, RemedyDone, Tick
from agent.core.facts import Reading
from agent.core.handover import Handover, asked_again, journal_back
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.reasons import Reason
from agent.core.remedies import REMEDIES
from agent.core.state import Fault, Staged
from agent.ports import BUSY
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.toy import ILL, later
from tests.agent.core.toy import room as toy_room
from tests.agent.core.world import IDLE, WALL_S, World

CALL: dict[str, Reading] = {**IDLE, "codec.in_call": True, "codec.draw_w": 48.0}
WITNESS_S = 5.0


def ordered(action: str = "codec_power_cycle") -> World:
    """A calm room that was just looked at, and an order that it has permitted."""
    world = World()
    world.run(IDLE, 120)
    world.see(IDLE)
    world.feed(OrderReceived("c1", action, "lan"))
    assert world.remedies() == [action]
    world.effects.clear()
    return world


def hung() -> World:
    """A hung codec whose restart was just permitted."""
    world = World()
    world.run(IDLE, 10)
    world.run(HUNG, 40)
    assert world.remedies() == ["codec_restart"]
    return world


def again(world: World) -> Handover:
    """Ask for the latest act."""
    act_id = max(world.state.acts) if world.state.acts else 0
    world.state, effects, handover = asked_again(world.state, act_id, world.now)
    world.effects += effects
    return handover


def test_an_act_begins_at_once_when_nothing_has_come_between() -> None:
    world = ordered()
    before = world.state
    assert again(world) is Handover.BEGINS
    assert world.state.loads == before.loads
    assert world.effects == []


def test_a_call_that_has_come_between_withdraws_the_act_and_uses_up_nothing() -> None:
    world = ordered()
    world.mono_s += 40.0
    world.see(CALL)
    assert again(world) is Handover.WITHDRAWN
    done = world.records(RecordKind.REMEDY_DONE)[-1]
    assert (done.outcome, done.reason, done.proof, done.command) == ("failed", Reason.IN_CALL, {"sent": False}, "c1")
    own = world.state.load("codec")
    assert (own.acts_s, own.cycles_s, own.act_id, world.state.acts) == ((), (), 0, {})
    assert own.settle_until_s < world.mono_s, "nothing was restarted, so nothing settles"


def test_a_witness_that_has_grown_old_is_asked_and_the_act_is_held_for_it() -> None:
    world = ordered()
    world.mono_s += WITNESS_S + 0.1
    assert again(world) is Handover.HELD
    assert world.effects == [AskWitnesses()]
    world.mono_s += 0.5
    world.see(IDLE)
    assert again(world) is Handover.BEGINS
    own = world.state.load("codec")
    assert own.acts_s == own.cycles_s == (world.mono_s,), "every limit counts from the true beginning"
    assert world.state.last_relay_s == world.mono_s
    (act,) = world.state.acts.values()
    assert (act.started_s, act.deadline_s) == (world.mono_s, world.mono_s + 30.0 + 30.0)


def test_an_act_is_held_for_a_quarter_of_a_minute_at_most() -> None:
    world = ordered()
    world.mono_s += 10.0
    assert again(world) is Handover.HELD
    world.mono_s += 15.0
    assert again(world) is Handover.HELD
    world.mono_s += 0.1
    assert again(world) is Handover.WITHDRAWN
    assert world.records(RecordKind.REMEDY_DONE)[-1].reason == Reason.LOOKING


def test_an_act_that_is_held_is_not_taken_for_one_without_report() -> None:
    """The card needed a minute: the act has not begun, so it cannot be late."""
    world = ordered()
    world.mono_s += 61.0
    assert again(world) is Handover.HELD
    world.feed(Tick())
    assert world.state.acts


def test_a_meeting_that_has_come_near_meanwhile_withdraws_it() -> None:
    world = ordered()
    start_s = WALL_S + world.mono_s + 60.0
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + 60.0),)))
    assert again(world) is Handover.WITHDRAWN
    assert world.records(RecordKind.REMEDY_DONE)[-1].reason == Reason.MEETING_NEAR


def test_what_leaves_no_meeting_may_begin_in_the_last_quarter_of_an_hour_here_too() -> None:
    world = World()
    start_s = WALL_S + world.mono_s + 13 * 60.0
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + 3600.0),)))
    world.run(IDLE, 10)
    world.run(HUNG, 40)
    assert world.remedies() == ["codec_restart"]
    world.see(HUNG)
    assert again(world) is Handover.BEGINS


def test_a_confirmed_order_may_begin_in_the_running_meeting_here_too() -> None:
    world = World()
    now_s = WALL_S + world.mono_s
    world.see(IDLE)
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", now_s - 60.0, now_s + 3600.0),)))
    world.feed(OrderReceived("c1", "codec_restart", "lan", confirmed="Nguyễn Văn A"))
    assert again(world) is Handover.BEGINS


def test_what_leaves_the_room_its_meeting_is_withdrawn_in_the_last_quarter_of_an_hour() -> None:
    """Permitted at T-15:01; the room itself begins it no more at T-14:59."""
    world = toy_room(phase=Phase.CONFIRMED)
    start_s = WALL_S + world.mono_s + 902.0
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + 3600.0),)))
    later(world, 1.0, ILL)
    assert world.remedies() == ["codec_restart"]
    world.mono_s += 2.0
    world.see(ILL)
    assert again(world) is Handover.WITHDRAWN
    assert world.records(RecordKind.REMEDY_DONE)[-1].reason == Reason.MEETING_NEAR


def test_a_stage_of_the_rooms_restart_has_its_turn_here_too() -> None:
    world = ordered("room_staged_boot")
    while not world.remedies():
        world.run(IDLE, 5)
    assert again(world) is Handover.BEGINS


@pytest.mark.parametrize("name", ["lan", "return", "staged_boot"])
def test_an_order_waits_for_the_rooms_return_whatever_its_giver_is_called(name: str) -> None:
    world = World()
    world.run(IDLE, 120)
    world.see(IDLE)
    world.feed(OrderReceived("c1", "codec_restart", name))
    world.state = replace(world.state, staged=Staged(("switch", "codec"), world.mono_s))
    assert again(world) is Handover.WITHDRAWN
    assert world.records(RecordKind.REMEDY_DONE)[-1].reason == Reason.RETURNING


def test_a_withdrawn_rung_is_tried_again_and_not_climbed_over() -> None:
    world = hung()
    world.see({"codec.draw_w": 48.0})
    assert again(world) is Handover.WITHDRAWN
    fault = world.state.fault("codec_hung")
    assert (fault.phase, fault.rung, fault.acts, fault.act_id) == (Phase.CONFIRMED, 0, 0, 0)
    world.run(HUNG, 90)
    assert world.remedies() == ["codec_restart", "codec_restart"]


def test_a_fault_that_has_gone_meanwhile_is_not_acted_upon() -> None:
    world = hung()
    world.see(IDLE)
    assert again(world) is Handover.WITHDRAWN
    assert world.records(RecordKind.REMEDY_DONE)[-1].reason == Reason.NO_EVIDENCE


def test_a_fault_of_which_nothing_is_known_just_now_is_waited_for() -> None:
    """A sweep has given way to the witnesses: the witnesses are not asked again over it."""
    world = hung()
    world.mono_s += 60.0
    world.see({"codec.in_call": False, "codec.draw_w": 31.0})
    world.effects.clear()
    assert again(world) is Handover.HELD
    assert world.effects == []
    world.see({**HUNG, "codec.draw_w": 31.0})
    assert again(world) is Handover.BEGINS


@pytest.mark.parametrize("action", ["light_on", "recheck"])
def test_what_takes_nothing_away_is_not_asked_about(action: str) -> None:
    world = World()
    world.run(IDLE, 10)
    world.feed(OrderReceived("c1", "light_on", "lan"))
    world.mono_s += 100.0
    assert again(world) is Handover.BEGINS


def test_an_act_that_was_closed_meanwhile_is_not_begun() -> None:
    world = ordered()
    world.state = replace(world.state, acts={})
    assert again(world) is Handover.WITHDRAWN


def test_a_trial_that_has_ended_meanwhile_unmutes_nothing() -> None:
    """The card needed a minute, and the meeting has begun: its microphones are its people's own."""
    world = World()
    world.see(IDLE)
    now_s = WALL_S + world.mono_s
    trial = Meeting("t", "Kết nối thử", now_s - 60.0, now_s + 20.0, trial=True)
    world.feed(DesiredChanged(1, (trial, Meeting("m", "Họp", now_s + 20.0, now_s + 3600.0))))
    world.feed(OrderReceived("c1", "codec_unmute", "lan"))
    assert world.remedies() == ["codec_unmute"]
    world.mono_s += 45.0
    assert again(world) is Handover.WITHDRAWN
    assert world.records(RecordKind.REMEDY_DONE)[-1].reason == Reason.NOT_A_TRIAL


def test_a_converter_beyond_which_something_may_answer_again_is_not_touched() -> None:
    lost: dict[str, Reading] = {**IDLE, "net.hub": False, "net.beyond": False, "hub.session": False}
    world = World()
    world.run(IDLE, 10)
    while not world.remedies():
        world.run(lost, 10)
    world.see({**lost, "hub.session": True})
    assert again(world) is Handover.WITHDRAWN
    assert world.records(RecordKind.REMEDY_DONE)[-1].reason == Reason.NOT_YET
    assert world.state.load("converter").acts_s == ()


@pytest.mark.parametrize("first", ["light_on", "light_off"])
def test_what_gives_power_keeps_its_distance_when_a_slow_card_hands_both_over_together(first: str) -> None:
    world = World()
    world.see(IDLE)
    world.feed(OrderReceived("c1", first, "lan"))
    world.mono_s += 2.1
    world.feed(OrderReceived("c2", "fan_on", "lan"))
    light, fan = sorted(world.state.acts)
    world.mono_s += 6.0
    world.see(IDLE)
    world.state, _, handover = asked_again(world.state, light, world.now)
    assert handover is Handover.BEGINS
    world.state, _, handover = asked_again(world.state, fan, world.now)
    assert handover is Handover.HELD
    world.mono_s += 2.1
    world.state, _, handover = asked_again(world.state, fan, world.now)
    assert handover is Handover.BEGINS


def test_what_gives_power_is_never_withdrawn() -> None:
    """A load that comes back after an outage would stay dark for hours."""
    world = ordered("fan_on")
    fan = max(world.state.acts)
    for _ in range(17):
        world.state = replace(world.state, last_relay_s=world.mono_s)
        world.state, _, handover = asked_again(world.state, fan, world.now)
        world.mono_s += 1.0
        if handover is Handover.BEGINS:
            break
    assert handover is Handover.BEGINS


def test_a_cut_keeps_its_distance_from_a_light_that_was_just_handed_over() -> None:
    world = ordered("light_on")
    world.mono_s += 2.1
    world.see(IDLE)
    world.feed(OrderReceived("c2", "camera_power_cycle", "lan"))
    light, camera = sorted(world.state.acts)
    world.mono_s += 1.0
    world.state, _, handover = asked_again(world.state, light, world.now)
    world.state, _, handover = asked_again(world.state, camera, world.now)
    assert handover is Handover.HELD


def test_two_relays_that_are_handed_over_together_keep_their_distance() -> None:
    world = ordered()
    world.mono_s += 3.0
    world.see(IDLE)
    world.feed(OrderReceived("c2", "camera_power_cycle", "lan"))
    first, second = sorted(world.state.acts)
    world.mono_s += 0.5
    world.state, _, handover = asked_again(world.state, first, world.now)
    assert handover is Handover.BEGINS
    world.state, _, handover = asked_again(world.state, second, world.now)
    assert handover is Handover.HELD, "the other one has just moved"
    world.mono_s += 2.1
    world.state, _, handover = asked_again(world.state, second, world.now)
    assert handover is Handover.BEGINS


def held(world: World) -> None:
    """The order that was just begun finds the line to its device taken by another exchange."""
    world.see(HUNG)
    assert again(world) is Handover.BEGINS
    act_id = max(world.state.acts)
    world.feed(RemedyDone(act_id, ok=False, reason=BUSY, proof={"sent": False}))


def test_a_line_that_is_not_free_makes_no_failed_remedy() -> None:
    """Nothing was sent: the same rung is tried again, nothing is used up, and no power is cut over it."""
    world = hung()
    held(world)
    fault = world.state.fault("codec_hung")
    assert (fault.phase, fault.rung, fault.acts, fault.lines_busy) == (Phase.CONFIRMED, 0, 0, 1)
    assert world.state.load("codec").acts_s == ()
    world.run(HUNG, 20)
    assert world.remedies() == ["codec_restart"] * 2
    assert again(world) in (Handover.BEGINS, Handover.HELD)
    world.see(HUNG)
    world.finish()
    assert world.state.fault("codec_hung").lines_busy == 0


def test_a_line_that_is_never_free_is_the_devices_own_fault() -> None:
    """Three times in a row: then the next rung, which needs no line."""
    world = hung()
    for _ in range(3):
        held(world)
        world.run(HUNG, 20)
    assert world.remedies() == ["codec_restart"] * 3 + ["codec_power_cycle"]


def test_another_reason_between_begins_the_count_anew() -> None:
    world = hung()
    for _ in range(2):
        held(world)
        world.run(HUNG, 20)
    world.feed(RemedyDone(max(world.state.acts), ok=False, reason="late", proof={"sent": False}))
    assert (world.state.fault("codec_hung").withdrawn, world.state.fault("codec_hung").lines_busy) == (3, 0)


def test_only_what_was_given_up_for_want_of_a_journal_is_tried_again_when_it_is_back() -> None:
    world = World()
    lost = Fault("codec_hung", phase=Phase.ESCALATED, refused=Reason.NO_JOURNAL, withdrawn=3, strikes=5)
    other = Fault("camera_missing", phase=Phase.ESCALATED, refused=Reason.LOAD_BUSY, withdrawn=3)
    waits = Fault("display_asleep", phase=Phase.CONFIRMED, refused=Reason.NO_JOURNAL, withdrawn=2)
    known = {fault.rule: fault for fault in (lost, other, waits)}
    world.state = replace(world.state, faults=known)
    back = journal_back(world.state)
    assert back == replace(world.state, faults={**known, "codec_hung": replace(lost, withdrawn=0)})


def test_the_rooms_own_upkeep_is_no_order_when_a_meeting_has_come_near() -> None:
    world = World()
    world.run(IDLE, 120)
    world.see(IDLE)
    world.state, _ = start(world.state, REMEDIES["ups_self_test"], world.now, by="routine")
    start_s = WALL_S + world.mono_s + 800.0
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + 3600.0),)))
    assert again(world) is Handover.WITHDRAWN
    assert world.records(RecordKind.REMEDY_DONE)[-1].reason == Reason.MEETING_NEAR


@pytest.mark.parametrize("command", ["", "c1"])
def test_a_stage_is_as_ordered_as_the_boot_that_it_belongs_to_when_a_meeting_has_come_near(command: str) -> None:
    world = World()
    world.run(IDLE, 120)
    world.see(IDLE)
    world.state, _ = start(world.state, REMEDIES["room_staged_boot"], world.now, command=command)
    world.state, _ = start(world.state, REMEDIES["codec_power_cycle"], world.now, by="staged_boot")
    start_s = WALL_S + world.mono_s + 800.0
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + 3600.0),)))
    assert again(world) is (Handover.BEGINS if command else Handover.WITHDRAWN)
