"""The whole room: supply, relays, devices, line and air, and the true state of the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from sim.physics.air import Air
from sim.physics.camera import Camera
from sim.physics.codec import Codec, CodecProfile
from sim.physics.device import Device, Profile
from sim.physics.display import CODEC_INPUT, Display
from sim.physics.power import Mains, Ups
from sim.physics.witness import Act, Outage, Witness

ON_UPS = frozenset({"codec", "switch", "converter"})
"""Loads behind the UPS, with the board. Display, lights, fan and amplifier hang on the grid."""

LINE = frozenset({"switch", "converter"})
"""Loads whose cut is needless while they work: nothing but their own hang is mended by it."""

BOARD_W = 5.0
PACKETS_PER_S = 250.0
"""Of a video call at 2 Mbit/s, each way [J]."""


def profiles(scale: float = 1.0) -> dict[str, Profile]:
    """Usual devices, with every duration multiplied. Boot times as in `agent.core.remedies.LOADS`."""
    return {
        profile.name: profile
        for profile in (
            CodecProfile(boot_s=150 * scale, register_s=8 * scale, discharge_s=5 * scale),
            Profile("switch", 45 * scale, 9, discharge_s=3 * scale),
            Profile("converter", 30 * scale, 4, discharge_s=3 * scale),
            Profile("display", 20 * scale, 95, discharge_s=1 * scale),
            Profile("light", 0.0, 72, discharge_s=0),
            Profile("fan", 0.0, 45, discharge_s=0),
        )
    }


@dataclass(frozen=True, slots=True)
class Fitting:
    """What a room has and how it behaves."""

    profiles: Mapping[str, Profile] = field(default_factory=profiles)
    ups_runtime_s: float = 900.0
    """0: no UPS."""
    climate_tau_s: float = 1800.0
    board_boot_s: float = 20.0
    beyond: bool = True
    """Whether the room knows of a second target beyond the converter, besides the hub."""


class RoomPhysics:
    """One room. Call `advance` before looking; every method that changes something does so itself."""

    def __init__(self, room: str, fitting: Fitting, now_s: float) -> None:
        self.room = room
        self.fitting = fitting
        self.mains = Mains()
        self.ups = Ups(fitting.ups_runtime_s, now_s) if fitting.ups_runtime_s > 0 else None
        self.witness = Witness()
        codec = fitting.profiles["codec"]
        assert isinstance(codec, CodecProfile)
        self.codec = Codec(codec, now_s)
        self.display = Display(fitting.profiles["display"], now_s)
        special: dict[str, Device] = {"codec": self.codec, "display": self.display}
        self.devices: dict[str, Device] = {
            name: special.get(name) or Device(profile, now_s) for name, profile in fitting.profiles.items()
        }
        self.closed: dict[str, bool] = {name: name not in ("light", "fan") for name in fitting.profiles}
        """By load: whether its relay lets power through. Lights and fan are wired normally open."""
        self.wall_switch = True
        """The lights have a second switch at the door: they burn when either is on."""
        self.camera = Camera()
        self.climate = Air(tau_s=fitting.climate_tau_s, at_s=now_s)
        self.ring_up = True
        """The carrier's ring carries the line to the province."""
        self.hub_machine = True
        """The hub's machine runs; the line to it is another matter."""
        self.cable = True
        """The board's own network cable is plugged in."""
        self.line_loss_pct = 0.0
        """Packets of a call that the line to the province loses."""
        self.call_packets = self.call_lost = 0.0
        """Of the call that is up, each way, since it began."""
        self.call_until_s = -inf
        """When the people end the call that is up."""
        self.board_ready_s = now_s
        self.now_s = now_s
        self._board_powered = True
        self._down_since: dict[str, float] = {}
        self.advance(now_s)

    # -- time

    def advance(self, now_s: float) -> None:
        """Let everything happen up to this moment. Earlier than the last one: nothing."""
        now_s = max(now_s, self.now_s)
        passed_s = now_s - self.now_s
        self.now_s = now_s
        if self.ups is not None:
            self.ups.advance(self.mains.present, now_s)
        in_call = self._still_in_call(now_s)
        self._supply(now_s)
        line = self.line_up()
        if not line:
            self.codec.reachable_since_s = inf
        elif self.codec.reachable_since_s == inf:
            self.codec.reachable_since_s = now_s
        if in_call:
            self._call(line)
            self._carry(passed_s if self.codec.in_call else 0.0)
        heat_w = self.draw_w()
        self.climate.advance(heat_w, self.fan_on(), now_s)
        self._note_outages(now_s)

    def _supply(self, now_s: float) -> None:
        grid = self.mains.present
        backed = self.backed()
        for name, device in self.devices.items():
            device.power(self.closed[name] and (backed if name in ON_UPS else grid), now_s)
        if backed != self._board_powered:
            self._board_powered = backed
            self.board_ready_s = now_s + self.fitting.board_boot_s if backed else inf

    def _still_in_call(self, now_s: float) -> bool:
        if now_s >= self.call_until_s:
            self.codec.in_call = False
        return self.codec.in_call

    def _call(self, line: bool) -> None:
        """Of a call that nobody wanted to end. The codec forgets it by itself when it loses its power."""
        if not (line and self.codec.running() and self.codec.in_call):
            self.codec.in_call = False
            self.witness.calls_lost += 1

    def _carry(self, passed_s: float) -> None:
        """What the call's packets do on the line."""
        sent = PACKETS_PER_S * passed_s
        self.call_lost += sent * self.line_loss_pct / 100
        self.call_packets += sent * (1 - self.line_loss_pct / 100)

    def _note_outages(self, now_s: float) -> None:
        for name in ("codec", "switch", "converter"):
            device = self.devices.get(name)
            if device is None:
                continue
            if not device.serving(now_s):
                self._down_since.setdefault(name, now_s)
            elif name in self._down_since:
                since_s = self._down_since.pop(name)
                until_s = max(since_s, min(now_s, device.serving_from_s()))
                self.witness.outage(Outage(name, since_s, until_s, device.profile.boot_s))

    # -- what holds now

    def backed(self) -> bool:
        """Whether what hangs behind the UPS has power."""
        return self.ups.output if self.ups is not None else self.mains.present

    def board_on(self) -> bool:
        """Whether the agent's board runs and has started."""
        return self._board_powered and self.now_s >= self.board_ready_s

    def link_up(self) -> bool:
        """The board's port has a carrier: cable in, switch with power."""
        return self.cable and self.devices["switch"].running()

    def gateway_up(self) -> bool:
        """The room's own network works."""
        return self.cable and self.devices["switch"].serving(self.now_s)

    def line_up(self) -> bool:
        """The codec's way to the province is whole."""
        inside = self.devices["switch"].serving(self.now_s) and self.devices["converter"].serving(self.now_s)
        return inside and self.ring_up

    def node_up(self) -> bool:
        """The carrier's node at the far end of the fibre answers: the ring begins behind it."""
        return self.gateway_up() and self.devices["converter"].serving(self.now_s)

    def mcu_up(self) -> bool:
        """The province's MCU answers the board: it stands beyond the ring, and is another machine than the hub's."""
        return self.cable and self.line_up()

    def hub_up(self) -> bool:
        """The board's way to the hub is whole, and the hub is there."""
        return self.mcu_up() and self.hub_machine

    def lamp_on(self) -> bool:
        """Whether the lights burn."""
        return self.mains.present and (self.wall_switch or self.closed.get("light", False))

    def fan_on(self) -> bool:
        """Whether the fan turns."""
        return self.mains.present and self.closed.get("fan", False)

    def display_w(self) -> float:
        """What the display takes; asleep when the codec sends no picture."""
        if not self.display.running():
            return 0.0
        lit = self.codec.running() and not self.codec.standby and self.display.lit(self.now_s)
        return self.display.draw_w(self.now_s) if lit else 0.6

    def picture_arrives(self) -> bool:
        """Whether the codec sends a picture to the input that the display shows."""
        return self.codec.serving(self.now_s) and not self.codec.standby and self.display.input == CODEC_INPUT

    def draw_w(self) -> float:
        """What all equipment takes."""
        total = self.codec.draw_w(self.now_s) + self.display_w() + (BOARD_W if self._board_powered else 0.0)
        for name in ("switch", "converter"):
            total += self.devices[name].draw_w(self.now_s)
        if self.lamp_on():
            total += self.fitting.profiles["light"].on_w if "light" in self.fitting.profiles else 0.0
        return total + (self.fitting.profiles["fan"].on_w if self.fan_on() else 0.0)

    # -- what is done to it

    def relay(self, load: str, closed: bool, now_s: float) -> None:
        """A relay moves. Noted with the truth about the call, before the effect."""
        self.advance(now_s)
        if load not in self.closed or self.closed[load] == closed:
            return
        needless = not closed and load in LINE and self.devices[load].serving(now_s)
        self.witness.act(Act(now_s, load, "restore" if closed else "cut", self.codec.in_call, needless))
        self.closed[load] = closed
        self.advance(now_s)

    def command(self, remedy: str, now_s: float) -> bool:
        """An order over a device's control interface: `codec_restart`, `codec_wake`, `display_on` …

        False: it was not taken. Whoever gives it must be able to reach the device.
        """
        self.advance(now_s)
        in_call = self.codec.in_call
        load, _, what = remedy.partition("_")
        taken = load == "display" and self.display.obey(what, now_s)
        taken = taken or (remedy == "camera_on" and self.camera.obey())
        if remedy == "codec_restart":
            taken = self.codec.restart(now_s)
        elif remedy == "codec_wake":
            taken = self.codec.wake(now_s)
        elif remedy == "codec_volume_restore" and self.codec.answers(now_s):
            self.codec.volume_pct, taken = 70, True
        elif remedy == "codec_unmute" and self.codec.answers(now_s):
            self.codec.mic_muted, taken = False, True
        if taken:
            self.witness.act(Act(now_s, load, what, in_call))
            self.witness.calls_lost += in_call and not self.codec.in_call
        self.advance(now_s)
        return taken

    def start_call(self, lasts_s: float, now_s: float) -> bool:
        """The people join a meeting. False when the codec cannot."""
        self.advance(now_s)
        if not (self.codec.answers(now_s) and self.line_up()):
            return False
        self.codec.standby = False
        self.codec.in_call = True
        self.call_packets = self.call_lost = 0.0
        self.call_until_s = now_s + lasts_s
        return True
