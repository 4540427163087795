"""How old acts of earlier boots are at least, by the monotonic clock alone. Pure.

An act that no good clock has dated, or that one has dated in the future, counts as just done at a start. It may do so
for a day, and not for a day after every start: a room that is switched off each evening would never act again.
Acts are numbered in the order in which they begin, so that a few marks say it of all: up to this number, so long ago.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0
"""The longest time for which any limit counts an act."""
EVERY_S = 900.0
"""A mark is set, and kept, so often: so much of each run may be forgotten, and acts then count as younger."""


@dataclass(frozen=True, slots=True)
class Ages:
    """Marks, oldest first: number of an act, and a moment of this boot's clock by which it and all before had begun."""

    marks: tuple[tuple[int, float], ...] = ()
    looked_s: float | None = None
    """Monotonic: when marks were last set, and how old they are counts until then; None: never."""

    def at_least_s(self, act_id: int, now_s: float) -> float:
        """For how long this act has been over with, at least, in seconds of running boards."""
        return max((now_s - at_s for upto, at_s in self.marks if act_id <= upto), default=0.0)


NO_AGES = Ages()
"""Nothing is known."""


def passed(ages: Ages, upto: int, now_s: float) -> Ages:
    """The same at this moment. `upto`: the highest number of an act that has begun, and all below it with it."""
    if ages.looked_s is not None and now_s - ages.looked_s < EVERY_S:
        return ages
    marks = ages.marks
    if upto > max((known for known, _ in marks), default=0):
        marks = (*marks, (upto, now_s))
    old = [mark for mark in marks if now_s - mark[1] >= DAY_S]
    return Ages((*old[-1:], *marks[len(old) :]), now_s)


def text(ages: Ages) -> str:
    """As the store keeps it: the age of each mark. One of a day does not change any more."""
    looked_s = ages.looked_s or 0.0
    return " ".join(f"{upto}={min(DAY_S, looked_s - at_s):.0f}" for upto, at_s in ages.marks)


def parse(kept: str, now_s: float) -> Ages:
    """What `text` has written; anything else says nothing."""
    try:
        pairs = [(int(upto), float(age_s)) for upto, _, age_s in (word.partition("=") for word in kept.split())]
    except ValueError:
        return NO_AGES
    marks = tuple((upto, now_s - min(DAY_S, max(0.0, age_s))) for upto, age_s in pairs)
    return Ages(marks, now_s - EVERY_S) if marks else NO_AGES  # so long ago, and the next mark is due
