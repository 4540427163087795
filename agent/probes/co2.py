"""A carbon dioxide sensor on a serial line: asked every look, not believed before it is warm."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from agent.config.devices import SensorConfig
from agent.core.facts import NoReading, Reading
from agent.devices.sensor import mhz19
from agent.probes.asked import AskedLine
from agent.probes.lines import parse_line


class Co2Probe:
    """Looks at one sensor. `warming`: it answers, and was not seen answering for the length of its warm-up yet."""

    def __init__(self, config: SensorConfig, clock: Callable[[], float] = time.monotonic) -> None:
        if config.place != "room":
            raise ValueError(f"a {config.chip} in the rack measures nothing we use there")
        if not 0.1 <= config.timeout_s <= 20:
            raise ValueError(f"sensors: timeout_s of a {config.chip} must be 0.1..20")
        self.name = f"sensor-{config.chip}-{config.place}"
        self.keys: tuple[str, ...] = (mhz19.KEY,)
        self.period_s = config.period_s
        self.deadline_s = config.timeout_s + 5.0
        line = parse_line(config.uri, bauds=mhz19.BAUDS)
        self._line = AskedLine(mhz19.Mhz19(), line, self.keys, config.timeout_s)
        self._clock = clock
        self._answers_since_s: float | None = None

    def observe(self) -> Mapping[str, Reading]:
        """Look once. After silence or a pulled adapter it may have been without power: it warms up anew.

        So it does where it says itself that it boots.
        """
        readings = self._line.look()
        reading = readings[mhz19.KEY]
        if isinstance(reading, NoReading) and reading.reason != "end_of_range":
            if reading.reason in ("timeout", "link", "warming"):
                self._answers_since_s = None
            return readings
        now_s = self._clock()
        if self._answers_since_s is None:
            self._answers_since_s = now_s
        if now_s - self._answers_since_s < mhz19.WARM_UP_S:
            return {mhz19.KEY: NoReading("warming")}
        return readings

    def close(self) -> None:
        """Let go."""
        self._line.close()
