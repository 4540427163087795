"""Simulated VideoOS and Huawei codecs over TLS, and the agent's own families on them: what the room does is seen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.facts import NoReading
from agent.main import main
from agent.probes.codec import CodecProbe
from agent.probes.families import load as load_family
from agent.probes.orders import DeviceEffector
from agent.settings import load
from sim.hardware import RoomHardware
from sim.kinds import PASSWORD, Kind, RoomPlan
from sim.physics import Hang
from sim.physics.codec import VOLUME_PCT
from sim.servers.videoos import SESSIONS_MAX
from tests.sim.stage import rack
from tests.sim.test_probe_command import WANTS, account, target_of, written

SCALE = 0.01
BOTH: tuple[Kind, ...] = ("poly_videoos", "huawei_te")
WAIT_S = 20.0


@contextmanager
def looking(
    folder: Path, kind: Kind, password: str = PASSWORD, api_timeout_s: float = 6.0
) -> Iterator[tuple[RoomHardware, CodecProbe]]:
    """The room, and the agent's probe of its codec as the room's own settings make it."""
    with rack(folder, RoomPlan("r", kind, SCALE)) as made:
        hardware = made.rooms[0]
        config = hardware.write_config()
        (hardware.folder / "codec.secret").write_text(password)
        settings = load(config).probes.codec
        assert settings is not None
        probe = CodecProbe(replace(settings, api_timeout_s=api_timeout_s))
        try:
            yield hardware, probe
        finally:
            probe.close()


def order(probe: CodecProbe, kind: Kind, remedy: str) -> bool:
    """What became of an order, given as the agent gives it."""
    assert probe.link is not None
    return DeviceEffector(probe.link, load_family(kind).remedies).perform(remedy).ok


def back(hardware: RoomHardware) -> None:
    """Wait until the codec has started again."""
    end_s = time.monotonic() + WAIT_S
    while not hardware.physics.codec.answers(time.monotonic()):
        assert time.monotonic() < end_s, "the codec did not come back"
        time.sleep(0.05)


@pytest.mark.parametrize("kind", BOTH)
def test_what_the_room_does_is_seen(tmp_path: Path, kind: Kind) -> None:
    with looking(tmp_path, kind) as (hardware, probe):
        seen = probe.observe()
        wanted = {
            "codec.api": True, "codec.in_call": False, "codec.standby": False, "codec.mic_muted": False,
            "codec.registered": True, "codec.upgrading": False,
        }  # fmt: skip
        assert {key: seen[key] for key in wanted} == wanted
        assert seen["codec.volume_pct"] == pytest.approx(70, abs=3)
        codec = hardware.physics.codec
        codec.mic_muted = codec.standby = codec.upgrading = True
        seen = probe.observe()
        assert seen["codec.mic_muted"] is seen["codec.standby" if kind == "huawei_te" else "codec.upgrading"] is True
        codec.upgrading = codec.mic_muted = False
        assert hardware.physics.start_call(3600.0, time.monotonic())
        assert probe.observe()["codec.in_call"] is True
        seen = probe.observe()
        assert (seen["codec.rx_loss_pct"], seen["codec.tx_loss_pct"]) == (0.0, 0.0)


@pytest.mark.parametrize("kind", BOTH)
def test_orders_are_obeyed_and_no_call_is_touched(tmp_path: Path, kind: Kind) -> None:
    with looking(tmp_path, kind) as (hardware, probe):
        codec = hardware.physics.codec
        codec.mic_muted, codec.volume_pct, codec.standby = True, 5, True
        assert order(probe, kind, "codec_unmute")
        assert order(probe, kind, "codec_volume_restore")
        if kind == "huawei_te":
            assert order(probe, kind, "codec_wake")
            assert codec.standby is False
        seen = probe.observe()
        assert seen["codec.mic_muted"] is False
        assert seen["codec.volume_pct"] == pytest.approx(VOLUME_PCT, abs=3)
        assert hardware.physics.witness.calls_lost == 0
        assert hardware.sessions.tried == [PASSWORD]


def test_a_restart_is_obeyed_and_costs_one_more_log_in(tmp_path: Path) -> None:
    with looking(tmp_path, "poly_videoos") as (hardware, probe):
        probe.observe()
        assert order(probe, "poly_videoos", "codec_restart")
        assert [act.what for act in hardware.physics.witness.acts] == ["restart"]
        back(hardware)
        assert until_answered(probe)["codec.in_call"] is False
        assert hardware.sessions.tried == [PASSWORD, PASSWORD]


@pytest.mark.parametrize("kind", BOTH)
def test_sessions_that_a_power_cut_forgot_are_renewed_once(tmp_path: Path, kind: Kind) -> None:
    with looking(tmp_path, kind) as (hardware, probe):
        probe.observe()
        hardware.physics.codec.boots += 1  # as after a start that was too short for the agent to notice
        assert probe.observe()["codec.in_call"] is False
        assert probe.observe()["codec.in_call"] is False
        assert hardware.sessions.tried == [PASSWORD, PASSWORD]


@pytest.mark.parametrize("kind", BOTH)
def test_a_wrong_password_is_told_apart_and_tried_once(tmp_path: Path, kind: Kind) -> None:
    with looking(tmp_path, kind, "sai") as (hardware, probe):
        for _ in range(3):
            seen = probe.observe()
            assert seen["codec.api"] == seen["codec.in_call"] == NoReading("denied")
        assert hardware.sessions.tried == ["sai"]


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("hang", [Hang.HARD, Hang.SOFT])
def test_a_hung_codec_says_nothing_of_calls(tmp_path: Path, kind: Kind, hang: Hang) -> None:
    with looking(tmp_path, kind, api_timeout_s=1.5) as (hardware, probe):
        assert probe.observe()["codec.in_call"] is False
        hardware.physics.codec.hang = hang
        seen = probe.observe()
        assert seen["codec.api"] is False
        assert seen["codec.in_call"] == NoReading("timeout")


@pytest.mark.parametrize("kind", BOTH)
def test_a_session_is_ended_when_the_probe_is_closed(tmp_path: Path, kind: Kind) -> None:
    with looking(tmp_path, kind) as (hardware, probe):
        probe.observe()
        assert order(probe, kind, "codec_unmute")
        assert hardware.sessions.held == 1
        probe.close()
        assert hardware.sessions.held == 0


def test_a_hung_codec_is_not_filled_with_sessions_of_ours(tmp_path: Path) -> None:
    """It logs in as often as it is asked to, and would refuse the order to restart once it has no session left."""
    with looking(tmp_path, "poly_videoos", api_timeout_s=1.2) as (hardware, probe):
        probe.observe()
        hardware.physics.codec.hang = Hang.SOFT
        for _ in range(3):
            assert probe.observe()["codec.api"] is False
        assert hardware.sessions.held == 1
        assert order(probe, "poly_videoos", "codec_restart")
        assert hardware.sessions.tried == [PASSWORD]


def test_a_codec_without_a_session_left_is_neither_dead_nor_is_the_password_wrong(tmp_path: Path) -> None:
    with looking(tmp_path, "poly_videoos") as (hardware, probe):
        others = [hardware.sessions.open() for _ in range(SESSIONS_MAX)]
        for _ in range(2):
            seen = probe.observe()
            assert seen["codec.api"] == seen["codec.in_call"] == NoReading("full")
        for number in others:
            hardware.sessions.end(number)
        assert probe.observe()["codec.in_call"] is False, "it is tried again at once: nothing can be locked"


def test_a_softly_hung_codec_still_obeys_a_restart(tmp_path: Path) -> None:
    with looking(tmp_path, "poly_videoos") as (hardware, probe):
        hardware.physics.codec.hang = Hang.SOFT
        assert order(probe, "poly_videoos", "codec_restart")
        assert hardware.physics.codec.hang is Hang.NONE


def test_a_new_certificate_after_a_restart_is_neither_dead_nor_a_wrong_password(tmp_path: Path) -> None:
    with looking(tmp_path, "poly_videoos") as (hardware, probe):
        hardware.certificate.anew = True
        probe.observe()
        assert order(probe, "poly_videoos", "codec_restart")
        back(hardware)
        seen = until_answered(probe)
        assert seen["codec.api"] == seen["codec.in_call"] == NoReading("certificate_changed")
        assert hardware.sessions.tried == [PASSWORD], "it was sent to somebody unknown"


def until_answered(probe: CodecProbe) -> dict[str, object]:
    """Looks until the port is open again: it follows its codec a moment later."""
    end_s = time.monotonic() + WAIT_S
    while (seen := probe.observe())["codec.in_call"] == NoReading("refused"):
        assert time.monotonic() < end_s, "the port did not open again"
        time.sleep(0.1)
    return dict(seen)


@pytest.mark.parametrize("kind", BOTH)
def test_the_technicians_command_finds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, SCALE)) as made:
        hardware = made.rooms[0]
        codec = load(hardware.write_config()).probes.codec
        assert codec is not None
        target = target_of(codec.uri)
        assert main(["probe", target, "--family", kind]) == 1
        assert WANTS in capsys.readouterr().out
        for other in {"cisco_http", *BOTH} - {kind}:
            assert main(["probe", target, "--family", other]) == 1, "it was taken for something else"
        assert hardware.sessions.tried == []
        assert main(["probe", target, *account(hardware, tmp_path)]) == 0
        said = capsys.readouterr().out
        found = written(said)["codec"]
        assert (found["family"], found["uri"], found["user"]) == (kind, codec.uri, "admin")
        assert PASSWORD not in said
        assert not hardware.physics.witness.acts


@pytest.mark.parametrize(("password", "warned"), [("12345678", True), (PASSWORD, False)])
def test_the_technicians_command_names_a_default_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], password: str, warned: bool
) -> None:
    with rack(tmp_path, RoomPlan("r", "huawei_te", SCALE)) as made:
        hardware = made.rooms[0]
        hardware.sessions.password = password
        (tmp_path / "pw").write_text(password)
        target = target_of(hardware.codec_uri)
        as_who = ["--family", "huawei_te", "--user", "admin", "--password-file", str(tmp_path / "pw")]
        assert main(["probe", target, *as_who]) == 0
        said = capsys.readouterr().out
        assert ("change it now" in said) is warned
        assert written(said)["codec"]["family"] == "huawei_te"
        assert password not in said
