"""A secret meeting all the way: marked at the hub, signed, over a real broker, to a real agent that is listening."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.changes import meetings
from hub.store.db import open_db, transaction
from sim.kinds import CHRONY
from tests.brokers import Mosquitto, until
from tests.trust.test_orders import ROOM, Site
from wire import messages as m

RECORDER = """
import math, os, sys, time
with open({runs!r}, "a") as runs:
    runs.write(f"{{os.getpid()}}\\n")
wave = b"".join(round(8000 * math.sin(n / 8)).to_bytes(2, "little", signed=True) for n in range(48000))
os.write(1, wave[:20000])
if not os.path.exists({slow!r}):
    os.write(1, wave[20000:])
time.sleep(600)
"""
"""Notes each of its runs. While the file `slow` is there it stops in mid second, as a card that hangs."""

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


class ListeningSite(Site):
    """As Site, with a microphone in the room."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.runs, self.slow = folder / "runs", folder / "slow"
        self.runs.touch()
        script = folder / "recorder.py"
        script.write_text(RECORDER.format(runs=str(self.runs), slow=str(self.slow)))
        self.sections = (
            f'\n[sound]\ndevice = "test"\ncommand = ["{sys.executable}", "{script}"]\ntimeout_s = 20\n'
            "[policy]\ntime_scale = 0.1\n"
        )
        super().__init__(folder, broker)

    def start_agent(self) -> subprocess.Popen[bytes]:
        config = self.folder / "room.toml"
        text = config.read_text("utf-8").replace("clock = false", f'clock_command = ["echo", "{CHRONY}"]')
        config.write_text(text + self.sections, "utf-8")
        return self.start_again()

    def start_again(self) -> subprocess.Popen[bytes]:
        """The agent with the settings that are there."""
        config = str(self.folder / "room.toml")
        command = [sys.executable, "-m", "tests.agent.run_agent", "run", "--config", config]
        return self.start(command, DIEMCAU_TEST_PINS=str(self.levels))

    def state(self) -> m.State | None:
        """The room's last word at the hub."""
        with closing(sqlite3.connect(self.folder / "hub.db", timeout=5)) as db:
            row = db.execute("SELECT state_raw FROM twins WHERE room = ?", (ROOM,)).fetchone()
        return m.decode(m.State, bytes(row[0])) if row and row[0] else None

    def sound(self) -> tuple[str, str]:
        """What the room says of secrecy, and of the sound level: `measured`, `-` or why it is not."""
        state = self.state()
        fact = state.facts.get("sound.level_dbc") if state else None
        return state.secrecy if state else "", "-" if fact is None else "measured" if fact.ok else fact.reason

    def recheck(self) -> None:
        """Have every probe look now."""
        ordered = self.order("recheck")
        until("the room has looked", lambda: self.outcome(ordered) == "done", 60)

    def recorders(self) -> list[int]:
        """Process ids of all recorders that were ever started."""
        return [int(line) for line in self.runs.read_text().split()]

    def plan(self, start_s: float, end_s: float) -> str:
        """Put one meeting for the room into the schedule; its id."""
        db = open_db(self.folder / "hub.db")
        planned = meetings.Planned("m1", "Giao ban", start_s, end_s, frozenset({ROOM}))
        with transaction(db):
            meetings.replace_schedule(db, [planned], time.time(), "an")
        db.close()
        return planned.id


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ListeningSite]:
    with Mosquitto(tmp_path / "broker") as broker:
        made = ListeningSite(tmp_path, broker)
        yield made
        made.end()


def test_the_microphone_is_off_in_a_secret_meeting_and_comes_back_by_itself(site: ListeningSite) -> None:
    until("the room says that it has been told nothing", lambda: site.sound() == ("not_told", "not_told"), 60)
    assert site.recorders() == [], "nothing was started before the hub had told a schedule"

    now_s = time.time()
    meeting = site.plan(now_s - 60, now_s + 600)
    until("the room measures", lambda: site.sound() == ("open", "measured"), 60)

    site.slow.touch()
    known = len(site.recorders())
    until("a recorder is in mid second", lambda: len(site.recorders()) > known, 60)
    running = site.recorders()[-1]
    assert site.hub.mark_meeting(meeting, secret=True, by="thu.ha").ok
    until("the room keeps to itself", lambda: site.sound() == ("secret_meeting", "-"), 60)
    state = site.state()
    assert state is not None
    assert (state.facts, state.in_call) == ({}, None)
    until("the recorder is gone", lambda: not Path(f"/proc/{running}").exists())

    count = len(site.recorders())
    for _ in range(3):  # whoever has the room look now: the probe looks, and starts nothing
        site.recheck()
    assert len(site.recorders()) == count
    assert site.sound() == ("secret_meeting", "-")

    site.slow.unlink()
    assert site.hub.mark_meeting(meeting, secret=False, by="thu.ha").ok
    until("it measures again by itself", lambda: site.sound() == ("open", "measured"), 60)
    assert len(site.recorders()) > count

    # A restart in the meeting: the room knows from its journal before the hub is heard.
    assert site.hub.mark_meeting(meeting, secret=True, by="thu.ha").ok
    until("the room keeps to itself again", lambda: site.sound() == ("secret_meeting", "-"), 60)
    site.agent.kill()
    site.agent.wait(10)
    count = len(site.recorders())
    before = site.state()
    site.agent = site.start_again()
    until("a new start has spoken", lambda: (now := site.state()) is not None and now != before, 60)
    assert site.sound() == ("secret_meeting", "-")
    assert len(site.recorders()) == count
