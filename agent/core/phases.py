"""The life of a fault: every phase, every signal and every transition in one table.

`docs/engine.md` shows the table as a diagram.
"""

from __future__ import annotations

import enum

from agent.core.transitions import following


class Phase(enum.StrEnum):
    """Where a fault stands. `HELD` phases keep an incident open at the hub."""

    CLEAR = "clear"
    SUSPECTED = "suspected"  # at least one strike, not yet enough
    CONFIRMED = "confirmed"  # certain; a remedy is sought, or waits for permission
    REMEDYING = "remedying"  # an act of ours is under way
    SETTLING = "settling"  # the act is done, its effect is awaited; misses are not counted
    ESCALATED = "escalated"  # a person is needed


OPEN = frozenset({Phase.CONFIRMED, Phase.REMEDYING, Phase.SETTLING, Phase.ESCALATED})


class Signal(enum.StrEnum):
    """What can happen to a fault."""

    STRIKE = "strike"  # a fresh symptom
    CERTAIN = "certain"  # the last strike that was needed
    PASS = "pass"  # noqa: S105  a fresh healthy diagnosis, while only suspected
    RECOVERED = "recovered"  # enough passes in a row
    ACT = "act"  # the interlock permitted a rung, the act begins
    ACT_DONE = "act_done"
    ACT_FAILED = "act_failed"  # this rung did not work, or its settle time ran out: next rung
    GIVE_UP = "give_up"  # no rung left, or waiting for permission took too long
    REARM = "rearm"  # cool-off over, or the evidence changed
    WITHDRAWN = "withdrawn"  # the act was permitted and never begun: the same rung waits for permission again


TRANSITIONS: dict[tuple[Phase, Signal], Phase] = {
    (Phase.CLEAR, Signal.STRIKE): Phase.SUSPECTED,
    (Phase.CLEAR, Signal.CERTAIN): Phase.CONFIRMED,
    (Phase.SUSPECTED, Signal.STRIKE): Phase.SUSPECTED,
    (Phase.SUSPECTED, Signal.CERTAIN): Phase.CONFIRMED,
    (Phase.SUSPECTED, Signal.PASS): Phase.CLEAR,
    (Phase.CONFIRMED, Signal.ACT): Phase.REMEDYING,
    (Phase.CONFIRMED, Signal.RECOVERED): Phase.CLEAR,
    (Phase.CONFIRMED, Signal.GIVE_UP): Phase.ESCALATED,
    (Phase.REMEDYING, Signal.ACT_DONE): Phase.SETTLING,
    (Phase.REMEDYING, Signal.ACT_FAILED): Phase.CONFIRMED,
    (Phase.REMEDYING, Signal.WITHDRAWN): Phase.CONFIRMED,
    (Phase.SETTLING, Signal.RECOVERED): Phase.CLEAR,
    (Phase.SETTLING, Signal.ACT_FAILED): Phase.CONFIRMED,
    (Phase.ESCALATED, Signal.RECOVERED): Phase.CLEAR,
    (Phase.ESCALATED, Signal.REARM): Phase.CONFIRMED,
}


def after(phase: Phase, signal: Signal) -> Phase:
    """The next phase. Raises ImpossibleTransitionError where the table has none."""
    return following(TRANSITIONS, phase, signal)
