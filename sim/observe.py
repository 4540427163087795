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
STALE = NoReading("stale")

CODEC_SAID = (
    "codec.app_ready", "codec.in_call", "codec.standby", "codec.registered", "codec.mic_muted", "codec.upgrading",
    "codec.volume_pct", "codec.display_out", "codec.camera", "codec.mic_connected", "codec.output_muted",
    "codec.rx_loss_pct", "codec.tx_loss_pct", "codec.jitter_ms", "codec.settings_ok", "codec.settings_off",
    "codec.temp_c", "codec.uptime_s", "codec.model", "codec.software",
)  # fmt: skip
"""Facts that only the codec's own word gives."""
CALL_SAID = ("codec.rx_loss_pct", "codec.tx_loss_pct", "codec.jitter_ms")
"""Those that there are only in a call."""

MODEL = "Cisco TelePresence SX20 (mô phỏng)"
SOFTWARE = "ce9.15.3"
DISPLAY_MODEL = "SIMULATED MO PHONG PJ-1"
SETTINGS_OFF = "Audio DefaultVolume = 15 (70)"
REFUSED = NoReading("refused")
SILENT = {reading: dict.fromkeys(CODEC_SAID, reading) for reading in (TIMEOUT, REFUSED)}


def codec(room: RoomPhysics) -> dict[str, Reading]:
    """What ping, TCP, SIP and the control interface give, as far as the room watches its codec. Needs its switch."""
    if room.fitting.codec == "unwatched":
        return {}
    now_s, device = room.now_s, room.codec
    network = room.gateway_up()
    alive = network and device.reachable(now_s)
    facts: dict[str, Reading] = {
        "codec.ping": alive,
        "codec.tcp": alive,
        "codec.sip": alive and device.hang is not Hang.HARD and now_s >= device.ready_at_s,
    }
    if room.fitting.codec == "pinged":
        return facts
    talks = network and device.answers(now_s)
    facts["codec.api"] = talks
    return facts | (_codec_said(room) if talks else SILENT[TIMEOUT if alive else REFUSED])


def _codec_said(room: RoomPhysics) -> dict[str, Reading]:
    now_s, device = room.now_s, room.codec
    loss_pct = room.line_loss_pct
    return {
        "codec.app_ready": True,
        "codec.in_call": device.in_call,
        "codec.standby": device.standby,
        "codec.registered": device.registered(now_s),
        "codec.mic_muted": device.mic_muted,
        "codec.upgrading": device.upgrading,
        "codec.volume_pct": float(device.volume_pct),
        "codec.display_out": room.display_found(),
        "codec.camera": room.camera_found(),
        "codec.mic_connected": room.microphone.plugged,
        "codec.output_muted": device.output_muted,
        "codec.rx_loss_pct": loss_pct if device.in_call else ABSENT,
        "codec.tx_loss_pct": loss_pct if device.in_call else ABSENT,
        "codec.jitter_ms": room.call_jitter_ms() if device.in_call else ABSENT,
        "codec.settings_ok": not device.settings_changed,
        "codec.settings_off": SETTINGS_OFF if device.settings_changed else "none",
        "codec.temp_c": round(room.climate.temp_c + device.profile.temp_rise_c, 1),
        "codec.uptime_s": round(now_s - device.started_s, 0),
        "codec.model": MODEL,
        "codec.software": SOFTWARE,
    }


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
        return silent | dict.fromkeys(DISPLAY_SAID, REFUSED)
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
    facts = _metered(room, chance) if room.fitting.meters else {}
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
            "ups.input_v": round(room.mains.behind_breaker_v, 0),
        }
    return facts


def _metered(room: RoomPhysics, chance: random.Random) -> dict[str, Reading]:
    now_s, grid = room.now_s, room.mains.present
    facts: dict[str, Reading] = {"mains.voltage_v": TIMEOUT, "mains.frequency_hz": TIMEOUT, "room.draw_w": TIMEOUT}
    if grid:
        facts["mains.voltage_v"] = round(room.mains.volts + chance.gauss(0, 0.6), 1)
        facts["mains.frequency_hz"] = round(room.mains.hertz + chance.gauss(0, 0.02), 1)
        facts["room.draw_w"] = _draw(room.draw_w(), chance)
    if room.fitting.codec != "unwatched":
        facts["codec.draw_w"] = _draw(room.codec.draw_w(now_s), chance) if room.backed() else TIMEOUT
    facts["display.draw_w"] = _draw(room.display_w(), chance) if grid else TIMEOUT
    if "amplifier" in room.devices:
        # Without noise: it only tells whether the amplifier is on, and noise would make every look another one.
        facts["amp.draw_w"] = round(room.amplifier_w(), 1) if grid else TIMEOUT
    return facts


def _draw(watts: float, chance: random.Random) -> float:
    return round(max(0.0, watts * (1 + chance.gauss(0, 0.01))), 1)


def network(room: RoomPhysics) -> dict[str, Reading]:
    """What the board sees of its way out."""
    facts: dict[str, Reading] = {
        "net.link": room.link_up(),
        "net.gateway": room.gateway_up(),
        "net.hub": room.hub_up(),
    }
    if room.fitting.beyond:
        facts["net.beyond"] = room.node_up() or room.mcu_up()
    return facts


def line(room: RoomPhysics, chance: random.Random) -> dict[str, Reading]:
    """How good that way is, and what the board knows of the time: looked at more seldom."""
    hub, synced = room.hub_up(), room.clock.synced
    return {
        "net.loss_pct": room.line_loss_pct if hub else 100.0,
        "net.rtt_ms": round(7.5 + abs(chance.gauss(0, 0.8)), 1) if hub else TIMEOUT,
        "net.jitter_ms": round(abs(chance.gauss(0, 0.7)), 1) if hub else TIMEOUT,
        "net.clock_synced": synced,
        # Nobody else tells a board without a time server how wrong it is.
        "net.clock_offset_s": 0.0 if synced else STALE,
    }


def sound(room: RoomPhysics, chance: random.Random) -> dict[str, Reading]:
    """What the microphone that measures the level gives; nothing where there is none."""
    if not room.fitting.sound_meter:
        return {}
    return {"sound.level_dbc": round(room.sound_dbc() + chance.gauss(0, 1.0), 1)}


def pc(room: RoomPhysics) -> dict[str, Reading]:
    """What the conference PC gives; nothing where there is none. Needs the room's switch."""
    if room.pc is None:
        return {}
    if not (room.gateway_up() and room.pc.serving(room.now_s)):
        return {"pc.alive": False, "pc.app_running": TIMEOUT}
    return {"pc.alive": True, "pc.app_running": room.pc.app_runs(room.now_s)}


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
