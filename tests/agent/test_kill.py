"""The real program, killed in the middle of a power cycle."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from agent.runtime import starts
from agent.store.base import ActRow, Batch
from agent.store.sqlite import SqliteStore
from agent.transports.clock import SystemClock, boot_id
from tests.agent import pins
from tests.agent.test_publisher import Hub
from tests.brokers import Mosquitto
from wire import lock
from wire import messages as m
from wire.event_kinds import EventKind
from wire.topics import Leaf

ROOM = """
[room]
id = "r-pub"
state_dir = "{state}"
[network]
gateway = ""
clock = false
[relays.codec]
pin = 17
[relays.display]
pin = 18
[relays.light]
pin = 22
contact = "no"
"""


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that must come, and fail when it does not."""
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)


class Agents:
    """Starts agents on one room, and ends only its own."""

    def __init__(self, folder: Path) -> None:
        self.levels = folder / "pins"
        self.state = folder / "state"
        self.state.mkdir()
        self.config = folder / "room.toml"
        self.config.write_text(ROOM.format(state=self.state), "utf-8")
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        env = {**os.environ, "DIEMCAU_TEST_PINS": str(self.levels)}
        command = [sys.executable, "-m", "tests.agent.run_agent", "run", "--config", str(self.config)]
        process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE)
        self._running.append(process)
        return process

    def end(self) -> None:
        for process in self._running:
            with suppress(ProcessLookupError):
                process.kill()
            if process.stderr and not process.stderr.closed:
                process.communicate()

    def kinds(self) -> list[str]:
        path = self.state / "room.db"
        if not path.exists():
            return []
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            try:
                return [row[0] for row in db.execute("SELECT payload ->> 'kind' FROM outbox ORDER BY seq")]
            except sqlite3.OperationalError:
                return []


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Agents]:
    made = Agents(tmp_path)
    yield made
    made.end()


