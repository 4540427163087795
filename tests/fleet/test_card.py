"""A card holds all that a room needs and nothing more, or is not made."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.firmware import checks
from tests.fleet.test_bundle import tree
from tests.house.source import ROOT
from tools import card, wheelhouse

SCRIPTS = sorted((ROOT / "firmware-configs/first-boot").glob("*.sh"))
SETTINGS = '[room]\nid = "r-0417"\n'


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, str]:
    """Settings, certificates, keys and a bundle."""
    made = tree(tmp_path / "made")
    for part, name in (("bin", "diemcau-release"), ("units", "diemcau-agent.service")):
        (made / part).mkdir()
        (made / part / name).write_text("x", "utf-8")
    wheelhouse.pack(made, tmp_path / "diemcau-2.0-agent-arm64-py311.tar")
    (tmp_path / "pki").mkdir()
    for name in ("ca.crt", "r-0417.crt", "r-0417.key", "r-0418.key"):
        (tmp_path / "pki" / name).write_text(name, "utf-8")
    (tmp_path / "room.toml").write_text(SETTINGS, "utf-8")
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAA technician\n", "utf-8")
    return {
        "--room": "r-0417", "--board": "pi-4", "--settings": str(tmp_path / "room.toml"),
        "--pki": str(tmp_path / "pki"),
        "--bundle": str(tmp_path / "diemcau-2.0-agent-arm64-py311.tar"), "--ssh-key": str(tmp_path / "key.pub"),
        "--out": str(tmp_path / "card"),
    }  # fmt: skip


def make(parts: dict[str, str]) -> int:
    return card.main([word for pair in parts.items() for word in pair])


def test_a_card_has_everything_and_only_its_own_key(parts: dict[str, str]) -> None:
    assert make(parts) == 0
    out = Path(parts["--out"])
    kit = out / "diemcau"
    assert {path.name for path in (kit / "pki").iterdir()} == {"ca.crt", "room.crt", "room.key"}
    assert (kit / "pki/room.key").read_text("utf-8") == "r-0417.key"
    assert checks.board((kit / "board/config.txt").read_text("utf-8")) == []
    assert (kit / "bin/diemcau-release").exists()
    cloud = yaml.safe_load((out / "user-data").read_text("utf-8"))
    assert cloud["hostname"] == "r-0417"
    assert cloud["users"][0]["ssh_authorized_keys"] == ["ssh-ed25519 AAAA technician"]
    assert "first-boot.sh" in str(cloud["runcmd"][0])
    assert "@" not in re.sub(r"technician@|@ROOT_PARTUUID@", "", (out / "firstrun.sh").read_text("utf-8"))


def test_the_role_and_the_card_say_the_same_of_a_host(parts: dict[str, str]) -> None:
    make(parts | {"--pull-url": "https://hub/fleet"})
    kept = json.loads((Path(parts["--out"]) / "diemcau/profile.json").read_text("utf-8"))
    template = (ROOT / "ansible/roles/release/templates/profile.json.j2").read_text("utf-8")
    assert set(re.findall(r"^  '(\w+)':", template, re.MULTILINE)) == set(kept)
    assert all(value in template for value in (kept["checkin"], kept["checks"][0][0], kept["pull"]["cert"]))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"--room": "Phòng 1"}, "1 to 36 of"),
        ({"--room": "r-9999"}, "r-9999.crt"),
        ({"--bundle": "/nonexistent.tar"}, "no such file"),
    ],
)
def test_a_card_that_lacks_something_is_not_made(
    parts: dict[str, str], change: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(parts | change) == 1
    assert says in capsys.readouterr().err
    assert not Path(parts["--out"]).exists()


def test_settings_with_a_mistake_make_no_card(parts: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(parts["--settings"]).write_text(SETTINGS + "[relays.codec]\npin = 5\n", "utf-8")
    assert make(parts) == 1
    assert "choose 9 to 27" in capsys.readouterr().err


def test_a_folder_with_something_in_it_is_left_alone(parts: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(parts["--out"]).mkdir()
    (Path(parts["--out"]) / "thesis.txt").write_text("years of work", "utf-8")
    assert make(parts) == 1
    assert "not empty" in capsys.readouterr().err
    assert (Path(parts["--out"]) / "thesis.txt").exists()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_shell_reads_the_scripts(script: Path) -> None:
    subprocess.run(["/bin/sh", "-n", script], check=True)


def test_the_first_start_does_what_the_role_does() -> None:
    text = (ROOT / "firmware-configs/first-boot/first-boot.sh").read_text("utf-8")
    role = "".join(path.read_text("utf-8") for path in (ROOT / "ansible/roles/agent/tasks").glob("*.yml"))
    targets = set(re.findall(r"dest: (/etc/(?:systemd|sysctl.d|diemcau)/\S+)", role)) - {"/etc/diemcau/secrets/{{"}
    # What only some rooms have (sound, LLDP, a second target) comes with the role's first run.
    targets = {target for target in targets if "/diemcau-agent.service.d/" not in target}
    assert targets
    assert [target for target in sorted(targets) if target.strip('"') not in text] == []


def test_a_card_for_a_board_that_asks_carries_no_key(parts: dict[str, str]) -> None:
    for name in ("r-0417.crt", "r-0417.key"):
        (Path(parts["--pki"]) / name).unlink()
    assert make(parts | {"--enrol": "https://console.example/"}) == 0
    kit = Path(parts["--out"]) / "diemcau"
    assert {path.name for path in (kit / "pki").iterdir()} == {"ca.crt"}
    assert (kit / "enrol-url").read_text("utf-8") == "https://console.example\n"


@pytest.mark.parametrize("url", ["http://console.example", "console.example"])
def test_a_board_asks_over_tls_alone(parts: dict[str, str], capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert make(parts | {"--enrol": url}) == 1
    assert "https://" in capsys.readouterr().err
