"""A room with a PC and no codec: its software is opened anew, and never while a call may be up."""

from __future__ import annotations

import pytest

import agent.rules
from agent.core.events import Observed, Tick
from agent.core.facts import Instant, NoReading, Observation, Reading
from agent.core.policy import make_policy
from agent.runtime.room import Room
from agent.store.memory import MemoryStore

START_S, WALL_S = 1_000_000.0, 1_795_390_000.0
PATIENCE_S = 900


def ordered(in_call: Reading) -> list[str]:
    """What the room orders within a quarter of an hour after its software has gone."""
    policy = make_policy(relays=frozenset(), apis=frozenset({"pc_app_restart"}))
    room = Room(agent.rules.load(), policy, MemoryStore("epoch"), "0" * 32, "0.1.0", "r")
    room.restore(Instant(START_S, WALL_S, True))
    done: list[str] = []
    for second in range(1, PATIENCE_S):
        now = Instant(START_S + second, WALL_S + second, True)
        if second % 10 == 0:
            seen: dict[str, Reading] = {"pc.alive": True, "pc.app_running": second < 60, "codec.in_call": in_call}
            room.feed(Observed(Observation("pc", seen)), now)
        room.feed(Tick(), now)
        done += [order.remedy.name for order in room.commit(now)]
    return done


def test_it_is_opened_anew_when_nobody_uses_microphone_or_camera() -> None:
    assert ordered(False)[:1] == ["pc_app_restart"]


@pytest.mark.parametrize("in_call", [True, NoReading("absent"), NoReading("garbled"), NoReading("timeout")])
def test_a_call_and_anything_unknown_forbid_it(in_call: Reading) -> None:
    assert ordered(in_call) == []
