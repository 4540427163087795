"""Our driver speaks to the simulated Yealink over both lines; it wakes it, and never puts it to sleep by mistake."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading, Reading
from agent.main import main
from agent.probes.codec import CodecProbe
from agent.probes.families import load
from agent.probes.orders import DeviceEffector
from sim.physics import Hang, RoomPhysics
from sim.servers.yealink import YealinkConversation
from tests.sim.line import served

LINES = ("tcp", "serial")


@contextmanager
def yealink(folder: Path, line: str) -> Iterator[tuple[RoomPhysics, CodecProbe, DeviceEffector]]:
    def make(room: RoomPhysics, clock: Callable[[], float]) -> YealinkConversation:
        return YealinkConversation(room, clock, serial=line == "serial")

    with served(folder, make) as (room, tcp, serial):
        probe = CodecProbe(CodecConfig("yealink_vc", tcp if line == "tcp" else serial, api_timeout_s=4.0))
        assert probe.link is not None
        try:
            yield room, probe, DeviceEffector(probe.link, load("yealink_vc").remedies)
        finally:
            probe.close()


def api(readings: Mapping[str, Reading]) -> tuple[Reading, Reading, Reading]:
    return readings["codec.api"], readings["codec.in_call"], readings["codec.standby"]


@pytest.mark.parametrize("line", LINES)
def test_it_is_read_idle_asleep_and_in_a_call(tmp_path: Path, line: str) -> None:
    with yealink(tmp_path, line) as (room, probe, _):
        assert api(probe.observe()) == (True, False, False)
        room.codec.standby = True
        assert api(probe.observe()) == (True, False, True)
        room.codec.standby = False
        room.start_call(600, time.monotonic())
        assert api(probe.observe()) == (True, True, False)


@pytest.mark.parametrize("line", LINES)
def test_the_power_button_is_pressed_only_while_it_sleeps(tmp_path: Path, line: str) -> None:
    with yealink(tmp_path, line) as (room, probe, effector):
        probe.observe()
        assert effector.perform("codec_wake").ok
        assert not room.codec.standby, "it was awake: the button would have put it to sleep"
        room.codec.standby = True
        assert effector.perform("codec_wake").ok
        assert not room.codec.standby


def test_volume_and_microphones_are_set_and_there_is_no_restart(tmp_path: Path) -> None:
    with yealink(tmp_path, "tcp") as (room, _, effector):
        room.codec.volume_pct, room.codec.mic_muted = 10, True
        assert effector.perform("codec_volume_restore").ok
        assert effector.perform("codec_unmute").ok
        assert (room.codec.volume_pct, room.codec.mic_muted) == (50, False)
        assert "codec_restart" not in effector.remedies


@pytest.mark.parametrize("line", LINES)
def test_a_hung_one_is_told_from_one_without_a_call(tmp_path: Path, line: str) -> None:
    with yealink(tmp_path, line) as (room, probe, effector):
        probe.observe()
        room.codec.hang = Hang.SOFT
        found = probe.observe()
        assert found["codec.api"] is False or isinstance(found["codec.api"], NoReading)
        assert isinstance(found["codec.in_call"], NoReading)
        assert not effector.perform("codec_wake").ok
        room.codec.hang = Hang.NONE
        assert api(probe.observe())[1] is False, "the line was opened anew"


@pytest.mark.parametrize("line", LINES)
def test_the_probe_command_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str) -> None:
    def make(room: RoomPhysics, clock: Callable[[], float]) -> YealinkConversation:
        return YealinkConversation(room, clock, serial=line == "serial")

    with served(tmp_path, make) as (_, tcp, serial):
        target = tcp.removeprefix("tcp://") if line == "tcp" else serial.removeprefix("serial://")
        assert main(["probe", target, "--family", "yealink_vc"]) == 0
    said = capsys.readouterr().out
    assert 'family = "yealink_vc"' in said
