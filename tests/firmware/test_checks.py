"""The checks can fail: each fault that they look for is made on purpose, in a copy of the real file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

import pytest

from tests.firmware import checks, satellites
from tests.firmware.test_configs import text

Check = Callable[[str], list[str]]


def relay(check: Callable[..., list[str]]) -> Check:
    return lambda given: check(given, relay=True)


def profile(given: str) -> list[str]:
    return satellites.relay_board(tomllib.loads(given))


CONFIG, CMDLINE, BOOT = ("pi-4", "config.txt"), ("pi-4", "cmdline.txt"), ("pi-5", "boot.conf")
WATCHDOG, JOURNAL, RULES = (
    ("debian", "watchdog.conf"),
    ("debian", "journald.conf"),
    ("debian", "99-diemcau-serial.rules"),
)
TASMOTA, ESPHOME = ("tasmota", "relay.txt"), ("esphome", "relay.yaml")
CISCO, RELAYS = ("codecs", "cisco-ce.txt"), ("relay-boards", "four-channel.toml")


@pytest.mark.parametrize(
    ("check", "file", "good", "bad", "says"),
    [
        (checks.board, CONFIG, "dtparam=strict_gpiod\n", "", "strict_gpiod must be on"),
        (checks.board, CONFIG, "dtparam=strict_gpiod", "dtparam=strict_gpiod=off", "strict_gpiod must be on"),
        (checks.board, CONFIG, "gpio=17", "gpio=5,17", "float high"),
        (checks.board, CONFIG, "gpio=17", "gpio=6-9,17", "gpio=8: GPIO 0 to 8 float high"),
        (checks.board, CONFIG, "=ip,pd", "=op,dl", "input with pull-down"),
        (checks.board, CONFIG, "=ip,pd", "=ip,pu", "input with pull-down"),
        (checks.board, CONFIG, "watchdog=on", "watchdog=off", "watchdog must be on"),
        (checks.board, CONFIG, "i2c-sensor,bme280", "i2c-sensor,bme820", "no parameter bme820"),
        (checks.board, CONFIG, "gpu_mem=16", "over_voltage=8", "over_voltage is not known"),
        (checks.kernel_line, CMDLINE, "console=tty1", "console=tty1 console=serial0,115200", "codec on the header"),
        (checks.kernel_line, CMDLINE, "panic=10 ", "", "panic=10 is missing"),
        (checks.kernel_line, CMDLINE, "PARTUUID=@ROOT_PARTUUID@", "/dev/mmcblk0p2", "PARTUUID"),
        (checks.kernel_line, CMDLINE, " quiet", "\nquiet", "single line"),
        (checks.eeprom, BOOT, "0xf41", "0xf2", "BOOT_ORDER must be"),
        (checks.eeprom, BOOT, "BUTTON=0", "BUTTON=1", "nobody is there"),
        (checks.eeprom, BOOT, "ON_HALT=0", "ON_HALT=1", "POWER_OFF_ON_HALT must be 0"),
        (checks.watchdog, WATCHDOG, "RuntimeWatchdogSec=15s", "RuntimeWatchdogSec=60s", "modulo 16"),
        (checks.watchdog, WATCHDOG, "RebootWatchdogSec=15s", "RebootWatchdogSec=10min", "modulo 16"),
        (checks.watchdog, WATCHDOG, "RuntimeWatchdogSec=15s\n", "", "is missing"),
        (checks.journal, JOURNAL, "persistent", "volatile", "Storage must be"),
        (checks.journal, JOURNAL, "MaxUse=32M", "MaxUse=1G", "SystemMaxUse must be"),
        (checks.udev, RULES, 'LABEL="diemcau_end"', "", "leads nowhere"),
        (checks.udev, RULES, 'SYMLINK+="diemcau/codec"', 'SYMLINK="diemcau/codec"', "takes the usual names away"),
        (checks.udev, RULES, 'MODE="0660"', "MODE=0660", "cannot be read"),
        (relay(satellites.tasmota), TASMOTA, "PowerOnState 1", "PowerOnState 0", "power after every loss"),
        (relay(satellites.tasmota), TASMOTA, "Delay 300", "Delay 9000", "end by itself"),
        (relay(satellites.tasmota), TASMOTA, "SetOption103 1", "SetOption103 0", "TLS"),
        (relay(satellites.tasmota), TASMOTA, "Rule1 1\n", "", "not switched on"),
        (relay(satellites.esphome), ESPHOME, "ALWAYS_ON", "RESTORE_DEFAULT_OFF", "power after every start"),
        (relay(satellites.esphome), ESPHOME, "number: GPIO12", "number: GPIO0", "moves while the chip starts"),
        (relay(satellites.esphome), ESPHOME, "delay: 30s", "delay: 300s", "end by itself"),
        (relay(satellites.esphome), ESPHOME, "!secret broker_password", "geheim", "must be a !secret"),
        (relay(satellites.esphome), ESPHOME, "reboot_timeout: 0s", "reboot_timeout: 15min", "losing the broker"),
        (satellites.codec, CISCO, "AutoAnswer Mode: Off", "AutoAnswer Mode: On", "listened to"),
        (satellites.codec, CISCO, "LoginRequired: On", "LoginRequired: Off", "ask for a password"),
        (satellites.codec, CISCO, "Mode: HTTPS", "Mode: HTTP", "in clear"),
        (satellites.codec, CISCO, "xConfiguration Standby Control: On", "xCommand SystemUnit boot", "restarts"),
        (profile, RELAYS, 'trigger = "high"', 'trigger = "low"', "low-level trigger"),
        (profile, RELAYS, "load_max_w = 200", "load_max_w = 2000", "inrush"),
        (profile, RELAYS, "pull_down_ohm = 10000", "pull_down_ohm = 100000", "pull-down"),
    ],
)
def test_a_fault_is_found(check: Check, file: tuple[str, str], good: str, bad: str, says: str) -> None:
    right = text(*file)
    assert good in right, "the file no longer has what this test spoils"
    assert check(right) == []
    assert any(says in fault for fault in check(right.replace(good, bad, 1)))


@pytest.mark.parametrize(
    ("written", "value_s"), [("15s", 15), ("1min 30s", 90), ("60", 60), ("5m", 300), ("10ms", 0.01)]
)
def test_times_of_the_service_manager(written: str, value_s: float) -> None:
    assert checks.seconds(written) == value_s


def test_what_is_no_time_is_none() -> None:
    with pytest.raises(ValueError, match="no time"):
        checks.seconds("soon")
