"""Reads the configurations of devices and says what is wrong with them, a sentence a fault. Pure: text in, faults out.

The limits come from the pi facts and docs/wiring.md; `test_checks.py` shows that each of them can be broken.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator

SECTION = re.compile(r"\[([\w=:.-]+)\]\Z")
SAFE_PINS = range(9, 28)
"""Pulled down at reset; 0 to 8 float high."""
WATCHDOG_MAX_S = 15.0
"""The BCM2835 holds 15.99 s; older kernels take greater values modulo 16."""
KNOWN_PARAMS = {"strict_gpiod", "watchdog", "i2c_arm", "audio"}
KNOWN_OVERLAYS = {
    "i2c-sensor": {"bme280", "bme680", "sht3x", "sht4x", "bh1750", "aht10", "addr"},
    "w1-gpio": {"gpiopin"},
    "disable-bt": set(),
    "disable-bt-pi5": set(),
    "disable-wifi": set(),
    "disable-wifi-pi5": set(),
    "uart0-pi5": set(),
}
KNOWN_KEYS = {"enable_uart", "gpu_mem", "disable_splash", "camera_auto_detect", "display_auto_detect"}


def lines(text: str) -> Iterator[str]:
    """Lines that say something."""
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def pairs(text: str) -> list[tuple[str, str]]:
    """`key=value` lines in order. A repeated key is no fault: overlays repeat."""
    found = []
    for line in lines(text):
        if not SECTION.match(line):
            key, _, value = line.partition("=")
            found.append((key.strip(), value.strip()))
    return found


def gpio_lines(text: str) -> dict[int, set[str]]:
    """What `gpio=PINS=WORDS` sets, by pin."""
    found: dict[int, set[str]] = {}
    for key, value in pairs(text):
        if key == "gpio":
            pins, _, words = value.partition("=")
            for part in pins.split(","):
                first, _, last = part.partition("-")
                for pin in range(int(first), int(last or first) + 1):
                    found.setdefault(pin, set()).update(words.split(","))
    return found


def board(text: str) -> list[str]:
    """Faults of a board's config.txt."""
    faults = []
    params: dict[str, str] = {}
    for key, value in pairs(text):
        if key == "dtparam":
            name, _, setting = value.partition("=")
            params[name] = setting or "on"
            if name not in KNOWN_PARAMS:
                faults.append(f"dtparam={name} is not known to this check")
        elif key == "dtoverlay":
            name, *settings = value.split(",")
            if name not in KNOWN_OVERLAYS:
                faults.append(f"dtoverlay={name} is not known to this check")
            elif wrong := [s for s in settings if s.partition("=")[0] not in KNOWN_OVERLAYS[name]]:
                faults.append(f"dtoverlay={name} has no parameter {', '.join(wrong)}")
        elif key != "gpio" and key not in KNOWN_KEYS:
            faults.append(f"{key} is not known to this check")
    faults += [
        f"dtparam={name} must be on: {why}"
        for name, why in (
            ("strict_gpiod", "a released line would keep its level, and a cut with it"),
            ("watchdog", "a board that hangs would stay so"),
        )
        if params.get(name) != "on"
    ]
    for pin, words in gpio_lines(text).items():
        if pin not in SAFE_PINS:
            faults.append(f"gpio={pin}: GPIO 0 to 8 float high while the board boots")
        if words != {"ip", "pd"}:
            faults.append(f"gpio={pin}: a relay's line is an input with pull-down, not {','.join(sorted(words))}")
    if not gpio_lines(text):
        faults.append("no gpio= line: relay inputs float until the agent runs")
    return faults


def kernel_line(text: str) -> list[str]:
    """Faults of a cmdline.txt."""
    if len(text.strip().splitlines()) != 1:
        return ["cmdline.txt must be a single line: the firmware reads the first only"]
    words = text.split()
    faults = [f"{name} is missing" for name in ("rootwait", "fsck.repair=yes", "panic=10") if name not in words]
    faults += [f"{word}: a codec on the header would hear the console" for word in words if "console=serial" in word]
    faults += [f"{word}: a console on a serial port" for word in words if re.match(r"console=tty(AMA|S)\d", word)]
    if not any(word.startswith("root=PARTUUID=") for word in words):
        faults.append("root must be named by PARTUUID: device names change with what is plugged in")
    return faults


