"""The service units: systemd's own judges, and what the agent rests upon."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from hub.settings import SEED_CREDENTIAL
from tests.house.source import ROOT

ROLES = ROOT / "ansible" / "roles"
UNITS = sorted([*ROLES.glob("*/files/*.service"), *ROLES.glob("*/files/*.timer")])
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
EXPOSURE_MAX = 2.5


def settings(unit: Path) -> dict[str, list[str]]:
    """Key to all its values, of every section."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text("utf-8").splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def test_there_are_units() -> None:
    assert {unit.name for unit in SERVICES} >= {"diemcau-agent.service", "diemcau-hub.service"}


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_is_shut_in(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", str(unit)], capture_output=True, text=True, check=True
    )
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(level) <= EXPOSURE_MAX, done.stdout


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_that_grows_ends_before_the_machine_does(unit: Path) -> None:
    (most,) = settings(unit)["MemoryMax"]
    assert re.fullmatch(r"\d+M", most)


def test_the_broker_that_grows_ends_and_comes_back() -> None:
    found = settings(ROLES / "broker/files/mosquitto.conf")
    assert found == {"MemoryMax": ["1G"], "Restart": ["always"], "RestartSec": ["5"]}


def verify(unit: Path, folder: Path, spoil: str = "") -> str:
    """What systemd has to say of a copy, whose programs of ours are there."""
    for beside in unit.parent.glob("diemcau-*"):
        copy = re.sub(r"/opt/diemcau/(current/)?bin/[\w-]+", "/bin/true", beside.read_text("utf-8"))
        (folder / beside.name).write_text(copy + spoil, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(folder / unit.name)], capture_output=True, text=True, check=False
    )
    # What this machine lacks or has is no matter here.
    return "\n".join(line for line in done.stderr.splitlines() if "diemcau" in line) + (
        "" if not spoil else done.stderr
    )


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_no_fault_in_a_unit(unit: Path, tmp_path: Path) -> None:
    assert verify(unit, tmp_path) == ""


def test_systemd_would_find_one(tmp_path: Path) -> None:
    unit = next(unit for unit in SERVICES if unit.name == "diemcau-agent.service")
    assert "RestartForEver" in verify(unit, tmp_path, "\n[Service]\nRestartForEver=yes\n")


@pytest.mark.parametrize(("name", "restart_s"), [("diemcau-agent.service", "5"), ("diemcau-hub.service", "10")])
def test_nothing_gives_a_service_up(name: str, restart_s: str) -> None:
    found = settings(next(unit for unit in SERVICES if unit.name == name))
    wanted = {
        "Type": "notify",
        "WatchdogSec": "60",
        "Restart": "always",
        "RestartSec": restart_s,
        "StartLimitIntervalSec": "0",
    }
    assert {key: found[key] for key in wanted} == {key: [value] for key, value in wanted.items()}
    assert "RestartPreventExitStatus" not in found


@pytest.mark.parametrize("name", ["sound", "lldp"])
def test_what_a_room_has_besides_is_added_to_a_unit_that_does_without(name: str, tmp_path: Path) -> None:
    unit = next(unit for unit in SERVICES if unit.name == "diemcau-agent.service")
    extra = (unit.parent / f"diemcau-agent-{name}.conf").read_text("utf-8")
    assert verify(unit, tmp_path, "\n" + extra) == ""
    found = settings(unit)
    assert "SupplementaryGroups" not in found
    assert not any("alsa" in allowed for allowed in found["DeviceAllow"]), "no microphone unless the room has one"


def test_the_hub_s_unit_takes_the_key_of_the_seeds_from_outside_its_data(tmp_path: Path) -> None:
    unit = next(unit for unit in SERVICES if unit.name == "diemcau-hub.service")
    extra = (unit.parent / "diemcau-hub-seed-key.conf").read_text("utf-8")
    assert verify(unit, tmp_path, "\n" + extra) == ""
    name, _, path = extra.split("LoadCredential=")[1].strip().partition(":")
    assert name == SEED_CREDENTIAL
    assert not path.startswith("/var/lib/diemcau-hub")
    assert "LoadCredential" not in settings(unit), "a host without the key starts as before"


def test_power_comes_back_however_the_agent_ends() -> None:
    found = settings(next(unit for unit in SERVICES if unit.name == "diemcau-agent.service"))
    (post,) = found["ExecStopPost"]
    assert "diemcau-agent rescue" in post
    assert not any("network" in after for after in found["After"]), "a room without a network cares for itself"
    assert "char-gpiochip rw" in found["DeviceAllow"]
    assert found["WatchdogSignal"] == ["SIGKILL"], "tests/prove/test_frozen.py measures what that is good for"
    assert float(found["TimeoutAbortSec"][0]) <= 5
