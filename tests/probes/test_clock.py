"""The clock by real chronyds on loopback: one is a time server, the other the room's, and neither touches the clock."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.config.devices import NetworkConfig
from agent.core.facts import NoReading, Reading
from agent.probes.network import NetworkSlowProbe
from tests.transports.places import eventually, program

SYNCED, OFFSET = "net.clock_synced", "net.clock_offset_s"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Chronyd:
    """One chronyd in a folder of its own, that leaves the system's clock alone (`-x`)."""

    def __init__(self, folder: Path, *lines: str) -> None:
        folder.mkdir(mode=0o700)  # chronyd makes its socket in no folder that others may write to
        self.socket = folder / "chronyd.sock"
        common = ("cmdport 0", f"pidfile {folder}/pid", f"driftfile {folder}/drift")
        (folder / "chrony.conf").write_text("\n".join((*common, *lines, "")))
        user = pwd.getpwuid(os.geteuid()).pw_name
        command = (program("chronyd"), "-x", "-U", "-d", "-u", user, "-f", str(folder / "chrony.conf"))
        with (folder / "log").open("wb") as said:
            self.process = subprocess.Popen(command, stdout=said, stderr=said)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@contextmanager
def room(folder: Path, *lines: str) -> Iterator[NetworkSlowProbe]:
    """A probe that asks a chronyd with these lines by the real chronyc."""
    daemon = Chronyd(folder / "room", "port 0", f"bindcmdaddress {folder}/room/chronyd.sock", *lines)
    command = ("chronyc", "-h", str(daemon.socket), "-c", "tracking")
    probe = NetworkSlowProbe(NetworkConfig(gateway="", clock_command=command, clock_fallback=("false",)))
    try:
        eventually(daemon.socket.exists, (folder / "room" / "log").read_text())
        yield probe
    finally:
        probe.close()
        daemon.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """The port of a chronyd that gives time, as one does whose own source is away."""
    port = free_port()
    lines = (f"port {port}", "bindaddress 127.0.0.1", "bindcmdaddress /", "allow 127.0.0.1", "local stratum 8")
    daemon = Chronyd(tmp_path / "server", *lines)
    yield port
    daemon.stop()


def source(port: int, options: str = "") -> str:
    return f"server 127.0.0.1 port {port} iburst minpoll -4 maxpoll -4 {options}"


def test_a_clock_with_a_time_server(tmp_path: Path, server: int) -> None:
    with room(tmp_path, source(server)) as probe:
        eventually(lambda: probe.observe()[SYNCED] is True, "chronyd did not find its server")
        offset_s = probe.observe()[OFFSET]
        assert isinstance(offset_s, float)
        assert abs(offset_s) < 0.5, "the server looks at the same clock"


@pytest.mark.parametrize("behind_s", [0.25, -0.25])
def test_the_offset_is_positive_where_the_board_is_behind(tmp_path: Path, server: int, behind_s: float) -> None:
    """chronyd is told that its server is off by this much; it would set the clock right, and may not."""
    with room(tmp_path, source(server, f"offset {behind_s}")) as probe:
        eventually(lambda: probe.observe()[SYNCED] is True, "chronyd did not find its server")
        offset_s = probe.observe()[OFFSET]
        assert offset_s == pytest.approx(behind_s, abs=0.1)


def test_a_clock_whose_server_does_not_answer(tmp_path: Path) -> None:
    with room(tmp_path, source(free_port())) as probe:
        assert probe.observe() == {SYNCED: False, OFFSET: NoReading("stale")}


def test_a_clock_without_any_server(tmp_path: Path) -> None:
    with room(tmp_path) as probe:
        assert probe.observe() == {SYNCED: False, OFFSET: NoReading("stale")}


def test_a_server_that_has_no_time_itself(tmp_path: Path) -> None:
    """It answers, with leap 3: that is no time."""
    port = free_port()
    daemon = Chronyd(
        tmp_path / "server", f"port {port}", "bindaddress 127.0.0.1", "bindcmdaddress /", "allow 127.0.0.1"
    )
    try:
        with room(tmp_path, source(port)) as probe:
            heard = ("chronyc", "-h", str(tmp_path / "room" / "chronyd.sock"), "-c", "ntpdata")
            eventually(
                lambda: subprocess.run(heard, capture_output=True, text=True, check=False).stdout.count(",") > 10,
                "chronyd did not hear of its server",
            )
            assert probe.observe() == {SYNCED: False, OFFSET: NoReading("stale")}
    finally:
        daemon.stop()


def test_no_chronyd_at_all(tmp_path: Path) -> None:
    command = ("chronyc", "-h", str(tmp_path / "nobody.sock"), "-c", "tracking")
    probe = NetworkSlowProbe(NetworkConfig(gateway="", clock_command=command, clock_fallback=("echo", "yes")))
    readings: dict[str, Reading] = dict(probe.observe())
    assert readings == {SYNCED: True, OFFSET: NoReading("absent")}, "the other program is asked"
    probe.close()
