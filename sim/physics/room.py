"""The whole room: supply, relays, devices, line and air, and the true state of the call."""

from __future__ import annotations

from math import inf

from sim.physics.air import Air
from sim.physics.camera import Camera
from sim.physics.clock import BoardClock
from sim.physics.codec import Codec, CodecProfile
from sim.physics.device import Device
from sim.physics.display import CODEC_INPUT, Display
from sim.physics.fitting import LINE, NORMALLY_OPEN, ON_UPS, Fitting
from sim.physics.pc import Pc
from sim.physics.power import Mains, Ups
from sim.physics.sound import HOWL_DBC, QUIET_DBC, TALK_DBC, Microphone
from sim.physics.witness import Act, Outage, Witness

BOARD_W = 5.0
PACKETS_PER_S = 250.0
"""Of a video call at 2 Mbit/s, each way [J]."""


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
        self.pc = Pc(fitting.profiles["pc"], now_s) if "pc" in fitting.profiles else None
        if self.pc is not None:
            special["pc"] = self.pc
        self.devices: dict[str, Device] = {
            name: special.get(name) or Device(profile, now_s) for name, profile in fitting.profiles.items()
        }
        self.closed: dict[str, bool] = {name: name not in NORMALLY_OPEN for name in fitting.profiles}
        """By load: whether its relay lets power through."""
        self.wall_switch = True
        """The lights have a second switch at the door: they burn when either is on."""
        self.amplifier_by_hand = True
        """The same of the amplifier: people have switched it on beside its relay."""
        self.camera = Camera()
        self.microphone = Microphone()
        self.picture_cable = True
        """The HDMI cable from the codec to splitter and display is in."""
        self.clock = BoardClock()
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
            fed = self.closed[name] or (name == "amplifier" and self.amplifier_by_hand)
            device.power(fed and (backed if name in ON_UPS else grid), now_s)
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

    def call_jitter_ms(self) -> float:
        """Largest jitter of what the call brings here [J]."""
        return 5.0 + round(3 * self.line_loss_pct)

    def camera_found(self) -> bool:
        """What the codec says of its camera: it counts the cable."""
        return self.camera.plugged

    def display_found(self) -> bool:
        """What the codec says of its display: something with power is at the other end of the cable, hung or not."""
        return self.picture_cable and ("splitter" not in self.devices or self.devices["splitter"].running())

    def picture_sent(self) -> bool:
        """The codec sends a picture, and cable and splitter carry it."""
        sent = self.codec.serving(self.now_s) and not self.codec.standby
        return sent and self._picture_carried()

    def _picture_carried(self) -> bool:
        return self.picture_cable and ("splitter" not in self.devices or self.devices["splitter"].serving(self.now_s))

    def picture_arrives(self) -> bool:
        """Whether the codec's picture comes to the input that the display shows."""
        return self.picture_sent() and self.display.input == CODEC_INPUT

    def display_w(self) -> float:
        """What the display takes; asleep when no picture comes from the codec."""
        if not self.display.running():
            return 0.0
        lit = self.codec.running() and not self.codec.standby and self.display.lit(self.now_s)
        return self.display.draw_w(self.now_s) if lit and self._picture_carried() else 0.6

    def amplifier_w(self) -> float:
        """What the amplifier takes; 0 where there is none."""
        return self.devices["amplifier"].draw_w(self.now_s) if "amplifier" in self.devices else 0.0

    def loudspeakers_on(self) -> bool:
        """Whether the far end could be heard."""
        codec = self.codec
        amplified = "amplifier" not in self.devices or self.devices["amplifier"].serving(self.now_s)
        return codec.serving(self.now_s) and codec.volume_pct > 0 and not codec.output_muted and amplified

    def microphone_live(self) -> bool:
        """Whether the far end could hear the room."""
        microphone = self.microphone
        return microphone.plugged and microphone.charged and not self.codec.mic_muted

    def howls(self) -> bool:
        """A call is up, and what the microphone hears comes back to it by the loudspeakers."""
        heard = self.microphone.at_loudspeaker and self.microphone_live()
        return self.codec.in_call and heard and self.loudspeakers_on()

    def sound_dbc(self) -> float:
        """The sound level at the table."""
        return HOWL_DBC if self.howls() else TALK_DBC if self.codec.in_call else QUIET_DBC

    def draw_w(self) -> float:
        """What all equipment takes."""
        total = self.codec.draw_w(self.now_s) + self.display_w() + (BOARD_W if self._board_powered else 0.0)
        for name in ("switch", "converter", "splitter", "amplifier", "pc"):
            if name in self.devices:
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
        match remedy:
            case "camera_on":
                taken = self.camera.obey()
            case "codec_restart":
                taken = self.codec.restart(now_s)
            case "codec_wake":
                taken = self.codec.wake(now_s)
            case "codec_volume_restore":
                taken = self.codec.restore_volume(now_s)
            case "codec_unmute":
                taken = self.codec.unmute(now_s)
            case "codec_settings_restore" if self.codec.answers(now_s):
                self.codec.put_settings_right()
                taken = True
            case "pc_app_restart":
                taken = self.pc is not None and self.pc.open_app(now_s)
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
