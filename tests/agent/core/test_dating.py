"""A board without a clock of its own: the true age of old restarts is known when a time server has spoken."""

from __future__ import annotations

from agent.core.events import DesiredChanged, PastAct, Restarted, Tick
from agent.core.facts import Instant
from agent.core.interlock import permit
from agent.core.maintenance import maintained
from agent.core.phases import Phase
from agent.core.reasons import Decision, Reason
from agent.core.remedies import REMEDIES
from agent.core.state import Blind
from agent.runtime.room import Room
from agent.store.memory import MemoryStore
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.test_near_meetings import said
from tests.agent.core.world import IDLE, WALL_S, World, policy

DAY_S = 86_400.0


def past(act_id: int, ago_s: float, *, synced: bool = True, remedy: str = "codec_power_cycle") -> PastAct:
    """An act of an earlier boot; the moment `ago_s` before second 0 of this one."""
    return PastAct(act_id, remedy, REMEDIES[remedy].load, Instant(50.0, WALL_S - ago_s, synced), same_boot=False)


def started(*acts: PastAct, ends_s: tuple[float, ...] = (), **others: object) -> World:
    """The agent has just started on a board whose clock is not disciplined yet."""
    world = World(mono_s=60.0, synced=False)
    world.feed(Restarted(past_acts=acts, next_id=100, ends_s=ends_s, rebooted=False, **others))  # type: ignore[arg-type]
    return world


def later(world: World, seconds: float, *, synced: bool) -> World:
    world.mono_s += seconds
    world.synced = synced
    world.see(IDLE)
    return world


MONTH_AGO = tuple(past(n, 30 * DAY_S + 1000 * n) for n in (1, 2, 3))


def test_cycles_of_a_month_ago_count_as_that_once_the_clock_is_disciplined() -> None:
    world = started(*MONTH_AGO)
    assert said(later(world, 300, synced=False), "codec_power_cycle") == Reason.CLOCK_UNKNOWN
    assert said(later(world, 10, synced=True), "codec_power_cycle") == ""


def test_until_then_no_other_remedy_is_tried_in_their_place_and_nothing_is_latched() -> None:
    world = started(*MONTH_AGO)
    later(world, 400, synced=False)
    world.run(HUNG, 200)
    assert world.remedies() == []
    assert world.phase("codec_hung") is Phase.ESCALATED, "a person is called: it may be long"
    assert not any(load.latched for load in world.state.loads.values())
    world.synced = True
    world.run(HUNG, 20)
    assert world.remedies() == ["codec_restart"]


def test_what_was_restarted_today_still_counts() -> None:
    today = tuple(past(n, 4000.0 + 100 * n) for n in (1, 2, 3))
    assert said(later(started(*today), 300, synced=True), "codec_power_cycle") == Reason.BUDGET_DAY


def test_what_no_good_clock_has_dated_counts_as_just_done_for_a_day() -> None:
    undated = tuple(past(n, 30 * DAY_S, synced=False) for n in (1, 2, 3))
    world = later(started(*undated), 4000, synced=True)
    assert said(world, "codec_power_cycle") == Reason.BUDGET_DAY
    assert said(later(world, DAY_S, synced=True), "codec_power_cycle") == ""


def test_without_a_time_server_they_end_after_a_day() -> None:
    world = started(*MONTH_AGO)
    assert said(later(world, DAY_S - 61, synced=False), "codec_power_cycle") == Reason.CLOCK_UNKNOWN
    assert said(later(world, 62, synced=False), "codec_power_cycle") == ""


def test_a_known_moment_that_stands_in_the_future_forbids_nothing_for_ever() -> None:
    """The clock was ten years ahead when the power was cut. Now it is right, or behind: then acts count as younger."""
    world = later(started(*MONTH_AGO, ends_s=(WALL_S + 3650 * DAY_S,)), 300, synced=True)
    assert said(world, "codec_power_cycle") == ""
    assert world.state.undated == ()
    assert not world.state.dates(world.now), "what begins now is dated by nobody: one of the two is wrong"
    world.mono_s = DAY_S
    assert world.state.dates(world.now)