def eeprom(text: str) -> list[str]:
    """Faults of a boot.conf."""
    parser = configparser.ConfigParser(strict=True)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(text)
    found = dict(parser["all"])
    wanted = {"BOOT_ORDER": "0xf41", "POWER_OFF_ON_HALT": "0", "REBOOT_ON_FATAL_ERROR": "1"}
    faults = [f"{key} must be {value}" for key, value in wanted.items() if found.get(key) != value]
    if found.get("WAIT_FOR_POWER_BUTTON", "0") != "0":
        faults.append("WAIT_FOR_POWER_BUTTON must be 0: nobody is there after a power cut")
    known = {*wanted, "WAIT_FOR_POWER_BUTTON", "BOOT_UART", "FREEZE_VERSION", "WAKE_ON_GPIO"}
    return faults + [f"{key} is not known to this check" for key in found if key not in known]


def seconds(value: str) -> float:
    """A time of systemd: `15s`, `5m`, `1min 30s`, a bare number. Raises ValueError."""
    units = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "ms": 0.001}
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]*)", value)
    if not parts or re.sub(r"(\d+(?:\.\d+)?)\s*([a-z]*)\s*", "", value).strip():
        raise ValueError(f"no time: {value!r}")
    return sum(float(number) * units[unit] for number, unit in parts)


def ini(text: str) -> dict[str, dict[str, str]]:
    """A file of systemd or the like, as section → key → value. Raises configparser.Error for a key given twice."""
    parser = configparser.ConfigParser(strict=True, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def watchdog(text: str) -> list[str]:
    """Faults of the service manager's watchdog settings."""
    found = ini(text).get("Manager", {})
    faults = [
        f"{key} must be at most {WATCHDOG_MAX_S:g} s, not {found[key]}: the hardware counts modulo 16"
        for key in ("RuntimeWatchdogSec", "RebootWatchdogSec")
        if key in found and found[key] != "default" and not 1 <= seconds(found[key]) <= WATCHDOG_MAX_S
    ]
    if "RuntimeWatchdogSec" not in found:
        faults.append("RuntimeWatchdogSec is missing")
    return faults + [f"{key} is not in Debian 12's systemd" for key in found if key == "RebootSteps"]


def journal(text: str) -> list[str]:
    """Faults of the journal's settings."""
    found = ini(text).get("Journal", {})
    faults = []
    if found.get("Storage") != "persistent":
        faults.append("Storage must be persistent: the evidence of a crash would die with it")
    size = re.match(r"(\d+)M\Z", found.get("SystemMaxUse", ""))
    if not size or not 8 <= int(size[1]) <= 32:
        faults.append("SystemMaxUse must be 8M to 32M: the card has to bear it")
    return faults


UDEV = re.compile(r'([A-Z_]+(?:\{[\w/]+\})?)\s*(==|!=|\+=|:=|=)\s*"([^"]*)"')


def udev(text: str) -> list[str]:
    """Faults of udev rules: syntax, jumps without a target, names by what only counts up."""
    faults, jumps, labels = [], set(), set()
    for line in lines(text):
        parts = UDEV.findall(line)
        if UDEV.sub("", line).strip(" ,"):
            faults.append(f"cannot be read: {line}")
        jumps |= {value for key, _, value in parts if key == "GOTO"}
        labels |= {value for key, _, value in parts if key == "LABEL"}
        if any(key == "SYMLINK" and op == "=" for key, op, _ in parts):
            faults.append(f"SYMLINK with = takes the usual names away: {line}")
        named = any(key == "SYMLINK" for key, _, _ in parts)
        if named and any(key == "KERNEL" for key, _, _ in parts):
            faults.append(f"a name by the kernel's count changes with what is plugged in first: {line}")
    return faults + [f"GOTO {name} leads nowhere" for name in sorted(jumps - labels)]
