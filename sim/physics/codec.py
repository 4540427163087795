"""The video-conference codec: boots, sleeps, registers, holds calls, and hangs in two ways.

Draws are those of a small room codec [J]: 31 W awake, 46 W in a call, 8 W asleep. They differ enough for a meter to
tell a call from idling, which is what the agent's second witness rests on.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from sim.physics.device import Device, Profile
from sim.physics.settings import are_changed, change, mend, usual_named, usual_tree

VOLUME_PCT = 70
"""How loud it is where nobody has changed anything."""


class Hang(enum.StrEnum):
    """How a codec hangs."""

    NONE = "none"
    SOFT = "soft"
    """Its application is stuck: it pings and takes connections, tells nothing, and still obeys the order to boot."""
    HARD = "hard"
    """Only its network stack is left: it takes connections and says nothing. Only a loss of power helps."""


@dataclass(frozen=True, slots=True)
class CodecProfile(Profile):
    """A codec's draws and times."""

    name: str = "codec"
    boot_s: float = 150.0
    """2 to 5 minutes (device facts, [M])."""
    on_w: float = 31.0
    boot_w: float = 38.0
    call_w: float = 46.0
    standby_w: float = 8.0
    register_s: float = 8.0
    """From the end of the boot, with the line up, to the registration."""
    temp_rise_c: float = 24.0
    """Inside above the room, running idle."""


class Codec(Device):
    """See the module."""

    profile: CodecProfile

    def __init__(self, profile: CodecProfile, now_s: float) -> None:
        super().__init__(profile, now_s)
        self.hang = Hang.NONE
        self.in_call = False
        self.standby = False
        self.mic_muted = False
        self.upgrading = False
        self.volume_pct = VOLUME_PCT
        self.output_muted = False
        self.settings: dict[str, Any] = usual_tree()
        """A Cisco codec's configuration."""
        self.named: dict[str, str | int | bool] = usual_named()
        """Other makers' settings, by name."""
        self.registration_stuck = False
        """The registrar keeps refusing until the codec starts anew."""
        # A codec that is looked at for the first time has long been up.
        self.ready_at_s = self.reachable_since_s = now_s - profile.register_s
        """Since when its way to the registrar is whole; infinity: it is not."""
        self.started_s = now_s
        self.boots = 0

    def _reset(self, now_s: float) -> None:
        super()._reset(now_s)
        self.hang = Hang.NONE
        self.standby = False
        self.registration_stuck = False
        self.mic_muted = self.output_muted = False
        self.started_s = now_s
        self.boots += 1

    def power(self, on: bool, now_s: float) -> None:
        """Without power there is no call, however short the loss is: its processor has no capacitors to spare."""
        super().power(on, now_s)
        if not on:
            self.in_call = False

    def restart(self, now_s: float) -> bool:
        """Obey an order to boot. False when it cannot hear it."""
        if not self.running() or self.booting(now_s) or self.hang is Hang.HARD:
            return False
        self.in_call = False
        self._reset(now_s)
        return True

    def wake(self, now_s: float) -> bool:
        """Obey an order to wake. False when it cannot."""
        if not self.answers(now_s):
            return False
        self.standby = False
        return True

    def restore_volume(self, now_s: float) -> bool:
        """Obey an order to be as loud as ever. False when it cannot."""
        if not self.answers(now_s):
            return False
        self.volume_pct, self.output_muted = VOLUME_PCT, False
        return True

    def unmute(self, now_s: float) -> bool:
        """Obey an order to open the microphones. False when it cannot."""
        if not self.answers(now_s):
            return False
        self.mic_muted = False
        return True

    @property
    def settings_changed(self) -> bool:
        """Whether its settings are not those that its room wants."""
        return are_changed(self.settings, self.named)

    def change_settings(self) -> None:
        """Somebody changes them in a menu."""
        change(self.settings, self.named)

    def put_settings_right(self) -> None:
        """They are as the room wants them."""
        mend(self.settings, self.named)

    def reachable(self, now_s: float) -> bool:
        """Whether its network stack is there: it needs power and half of its boot time."""
        return self.running() and now_s >= self.ready_at_s - self.profile.boot_s / 2

    def answers(self, now_s: float) -> bool:
        """Whether its control interface answers."""
        return self.serving(now_s)

    def serving(self, now_s: float) -> bool:
        """Whether a person could use it."""
        return super().serving(now_s) and self.hang is Hang.NONE

    def registered(self, now_s: float) -> bool:
        """Whether the registrar knows it."""
        up_since_s = max(self.ready_at_s, self.reachable_since_s)
        return self.serving(now_s) and not self.registration_stuck and now_s - up_since_s >= self.profile.register_s

    def draw_w(self, now_s: float) -> float:
        """What it takes, by what it does."""
        if not self.running() or self.booting(now_s):
            return super().draw_w(now_s)
        if self.in_call:
            return self.profile.call_w
        return self.profile.standby_w if self.standby else self.profile.on_w
