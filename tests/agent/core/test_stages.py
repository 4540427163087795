"""The order in which a room's loads come back, and how long each may take."""

from __future__ import annotations

from dataclasses import replace

from agent.core.policy import WAITS, Waits
from agent.core.remedies import REPORT_S
from agent.core.stages import STAGES, fitted, longest_s, patience_s, whole_room
from agent.core.state import LoadState, RoomState, Staged
from tests.agent.core.world import World, policy


def room(*relays: str, waits: Waits = WAITS) -> RoomState:
    return replace(World().state, policy=policy(relays=frozenset(relays), waits=waits))


def test_the_network_comes_first_and_noise_last() -> None:
    assert fitted(room("amplifier", "display", "codec", "converter", "switch")) == (
        "switch", "converter", "codec", "display", "amplifier",
    )  # fmt: skip


def test_what_the_room_does_not_have_is_no_stage() -> None:
    state = room("codec", "display")
    loads = {name: load for name, load in state.policy.loads.items() if name != "display"}
    assert fitted(replace(state, policy=replace(state.policy, loads=loads))) == ("codec",)
    assert fitted(room(*STAGES)) == STAGES


def test_a_stage_is_given_three_boots_the_longer_of_known_and_measured() -> None:
    state = room("codec")
    assert patience_s(state, "codec") == 3 * 150
    slow = replace(state, loads={"codec": LoadState(boot_s=200.0)})
    quick = replace(state, loads={"codec": LoadState(boot_s=90.0)})
    assert (patience_s(slow, "codec"), patience_s(quick, "codec")) == (600, 450)


def test_a_quick_stage_still_has_time_for_three_polls() -> None:
    assert patience_s(room("light"), "light") == 60
    assert patience_s(room("light", waits=replace(WAITS, stage_min_s=6.0)), "light") == 6


def test_all_stages_together_are_bounded_by_leave_cycle_and_patience_of_each() -> None:
    state = room("codec", "light")
    asked_s = state.policy.guards.refused_escalate_s + REPORT_S
    assert longest_s(state) == 2 * asked_s + 30 + 450 + 2 + 60


def test_a_staged_boot_begins_with_every_stage_ahead() -> None:
    world = World()
    state = whole_room(room("codec", "switch"), 7, world.now)
    assert state.staged == Staged(("switch", "codec"), world.mono_s, cut=True, act_id=7)
