"""Checks of satellites, codecs' baselines and relay boards: text or data in, faults out. See `checks.py`."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.firmware.checks import lines

OFF_MAX_S = 120.0
"""No cut lasts longer, whoever makes it (pi facts, requirements)."""
TASMOTA_KNOWN = {
    "MqttHost", "MqttPort", "Topic", "FullTopic", "PowerOnState", "Rule1", "TelePeriod", "WifiConfig", "WebServer",
    "TempRes", "HumRes", "SetOption8", "SetOption19", "SetOption73", "SetOption103",
}  # fmt: skip


def tasmota(text: str, *, relay: bool) -> list[str]:
    """Faults of a Tasmota device's console lines."""
    found: dict[str, list[str]] = {}
    for line in lines(text):
        command, _, value = line.partition(" ")
        found.setdefault(command, []).append(value)
    faults = [f"{name} is not known to this check" for name in found if name not in TASMOTA_KNOWN]
    if found.get("SetOption103") != ["1"] or found.get("MqttPort") != ["8883"]:
        faults.append("the broker must be reached over TLS: SetOption103 1, MqttPort 8883")
    if "MqttPassword" in found:
        faults.append("a password stands in the file")
    if relay:
        if found.get("PowerOnState") != ["1"]:
            faults.append("PowerOnState must be 1: power after every loss")
        rules = [value for value in found.get("Rule1", []) if "DO" in value]
        back = re.search(r"Power1#State=0 DO Backlog Delay (\d+); Power1 ON", " ".join(rules))
        if not back or int(back[1]) / 10 > OFF_MAX_S:
            faults.append(f"a cut must end by itself within {OFF_MAX_S:g} s")
        if rules and "1" not in found["Rule1"]:
            faults.append("Rule1 is not switched on")
    return faults


class _Loader(yaml.SafeLoader):
    """YAML with ESPHome's `!secret NAME`, which is kept as `Secret`."""


class Secret(str):
    """A value that stands elsewhere."""


_Loader.add_constructor("!secret", lambda _loader, node: Secret(node.value))


def esphome(text: str, *, relay: bool) -> list[str]:
    """Faults of an ESPHome device."""
    found: dict[str, Any] = yaml.load(text, _Loader)
    faults = [
        f"{section}.{key} must be a !secret"
        for section, keys in {"wifi": ("ssid", "password"), "mqtt": ("username", "password")}.items()
        for key in keys
        if not isinstance(found[section].get(key), Secret)
    ]
    if found["mqtt"].get("port") != 8883:
        faults.append("mqtt.port must be 8883: TLS")
    if found["mqtt"].get("discovery") is not False:
        faults.append("mqtt.discovery must be off")
    if not relay:
        return faults
    if found["mqtt"].get("reboot_timeout") != "0s":
        faults.append("mqtt.reboot_timeout must be 0s: losing the broker may not restart a relay")
    for switch in found["switch"]:
        if switch.get("restore_mode") != "ALWAYS_ON" or switch["pin"].get("inverted") is not True:
            faults.append(f"switch {switch['name']} must give power after every start")
        if switch["pin"]["number"] in {"GPIO0", "GPIO1", "GPIO2", "GPIO3", "GPIO15", "GPIO16"}:
            faults.append(f"switch {switch['name']}: that pin moves while the chip starts")
        waits = [int(step["delay"][:-1]) for step in switch.get("on_turn_off", []) if "delay" in step]
        backs = [step for step in switch.get("on_turn_off", []) if "switch.turn_on" in step]
        if not waits or not backs or sum(waits) > OFF_MAX_S:
            faults.append(f"switch {switch['name']}: a cut must end by itself within {OFF_MAX_S:g} s")
    return faults


CODEC_FORBIDDEN = {
    r"\bboot\b|\breboot\b|factory\s*reset|resetsystem": "restarts or resets the codec",
    r"AutoAnswer Mode: On|^autoanswer yes": "a room that answers by itself can be listened to",
    r"LoginRequired: Off": "the serial port must ask for a password",
    r"(HTTP Mode: HTTP\b(?!S))|(Telnet Mode: On)": "passwords would go over the wire in clear",
    r"[Pp]assword\s*:?\s+\S|[Pp]assphrase\s*:?\s+\S": "a password stands in the file",
    r"(?i)recording|snapshot": "nothing may record sound or picture",
}


def codec(text: str) -> list[str]:
    """Faults of a codec's baseline."""
    return [
        f"{line}: {why}" for line in lines(text) for pattern, why in CODEC_FORBIDDEN.items() if re.search(pattern, line)
    ]


def relay_board(profile: dict[str, Any]) -> list[str]:
    """Faults of a relay board's profile, beyond what the agent's own check of `room.toml` finds."""
    faults = []
    if profile["trigger"] != "high":
        faults.append("a board with low-level trigger energises its relays while the Pi boots")
    volts, amperes = profile["contact_rating_v"], profile["contact_rating_a"]
    share = profile["load_max_w"] / (volts * amperes)
    if volts < 250:
        faults.append("the contacts are not rated for the mains")
    if share > 0.1 and "contactor" not in profile:
        faults.append(f"{share:.0%} of the contact's rating: a supply's inrush welds it; 10 % at most, or a contactor")
    if not 4700 <= profile["pull_down_ohm"] <= 22000:
        faults.append("every input needs a pull-down of about 10 kΩ")
    if profile["coil_ma"] * profile["separate_coil_supply_over"] > 300:
        faults.append("the Pi's 5 V bears 300 mA of coils at most: the coils need a supply of their own")
    numbers = [channel["number"] for channel in profile["channels"]]
    if numbers != list(range(1, len(numbers) + 1)):
        faults.append("channels are not numbered from 1")
    return faults
