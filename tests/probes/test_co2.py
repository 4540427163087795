"""The carbon dioxide sensor over a pseudo-terminal: warm-up, silence, rubbish, a pulled adapter."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agent.commands.probe import Account, Guess, asked
from agent.config.devices import RoomConfig, SensorConfig
from agent.core.facts import NoReading
from agent.devices.sensor.mhz19 import BOOTING, WARM_UP_S, checksum
from agent.probes.build import build_probes
from agent.probes.co2 import Co2Probe
from sim.physics import Fitting, RoomPhysics
from sim.servers.mhz19 import Mhz19Conversation
from tests.sim.line import served
from tests.transports.places import eventually, program, pty_pair

KEY = "env.co2_ppm"
BODY_OF_608 = bytes.fromhex("FF 86 02 60 47 00 00 00")


class Watch:
    """A clock that a test sets."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_it_is_believed_when_it_is_warm(tmp_path: Path) -> None:
    ours, its = Watch(), Watch()
    with served(tmp_path, lambda room, _: Mhz19Conversation(room, its)) as (room, _, serial):
        room.climate.co2_ppm = 1234.0
        probe = Co2Probe(SensorConfig("mhz19", uri=serial, timeout_s=10), ours)
        assert probe.observe() == {KEY: NoReading("warming")}
        ours.now_s += WARM_UP_S - 1
        assert probe.observe() == {KEY: NoReading("warming")}
        ours.now_s += 1
        its.now_s += WARM_UP_S
        assert probe.observe() == {KEY: 1234}
        room.climate.co2_ppm = 7000.0
        assert probe.observe() == {KEY: NoReading("end_of_range")}
        ours.now_s += 3600.0
        room.climate.co2_ppm = 900.0
        assert probe.observe() == {KEY: 900}, "it was warm all the time"
        probe.close()


def test_one_that_says_that_it_boots_warms_up_anew(tmp_path: Path) -> None:
    """Its power was away between two looks: nobody has seen it silent."""
    ours, frames = Watch(), [BODY_OF_608]

    class Booting(Mhz19Conversation):
        def receive(self, data: bytes) -> bytes:
            return frames[0] + bytes((checksum(frames[0]),)) if super().receive(data) else b""

    with served(tmp_path, lambda room, _: Booting(room, ours)) as (_, _, serial):
        probe = Co2Probe(SensorConfig("mhz19", uri=serial, timeout_s=10), ours)
        assert probe.observe() == {KEY: NoReading("warming")}
        ours.now_s += WARM_UP_S
        assert probe.observe() == {KEY: 608}
        frames[0] = BODY_OF_608[:6] + BOOTING.to_bytes(2, "big")
        assert probe.observe() == {KEY: NoReading("warming")}
        frames[0] = BODY_OF_608
        ours.now_s += WARM_UP_S / 2
        assert probe.observe() == {KEY: NoReading("warming")}, "the warm-up is counted from here"
        ours.now_s += WARM_UP_S
        assert probe.observe() == {KEY: 608}
        probe.close()


def test_the_end_of_its_range_is_an_answer_too(tmp_path: Path) -> None:
    """It is no measurement before it is warm either, and it warms up meanwhile."""
    ours, its = Watch(), Watch()
    with served(tmp_path, lambda room, _: Mhz19Conversation(room, its)) as (room, _, serial):
        room.climate.co2_ppm = 7000.0
        its.now_s += WARM_UP_S
        probe = Co2Probe(SensorConfig("mhz19", uri=serial, timeout_s=10), ours)
        assert probe.observe() == {KEY: NoReading("warming")}
        ours.now_s += WARM_UP_S
        room.climate.co2_ppm = 900.0
        assert probe.observe() == {KEY: 900}
        probe.close()


def test_after_a_pulled_adapter_it_warms_up_anew(tmp_path: Path) -> None:
    clock = Watch()
    config = SensorConfig("mhz19", uri=f"serial://{tmp_path / 'line'}", timeout_s=10)
    probe = Co2Probe(config, clock)

    def looks() -> list[object]:
        first = probe.observe()[KEY]
        clock.now_s += WARM_UP_S
        return [first, probe.observe()[KEY]]

    def sensor(room: RoomPhysics, _: object) -> Mhz19Conversation:
        return Mhz19Conversation(room, clock)

    with served(tmp_path, sensor):
        assert looks() == [NoReading("warming"), 650]
    assert probe.observe() == {KEY: NoReading("link")}
    with served(tmp_path, sensor):
        assert looks() == [NoReading("warming"), 650]
    probe.close()
    probe.close()
    assert probe.observe() == {KEY: NoReading("link")}


def test_silence_and_rubbish_are_told_apart(tmp_path: Path) -> None:
    with pty_pair(tmp_path) as (near, far):
        probe = Co2Probe(SensorConfig("mhz19", uri=f"serial://{near}", timeout_s=0.3))
        assert probe.observe() == {KEY: NoReading("timeout")}
        parrot = subprocess.Popen([program("socat"), f"{far},raw,echo=0", "EXEC:cat"])
        eventually(lambda: probe.observe() == {KEY: NoReading("garbled")}, "no echo came")
        parrot.terminate()
        parrot.wait(20)
        probe.close()


def test_the_simulator_answers_nothing_but_good_requests() -> None:
    sensor = Mhz19Conversation(RoomPhysics("r", Fitting(), 0.0), lambda: 0.0)
    assert sensor.receive(bytes.fromhex("FF 01 86 00 00 00 00 00 78")) == b""
    assert sensor.receive(bytes.fromhex("FF 01 79 00 00 00 00 00 86")) == b""
    assert sensor.receive(b"\x00\xff\x01\x86\x00") == b""
    assert sensor.receive(bytes.fromhex("00 00 00 00 79"))[:4] == bytes.fromhex("FF 86 01 9A")


def test_it_is_found_on_a_line(tmp_path: Path) -> None:
    with served(tmp_path, lambda room, clock: Mhz19Conversation(room, clock)) as (_, _, serial):
        guess = Guess("sensor", "mhz19", serial)
        assert asked(guess, Account()) == ("answers", {KEY: NoReading("warming")})
        assert guess.stanza(Account()) == f'[[sensors]]\nchip = "mhz19"\nuri = "{serial}"'


@pytest.mark.parametrize(
    ("sensor", "says"),
    [
        (SensorConfig("mhz19"), "line '' must be"),
        (SensorConfig("mhz19", "rack", uri="serial:///dev/x"), "in the rack"),
        (SensorConfig("mhz19", uri="serial:///dev/x", timeout_s=60), "timeout_s"),
        (SensorConfig("bme280", uri="serial:///dev/x"), "has no uri"),
    ],
)
def test_impossible_sensors(sensor: SensorConfig, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        build_probes(RoomConfig(sensors=(sensor,), network=None, board=None))


def test_a_room_with_one() -> None:
    sensor = SensorConfig("mhz19", uri="serial:///dev/serial/by-path/x")
    probes, _ = build_probes(RoomConfig(sensors=(sensor, SensorConfig("bme280")), network=None, board=None))
    assert [probe.keys for probe in probes] == [(KEY,), ("env.temp_c", "env.humidity_pct")]
