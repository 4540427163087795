"""What is promised, as code: each invariant is a function with one sentence, and docs/safety.md shows the same list.

Each is checked whenever its moment comes, against the truth of the physics and of the harness' own account, never
against what the agent believes, and by the numbers of `tests/prove/promised.py`, never by the agent's own. It returns
what is wrong, or an empty text.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.prove.invariants import calls, events, journal, liveness, loads, meetings, shell
from tests.prove.invariants.base import REGISTERED, SLACK_S, Invariant, Moment, When

__all__ = ["INVARIANTS", "SLACK_S", "Invariant", "Moment", "When", "at"]

_CHAPTERS = (calls, meetings, loads, journal, events, shell, liveness)

INVARIANTS: dict[str, Invariant] = {
    name: one for chapter in _CHAPTERS for name, one in REGISTERED.items() if one.check.__module__ == chapter.__name__
}
"""In the order in which a person wants to read them."""


def at(when: When) -> Iterator[Invariant]:
    """Those to check at this moment."""
    return (one for one in INVARIANTS.values() if one.when == when)
