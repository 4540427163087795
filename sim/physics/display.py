"""The display: on or off by its button, on one input or another, busy for a while as its lamp warms up or cools."""

from __future__ import annotations

from math import inf
from typing import Literal

from sim.physics.device import Device, Profile

State = Literal["off", "on", "cooling", "warming"]
CODEC_INPUT = "digital1"
"""Where the codec's cable is, in PJLink's words."""
INPUTS = ("rgb1", "digital1", "digital2")


class Display(Device):
    """See the module. `settle_s` is the lamp's warming and cooling; a television has next to none."""

    def __init__(self, profile: Profile, now_s: float, settle_s: float = 0.0) -> None:
        super().__init__(profile, now_s)
        self.settle_s = settle_s
        self.on = True
        """What its button, or an order, last said."""
        self.input = CODEC_INPUT
        self.picture_muted = False
        self.lamp_h = 1234
        self.complaint = ""
        """`lamp`, `temperature` …: what it complains of, as an error."""
        self._changed_s = -inf

    def switch(self, on: bool, now_s: float) -> None:
        """Its button, or an order. While the lamp warms or cools, whoever speaks for it refuses orders."""
        if on != self.on:
            self.on, self._changed_s, self.picture_muted = on, now_s, False

    def state(self, now_s: float) -> State:
        """What it says of itself."""
        if now_s - self._changed_s < self.settle_s:
            return "warming" if self.on else "cooling"
        return "on" if self.on else "off"

    def lit(self, now_s: float) -> bool:
        """Whether a picture can be seen on it."""
        return self.state(now_s) in ("on", "warming")

    def obey(self, what: str, now_s: float) -> bool:
        """`on` or `input`, over its control line. False when it cannot, or takes no order now."""
        if not self.serving(now_s) or self.state(now_s) in ("warming", "cooling"):
            return False
        if what == "on":
            self.switch(True, now_s)
            self.picture_muted = False
            return True
        if what == "input" and self.on:
            self.input = CODEC_INPUT
            return True
        return False
