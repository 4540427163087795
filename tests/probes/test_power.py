"""Meter and UPS against real peers: a Modbus server on a pair of pseudo-terminals, and upsd with dummy-ups."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config.devices import MeterConfig, UpsConfig
from agent.core.facts import NoReading
from agent.main import main
from agent.ports import Outcome
from agent.probes.meter import MeterProbe
from agent.probes.ups import UpsProbe
from tests.transports.places import eventually, program, pty_pair

MODBUS_SERVER = """
import sys
from pymodbus.server import StartSerialServer
from pymodbus.simulator import SimData, SimDevice, DataType
words = [2301, 1234, 0, 2839, 0, 70000 & 0xFFFF, 70000 >> 16, 500, 99, 0]
data = SimData(0, values=words, datatype=DataType.REGISTERS)
if sys.argv[3] == "2400":
    data = SimData(0, values=[230.1, 0.0, 0.0, 1.25, 0.0, 0.0, 283.9], datatype=DataType.FLOAT32)
StartSerialServer(SimDevice(int(sys.argv[2]), simdata=[data]), port=sys.argv[1], baudrate=int(sys.argv[3]))
"""


@pytest.fixture
def meter_line(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Our end of a line with a Modbus device of address 1: a PZEM at 9600 baud, an SDM120 at 2400."""
    baud = getattr(request, "param", "9600")
    with pty_pair(tmp_path) as (near, far):
        server = subprocess.Popen([sys.executable, "-c", MODBUS_SERVER, far, "1", baud])
        try:
            yield near
        finally:
            server.terminate()
            server.wait(20)


def test_a_meter_answers(meter_line: str) -> None:
    probe = MeterProbe(MeterConfig("room", uri=f"serial://{meter_line}?baud=9600", address=1))
    eventually(lambda: not isinstance(probe.observe()["room.draw_w"], NoReading), "the meter did not answer")
    assert probe.observe() == {"room.draw_w": 283.9, "mains.voltage_v": 230.1, "mains.frequency_hz": 50.0}
    probe.close()


@pytest.mark.parametrize("meter_line", ["2400"], indirect=True)
def test_an_sdm120_answers(meter_line: str) -> None:
    """The server packs the floats by itself: it judges our order of bytes and words."""
    probe = MeterProbe(MeterConfig("room", family="sdm120", uri=f"serial://{meter_line}", address=1))
    eventually(lambda: not isinstance(probe.observe()["room.draw_w"], NoReading), "the meter did not answer")
    assert probe.observe() == {"room.draw_w": 283.9, "mains.voltage_v": 230.1}
    probe.close()


def test_a_meter_without_mains_is_silent(tmp_path: Path) -> None:
    with pty_pair(tmp_path) as (near, _):
        probe = MeterProbe(MeterConfig("codec", uri=f"serial://{near}", timeout_s=0.5))
        assert probe.observe() == {"codec.draw_w": NoReading("timeout")}
    assert probe.observe() == {"codec.draw_w": NoReading("link")}
    probe.close()
    probe.close()


def test_a_meter_that_talks_rubbish(tmp_path: Path) -> None:
    with pty_pair(tmp_path) as (near, far):
        probe = MeterProbe(MeterConfig("codec", uri=f"serial://{near}", timeout_s=0.5))
        parrot = subprocess.Popen([program("socat"), f"{far},raw,echo=0", "EXEC:cat"])
        eventually(lambda: probe.observe() == {"codec.draw_w": NoReading("garbled")}, "no echo came")
        parrot.terminate()
        parrot.wait(20)
        probe.close()


@pytest.mark.parametrize(
    "config",
    [
        MeterConfig(family="x", uri="tcp://h:1"),
        MeterConfig(uri="x"),
        MeterConfig(uri=""),
        MeterConfig(family="sdm120", uri="tcp://h:1"),
    ],
)
def test_impossible_meters(config: MeterConfig) -> None:
    with pytest.raises(ValueError, match=r"meter|line"):
        MeterProbe(config)


