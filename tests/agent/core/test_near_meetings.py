"""What may be restarted before and in a meeting. The figures are those that are promised, not those of the code."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import agent.rules
from agent.core.engine import initial, step
from agent.core.events import DesiredChanged, OrderReceived, RecordKind, Tick
from agent.core.facts import Instant, NoReading, Reading, Seen, View
from agent.core.interlock import permit
from agent.core.meeting_guard import useless as proves_useless
from agent.core.phases import Phase
from agent.core.policy import Meeting
from agent.core.reasons import ALLOWED, Decision, Reason
from agent.core.remedies import REMEDIES, Method
from agent.core.stages import longest_s
from agent.core.state import LoadState
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.test_staging import live, names
from tests.agent.core.world import IDLE, WALL_S, World

BOOT_S = 225.0
"""A codec's boot as awaited: one and a half times the catalogue's 150 s."""
READY_S = BOOT_S + 20.0 + 300.0
"""From the order to restart: boot, two looks, and five minutes before the start."""
CYCLED_S = READY_S + 30.0
DEAD: dict[str, Reading] = {**HUNG, "codec.ping": False, "codec.in_call": NoReading("timeout"), "codec.draw_w": 31.0}


def room(starts_in_s: float, lasts_s: float = 3600.0, *, trial: bool = False, synced: bool = True) -> World:
    """A healthy room, just looked at, with one meeting."""
    world = World(mono_s=100_000.0)
    world.see(IDLE)
    start_s = WALL_S + world.mono_s + starts_in_s
    world.feed(DesiredChanged(1, (Meeting("m", "Họp", start_s, start_s + lasts_s, trial=trial),)))
    world.synced = synced
    return world


def said(world: World, remedy: str = "codec_restart", **how: Any) -> str:
    """The refusal's name; empty when it is permitted."""
    return permit(REMEDIES[remedy], world.state, world.now, **how).reason or ""


@pytest.mark.parametrize("how", [{}, {"own": True, "leased": True, "grave": True}])
@pytest.mark.parametrize(("remedy", "ready_s"), [("codec_restart", READY_S), ("codec_power_cycle", CYCLED_S)])
def test_what_serves_again_five_minutes_before_the_start_may_begin(
    remedy: str, ready_s: float, how: dict[str, Any]
) -> None:
    assert said(room(ready_s), remedy, **how) == ""
    assert said(room(ready_s - 0.01), remedy, **how) == Reason.MEETING_NEAR


def test_the_whole_room_has_to_be_ready_five_minutes_before_the_start_too() -> None:
    ready_s = longest_s(World().state) + 20.0 + 300.0
    assert said(room(ready_s), "room_staged_boot") == ""
    assert said(room(ready_s - 0.01), "room_staged_boot") == Reason.MEETING_NEAR


def test_a_measured_boot_that_is_longer_counts() -> None:
    world = room(1200.0)
    world.state = replace(world.state, loads={**world.state.loads, "codec": LoadState(boot_s=500.0)})
    assert said(world) == ""
    world.mono_s += 1200.0 - (750.0 + 320.0) + 0.01
    world.see(IDLE)
    assert said(world) == Reason.MEETING_NEAR


def test_in_the_last_quarter_of_an_hour_the_room_begins_nothing_that_a_meeting_could_do_without() -> None:
    own: dict[str, Any] = {"own": True, "leased": True}
    assert said(room(900.01), **own) == ""
    assert said(room(900.0), **own) == Reason.MEETING_NEAR
    assert said(room(900.0), grave=True, **own) == ""
    assert said(room(900.0), "display_power_cycle", **own) == Reason.MEETING_NEAR


def test_before_that_too_nothing_begins_that_would_not_be_ready_in_time() -> None:
    """A staged boot that begins a quarter of an hour before would end in the meeting."""
    assert said(room(901.0), "room_staged_boot") == Reason.MEETING_NEAR
    assert said(room(4 * 3600.0), "room_staged_boot") == ""


def test_a_codec_hung_at_thirteen_minutes_is_restarted_and_serves_in_time() -> None:
    world = room(780.0)
    world.run(IDLE, 1)
    world.run(HUNG, 40)
    assert world.remedies() == ["codec_restart"]


def test_what_nobody_can_rule_out_is_refused_always() -> None:
    unknown: dict[str, Reading] = {**IDLE, "codec.in_call": NoReading("timeout"), "codec.draw_w": NoReading("timeout")}
    for starts_in_s in (3000.0, 600.0, 100.0, -100.0):
        world = room(starts_in_s)
        world.see(unknown)
        assert said(world, grave=True, confirmed=True) == Reason.CALL_UNKNOWN
        world.see({**IDLE, "codec.in_call": True})
        assert said(world, grave=True, confirmed=True) == Reason.IN_CALL


