"""The room as it truly is: `sim.physics` with camera, amplifier and PC, and a log of what was done to it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.physics import Codec, CodecProfile, Fitting, Hang, RoomPhysics
from sim.physics.device import Profile
from sim.physics.fitting import profiles
from tests.prove.promised import THREE_LOOKS_S

if TYPE_CHECKING:
    from tests.prove.sim.contacts import Outlet

RELAYS = frozenset({"codec", "switch", "converter", "display", "camera", "amplifier", "light", "fan"})
QUICKEST, SLOWEST = 0.5, 1.35
"""True boot times of a room's devices, in units of the catalogue's."""
SWEEPS_S = (0.0, 0.0, 0.0, 9.0)
"""How long it takes to ask the codec everything, in one room or another: at 9,600 baud 8 s and more."""
SPREAD = 0.05
"""From one start to the next."""
CHARGED_PCT, COOL_C = 88.0, 31.5
"""A battery below this charge and air below this temperature are on no rule's limit, though they still change."""


@dataclass(slots=True)
class Restart:
    """The agent took a load out of service: cut its relay, or the device obeyed its order to boot."""

    load: str
    act_id: int
    began_s: float
    ended_s: float
    """When power was back or the order obeyed."""
    ready_s: float
    """When the device serves again, as far as this restart is concerned."""
    cycled: bool = False
    """By its relay."""
    served: bool = False
    """Whether it truly served when it was restarted, or would have but for the restart before."""
    ordered: bool = False
    """By the centre, and not by the room's own decision."""
    synced: bool = True
    boot: str = ""
    """How the board's clock stood, and in which of its boots."""
    forgotten: bool = False
    """A card that lied about flushing has lost it."""


