"""How many of its cases a test tries: all of them, or in `make test`, whose profile is `quick`, a part.

`make prove` runs those tests again, with all of their cases: the ones of Hypothesis, and those marked `sampled`.
"""

from __future__ import annotations

import random
from collections.abc import Container, Sequence
from typing import TypeVar

from hypothesis import settings

QUICK = "quick"
QUICK_PCT = 25
EXAMPLES_MIN = 10
"""Of a test that has so many."""

Case = TypeVar("Case")

# No deadline: an example's time says more of the machine, and of what else runs on it, than of the code.
settings.register_profile("whole", deadline=None)
settings.load_profile("whole")
settings.register_profile(QUICK, max_examples=QUICK_PCT, deadline=None)


def share_pct() -> int:
    """Of a hundred cases, how many are tried: the examples where nobody names a number, a hundred without a profile."""
    return min(settings().max_examples, 100)


def examples(count: int) -> int:
    """How many of so many of Hypothesis's examples."""
    return max(min(EXAMPLES_MIN, count), _part(count))


def _part(count: int) -> int:
    return count * share_pct() // 100


def some(cases: Sequence[Case], *, seed: int = 0, always: Container[Case] = ()) -> list[Case]:
    """The cases to try, in their order: those that matter `always`, and of the others a part that the seed chooses.

    The test is to be marked `sampled`.
    """
    others = [place for place, case in enumerate(cases) if case not in always]
    chosen = set(random.Random(seed).sample(others, _part(len(others))))
    return [case for place, case in enumerate(cases) if case in always or place in chosen]