def useless(starts_in_s: float, looks: int = 3, readings: dict[str, Reading] = DEAD) -> World:
    """A room whose codec has been looked at in vain so often, ten seconds apart."""
    world = room(starts_in_s + 10.0 * looks)
    for _ in range(looks):
        world.mono_s += 10.0
        world.see(readings)
    return world


def test_a_codec_that_is_proven_useless_has_nothing_to_lose() -> None:
    for starts_in_s, begun in ((60.0, ["codec_restart"]), (0.5, ["codec_restart"]), (0.0, [])):
        assert useless(starts_in_s).remedies() == begun
    assert said(useless(60.0, looks=2), grave=True) == Reason.MEETING_NEAR
    assert said(useless(60.0, readings={**DEAD, "codec.ping": True}), grave=True) == Reason.MEETING_NEAR
    assert said(useless(60.0, readings={**DEAD, "codec.api": NoReading("link")}), grave=True) == Reason.MEETING_NEAR
    assert said(useless(-1.0), grave=True) == Reason.MEETING_NEAR, "the meeting runs"


UNPLUGGED: dict[str, Reading] = {**DEAD, "net.link": False, "net.gateway": False, "net.hub": False}


def test_behind_a_cable_that_is_out_nothing_proves_a_codec_useless() -> None:
    """It hangs on a cable of its own, and the meeting that begins in a moment may be without any fault."""
    world = useless(60.0, looks=6, readings=UNPLUGGED)
    assert world.remedies() == []
    for remedy in ("codec_restart", "switch_power_cycle"):
        assert said(world, remedy, grave=True) == Reason.MEETING_NEAR
    world.see({"net.link": True})
    for begun in ([], [], ["switch_power_cycle"]):
        world.mono_s += 10.0
        world.see({**UNPLUGGED, "net.link": True})
        assert world.remedies() == begun, "looks from before the cable was in say nothing"


def test_looks_in_a_row_within_a_moment_prove_nothing() -> None:
    world = room(60.0)
    for _ in range(5):
        world.mono_s += 0.5
        world.see(DEAD)
    assert said(world, grave=True) == Reason.MEETING_NEAR


@pytest.mark.parametrize(("api_s", "ping_s", "proven"), [(10.0, 10.0, True), (9.9, 10.0, False), (10.0, 9.9, False)])
def test_each_of_the_two_ways_has_been_dead_for_three_looks_of_five_seconds(
    api_s: float, ping_s: float, proven: bool
) -> None:
    def dead(lasted_s: float) -> Seen:
        at = Instant(1000.0, WALL_S, synced=True)
        return Seen(
            good=False, good_at=at, attempt=False, attempt_at_s=1000.0, alike=3, alike_since_s=1000.0 - lasted_s
        )

    facts = {"codec.api": dead(api_s), "codec.ping": dead(ping_s)}
    assert proves_useless(View(facts, Instant(1000.0, WALL_S, synced=True)), 10.0) is proven


@pytest.mark.parametrize(("learned_s", "boot_s"), [(0.0, 150.0), (400.0, 400.0)])
def test_a_remedy_that_is_soon_judged_does_not_make_the_boot_shorter(learned_s: float, boot_s: float) -> None:
    quick = replace(REMEDIES["codec_restart"], settle_s=5.0)
    for starts_in_s, reason in ((boot_s + 320.0, None), (boot_s + 319.99, Reason.MEETING_NEAR)):
        world = room(starts_in_s)
        world.state = replace(world.state, loads={**world.state.loads, "codec": LoadState(boot_s=learned_s)})
        assert permit(quick, world.state, world.now).reason == reason


def whole_room(starts_in_s: float, *, ordered: bool = False) -> World:
    """A room whose codec is dead, restarted as a whole for that or by order; the camera is the first to be cycled."""
    world = room(starts_in_s)
    policy = world.state.policy
    policy = replace(policy, relays=policy.relays - {"codec"}, apis=policy.apis - {"codec_restart"})
    if ordered:
        policy = replace(policy, disabled=frozenset({"codec_hung"}))
    world.state = initial(policy, agent.rules.load())
    world.see(IDLE)
    live(world, 30, DEAD)
    if ordered:
        world.feed(OrderReceived("c1", "room_staged_boot", "lan"))
    assert names(live(world, 30, DEAD))[-1] == "camera_power_cycle"
    assert world.remedies()[0] == "room_staged_boot"
    return world


