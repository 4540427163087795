"""Last night's copy of the hub, a day's events after it, an empty machine: the room sends again what the copy lacks."""

from __future__ import annotations

import gzip
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store.sqlite import LEAP
from sim.control import ask
from sim.process import program
from tests.run.test_kill import ROOM, Province, query, until

pytestmark = [pytest.mark.run, pytest.mark.broker, pytest.mark.timeout(600), pytest.mark.xdist_group("programs-1")]


@pytest.fixture
def province(tmp_path: Path) -> Iterator[Province]:
    made = Province(tmp_path)
    yield made
    made.end()


def hub_command(province: Province, *words: str) -> None:
    """Run the hub's own command to its end."""
    name, *rest = words
    config = province.database.with_name("hub.toml")
    command = [program("diemcau-hub"), name, "--config", str(config), *rest]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)


def events_in(copy: Path) -> int:
    """Events of the room that the copy holds; the running hub may have taken one more by now."""
    plain = copy.with_suffix("")
    plain.write_bytes(gzip.decompress(copy.read_bytes()))
    ((count,),) = query(plain, f"SELECT count(*) FROM events WHERE room = '{ROOM}'")
    return int(str(count))


def restart_agent(province: Province) -> None:
    province.agent.signal(signal.SIGKILL)
    province.agent.await_end()
    province.agent.start()


def starts(province: Province) -> int:
    return province.events("kind = 'agent_started'")


def test_a_centre_that_was_brought_back_from_last_night_has_the_whole_day_again(province: Province) -> None:
    until(lambda: starts(province) == 1, 60, "the room is heard")
    until(lambda: province.real.pending() == 0, 60, "the evening is acknowledged")
    copies = province.folder / "copies"
    hub_command(province, "backup", "--to", str(copies))
    (copy,) = copies.glob("hub-*.db.gz")
    copied = events_in(copy)

    ask(province.real.control, do="inject", rooms=[ROOM], fault="codec_hang_hard")
    until(lambda: province.events("kind = 'fault_cleared'") >= 1, 200, "the day has its fault, and its end")
    restart_agent(province)
    until(lambda: starts(province) == 2, 60, "the room is heard again")
    until(lambda: province.real.pending() == 0, 60, "the day is acknowledged")
    lost = province.events() - copied
    assert lost >= 4, "confirmed, begun, done, cleared and a start at least"

    province.hub.signal(signal.SIGKILL)
    province.hub.await_end()
    for part in province.database.parent.glob("hub.db*"):
        part.unlink()
    restart_agent(province)  # what it says meanwhile waits at the broker, with the floor of the database that is gone
    hub_command(province, "restore", str(copy))
    assert province.events() == copied
    province.hub.start()

    until(lambda: starts(province) == 3, 90, "the room's newest start")
    until(lambda: province.events() == province.real.events_sent(), 120, "all of it is back")
    until(lambda: province.real.pending() == 0, 60, "and acknowledged again")
    rows = query(province.database, f"SELECT seq FROM events WHERE room = '{ROOM}' ORDER BY seq")
    assert [int(str(seq)) % LEAP for (seq,) in rows] == list(range(1, province.real.events_sent() + 1))
    closed = query(province.database, "SELECT rule, outcome FROM incidents WHERE closed_s > 0")
    assert ("codec_hung", "room") in closed, "the incident of the day has its story again"
