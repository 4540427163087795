"""`diemcau-agent probe` against simulated hardware: it finds what is there, writes its settings, and moves nothing."""

from __future__ import annotations

import ssl
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agent.core.facts import NoReading
from agent.main import main
from agent.probes.codec import CodecProbe
from agent.probes.names import Resolver
from agent.settings import load
from agent.transports.errors import LinkFault
from sim.hardware import RoomHardware
from sim.kinds import PASSWORD, Kind, RoomPlan
from sim.servers.tls import DeviceCertificate
from tests.sim.stage import rack

SCALE = 0.1
WANTS = "Có thiết bị, cần tài khoản"


def target_of(uri: str) -> str:
    """What a technician types for this device."""
    return uri.split("?")[0].partition("://")[2]


def written(said: str) -> dict[str, Any]:
    """The settings that were shown."""
    return tomllib.loads(said.partition("→ room.toml:")[2])


def account(hardware: RoomHardware, folder: Path) -> list[str]:
    """The codec's family and account, as one types them."""
    codec = load(hardware.write_config()).probes.codec
    assert codec is not None
    assert codec.password
    (folder / "pw").write_text(codec.password, "utf-8")
    return ["--family", codec.family, "--user", codec.user, "--password-file", str(folder / "pw")]


@pytest.mark.parametrize("kind", ["cisco_serial", "poly_tcp", "cisco_tcp"])
def test_a_codec_is_named_with_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, SCALE)) as made:
        hardware = made.rooms[0]
        codec = load(hardware.write_config()).probes.codec
        assert codec is not None
        target = target_of(codec.uri)
        assert main(["probe", target, *account(hardware, tmp_path)]) == 0
        said = capsys.readouterr().out
        found = written(said)["codec"]
        assert codec.password not in said
        assert (found["family"], found["uri"], found["user"]) == (codec.family, codec.uri.split("?")[0], codec.user)
        assert found["password_file"] == "/etc/diemcau/secrets/codec.pw"
        assert not hardware.physics.witness.acts


def test_a_device_that_wants_an_account_is_told_of_and_gets_none_by_chance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with rack(tmp_path, RoomPlan("r", "cisco_serial", SCALE)) as made:
        hardware = made.rooms[0]
        codec = load(hardware.write_config()).probes.codec
        assert codec is not None
        assert main(["probe", target_of(codec.uri)]) == 1
        assert WANTS in capsys.readouterr().out
        assert main(["probe", target_of(codec.uri), *account(hardware, tmp_path)[2:]]) == 2, "whose would it be?"


def test_a_projector_is_named_with_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with rack(tmp_path, RoomPlan("r", "cisco_tcp", SCALE)) as made:
        uri = made.rooms[0].display_uri
        assert main(["probe", target_of(uri), "--family", "pjlink"]) == 1
        assert WANTS in capsys.readouterr().out
        (tmp_path / "pw").write_text(PASSWORD, "utf-8")
        assert main(["probe", target_of(uri), "--family", "pjlink", "--password-file", str(tmp_path / "pw")]) == 0
        found = written(capsys.readouterr().out)["display"]
        assert found == {"family": "pjlink", "uri": uri, "password_file": "/etc/diemcau/secrets/display.pw"}
        assert not made.rooms[0].physics.witness.acts


def test_a_meter_is_named_with_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with rack(tmp_path, RoomPlan("r", "generic", SCALE)) as made:
        meter = load(made.rooms[0].write_config()).probes.meters[0]
        assert main(["probe", target_of(meter.uri), "--family", "pzem004t"]) == 0
        (found,) = written(capsys.readouterr().out)["meters"]
        assert (found["family"], found["uri"]) == ("pzem004t", meter.uri.split("?")[0])


@pytest.mark.parametrize(("target", "code"), [("127.0.0.1:9", 1), ("[::1", 2), ("h:x", 2), ("h:²", 2), ("h:65536", 2)])
def test_nothing_there_is_no_error_of_ours(capsys: pytest.CaptureFixture[str], target: str, code: int) -> None:
    assert main(["probe", target]) == code
    assert "Traceback" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "family", "words"),
    [
        ("127.0.0.1", "cisco", "is none that can be looked for: cisco_http"),
        ("/dev/ttyUSB0", "pjlink", "over the network only"),
        ("127.0.0.1", "pzem004t", "over a serial line only"),
        ("/dev/no-such-line", "", "is no serial line"),
        ("/etc/hostname", "visca", "is no serial line"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence_and_nothing_is_asked(
    capsys: pytest.CaptureFixture[str], target: str, family: str, words: str
) -> None:
    assert main(["probe", target, "--family", family]) == 2
    said = capsys.readouterr().out
    assert words in said
    assert said.count("\n") == 1


def test_a_name_without_an_address_blames_no_cable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_resolver: Resolver, host: str) -> str:
        raise LinkFault("timeout", f"{host} has no address")

    monkeypatch.setattr(Resolver, "address", unknown)
    assert main(["probe", "unknown-host"]) == 2
    said = capsys.readouterr().out
    assert "no address is known for this name" in said
    assert "cable" not in said


def test_a_password_file_that_cannot_be_read_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "h", "--family", "poly_cli", "--password-file", "/no/such"]) == 2
    assert "/no/such" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "family"), [("cisco_ws", "shelly"), ("cisco_http", "tasmota")])
def test_a_smart_plug_is_named_and_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: Kind, family: str
) -> None:
    with rack(tmp_path, RoomPlan("r", kind, SCALE)) as made:
        hardware = made.rooms[0]
        assert main(["probe", target_of(hardware.plug_uri), "--family", family]) == 1
        assert WANTS in capsys.readouterr().out
        (tmp_path / "pw").write_text(PASSWORD, "utf-8")
        given = ["--family", family, "--user", "admin", "--password-file", str(tmp_path / "pw")]
        assert main(["probe", target_of(hardware.plug_uri), *given]) == 0
        (found,) = written(capsys.readouterr().out)["meters"]
        assert (found["family"], found["uri"], found["role"]) == (family, hardware.plug_uri, "codec")
        assert not hardware.physics.witness.acts


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_codec_that_speaks_an_old_tls_only_is_no_dead_codec_and_named_with_what_it_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made_now = DeviceCertificate.context

    def old(self: DeviceCertificate) -> ssl.SSLContext:
        context = made_now(self)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context

    monkeypatch.setattr(DeviceCertificate, "context", old)
    with rack(tmp_path, RoomPlan("r", "huawei_te", SCALE)) as made:
        hardware = made.rooms[0]
        codec = load(hardware.write_config()).probes.codec
        assert codec is not None
        probe = CodecProbe(codec)
        found = probe.observe()
        probe.close()
        assert found["codec.api"] == found["codec.in_call"] == NoReading("old_tls")
        target = codec.uri.removeprefix("https://")
        assert main(["probe", target, *account(hardware, tmp_path)]) == 0
        named = written(capsys.readouterr().out)["codec"]
        assert (named["family"], named["old_tls"]) == ("huawei_te", True)
