"""Air and light in the room: first-order warming towards what outdoors, equipment, cooling and fan would settle at."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp


@dataclass(slots=True)
class Air:
    """One room's air. `tau_s` is how long it takes to go 63 % of the way to a new balance, half an hour for a room."""

    temp_c: float = 26.0
    humidity_pct: float = 68.0
    outdoor_c: float = 33.0
    cooling: bool = True
    """The air conditioner runs: it holds 26 °C, whatever the equipment gives off."""
    daylight_lx: float = 60.0
    """What comes in by the windows, curtains drawn."""
    lamp_lx: float = 380.0
    co2_ppm: float = 650.0
    """Carbon dioxide: outdoors 420, a room full of people over 1500 [J]. It stays as it is set."""
    chill_c: float = 0.0
    """By so much the equipment is kept colder than its heat would have it: the air conditioner blows on it, or it has
    stood in a cold night."""
    tau_s: float = 1800.0
    at_s: float = 0.0
    """The moment up to which the temperature is known."""

    HELD_C = 26.0
    RISE_C_PER_W = 0.03
    """400 W of equipment warm an uncooled room by 12 °C [J]."""
    RACK_C_PER_W = 0.03
    FAN_C = 14.0
    FAN_HASTE = 3.0
    """A fan exchanges the air: the room goes to its new balance this much faster [J]."""

    def balance_c(self, heat_w: float, fan: bool) -> float:
        """Where the temperature would settle."""
        if self.cooling:
            return self.HELD_C
        return self.outdoor_c + heat_w * self.RISE_C_PER_W - (self.FAN_C if fan else 0.0)

    def advance(self, heat_w: float, fan: bool, now_s: float) -> None:
        """Warm or cool up to now."""
        passed_s = now_s - self.at_s
        if passed_s <= 0:
            return
        self.at_s = now_s
        share = 1.0 - exp(-passed_s * (self.FAN_HASTE if fan else 1.0) / self.tau_s)
        self.temp_c += (self.balance_c(heat_w, fan) - self.temp_c) * share

    def rack_c(self, heat_w: float) -> float:
        """Temperature at the equipment."""
        return self.temp_c + heat_w * self.RACK_C_PER_W - self.chill_c

    def light_lx(self, lamp: bool) -> float:
        """Light on the table."""
        return self.daylight_lx + (self.lamp_lx if lamp else 0.0)
