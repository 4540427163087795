"""One real room, one real hub, one real broker, and `kill -9` for each of them in the middle of a power cycle.

Power must be back within 5 s of the agent's next start, and at the end the hub must hold every event of the room once.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.store.sqlite import LEAP
from sim.control import ask
from sim.process import Child, program
from sim.real import RealRooms
from tests.brokers import Mosquitto, free_port

ROOM = "ph-kill"
SCALE = 0.2
"""A cycle keeps the codec off for three seconds, long enough to be killed in."""
REPOWER_S = 5.0
"""Promised: so long after the agent's start power is back on everything."""
INVENTORY = "tinh_code;tinh;xa_code;xa;room;name\n38;Thanh Hóa;14797;Phường Hạc Thành;ph-kill;Phòng họp\n"

pytestmark = [pytest.mark.run, pytest.mark.broker, pytest.mark.timeout(600), pytest.mark.xdist_group("programs-2")]


def until(condition: Callable[[], bool], seconds: float, what: str, each: Callable[[], None] = lambda: None) -> None:
    """Wait for something that must come."""
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, f"{what}: not within {seconds:g} s"
        each()
        time.sleep(0.02)


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of a database that somebody else writes; none while it does not exist."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
            return db.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []


class Province:
    """A province of one room. Ends only what it has started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder / "mosquitto").start()
        self.hub = self._hub()
        self.real = RealRooms(folder / "rooms", [ROOM], SCALE, self.broker.port)
        self.real.start_hardware()
        self.real.start_agents()
        self.database = folder / "hub" / "hub.db"
        self.journal = folder / "rooms" / ROOM / "state" / "room.db"

    def _hub(self) -> Child:
        home = self.folder / "hub"
        home.mkdir()
        config = home / "hub.toml"
        port = free_port()
        config.write_text(f'data_dir = "{home}"\n[web]\nport = {port}\n[broker]\nport = {self.broker.port}\n', "utf-8")
        (home / "rooms.csv").write_text(INVENTORY, "utf-8")
        importer = Child("import", [program("diemcau-hub"), "import-rooms", "--config", str(config),
                                    str(home / "rooms.csv")], home / "import.log")  # fmt: skip
        importer.start()
        importer.await_end(60)
        hub = Child("hub", [program("diemcau-hub"), "serve", "--config", str(config)], home / "hub.log")
        return hub.start()

    @property
    def agent(self) -> Child:
        return self.real.agents[ROOM]

    def end(self) -> None:
        self.real.end()
        self.hub.end()
        self.broker.stop()

    def events(self, where: str = "1") -> int:
        """Events of the room that the hub holds."""
        rows = query(self.database, f"SELECT count(*) FROM events WHERE room = '{ROOM}' AND {where}")
        return int(str(rows[0][0])) if rows else 0

    def acts(self, outcome: str) -> int:
        rows = query(self.journal, f"SELECT count(*) FROM acts WHERE method = 'cycle' AND outcome = '{outcome}'")
        return int(str(rows[0][0])) if rows else 0

    def codec_powered(self) -> bool:
        return f"{ROOM}/codec" not in self.report()["cut"]

    def report(self) -> dict[str, Any]:
        return ask(self.real.control, do="report")


@pytest.fixture
def province(tmp_path: Path) -> Iterator[Province]:
    made = Province(tmp_path)
    yield made
    made.end()


def test_everything_is_killed_in_turn_and_nothing_is_lost(province: Province) -> None:
    until(lambda: province.events("kind = 'agent_started'") == 1, 60, "the room is heard")
    ask(province.real.control, do="inject", rooms=[ROOM], fault="codec_hang_hard")
    # The intent is journalled before the act: only the cut itself says that we are in the middle.
    until(lambda: not province.codec_powered(), 60, "the power cycle begins")
    assert province.acts("") == 1

    province.agent.signal(signal.SIGKILL)
    province.broker.kill9()
    province.hub.signal(signal.SIGKILL)
    province.agent.await_end()
    assert not province.codec_powered(), "the kernel keeps the lines of a dead program"

    began_s = time.monotonic()
    province.agent.start()
    until(province.codec_powered, 30, "power is back")
    assert time.monotonic() - began_s <= REPOWER_S
    until(lambda: province.acts("interrupted") == 1, 30, "the journal closes the act")

    province.broker.start()
    province.hub.start()
    until(lambda: province.events("kind = 'fault_cleared'") >= 1, 200, "the codec heals")

    for round_ in range(2):  # once more, one after the other, with events under way
        ask(province.real.control, do="inject", rooms=[ROOM], fault="room_dark")
        province.hub.signal(signal.SIGKILL)
        province.hub.await_end()
        province.broker.restart()
        province.hub.start()
        province.agent.signal(signal.SIGKILL)
        province.agent.await_end()
        province.agent.start()
        until(lambda n=round_: province.events("kind = 'agent_started'") == 3 + n, 90, "the room is heard again")  # type: ignore[misc]

    until(lambda: province.real.pending() == 0, 120, "the outbox empties")
    sent = province.real.events_sent()
    rows = query(province.database, f"SELECT epoch, seq FROM events WHERE room = '{ROOM}' ORDER BY seq")
    assert len({epoch for epoch, _ in rows}) == 1
    assert [int(str(seq)) % LEAP for _, seq in rows] == list(range(1, sent + 1)), "every event once; a start leaps"
    assert province.report()["actions_in_call"] == 0
