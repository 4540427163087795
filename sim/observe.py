"""What a room's probes would say, read straight from its physics: the same facts, without sockets.

The many light rooms observe themselves this way; the contract test compares it with what real drivers say of the real
servers of the same room.
"""

from __future__ import annotations

import random

from agent.core.facts import NoReading, Reading
from sim.physics import Hang, RoomPhysics
from sim.physics.display import CODEC_INPUT

TIMEOUT = NoReading("timeout")
ABSENT = NoReading("absent")

CODEC_SAID = (
    "codec.app_ready", "codec.in_call", "codec.standby", "codec.registered", "codec.mic_muted", "codec.upgrading",
    "codec.volume_pct", "codec.display_out", "codec.camera", "codec.temp_c", "codec.uptime_s",
    "codec.model", "codec.software",
)  # fmt: skip
"""Facts that only the codec's own word gives."""

MODEL = "Cisco TelePresence SX20 (mô phỏng)"
SOFTWARE = "ce9.15.3"
DISPLAY_MODEL = "SIMULATED MO PHONG PJ-1"


def codec(room: RoomPhysics) -> dict[str, Reading]:
    """What ping, TCP, SIP and the control interface give. Needs the room's switch."""
    now_s, device = room.now_s, room.codec
    network = room.gateway_up()
    alive = network and device.reachable(now_s)
    talks = network and device.answers(now_s)
    facts: dict[str, Reading] = {
        "codec.ping": alive,
        "codec.tcp": alive,
        "codec.sip": alive and device.hang is not Hang.HARD and now_s >= device.ready_at_s,
        "codec.api": talks,
    }
    if not talks:
        silent = TIMEOUT if alive else NoReading("refused")
        return facts | dict.fromkeys(CODEC_SAID, silent)
    facts |= {
        "codec.app_ready": True,
        "codec.in_call": device.in_call,
        "codec.standby": device.standby,
        "codec.registered": device.registered(now_s),
        "codec.mic_muted": device.mic_muted,
        "codec.upgrading": device.upgrading,
        "codec.volume_pct": float(device.volume_pct),
        "codec.display_out": device.display,
        "codec.camera": device.camera,
        "codec.temp_c": round(room.climate.temp_c + device.profile.temp_rise_c, 1),
        "codec.uptime_s": round(now_s - device.started_s, 0),
        "codec.model": MODEL,
        "codec.software": SOFTWARE,
    }
    return facts


DISPLAY_SAID = (
    "display.power", "display.input", "display.input_right", "display.picture_muted", "display.signal",
    "display.fault", "display.model",
)  # fmt: skip
"""Facts that only the display's own word gives."""


def display(room: RoomPhysics) -> dict[str, Reading]:
    """What the display's control line gives. Needs the room's switch."""
    now_s, device = room.now_s, room.display
    if not room.gateway_up() or not device.serving(now_s):
        silent: dict[str, Reading] = {"display.api": False}
        return silent | dict.fromkeys(DISPLAY_SAID, NoReading("refused"))
    state = device.state(now_s)
    picture: dict[str, Reading] = dict.fromkeys(DISPLAY_SAID[1:5], ABSENT)
    if state == "on":
        picture = {
            "display.input": device.input,
            "display.input_right": device.input == CODEC_INPUT,
            "display.picture_muted": device.picture_muted,
            "display.signal": room.picture_arrives(),
        }
    said: dict[str, Reading] = {
        "display.api": True,
        "display.power": state,
        "display.fault": f"{device.complaint} error" if device.complaint else "none",
        "display.model": DISPLAY_MODEL,
    }
    return said | picture


def power(room: RoomPhysics, chance: random.Random) -> dict[str, Reading]:
    """What the meters and the UPS give. A meter is fed by the line it measures."""
    now_s, grid = room.now_s, room.mains.present
    facts: dict[str, Reading] = {}
    if grid:
        facts["mains.voltage_v"] = round(room.mains.volts + chance.gauss(0, 0.6), 1)
        facts["mains.frequency_hz"] = round(room.mains.hertz + chance.gauss(0, 0.02), 1)
        facts["room.draw_w"] = round(room.draw_w() * (1 + chance.gauss(0, 0.01)), 1)
    else:
        facts |= dict.fromkeys(("mains.voltage_v", "mains.frequency_hz", "room.draw_w"), TIMEOUT)
    facts["codec.draw_w"] = _draw(room.codec.draw_w(now_s), chance) if room.backed() else TIMEOUT
    facts["display.draw_w"] = _draw(room.display_w(), chance) if grid else TIMEOUT
    ups = room.ups
    if ups is not None:
        facts |= {
            "ups.on_battery": ups.on_battery,
            "ups.low_battery": ups.low,
            "ups.replace_battery": ups.worn,
            "ups.output_on": ups.output,
            "ups.fault": ups.complaint or "none",
            "ups.charge_pct": round(ups.charge_pct, 0),
            "ups.runtime_s": round(ups.left_s, 0),
            "ups.input_v": round(room.mains.volts, 0) if grid else 0.0,
        }
    return facts


def _draw(watts: float, chance: random.Random) -> float:
    return round(max(0.0, watts * (1 + chance.gauss(0, 0.01))), 1)


def network(room: RoomPhysics, chance: random.Random) -> dict[str, Reading]:
    """What the board sees of its way out."""
    hub = room.hub_up()
    facts: dict[str, Reading] = {
        "net.link": room.link_up(),
        "net.gateway": room.gateway_up(),
        "net.hub": hub,
        **({"net.beyond": room.node_up() or room.mcu_up()} if room.fitting.beyond else {}),
        "net.loss_pct": 0.0 if hub else 100.0,
        "net.rtt_ms": round(7.5 + abs(chance.gauss(0, 0.8)), 1) if hub else TIMEOUT,
        "net.jitter_ms": round(abs(chance.gauss(0, 0.7)), 1) if hub else TIMEOUT,
        "net.clock_synced": True,
    }
    return facts


def air(room: RoomPhysics, chance: random.Random) -> dict[str, Reading]:
    """What the sensors in the room and at the equipment give."""
    climate = room.climate
    return {
        "env.temp_c": round(climate.temp_c + chance.gauss(0, 0.05), 2),
        "env.rack_temp_c": round(climate.rack_c(room.draw_w()) + chance.gauss(0, 0.05), 2),
        "env.humidity_pct": round(climate.humidity_pct + chance.gauss(0, 0.3), 1),
        "env.light_lx": round(climate.light_lx(room.lamp_on()) * (1 + chance.gauss(0, 0.01)), 0),
        "env.co2_ppm": round(climate.co2_ppm),
    }
