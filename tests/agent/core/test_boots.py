"""A room learns how long its own devices take, within bounds."""

from __future__ import annotations

from dataclasses import replace

from agent.core.boots import learned, settle_s
from agent.core.events import RecordKind, Restarted
from agent.core.remedies import LOADS, REMEDIES
from agent.core.state import LoadState
from tests.agent.core.test_codec_hung_story import HUNG, hung_world
from tests.agent.core.world import IDLE, World

CODEC = LOADS["codec"]


def test_a_slower_start_counts_at_once_and_a_faster_one_slowly() -> None:
    assert learned(CODEC, LoadState(), 200) == 200
    assert learned(CODEC, LoadState(boot_s=150), 300) == 300
    assert learned(CODEC, LoadState(boot_s=200), 100) == 170


def test_what_is_learned_is_bounded() -> None:
    assert learned(CODEC, LoadState(), 1e9) == 4 * CODEC.boot_s


def test_what_serves_impossibly_soon_teaches_nothing() -> None:
    """A sensor that stopped lying ten seconds after a restart has measured no start."""
    assert learned(CODEC, LoadState(boot_s=190), 10) == 190
    assert learned(CODEC, LoadState(), 0.001) == 0


def test_a_quarter_of_the_known_boot_time_is_the_least_that_teaches() -> None:
    shortest_s = 0.25 * CODEC.boot_s
    assert learned(CODEC, LoadState(), shortest_s) == shortest_s
    assert learned(CODEC, LoadState(), shortest_s - 0.1) == 0


def test_even_a_load_that_boots_within_a_second_has_been_measured() -> None:
    quick = replace(CODEC, boot_s=1.0)
    assert learned(quick, LoadState(boot_s=0.8), 0.5) == 0.7 * 0.8 + 0.3 * 0.5
    assert settle_s(REMEDIES["codec_power_cycle"], replace(CODEC, boot_s=10.0), LoadState(boot_s=0.8)) == 7.5


def test_a_settle_time_of_a_remedys_own_is_taken_however_short() -> None:
    assert settle_s(replace(REMEDIES["codec_wake"], settle_s=0.5), CODEC, LoadState()) == 0.5


def test_nothing_settles_in_less_than_two_seconds() -> None:
    light = LOADS["light"]
    assert settle_s(REMEDIES["light_off"], light, LoadState()) == 2.0


def test_settling_follows_the_measured_time() -> None:
    cycle = REMEDIES["codec_power_cycle"]
    assert settle_s(cycle, CODEC, LoadState()) == 1.5 * CODEC.boot_s
    assert settle_s(cycle, CODEC, LoadState(boot_s=300)) == 450
    assert settle_s(cycle, CODEC, LoadState(boot_s=40)) == 0.75 * CODEC.boot_s
    assert settle_s(REMEDIES["codec_wake"], CODEC, LoadState()) == 40


def test_a_healed_codec_teaches_its_boot_time_and_the_next_agent_knows_it() -> None:
    world = hung_world()
    world.finish()
    world.run(HUNG, 100)
    world.run(IDLE, 30)
    took_s = world.state.load("codec").boot_s
    assert 90 <= took_s <= 110
    again = hung_world()
    again.state = replace(again.state, loads={}, acts={}, faults={})
    again.feed(Restarted(boots={"codec": took_s}))
    assert again.state.load("codec").boot_s == took_s


def test_power_alone_is_no_start() -> None:
    """A codec that had no power draws some at once after its cycle; when it serves, it has started."""
    dead = {**HUNG, "codec.draw_w": 0.4, "codec.ping": False}
    world = World()
    world.run(IDLE, 30)
    world.run(dead, 60)
    assert world.remedies() == ["codec_power_cycle"]
    world.mono_s += 30
    world.finish()
    world.run({**dead, "codec.draw_w": 25.0}, 25)
    assert world.records(RecordKind.FAULT_CLEARED)[-1].rule == "codec_no_power"
    assert world.state.load("codec").boot_s == 0