def test_an_act_that_stands_in_the_future_counts_as_just_done_and_spoils_nothing_else() -> None:
    """It holds its load for the hold time; of the day's budget it is one."""
    world = started(*MONTH_AGO, past(4, -3650 * DAY_S))
    assert said(later(world, 300, synced=True), "codec_power_cycle") == ""
    assert [one.wall_s for one in world.state.undated] == [WALL_S + 3650 * DAY_S]
    three = later(started(*(past(n, -3650 * DAY_S) for n in (1, 2, 3))), 4000, synced=True)
    assert said(three, "codec_power_cycle") == Reason.CLOCK_UNKNOWN, "nothing is latched over it"
    assert said(later(three, DAY_S, synced=True), "codec_power_cycle") == ""


def test_of_very_many_old_restarts_the_newest_are_dated_and_none_of_this_boot_is_pushed_out() -> None:
    old = tuple(past(n, 40 * DAY_S - n, remedy="codec_restart") for n in range(1, 500))
    fresh = tuple(past(500 + n, 7200.0 + 200 * n) for n in (1, 2))
    same = PastAct(900, "codec_power_cycle", "codec", Instant(1.0, WALL_S, True), same_boot=True)
    world = later(started(*old, *fresh, same), 300, synced=True)
    assert len([at for at in world.state.load("codec").cycles_s if at > world.mono_s - DAY_S]) == 3
    assert said(world, "codec_power_cycle") == Reason.BUDGET_DAY


def test_an_act_that_was_cut_short_counts_from_the_restart_of_the_agent() -> None:
    cut = PastAct(7, "codec_power_cycle", "codec", Instant(10.0, WALL_S, True), same_boot=True)
    world = World(mono_s=60.0)
    world.feed(Restarted(open_acts=(cut,), next_id=8))
    assert world.state.load("codec").acts_s == (60.0,), "it may have begun long after its intent was written"


def test_a_maintenance_without_a_clock_ends_after_twelve_hours_in_all_runs_together() -> None:
    """A room without a time server that is switched off every evening would never act again."""
    store, until_s = MemoryStore("e"), WALL_S + 50.0
    open_h = 0.0
    for boot in range(5):
        room = Room((), policy(), store, f"b{boot}", "0.1", "r")
        now = Instant(30.0, 0.0, synced=False)
        room.restore(now)
        room.feed(DesiredChanged(1, maintenance_until_s=until_s), now)
        for minute in range(1, 4 * 60 + 1):
            now = Instant(30.0 + 60.0 * minute, 0.0, synced=False)
            room.feed(Tick(), now)
            room.commit(now)
            open_h += (maintained(room.state, now) == Decision(Reason.MAINTENANCE)) / 60
    assert 11.9 <= open_h <= 12.0 + 4 * 0.25, "of each run a quarter of an hour may be forgotten"
    assert float(store.remember("b4").meta["blind"].split()[0]) == until_s


def test_another_window_and_a_clock_begin_the_twelve_hours_anew() -> None:
    world = World(synced=False)
    world.feed(DesiredChanged(1, maintenance_until_s=WALL_S + 3e5))
    world.mono_s += 43_200.0
    world.feed(Tick())
    assert permit(REMEDIES["light_off"], world.state, world.now) != Decision(Reason.MAINTENANCE)
    assert world.state.blind.lasted_s == 43_200.0
    world.feed(DesiredChanged(2, maintenance_until_s=WALL_S + 2e5))
    assert world.state.blind.lasted_s == 0.0
    world.mono_s += 600.0
    world.feed(Tick())
    world.synced = True
    world.feed(Tick())
    assert world.state.blind.lasted_s == 0.0
    world.feed(DesiredChanged(3))
    assert world.state.blind == Blind()


def test_a_window_that_ends_further_ahead_than_any_does_counts_with_a_good_clock_too() -> None:
    world = World()
    world.feed(DesiredChanged(1, maintenance_until_s=WALL_S + 30 * DAY_S))
    world.mono_s += 600.0
    world.feed(Tick())
    assert world.state.blind.lasted_s == 600.0


def test_the_end_of_a_maintenance_that_was_seen_outlives_a_start_without_a_clock() -> None:
    store = MemoryStore("e")
    rooms = [Room((), policy(maintenance_until_s=WALL_S + 50.0), store, boot, "0.1", "r") for boot in ("b1", "b2")]
    for room, at_s, synced in zip(rooms, (100.0, 20.0), (True, False), strict=True):
        now = Instant(at_s, WALL_S + 100.0 if synced else 0.0, synced)
        room.restore(now)
        room.feed(Tick(), now)
        room.commit(now)
    state = rooms[1].state
    assert state.maintenance_over_s == WALL_S + 50.0
    assert store.remember("b2").meta["synced"] == f"{WALL_S + 100.0:.0f}"