def test_near_a_meeting_what_the_whole_room_is_restarted_for_ends_it_by_passing() -> None:
    """The codec serves again and people join: no stage that is still to come is taken from them, or waited for."""
    world = whole_room(900.0)
    world.see(IDLE)
    assert names(live(world, 120, IDLE)) == []
    reasons = {record.remedy: record.reason for record in world.records(RecordKind.REMEDY_REFUSED)[-2:]}
    assert reasons == dict.fromkeys(("splitter_power_cycle", "display_power_cycle"), Reason.MEETING_NEAR)
    assert world.phase("codec_hung") is Phase.CLEAR


def test_near_a_meeting_the_restart_of_the_whole_room_goes_on_while_its_fault_stays_or_a_person_wants_it() -> None:
    rest = ["splitter_power_cycle", "display_power_cycle"]
    assert names(live(whole_room(900.0), 200, DEAD)) == rest
    assert names(live(whole_room(900.0, ordered=True), 200, IDLE)) == rest
    assert names(live(whole_room(4 * 3600.0), 200, IDLE)) == rest, "no meeting is near"


def test_of_a_useless_codec_one_act_a_load_may_begin_until_the_start() -> None:
    world = useless(300.0)
    before_s, since_s = READY_S - 300.0 + 1.0, READY_S - 300.0 - 1.0
    quiet = replace(LoadState(), acts_s=(world.mono_s - before_s,))
    world.state = replace(world.state, loads={**world.state.loads, "codec": quiet})
    assert said(world) == "", "it began when it would have been ready in time"
    spent = replace(LoadState(), acts_s=(world.mono_s - since_s,))
    world.state = replace(world.state, loads={**world.state.loads, "codec": spent})
    assert said(world) == Reason.MEETING_NEAR


@pytest.mark.parametrize("remedy", ["codec_restart", "codec_power_cycle"])
@pytest.mark.parametrize(("later_s", "spent"), [(0.0, True), (-0.5, False), (-20.0, False)])
def test_of_a_useless_codec_a_restart_that_was_not_ready_in_time_is_that_one_act(
    remedy: str, later_s: float, spent: bool
) -> None:
    world = useless(300.0)
    own = LoadState(acts_s=(world.mono_s - (READY_S - 300.0) + later_s,))
    world.state = replace(world.state, acts={}, loads={**world.state.loads, "codec": own})
    assert (said(world, remedy) == Reason.MEETING_NEAR) is spent


@pytest.mark.parametrize("remedy", ["codec_restart", "codec_power_cycle"])
def test_of_a_useless_codec_a_cycle_that_began_too_late_is_that_one_act(remedy: str) -> None:
    """A restart would still have been ready in time when it began: that gives it no second act."""
    world = useless(300.0)
    cycled_s = world.mono_s - (READY_S - 300.0 + 10.0)
    own = LoadState(acts_s=(cycled_s,), cycles_s=(cycled_s,))
    world.state = replace(world.state, loads={**world.state.loads, "codec": own})
    assert said(world, remedy) == Reason.MEETING_NEAR


def test_in_a_meeting_only_a_confirmed_order_begins_and_one_a_load() -> None:
    world = room(-60.0)
    assert said(world) == Reason.MEETING_NEAR
    assert said(world, own=True, leased=True, grave=True) == Reason.MEETING_NEAR
    world.feed(OrderReceived("c1", "codec_power_cycle", "lan", confirmed="Nguyễn Văn A"))
    assert world.remedies() == ["codec_power_cycle"]
    assert world.records(RecordKind.REMEDY_STARTED)[-1].detail == {"confirmed": "Nguyễn Văn A"}
    world.finish()
    world.mono_s += 600.0
    world.see(IDLE)
    world.feed(OrderReceived("c2", "codec_power_cycle", "lan", confirmed="Nguyễn Văn A"))
    assert world.remedies() == ["codec_power_cycle"]
    assert world.records(RecordKind.COMMAND_REFUSED)[-1].reason == Reason.MEETING_NEAR
    assert said(world, "display_power_cycle", confirmed=True) == "", "another load"


def test_what_was_restarted_before_the_start_does_not_use_up_the_order_in_the_meeting() -> None:
    world = room(-300.0)
    for ago_s, reason in ((300.0, Reason.MEETING_NEAR), (300.5, "")):
        own = replace(LoadState(), acts_s=(world.mono_s - ago_s,))
        world.state = replace(world.state, loads={**world.state.loads, "codec": own})
        assert said(world, confirmed=True) == reason


