"""Whether an act is allowed and why not: the interlock's words, and which of them pass."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Reason(enum.StrEnum):
    """Why an act is not allowed. The console and `docs/safety.md` explain each."""

    SAFE_MODE = "safe_mode"
    NOT_FITTED = "not_fitted"
    UNKNOWN_ACTION = "unknown_action"
    PROJECTOR = "projector"
    MAINTENANCE = "maintenance"
    ATTENDED = "attended"
    IN_CALL = "in_call"
    CALL_UNKNOWN = "call_unknown"
    WITNESSES_DISAGREE = "call_witnesses_disagree"
    MEETING_NEAR = "meeting_near"
    CLOCK_UNKNOWN = "clock_unknown"
    UPGRADING = "upgrading"
    ON_BATTERY = "on_battery"
    MAINS_UNSTABLE = "mains_unstable"
    CONDENSATION = "condensation"
    OWN_UPLINK = "own_uplink"
    UPLINK_ONCE = "uplink_once"
    RETURNING = "returning"
    LOAD_BUSY = "load_busy"
    UPSTREAM_DOWN = "upstream_down"
    SETTLING = "settling"
    HOLD_ON = "hold_on"
    MIN_OFF = "min_off"
    STAGGER = "stagger"
    LATCHED = "latched"
    BUDGET_HOUR = "budget_hour"
    BUDGET_DAY = "budget_day"
    FLEET_BUDGET = "fleet_budget"
    LEASE = "lease"
    LOOKING = "looking"
    NOT_A_TRIAL = "not_a_trial"
    FLAPPING = "flapping"
    NOT_YET = "not_yet"
    NO_EVIDENCE = "no_evidence"
    NO_JOURNAL = "no_journal"


PASSING = frozenset(Reason) - {
    Reason.NOT_FITTED,
    Reason.UNKNOWN_ACTION,
    Reason.PROJECTOR,
    Reason.OWN_UPLINK,
    Reason.UPLINK_ONCE,
    Reason.BUDGET_HOUR,
    Reason.BUDGET_DAY,
    Reason.LATCHED,
}
"""Refusals that may end by themselves: the rung waits. After any other one the next rung is tried."""

SELF_ENDING = frozenset(
    {
        Reason.STAGGER, Reason.MIN_OFF, Reason.LOAD_BUSY, Reason.UPSTREAM_DOWN, Reason.SETTLING, Reason.HOLD_ON,
        Reason.RETURNING, Reason.LEASE,
    }
)  # fmt: skip
"""Refusals that end by our own clock within minutes: waiting for them calls no person."""

QUIET = frozenset({Reason.STAGGER, Reason.MIN_OFF, Reason.LOAD_BUSY, Reason.SETTLING, Reason.LEASE, Reason.LOOKING})
"""Refusals of seconds, not worth an event of their own."""

LINE_BUSY = "busy"
"""`agent.ports.BUSY`: the order was not sent, since another exchange held the line to the device."""
WITHDRAWN = frozenset(Reason) | {"late", LINE_BUSY}
"""Reasons of an act that was not begun although it was permitted: the interlock's own when it was asked again, a card
that did not take the intent, a line that was not free, and `agent.ports.LATE`."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an act is allowed, now; everything that has a say about it answers so."""

    reason: Reason | None
    """Why not; None: it is allowed."""

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return self.reason is None

    @property
    def passing(self) -> bool:
        """Whether it is refused, and that may end by itself."""
        return self.reason in PASSING


ALLOWED = Decision(None)


def first_refusal(decisions: Iterable[Decision]) -> Decision:
    """The first of them that refuses; allowed where none does."""
    return next((decision for decision in decisions if not decision.allowed), ALLOWED)


def refused_if(speaks_against: bool, reason: Reason) -> Decision:
    """Refused for this reason where it is so, else allowed."""
    return Decision(reason) if speaks_against else ALLOWED