class Place:
    """One room of physics. All times are true seconds."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        fitted: dict[str, Profile] = {
            name: replace(profile, boot_s=profile.boot_s * dice.uniform(QUICKEST, SLOWEST))
            for name, profile in _fitted().items()
        }
        self.room = RoomPhysics("sim", Fitting(fitted, ups_runtime_s=dice.choice((0.0, 300.0, 900.0))), 0.0)
        self.room.amplifier_by_hand = False
        self._boot_s = {name: profile.boot_s for name, profile in fitted.items()}
        self.restarts: list[Restart] = []
        self.welded: frozenset[str] = frozenset()
        """Loads whose contact has welded: it opens no more."""
        self.sweep_s = dice.choice(SWEEPS_S)
        self._down_since: dict[str, float] = {}
        self.call_since_s = 0.0
        self.calls = 0
        self.pc_app = True
        self.mic = True
        self.cut_since: dict[str, float] = {}
        """Loads whose relay keeps power from them, and since when."""
        self.sweep_s = 0.0
        """How long the codec takes for all its questions: seconds at 9,600 baud."""
        self.lines_broken = False
        """Whether the board's relay lines cannot be driven."""
        self.outlet_lag_s = 0.0
        """For so long an outlet's word is that of before its relay's last movement."""
        self.out_of_reach_s: dict[str, float] = {}
        """When nobody could last have given a load its power: its line fails, its outlet cannot be reached."""
        self.outlets: dict[str, Outlet] = {}
        """Loads on outlets of the network, which live on when the board dies."""

    def boot_s(self, load: str) -> float:
        """The device's own boot time in this room."""
        return self._boot_s[load]

    def vary(self) -> None:
        """No two starts take the same time."""
        for name, device in self.room.devices.items():
            device.profile = replace(
                device.profile, boot_s=self._boot_s[name] * self._dice.uniform(1 - SPREAD, 1 + SPREAD)
            )

    @property
    def codec(self) -> Codec:
        """The codec."""
        return self.room.codec

    def call_up_s(self, now_s: float) -> float:
        """How long a call has been up; negative when there is none."""
        self.until(now_s)
        return now_s - self.call_since_s if self.codec.in_call else -1.0

    def start_call(self, lasts_s: float, now_s: float) -> bool:
        """The people join a meeting."""
        if self.call_up_s(now_s) >= 0:
            return False
        started = self.room.start_call(lasts_s, now_s)
        if started:
            self.call_since_s = now_s
            self.calls += 1
        return started

    def relay(self, load: str, on: bool, now_s: float) -> None:
        """A relay moves."""
        if not on and load == "codec" and self.codec.upgrading:
            self.codec.dead = True  # what it was writing is lost, and so is the codec
        if on or load not in self.welded:
            self.room.relay(load, on, now_s)
        if on:
            self.cut_since.pop(load, None)
        else:
            self.cut_since.setdefault(load, now_s)

    def in_reach(self, load: str, now_s: float) -> bool:
        """Whether the agent could move this load's relay now."""
        reached = self.room.gateway_up() if load in self.outlets else not self.lines_broken
        if not reached:
            self.out_of_reach_s[load] = now_s
        return reached

    def fall_off(self, now_s: float) -> None:
        """The board loses its power: every coil lets go, so equipment has power, light and fan have none."""
        for load in RELAYS - self.outlets.keys():
            self.relay(load, load not in ("light", "fan"), now_s)

    def ready_s(self, load: str) -> float:
        """When the device serves, as it is booting now."""
        return self.room.devices[load].ready_at_s if load in self.room.devices else 0.0

    def obey(self, remedy: str, now_s: float) -> bool:
        """An order over a control interface; whether it was taken."""
        if remedy == "pc_app_restart":
            self.room.advance(now_s)
            alive = self.room.mains.present and self.room.devices["pc"].serving(now_s)
            self.pc_app = self.pc_app or alive
            return alive
        return self.room.gateway_up() and self.room.command(remedy, now_s)

    def until(self, now_s: float) -> None:
        """Let everything have happened up to this moment."""
        if now_s > self.room.now_s:
            self.room.advance(now_s)

    def serves(self, load: str, now_s: float) -> bool:
        """Whether a load truly does its work."""
        self.until(now_s)
        device = self.room.devices.get(load)
        return device is None or device.serving(now_s)

    def healthy(self, load: str, now_s: float) -> bool:
        """Whether a restart of it would mend nothing."""
        stuck = load == "codec" and self.codec.registration_stuck
        return self.serves(load, now_s) and not stuck and (load != "pc" or self.pc_app)

    def note_down(self, now_s: float) -> None:
        """Note since when each device has not served."""
        for load in self.room.devices:
            if self.serves(load, now_s):
                self._down_since.pop(load, None)
            else:
                self._down_since.setdefault(load, now_s)

    def useless(self, now_s: float) -> bool:
        """Whether no meeting could be held with the codec for three looks: it, or the room's network, did not serve."""
        return any(now_s - self._down_since.get(load, math.inf) >= THREE_LOOKS_S for load in ("codec", "switch"))

    def out_by_us(self, load: str, now_s: float, longer_s: float = 0.0) -> Restart | None:
        """The restart of ours by which a load is out of service just now, or was until a moment ago."""
        last = next((one for one in reversed(self.restarts) if one.load == load), None)
        if last is None or last.ready_s not in (math.inf, self.ready_s(load)):
            return None
        if last.ready_s == math.inf and self.serves(load, now_s):
            return None  # its contact has welded
        return last if now_s < last.ready_s + longer_s else None

    def put_right(self, now_s: float) -> None:
        """A person goes round the room: plugs pulled and put back, software opened. Nobody is in a call then."""
        self.room.advance(now_s)
        self.pc_app = True
        for name, device in self.room.devices.items():
            stuck = name == "codec" and (self.codec.hang is not Hang.NONE or self.codec.registration_stuck)
            if name == "codec" and self.codec.upgrading:
                continue
            if device.dead or device.hung or device.latched or stuck:
                device.dead = False
                device.power(False, now_s - 60.0)
        self.room.advance(now_s)
        if self.codec.volume_pct == 0:
            self.codec.volume_pct = 50
        if not self.codec.in_call:
            self.codec.standby = False

    def steady(self, now_s: float) -> bool:
        """Whether nothing will change by itself: no device starts, battery and air are where they will stay."""
        room = self.room
        balance_c = room.climate.balance_c(room.draw_w(), room.fan_on())
        codec = room.codec
        registers = codec.serving(now_s) and room.line_up() and not codec.registration_stuck
        return (
            room.mains.present
            and not any(device.booting(now_s) for device in room.devices.values())
            and (not registers or codec.registered(now_s))
            and (room.ups is None or room.ups.left_s >= room.ups.full_s or room.ups.charge_pct < CHARGED_PCT)
            and (max(room.climate.temp_c, balance_c) < COOL_C or abs(room.climate.temp_c - balance_c) < 0.5)
        )


def _fitted() -> dict[str, Profile]:
    """No splitter, and a camera on a supply of its own."""
    usual = profiles() | {"camera": Profile("camera", 40, 6, discharge_s=3)}
    names = ("codec", "switch", "converter", "display", "light", "fan", "camera", "amplifier", "pc")
    return {name: usual[name] for name in names}


assert isinstance(profiles()["codec"], CodecProfile)
