"""The doctor tells what answers and what each relay would do, in plain words, and moves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from gpiozero.devices import Device
from gpiozero.pins.mock import MockFactory

from agent.main import main
from tests.brokers import free_port

ROOM = """
[room]
id = "r-doc"
state_dir = "{state}"
[broker]
host = "127.0.0.1"
port = {port}
[codec]
family = "cisco_xapi"
uri = "tcp://127.0.0.1:{port}"
api_timeout_s = 2
[network]
gateway = ""
clock = false
[board]
vcgencmd = []
[relays.codec]
pin = 17
[relays.light]
pin = 22
contact = "no"
"""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Device, "pin_factory", MockFactory())
    path = tmp_path / "room.toml"
    path.write_text(ROOM.format(state=tmp_path, port=free_port()), "utf-8")
    return path


def test_it_names_the_projector_and_that_nothing_cuts_it(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = f'[relays.display]\npin = 23\n[display]\nuri = "tcp://127.0.0.1:{free_port()}"\ninput = "digital1"\n'
    room.write_text(room.read_text("utf-8") + lines, "utf-8")
    assert main(["doctor", "--config", str(room)]) == 1
    said = capsys.readouterr().out
    assert "[display]" in said
    assert "✕ display.power" in said
    assert "a projector: never cut" in said
    assert "display_input, display_on" in said


def test_it_says_what_is_silent_and_moves_nothing(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", str(room)]) == 1
    said = capsys.readouterr().out
    assert "codec.api" in said
    assert "refuses the connection" in said
    assert "GPIO 17" in said
    assert "normally closed" in said
    assert "codec_power_cycle" in said
    assert "without a relay: switch" in said
    assert "call_draw_w" in said, "why a hung codec will not be restarted here"
    assert "chưa" in said
    assert isinstance(Device.pin_factory, MockFactory)
    assert Device.pin_factory.pins == {}, "no line was claimed"
    assert not (room.parent / "room.db").exists(), "the journal is the agent's own"


def test_a_file_that_cannot_be_used_is_a_sentence(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    room.write_text(room.read_text("utf-8").replace("pin = 17", "pin = 1"), "utf-8")
    assert main(["doctor", "--config", str(room)]) == 2
    assert "9 to 27" in capsys.readouterr().out


@pytest.mark.parametrize(("password", "warned"), [("12345678", True), ("của riêng phòng này", False)])
def test_a_password_that_everybody_can_read_is_named(
    room: Path, capsys: pytest.CaptureFixture[str], password: str, warned: bool
) -> None:
    secret = room.parent / "codec.pw"
    secret.write_text(password, "utf-8")
    secret.chmod(0o600)
    codec = f'family = "huawei_te"\nuri = "https://127.0.0.1:{free_port()}"\nuser = "api"\npassword_file = "{secret}"\n'
    head, _, rest = room.read_text("utf-8").partition("[codec]\n")
    room.write_text(f"{head}[codec]\n{codec}[network]\n{rest.partition('[network]')[2].lstrip()}", "utf-8")
    assert main(["doctor", "--config", str(room)]) == 1
    said = capsys.readouterr().out
    assert ("change it now" in said) is warned
    assert ("mật khẩu mặc định" in said) is warned
    assert password not in said


def test_what_is_missing_as_it_should_be_is_no_fault(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The doctor knows of no schedule, so it measures no sound; that is all right."""
    text = room.read_text("utf-8").replace("[network]", '[sound]\ndevice = "plughw:0"\n[network]')
    head, _, rest = text.partition("[codec]")
    room.write_text(head + rest[rest.index("[sound]") :], "utf-8")
    code = main(["doctor", "--config", str(room)])
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if "sound.level_dbc" in line]
    assert line.strip().startswith("–")
    assert "a secret meeting may be on" in line
    silent = [line for line in said.splitlines() if line.startswith("  ✕ ") and "." in line.split()[1]]
    assert (code == 0) == ("everything answers" in said)
    assert all("sound" not in line for line in silent)
