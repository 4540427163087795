"""Rooms whose codec hangs on a smart plug, and `kill -9` for their agents in the middle of a power cycle."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.control import ask
from sim.real import RealRooms
from tests.run.test_kill import REPOWER_S, query, until

GONE, BACK = "ph-shelly", "ph-tasmota"
"""The room whose agent never comes back, and the one whose agent is started again at once."""
SCALE = 0.4
"""A cycle keeps the codec off for twelve seconds: the fresh agent must be faster than the plug's own timer."""

pytestmark = [pytest.mark.run, pytest.mark.timeout(300), pytest.mark.xdist_group("programs-2")]


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[RealRooms]:
    made = RealRooms(tmp_path, [GONE, BACK], SCALE, 0, kinds=("cisco_ws", "cisco_http"))
    made.start_hardware()
    made.start_agents()
    yield made
    made.end()


def dark(rooms: RealRooms) -> set[str]:
    """Rooms whose codec is without power."""
    return {place.partition("/")[0] for place in ask(rooms.control, do="report")["cut"] if place.endswith("/codec")}


def cycles(rooms: RealRooms, room: str) -> list[tuple[object, ...]]:
    return query(rooms.folder / room / "state" / "room.db", "SELECT outcome FROM acts WHERE method = 'cycle'")


def test_a_plug_gives_power_back_with_a_fresh_agent_and_without_any(rooms: RealRooms) -> None:
    until(lambda: all(rooms.agents[room].alive for room in (GONE, BACK)), 30, "the agents run")
    ask(rooms.control, do="inject", rooms=[GONE, BACK], fault="codec_hang_hard")
    killed: set[str] = set()

    def kill() -> None:
        for room in dark(rooms) - killed:
            assert cycles(rooms, room) == [("",)], "the intent is in the journal before the plug moves"
            rooms.agents[room].signal(signal.SIGKILL)
            rooms.agents[room].await_end()
            killed.add(room)
            if room == BACK:
                began_s = time.monotonic()
                rooms.agents[room].start()
                until(lambda: BACK not in dark(rooms), 30, "power is back")
                assert time.monotonic() - began_s <= REPOWER_S

    until(lambda: killed == {GONE, BACK}, 200, "both cycles begin", each=kill)
    until(lambda: GONE not in dark(rooms), 60, "the plug gives power back by itself")
    assert not rooms.agents[GONE].alive
    until(lambda: cycles(rooms, BACK)[0] == ("interrupted",), 30, "the journal closes the act")
