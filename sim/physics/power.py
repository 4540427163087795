"""The supply: grid, breaker and UPS."""

from __future__ import annotations

from dataclasses import dataclass

NOMINAL_V = 228.0
ABSENT_V = 90.0
"""Below this a UPS and a meter take the grid for gone."""


@dataclass(slots=True)
class Mains:
    """The grid at the room's breaker."""

    volts: float = NOMINAL_V
    hertz: float = 50.0
    breaker: bool = True

    @property
    def present(self) -> bool:
        """Whether equipment on it runs."""
        return self.breaker and self.volts >= ABSENT_V

    @property
    def behind_breaker_v(self) -> float:
        """What a UPS in the room gets, in volts."""
        return self.volts if self.breaker else 0.0


class Ups:
    """A battery between the grid and codec, switch, converter and board. Recharges ten times slower than it drains."""

    RECHARGE = 0.1
    LOW = 0.25

    def __init__(self, runtime_s: float, now_s: float) -> None:
        self.new_s = runtime_s
        """How long a new battery lasts."""
        self.full_s = runtime_s
        self.left_s = runtime_s
        self.worn = False
        """Its self-test asks for a new battery."""
        self.off = False
        """Its output is switched off."""
        self.complaint = ""
        """What it raises an alarm of."""
        self._at_s = now_s
        self._on_grid = True
        self.empty = False

    def advance(self, grid: bool, now_s: float) -> None:
        """Drain or recharge up to now, given how the grid has been since the last call."""
        passed_s = max(0.0, now_s - self._at_s)
        self._at_s = now_s
        if self._on_grid:
            self.left_s = min(self.full_s, self.left_s + passed_s * self.RECHARGE)
        else:
            self.left_s = max(0.0, self.left_s - passed_s)
        self._on_grid = grid
        self.empty = self.left_s <= 0 and not grid

    def wear(self, share: float = 1.0) -> None:
        """From now on a full battery lasts this share of what a new one does; 1: it is a new one. Its self-test asks
        for another one as soon as it lasts less."""
        self.full_s, self.worn = self.new_s * share, share < 1.0
        self.left_s = min(self.left_s, self.full_s) if self.worn else self.full_s

    @property
    def on_battery(self) -> bool:
        """Whether it runs from its battery."""
        return not self._on_grid

    @property
    def low(self) -> bool:
        """Whether it will switch off soon."""
        return self.on_battery and self.left_s < self.LOW * self.full_s

    @property
    def output(self) -> bool:
        """Whether what hangs on it has power."""
        return not self.empty and not self.off

    @property
    def charge_pct(self) -> float:
        """How full the battery is."""
        return 100.0 * self.left_s / self.full_s if self.full_s else 0.0
