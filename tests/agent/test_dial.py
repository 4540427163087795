"""A resolver, or a network, that hangs: the thread goes round, tries are left behind, and few of them hang at once."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.core.facts import Instant
from agent.uplink import dial
from agent.uplink.dial import DialError, Dialler
from agent.uplink.publisher import BrokerConfig, Publisher
from tests.agent.test_loop import HandClock
from tests.agent.test_publisher import RoomSide
from tests.brokers import Mosquitto, until
from wire.mqtt import make_client

SWIFT = 40


class Swift:
    """A clock on which a minute passes in a second and a half, so that a look-up of minutes is over soon."""

    def now(self) -> Instant:
        mono_s = time.monotonic() * SWIFT
        return Instant(mono_s, mono_s)


class Line:
    given_up = 0

    def give_up(self) -> None:
        self.given_up += 1


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Opened at the end, so that no thread of a test outlives it."""
    made = threading.Event()
    yield made
    made.set()


def test_what_comes_of_a_try_is_what_the_caller_gets() -> None:
    dialler, done = Dialler(Swift()), list[int]()
    dialler.dial(Line(), lambda: done.append(1), lambda: True)
    assert done == [1]

    def refused() -> None:
        raise ConnectionRefusedError(111, "refused")

    with pytest.raises(ConnectionRefusedError):
        dialler.dial(Line(), refused, lambda: True)
    assert dialler.stuck_s() == 0


def test_a_try_that_hangs_is_left_behind_and_of_four_none_is_begun_any_more(gate: threading.Event) -> None:
    clock = HandClock()
    dialler, line, rounds = Dialler(clock), Line(), list[float]()

    def goes_on() -> bool:
        clock.mono_s += 30
        rounds.append(clock.mono_s)
        return True

    for tried in range(1, dial.HANGING_MAX + 1):
        rounds.clear()
        with pytest.raises(DialError, match="took over 120 s"):
            dialler.dial(line, gate.wait, goes_on)
        assert (line.given_up, len(rounds), dialler.stuck_s()) == (tried, 4, 0), "it goes round all the time"
    with pytest.raises(DialError, match="still hang"):
        dialler.dial(line, gate.wait, goes_on)
    assert sum(thread.name == "dial" for thread in threading.enumerate()) == dial.HANGING_MAX
    clock.mono_s += 1000
    assert dialler.stuck_s() == 1000
    gate.set()
    until("the threads end", lambda: dialler.stuck_s() == 0)
    done: list[int] = []
    until("a try is begun again", lambda: _tried(dialler, done))
    assert done == [1]


def _tried(dialler: Dialler, done: list[int]) -> bool:
    try:
        dialler.dial(Line(), lambda: done.append(1), lambda: True)
    except DialError:
        return False
    return True


def test_an_agent_that_ends_waits_for_no_resolver(gate: threading.Event) -> None:
    with pytest.raises(DialError):
        Dialler(Swift()).dial(Line(), gate.wait, lambda: False)


@pytest.mark.parametrize("hangs_s", [60, 300])
def test_a_look_up_of_minutes_neither_starves_nor_feeds_the_watchdog(
    monkeypatch: pytest.MonkeyPatch, gate: threading.Event, hangs_s: float
) -> None:
    look_ups: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> Any:
        look_ups.append(host)
        gate.wait(hangs_s / SWIFT)
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    clock = Swift()
    publisher = Publisher(RoomSide(1).session, BrokerConfig("hub.example", time_scale=0.01), clock, lambda: None)
    publisher.start()
    late_s = 0.0
    ends_s = time.monotonic() + 360 / SWIFT
    while time.monotonic() < ends_s:
        late_s = max(late_s, clock.now().mono_s - publisher.beat_s)
        assert publisher.alive(clock.now().mono_s)
        time.sleep(0.01)
    assert late_s < 90
    assert len(look_ups) >= 3, "it goes on trying"
    assert sum(thread.name == "dial" for thread in threading.enumerate()) <= dial.HANGING_MAX
    gate.set()
    publisher.close()
    assert not publisher._thread.is_alive()


def test_a_connection_that_comes_too_late_takes_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    """The broker knows rooms by their names: a late CONNECT would end the connection that stands."""
    with Mosquitto(tmp_path / "broker", extra=("log_type all",)) as broker:
        config = BrokerConfig("127.0.0.1", broker.port)
        late = make_client("r-1", config, in_flight=1)
        honest = socket.create_connection

        def slow(*arguments: Any, **named: Any) -> socket.socket:
            line = honest(*arguments, **named)
            gate.wait(20)
            return line

        monkeypatch.setattr(socket, "create_connection", slow)
        ended: list[BaseException] = []

        def connect() -> None:
            try:
                late.connect("127.0.0.1", broker.port)
            except OSError as error:
                ended.append(error)

        thread = threading.Thread(target=connect)
        thread.start()
        until("it is on its way", lambda: "New connection" in (tmp_path / "broker" / "mosquitto.log").read_text())
        late.give_up()
        gate.set()
        thread.join(20)
        assert [str(error) for error in ended] == ["given up meanwhile"]
        assert "r-1" not in (tmp_path / "broker" / "mosquitto.log").read_text()


def heard(manager: socket.socket, until_s: float, running: Callable[[], bool]) -> list[float]:
    """When the service manager was told that all is well."""
    fed: list[float] = []
    manager.settimeout(1.0)
    while time.monotonic() < until_s and running():
        try:
            if b"WATCHDOG=1" in manager.recv(1000):
                fed.append(time.monotonic())
        except TimeoutError:
            continue
    return fed


@pytest.mark.prove
@pytest.mark.timeout(300)
def test_a_real_agent_whose_resolver_hangs_goes_on(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    config = tmp_path / "room.toml"
    config.write_text(
        f'[room]\nid = "r-1"\nstate_dir = "{tmp_path / "state"}"\n[network]\ngateway = ""\nclock = false\n'
        '[broker]\nhost = "hub.example"\n[relays.codec]\npin = 17\n', "utf-8",
    )  # fmt: skip
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        env = {
            **os.environ, "DIEMCAU_TEST_PINS": str(tmp_path / "pins"), "DIEMCAU_TEST_RESOLVER_S": "300",
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.agent.run_agent", "run", "--config", str(config)]
        agent = subprocess.Popen(command, env=env)
        try:
            fed = heard(manager, time.monotonic() + 200, lambda: agent.poll() is None)
            assert agent.poll() is None
        finally:
            agent.terminate()
            assert agent.wait(20) == 0
    assert len(fed) > 150
    assert max(later - earlier for earlier, later in itertools.pairwise(fed)) < 30