def test_a_trial_is_no_meeting() -> None:
    for starts_in_s in (800.0, 100.0, -100.0):
        assert said(room(starts_in_s, trial=True), own=True, leased=True) == ""
        assert said(room(starts_in_s, trial=True), "codec_settings_restore") == ""


def test_the_end_of_a_meeting_frees_the_room_at_its_very_second() -> None:
    assert said(room(-60.0, 60.01)) == Reason.MEETING_NEAR
    assert said(room(-60.0, 60.0)) == ""


def test_a_clock_that_is_not_disciplined_forbids_while_a_meeting_is_planned() -> None:
    for starts_in_s in (90_000.0, -90_000.0):
        world = room(starts_in_s, synced=False)
        assert said(world, grave=True, confirmed=True) == Reason.CLOCK_UNKNOWN
        assert said(world, "codec_settings_restore") == Reason.CLOCK_UNKNOWN
        assert said(room(starts_in_s, trial=True, synced=False)) == ""


@pytest.mark.parametrize("remedy", ["codec_settings_restore", "amplifier_off"])
def test_what_only_disturbs_is_kept_a_quarter_of_an_hour_from_meetings(remedy: str) -> None:
    assert said(room(900.01), remedy) == ""
    assert said(room(900.0), remedy) == Reason.MEETING_NEAR
    assert said(room(-60.0, 60.01), remedy, confirmed=True) == Reason.MEETING_NEAR
    assert said(room(-60.0, 60.0), remedy) == ""


@pytest.mark.parametrize("starts_in_s", [300.0, -60.0])
def test_what_a_meeting_does_not_need_may_be_switched_off_and_on_in_it(starts_in_s: float) -> None:
    assert said(room(starts_in_s), "fan_off") == ""
    off_and_on = replace(REMEDIES["fan_off"], method=Method.CYCLE, restarts=True)
    world = room(starts_in_s)
    assert permit(off_and_on, world.state, world.now) == ALLOWED


@pytest.mark.parametrize("step_s", [7200.0, -7200.0, 10 * 365 * 86_400.0])
@pytest.mark.parametrize("remedy", ["codec_restart", "codec_settings_restore"])
def test_a_step_of_the_clock_ends_no_running_meeting(step_s: float, remedy: str) -> None:
    world = room(-60.0)
    world.feed(Tick())
    stepped = replace(world.now, wall_s=world.now.wall_s + step_s)
    world.state, _ = step(world.state, Tick(), stepped)
    assert permit(REMEDIES[remedy], world.state, stepped) == Decision(Reason.MEETING_NEAR)


def test_a_clock_that_has_lost_its_server_is_known_by_the_monotonic_clock_for_a_day() -> None:
    """The time server is behind the converter: a converter that hangs must not forbid its own cycle."""
    world = room(90_000.0)
    world.feed(Tick())
    world.synced = False
    world.mono_s += 7200.0
    world.see(IDLE)
    assert said(world, "converter_power_cycle", grave=True, own=True) in ("", Reason.OWN_UPLINK)
    assert said(world) == ""
    wrong = replace(world.now, wall_s=world.now.wall_s - 10 * 86_400.0)
    assert permit(REMEDIES["codec_restart"], world.state, wrong) == ALLOWED, "whatever the wall clock says"
    world.mono_s += 86_400.0 - 7200.0 + 61.0
    world.see(IDLE)
    assert said(world) == Reason.CLOCK_UNKNOWN


def test_a_meeting_is_spared_by_the_clock_as_it_was_last_known() -> None:
    world = room(3600.0)
    world.feed(Tick())
    world.synced = False
    world.mono_s += 3600.0 - 60.0
    world.see(IDLE)
    wrong = replace(world.now, wall_s=world.now.wall_s - 10 * 86_400.0)
    assert permit(REMEDIES["codec_restart"], world.state, wrong) == Decision(Reason.MEETING_NEAR)


@pytest.mark.parametrize("way", ["codec.ping", "codec.tcp", "codec.sip"])
def test_any_second_way_that_is_dead_too_proves_a_codec_useless(way: str) -> None:
    ways = dict.fromkeys(("codec.ping", "codec.tcp", "codec.sip"), True) | {way: False}
    assert useless(60.0, readings={**DEAD, **ways}).remedies() == ["codec_restart"]