class Upsd:
    """A real upsd with dummy-ups, all of it in one folder. `status` rewrites what the dummy says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        user = pwd.getpwuid(os.geteuid()).pw_name
        self._files(user)
        self.environment = {**os.environ, "NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(folder)}
        self.driver = self._start("/lib/nut/dummy-ups", "-u", user, "-a", "ups", "-D")
        eventually(lambda: (folder / "dummy-ups-ups").exists(), "dummy-ups did not start")
        self.server = self._start("/lib/nut/upsd", "-u", user, "-D")

    def _files(self, user: str) -> None:
        self.status("OL CHRG")
        texts = {
            "ups.conf": f"[ups]\n driver = dummy-ups\n port = {self.folder}/ups.dev\n mode = dummy-once\n[gone]\n"
            f" driver = dummy-ups\n port = {self.folder}/gone.dev\n",
            "upsd.conf": f"LISTEN 127.0.0.1 {self.port}\nSTATEPATH {self.folder}\nMAXAGE 15\n",
            "upsd.users": "[monitor]\n password = right\n upsmon secondary\n"
            "[tester]\n password = right\n instcmds = all\n",
            "nut.conf": "MODE=standalone\n",
        }
        for name, text in texts.items():
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o640)

    def status(self, status: str) -> None:
        (self.folder / "ups.dev").write_text(
            f"ups.status: {status}\nbattery.charge: 42\nbattery.runtime: 360\ninput.voltage: 231.5\n"
        )

    def _start(self, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [program(command[0]), *command[1:]],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
        )

    def stop(self) -> None:
        for process in (self.server, self.driver):
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="module")
def upsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upsd]:
    server = Upsd(tmp_path_factory.mktemp("nut"))
    try:
        yield server
    finally:
        server.stop()


def test_a_real_upsd(upsd: Upsd) -> None:
    probe = UpsProbe(UpsConfig(port=upsd.port))
    eventually(lambda: probe.observe()["ups.on_battery"] is False, (upsd.folder / "log").read_text())
    upsd.status("OB LB DISCHRG RB")
    eventually(lambda: probe.observe()["ups.on_battery"] is True, "the new status did not come")
    assert probe.observe() == {
        "ups.on_battery": True,
        "ups.low_battery": True,
        "ups.replace_battery": True,
        "ups.output_on": True,
        "ups.fault": "none",
        "ups.charge_pct": 42,
        "ups.runtime_s": 360,
        "ups.input_v": 231.5,
    }
    upsd.status("ALARM OL OFF")
    eventually(lambda: probe.observe()["ups.output_on"] is False, "it does not say that its output is off")
    assert probe.observe()["ups.fault"] == "alarm"
    probe.close()


def test_the_probe_command_names_what_upsd_has(upsd: Upsd, capsys: pytest.CaptureFixture[str]) -> None:
    upsd.status("OL")
    eventually(lambda: UpsProbe(UpsConfig(port=upsd.port)).observe()["ups.on_battery"] is False, "no word from upsd")
    assert main(["probe", f"127.0.0.1:{upsd.port}", "--family", "nut"]) == 0
    found = tomllib.loads(capsys.readouterr().out.partition("→ room.toml:")[2])
    assert found == {"ups": {"name": "ups", "host": "127.0.0.1", "port": upsd.port}}
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert main(["probe", f"127.0.0.1:{other.getsockname()[1]}", "--family", "nut"]) == 1


def test_a_real_upsd_refuses(upsd: Upsd) -> None:
    def reasons(config: UpsConfig) -> set[object]:
        return set(UpsProbe(config).observe().values())

    right = UpsConfig(port=upsd.port, user="monitor", password="right")
    eventually(
        lambda: any(not isinstance(said, NoReading) for said in reasons(right)), "the right password was refused"
    )
    assert reasons(UpsConfig("nowhere", port=upsd.port)) == {NoReading("absent")}
    assert reasons(UpsConfig("gone", port=upsd.port)) == {NoReading("link")}


def test_orders_to_a_real_upsd(upsd: Upsd) -> None:
    """dummy-ups knows no instant command: the real server's refusals are what can be had of it."""

    def said(**changes: str) -> Outcome:
        return UpsProbe(UpsConfig(port=upsd.port, **changes)).perform("ups_self_test")  # type: ignore[arg-type]

    eventually(lambda: said(user="tester", password="right") == Outcome(ok=False, reason="absent"), "it answers")
    late = UpsProbe(UpsConfig(port=upsd.port, user="tester", password="right"))
    assert late.perform("ups_self_test", lambda: False) == Outcome(False, "late", {"sent": False})


def test_no_upsd_is_our_own_side(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert set(UpsProbe(UpsConfig(port=port)).observe().values()) == {NoReading("link")}


def test_a_silent_upsd() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        probe = UpsProbe(UpsConfig(port=silent.getsockname()[1], timeout_s=0.5))
        assert set(probe.observe().values()) == {NoReading("timeout")}
        probe.close()