def test_a_cycle_that_a_crash_interrupted_is_ended_by_the_next_start(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(agents.state / "room.db")
    act = ActRow(1, "codec_power_cycle", "codec", "cycle", time.monotonic(), time.time(), True, boot_id(), "codec_hung")
    store.commit(Batch(begun=[act], meta={"next_id": "2"}))
    store.close()
    monkeypatch.setenv("DIEMCAU_TEST_PINS", str(agents.levels))
    pins.note(17, 1)  # the relay is energised: the codec has no power
    agents.start()
    until(lambda: pins.level(agents.levels, 17) == 0)
    until(lambda: EventKind.REMEDY_DONE in agents.kinds())
    with sqlite3.connect(agents.state / "room.db") as db:
        assert db.execute("SELECT outcome FROM acts").fetchall() == [("interrupted",)]


@pytest.mark.parametrize(
    "spoil", ["file format", "a fault", "small values", "a load", "an act", "an event", "empty"]
)  # fmt: skip
def test_a_spoilt_journal_keeps_no_load_dark_and_no_room_without_one(
    agents: Agents, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    path = agents.state / "room.db"
    store = SqliteStore(path)
    act = ActRow(1, "codec_power_cycle", "codec", "cycle", time.monotonic(), time.time(), True, boot_id(), "codec_hung")
    store.commit(Batch(begun=[act], events=[(store.reserve_seq(), b"{}")], meta={"next_id": "2", "boot": "b"}))
    store.close()
    if spoil == "empty":
        path.write_bytes(b"")
    elif spoil == "file format":
        raw = bytearray(path.read_bytes())
        raw[18:20] = b"\x09\x09"
        path.write_bytes(raw)
    with closing(sqlite3.connect(path)) as db, db:
        match spoil:
            case "a fault":
                db.execute("INSERT INTO faults (rule, body) VALUES ('codec_hung', '{')")
            case "small values":
                for key in ("next_id", "counter", "synced", "routines", "mains_bad", "dropped", "maintenance_over"):
                    db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, 'codec=x')", (key,))
            case "a load":
                db.execute(
                    "INSERT OR REPLACE INTO loads (load, off, shed, latched, boot_s, sum) VALUES ('codec',1,0,0,'x',0)"
                )
            case "an act":
                db.execute("UPDATE acts SET load = x'ff', outcome = 'dxne', mono_s = 'x'")
            case "an event":
                db.execute("UPDATE outbox SET payload = 7")
    monkeypatch.setenv("DIEMCAU_TEST_PINS", str(agents.levels))
    pins.note(17, 1)  # the relay is energised: the codec has no power
    process = agents.start()
    until(lambda: pins.level(agents.levels, 17) == 0)
    until(lambda: EventKind.AGENT_STARTED in agents.kinds())
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert b"Traceback" not in errors


def test_a_killed_agent_leaves_the_lines_and_a_stopped_one_too(agents: Agents) -> None:
    first = agents.start()
    until(lambda: EventKind.AGENT_STARTED in agents.kinds())
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert pins.level(agents.levels, 17) == 0
    second = agents.start()
    until(lambda: agents.kinds().count(EventKind.AGENT_STARTED) == 2)
    second.send_signal(signal.SIGTERM)
    assert second.wait(15) == 0
    assert [lv for _, pin, lv in pins.changes(agents.levels) if pin == 17].count(1) == 0, "no glitch at start or end"
    with sqlite3.connect(agents.state / "room.db") as db:
        (kept,) = db.execute("SELECT value FROM meta WHERE key = ?", (starts.KEY,)).fetchone()
    assert starts.parse(kept).at_s == (), "an end in order is no crash"


def test_five_crashes_in_a_row_end_in_safe_mode(agents: Agents) -> None:
    for n in range(6):
        process = agents.start()
        until(lambda n=n: agents.kinds().count(EventKind.AGENT_STARTED) == n + 1)  # type: ignore[misc]
        process.kill()
        _, errors = process.communicate()
    assert b"safe mode" in errors


def keep(agents: Agents, kept: starts.Starts) -> None:
    """What an agent before has left in the journal of its starts."""
    store = SqliteStore(agents.state / "room.db")
    store.commit(Batch(meta={starts.KEY: starts.text(kept)}))
    store.close()


def kept(agents: Agents) -> starts.Starts:
    with sqlite3.connect(agents.state / "room.db") as db:
        return starts.parse(db.execute("SELECT value FROM meta WHERE key = ?", (starts.KEY,)).fetchone()[0])


def test_safe_mode_outlives_an_end_in_order_and_ends_by_itself(agents: Agents) -> None:
    until_s = SystemClock().now().mono_s + 12
    keep(agents, starts.Starts(boot_id(), safe_until_s=until_s))
    first = agents.start()
    until(lambda: agents.kinds() == [EventKind.AGENT_STARTED])
    first.send_signal(signal.SIGTERM)
    _, errors = first.communicate(timeout=15)
    assert b"safe mode" in errors
    assert kept(agents).safe_until_s == pytest.approx(until_s, abs=0.1)
    second = agents.start()
    until(lambda: EventKind.SAFE_MODE_ENDED in agents.kinds())
    assert SystemClock().now().mono_s >= until_s
    until(lambda: not kept(agents).safe_until_s)
    second.kill()


def test_power_cuts_are_told_and_lead_to_nothing(agents: Agents) -> None:
    keep(agents, starts.Starts("b" * 32, power_cuts=15, at_s=tuple(float(n) for n in range(40, 56))))
    process = agents.start()
    until(lambda: EventKind.AGENT_STARTED in agents.kinds())
    process.kill()
    _, errors = process.communicate()
    assert b"safe mode" not in errors
    with sqlite3.connect(agents.state / "room.db") as db:
        told = (
            "SELECT payload ->> '$.detail.power_cuts', payload ->> '$.detail.crashes' FROM outbox ORDER BY seq LIMIT 1"
        )
        assert db.execute(told).fetchone() == (16, 0)


def test_a_bad_configuration_is_a_sentence_and_not_a_traceback(agents: Agents) -> None:
    agents.config.write_text(agents.config.read_text("utf-8").replace("pin = 17", "pin = 2"), "utf-8")
    process = agents.start()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"9 to 27" in errors
    assert b"Traceback" not in errors


def test_a_second_agent_on_the_same_folder_ends_at_once_and_says_so(agents: Agents) -> None:
    first = agents.start()
    until(lambda: EventKind.AGENT_STARTED in agents.kinds())
    began_s = time.monotonic()
    second = agents.start()
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 3
    print(f"after {time.monotonic() - began_s:.1f} s")
    assert errors.decode().count("\n") == 1
    assert f"(process {first.pid}) works on this folder" in errors.decode()
    assert first.poll() is None
    assert agents.kinds().count(EventKind.AGENT_STARTED) == 1
    first.kill()
    first.wait()
    agents.start()
    until(lambda: agents.kinds().count(EventKind.AGENT_STARTED) == 2)


def test_an_interrupted_cycle_gets_its_power_before_the_folder_is_locked(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds the folder may be an agent that does nothing any more."""
    first = agents.start()
    until(lambda: EventKind.AGENT_STARTED in agents.kinds())
    first.kill()
    first.wait()
    store = SqliteStore(agents.state / "room.db")
    act = ActRow(
        2**40, "codec_power_cycle", "codec", "cycle", time.monotonic(), time.time(), True, boot_id(), "codec_hung"
    )
    store.commit(Batch(begun=[act]))
    store.close()
    monkeypatch.setenv("DIEMCAU_TEST_PINS", str(agents.levels))
    pins.note(17, 1)
    held = lock.hold(agents.state)
    assert held.sure
    second = agents.start()
    _, errors = second.communicate(timeout=60)
    held.close()
    assert second.returncode == 3
    assert pins.level(agents.levels, 17) == 0
    assert b"power was given back to codec" in errors


ORDERED = """
[broker]
host = "127.0.0.1"
port = {port}
[commands]
accept_unsigned = true
[loads.display]
off_s = 60
"""
REPOWERED_S = 5.0
"""From a start to power on a load whose cycle was interrupted (pi facts, requirements)."""


@pytest.fixture
def cycling(agents: Agents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A real agent in the middle of a power cycle that an operator ordered over a real broker."""
    monkeypatch.setenv("DIEMCAU_TEST_IDLE", "1")
    with Mosquitto(tmp_path / "mosquitto") as broker:
        with agents.config.open("a", encoding="utf-8") as out:
            out.write(ORDERED.format(port=broker.port))
        hub = Hub(broker.port)
        process = agents.start()
        until(lambda: bool(hub.status and hub.status[-1].nonce) and hub.states > 0)
        numbers = itertools.count(1)

        def accepted() -> bool:
            """Order it once more: until the codec has been seen idle, the interlock refuses."""
            n = next(numbers)
            nonce = hub.status[-1].nonce
            order = m.Command(
                id=f"c{n}", room="r-pub", boot=boot_id(), nonce=nonce, counter=n, action="display_power_cycle", by="lan"
            )
            hub.send(Leaf.COMMAND, order, f"c{n}")
            until(lambda: any(i == f"c{n}" for i, _ in hub.replies))
            return hub.replies[-1][1].outcome == "accepted"

        until(accepted)
        until(lambda: pins.level(agents.levels, 18) == 1)
        yield process
        hub.close()


@pytest.mark.broker
def test_killed_in_the_middle_of_a_cycle_it_gives_power_back_when_it_starts(
    agents: Agents, cycling: subprocess.Popen[bytes]
) -> None:
    cycling.kill()
    cycling.wait()
    assert pins.level(agents.levels, 18) == 1, "the kernel keeps the line: the switch is without power"
    began_s = time.monotonic()
    agents.start()
    until(lambda: pins.level(agents.levels, 18) == 0)
    assert [at for at, pin, _ in pins.changes(agents.levels) if pin == 18][-1] - began_s < REPOWERED_S
    until(lambda: EventKind.REMEDY_DONE in agents.kinds())
    with sqlite3.connect(agents.state / "room.db") as db:
        assert db.execute("SELECT outcome FROM acts").fetchall() == [("interrupted",)]
    assert {pin for at, pin, level in pins.changes(agents.levels) if at > began_s and level == 1} == set()


@pytest.mark.broker
def test_a_spoilt_file_does_not_keep_the_power_off(agents: Agents, cycling: subprocess.Popen[bytes]) -> None:
    cycling.kill()
    cycling.wait()
    agents.config.write_text(f'[room]\nid = "r-pub"\nstate_dir = "{agents.state}"\nno = 1\n', "utf-8")
    process = agents.start()
    assert process.wait(60) == 2
    assert pins.level(agents.levels, 18) == 0


@pytest.mark.broker
def test_asked_to_end_it_gives_power_back_first(agents: Agents, cycling: subprocess.Popen[bytes]) -> None:
    cycling.send_signal(signal.SIGTERM)
    asked_s = time.monotonic()
    assert cycling.wait(15) == 0
    assert time.monotonic() - asked_s < 10
    assert pins.level(agents.levels, 18) == 0
    assert agents.kinds()[-1] == EventKind.REMEDY_DONE
