"""What time it may be, after the wall clock has been stepped. Pure.

The monotonic clock never steps, and slews together with the wall clock: the difference of the two changes by a step
alone. Each difference that was seen while the clock was disciplined is a timeline. After a step nobody can say which of
them is right, so that what began by one of them goes on by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.core.facts import Instant

STEP_S = 2.0
"""A difference that changes by more is a step: reading both clocks on a loaded board takes less [J]."""
DRIFT = 1e-4
"""How far the monotonic clock of a board may be from true seconds: 100 ppm [J]."""
KEEP_S = 27 * 3600.0
"""A timeline that has not been the present one for so long is forgotten: the longest meeting (24 h), what is kept quiet
around it and a call that goes on for two hours have passed by then."""
KEPT_MAX = 8
"""More timelines than that within `KEEP_S`, and nobody knows anything."""
DOUBT_S = 900.0
"""A step leaves doubt for this long: where a clock was set once it is often set again [J]."""
TRUSTED_S = 86_400.0
"""A clock that has lost its time server is known by the monotonic clock for so long: at 100 ppm that is 9 s off."""
TOUCH_S = 60.0
"""How exactly it is kept when a timeline was the present one."""
LAST_KEPT_S = 1800.0
"""How exactly the store keeps it. `KEEP_S` has three quarters of an hour to spare."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """One difference of wall clock and monotonic clock."""

    offset_s: float
    last_s: float
    """Monotonic: when the disciplined clock last showed it, to a minute."""
    first_s: float = 0.0
    """Monotonic: when it first did; 0: before this process began, nobody knows when."""


@dataclass(frozen=True, slots=True)
class Timelines:
    """Those of this boot of the board: the store keeps them over a restart of the agent."""

    kept: tuple[Timeline, ...] = ()
    present: Timeline | None = None
    doubt_until_s: float = 0.0
    """Monotonic."""

    def walls(self, now: Instant) -> tuple[float, ...]:
        """Every time that it may be, in Unix seconds; that of the wall clock first."""
        others = (now.mono_s + one.offset_s for one in self.kept)
        return (now.wall_s, *(wall_s for wall_s in others if abs(wall_s - now.wall_s) > STEP_S))

    def known(self, now: Instant) -> tuple[float, ...]:
        """Every time that it may be, in Unix seconds, the likeliest first; empty when nobody knows.

        Without this a media converter that hangs would forbid its own cycle: the time server is behind it. And what
        the clock has come back from is not believed for long, or a slip of an hour would forbid things for a day.
        """
        if now.synced:
            likeliest_s = now.wall_s
        elif self.present is not None and now.mono_s - self.present.last_s <= TRUSTED_S:
            likeliest_s = now.mono_s + self.present.offset_s
        else:
            return ()
        others = (now.mono_s + one.offset_s for one in self.kept if not self._left_again(one, likeliest_s, now))
        return (likeliest_s, *(wall_s for wall_s in others if abs(wall_s - likeliest_s) > STEP_S))

    def in_order(self, now: Instant) -> tuple[float, ...]:
        """The same, by when each was first seen."""
        seen = (*self.kept, *([self.present] if self.present else ()))

        def seen_s(wall_s: float) -> float:
            return min((one.first_s for one in seen if _same(one, wall_s - now.mono_s)), default=now.mono_s)

        return tuple(sorted(self.known(now), key=seen_s))

    def _left_again(self, one: Timeline, likeliest_s: float, now: Instant) -> bool:
        """Whether the clock was stepped to this one, stepped back to where it was before, and has stayed there."""
        present = self.present
        if present is None or self.doubtful(now) or abs(likeliest_s - now.mono_s - present.offset_s) > STEP_S:
            return False
        return one.first_s > present.first_s

    def doubtful(self, now: Instant) -> bool:
        """Whether the clock has been stepped lately."""
        return now.mono_s < self.doubt_until_s


UNSTEPPED = Timelines()
"""No step was ever seen, or nobody has looked yet."""


def kept_by(times: Timelines) -> tuple[float, ...]:
    """What outlives the process within one boot: the differences, that of now last."""
    others = [one.offset_s for one in times.kept if times.present is None or not _same(one, times.present.offset_s)]
    return (*others, *([times.present.offset_s] if times.present else ()))


def lasts_by(times: Timelines) -> tuple[float, ...]:
    """When each of `kept_by` was last the present one, on the monotonic clock of this boot; that of now a little early,
    so that it is written seldom."""
    last_s = {one.offset_s: one.last_s for one in times.kept}
    if times.present is not None:
        last_s[times.present.offset_s] = times.present.last_s // LAST_KEPT_S * LAST_KEPT_S
    return tuple(last_s[offset_s] for offset_s in kept_by(times))


def known(offsets_s: tuple[float, ...], now: Instant, lasts_s: tuple[float, ...] = ()) -> Timelines:
    """The same in the next process of this boot. Where the journal does not tell of each when it was last the present
    one, it counts as now."""
    if len(lasts_s) != len(offsets_s):
        lasts_s = (now.mono_s,) * len(offsets_s)
    pairs = list(zip(offsets_s, lasts_s, strict=True))[-KEPT_MAX:]
    kept = tuple(Timeline(offset_s, min(last_s, now.mono_s)) for offset_s, last_s in pairs)
    return Timelines(kept, kept[-1]) if kept else UNSTEPPED


def seen(before: Timelines, now: Instant) -> Timelines:
    """The same after one more look at both clocks. A clock that is not disciplined says nothing."""
    if not now.synced:
        return before
    offset_s = now.wall_s - now.mono_s
    present = before.present
    if present is not None and _same(present, offset_s):
        if now.mono_s - present.last_s < TOUCH_S:
            return before
        doubt_until_s = before.doubt_until_s
    else:
        doubt_until_s = before.doubt_until_s if present is None else max(before.doubt_until_s, now.mono_s + DOUBT_S)
    others = [one for one in before.kept if not _same(one, offset_s) and now.mono_s - one.last_s < KEEP_S]
    found = next((one for one in before.kept if _same(one, offset_s)), Timeline(offset_s, now.mono_s, now.mono_s))
    present = replace(found, last_s=now.mono_s)
    if len(others) >= KEPT_MAX:
        return Timelines(tuple(others), present, now.mono_s + KEEP_S)
    return Timelines((*others, present), present, doubt_until_s)


def _same(one: Timeline, offset_s: float) -> bool:
    return abs(one.offset_s - offset_s) <= STEP_S
