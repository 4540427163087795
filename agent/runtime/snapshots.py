"""When a room has news: a full state on change, and samples of one period. Pure; time comes in."""

from __future__ import annotations

from collections import defaultdict

from agent.core.events import Observed
from agent.core.facts import FACTS, Instant
from agent.core.secrecy import Secrecy
from agent.runtime.room import Room
from agent.uplink import report
from wire import messages as m

STATE_GAP_S = 1.0
STATE_DRIFT_S = 60.0
STATE_EVERY_S = 600.0
METRICS_EVERY_S = 60.0
SAMPLES_MAX = 120
"""Samples kept per fact and batch."""
NEVER_KEPT = frozenset({"sound.level_dbc"})
"""Shown as it stands now, and in no history: when people spoke is nobody's business later."""


class Snapshots:
    """Gives a state when something changed that a person would call a change, or a number drifted, or time is up."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._at_s = float("-inf")
        self._discrete: tuple[object, ...] = ()
        self._numbers: dict[str, float] = {}

    def due(self, room: Room, now: Instant, secrecy: Secrecy | None = None) -> m.State | None:
        """The snapshot to send now, or None. At least a second apart; every ten minutes in any case."""
        since_s = now.mono_s - self._at_s
        if since_s < STATE_GAP_S * self._scale:
            return None
        discrete = report.discrete(room.state, now, secrecy)
        drifted = (
            secrecy is not Secrecy.MEETING
            and since_s >= STATE_DRIFT_S * self._scale
            and report.drifted(self._numbers, room.state)
        )
        if discrete == self._discrete and not drifted and since_s < STATE_EVERY_S * self._scale:
            return None
        self._at_s, self._discrete, self._numbers = now.mono_s, discrete, report.numbers(room.state)
        store = room.store
        at = report.stamp(room.who, now)
        return report.snapshot(
            room.state, at, now, room.who.version, store.pending(), store.dropped, secrecy=secrecy,
            time_scale=room.time_scale,
        )  # fmt: skip


class Samples:
    """Collects numbers, and gives them as one batch a minute."""

    def __init__(self, scale: float = 1.0) -> None:
        self._every_s = METRICS_EVERY_S * scale
        self._began: Instant | None = None
        self._rows: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)

    def add(self, event: Observed, now: Instant) -> None:
        """Keep the numbers of every look in it."""
        if self._began is None:
            self._began = now
        looked = [pair for one in event.observations for pair in one.readings.items()]
        for key, value in looked:
            if isinstance(value, int | float) and not isinstance(value, bool) and key in FACTS:
                if key in NEVER_KEPT:
                    continue
                rows = self._rows[key]
                if len(rows) < SAMPLES_MAX:
                    rows.append((round(now.mono_s - self._began.mono_s, 1), round(float(value), 3)))

    def due(self, who: report.Identity, now: Instant) -> m.MetricBatch | None:
        """The batch of the period that has ended, or None."""
        if self._began is None or now.mono_s - self._began.mono_s < self._every_s:
            return None
        batch = m.MetricBatch(stamp=report.stamp(who, self._began), samples=dict(self._rows))
        self._began, self._rows = None, defaultdict(list)
        return batch
