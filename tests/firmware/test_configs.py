"""Every file of firmware-configs is read and held to what a room must never do."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml

from agent.config.channel import RelayConfig
from agent.config.devices import SensorConfig
from agent.config.room import AgentConfig
from tests.firmware import checks, satellites
from tests.house.source import ROOT, tracked

CONFIGS = ROOT / "firmware-configs"
BOARDS = ("pi-3", "pi-4", "pi-5", "pi-zero-2w")
WITH_EEPROM = {"pi-4", "pi-5"}
PROFILES = sorted((CONFIGS / "relay-boards").glob("*.toml"))


def text(*parts: str) -> str:
    return CONFIGS.joinpath(*parts).read_text("utf-8")


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_boots_into_a_powered_room(name: str) -> None:
    assert checks.board(text(name, "config.txt")) == []
    assert checks.kernel_line(text(name, "cmdline.txt")) == []
    assert (CONFIGS / name / "boot.conf").exists() == (name in WITH_EEPROM), "Pi 3 and Zero 2 W have no boot EEPROM"
    if name in WITH_EEPROM:
        assert checks.eeprom(text(name, "boot.conf")) == []


@pytest.mark.parametrize("name", BOARDS)
def test_the_firmware_pulls_down_every_pin_that_a_relay_board_uses(name: str) -> None:
    used = {channel["pin"] for path in PROFILES for channel in tomllib.loads(path.read_text("utf-8"))["channels"]}
    assert used <= set(checks.gpio_lines(text(name, "config.txt")))


@pytest.mark.parametrize("name", BOARDS)
def test_no_pin_serves_two_masters(name: str) -> None:
    other = {4: "1-wire", 14: "UART", 15: "UART", 2: "I²C", 3: "I²C"}
    assert not set(checks.gpio_lines(text(name, "config.txt"))) & set(other)


@pytest.mark.parametrize("name", BOARDS)
def test_the_sensors_overlays_are_those_that_the_agent_can_read(name: str) -> None:
    chips = [
        value.split(",")[1]
        for key, value in checks.pairs(text(name, "config.txt"))
        if key == "dtoverlay" and value.startswith("i2c-sensor")
    ]
    from agent.config.devices import RoomConfig
    from agent.probes.build import build_probes

    assert chips
    build_probes(RoomConfig(sensors=tuple(SensorConfig(chip=chip) for chip in chips)))


def test_what_every_board_shares() -> None:
    assert checks.watchdog(text("debian", "watchdog.conf")) == []
    assert checks.journal(text("debian", "journald.conf")) == []
    for path in (CONFIGS / "debian").glob("*.rules"):
        assert checks.udev(path.read_text("utf-8")) == [], path.name


def test_the_kernel_lets_the_agent_send_echoes() -> None:
    found = dict(checks.pairs(text("debian", "sysctl.conf")))
    low, high = map(int, found["net.ipv4.ping_group_range"].split())
    assert low == 0
    assert high >= 65535, "dynamic groups of a hardened unit"
    assert int(found["kernel.panic"]) > 0, "0 waits for a person"
    assert all(key.split(".")[0] in {"net", "kernel", "vm"} for key in found)


def test_the_clock_steps_before_tls_asks_for_it() -> None:
    words = [line.split() for line in checks.lines(text("debian", "chrony.conf"))]
    assert ["makestep", "1.0", "3"] in words
    assert not [line for line in words if line[0] == "makestep" and line[2] == "-1"], "steps for ever break intervals"
    assert not [line for line in words if line[0] in ("allow", "pool")], "a room serves nobody, and asks its province"
    assert ["cmdport", "0"] not in words, "the agent asks over loopback, without being root"
    assert {line[1] for line in words if line[0] == "bindcmdaddress"} == {"127.0.0.1", "::1"}


@pytest.mark.parametrize("kind", ["relay", "sensor"])
def test_a_satellite_cannot_leave_a_load_dark(kind: str) -> None:
    assert satellites.tasmota(text("tasmota", f"{kind}.txt"), relay=kind == "relay") == []
    assert satellites.esphome(text("esphome", f"{kind}.yaml"), relay=kind == "relay") == []


@pytest.mark.parametrize("path", sorted((CONFIGS / "codecs").glob("*.txt")), ids=lambda path: path.stem)
def test_a_codecs_baseline_neither_restarts_nor_opens_it(path: Path) -> None:
    assert list(checks.lines(path.read_text("utf-8")))
    assert satellites.codec(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_relay_board_is_what_the_agent_would_accept(path: Path) -> None:
    profile = tomllib.loads(path.read_text("utf-8"))
    relays = tuple(RelayConfig(c["load"], c["pin"], c["contact"]) for c in profile["channels"])
    assert AgentConfig("r-1", relays=relays).problems() == []
    assert satellites.relay_board(profile) == []


def test_every_folder_says_what_it_is_and_no_file_is_left_unread() -> None:
    folders = {path.parts[1] for path in tracked() if path.parts[0] == "firmware-configs" and len(path.parts) > 2}
    assert folders == {*BOARDS, "first-boot", "debian", "nut", "tasmota", "esphome", "codecs", "relay-boards"}
    for folder in folders:
        assert (CONFIGS / folder / "README.md").is_file()
        assert f"({folder}/README.md)" in text("README.md")
    for path in CONFIGS.rglob("*.yaml"):
        assert yaml.load(path.read_text("utf-8"), satellites._Loader)
