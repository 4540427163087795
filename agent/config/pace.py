"""Shorter durations, so that a demonstration shows in minutes what takes a room hours. For nothing else.

The engine measures what its policy and its rules hold, and does not know that they were shortened: see
docs/adr/0032-a-demonstration-shortens-the-policy.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields, replace
from typing import TypeVar

from agent.core.facts import FactSpec
from agent.core.policy import Guards, Policy, Waits
from agent.core.remedies import Load, Remedy
from agent.core.rule import Rule

Timed = TypeVar("Timed", Guards, Waits, Load, Remedy, FactSpec, Rule)

SHORTEST, LONGEST = 0.01, 1.0
"""Bounds of a scale: at a hundredth a look takes longer than what it shows is good for."""

SHARED = {
    "meeting_near_s": "meetings begin by the clock of the hub and of people, which nothing shortens",
    "meeting_margin_s": "the same: people come into the room before a meeting at their own pace",
    "attended_max_s": "who works at the equipment needs as long as ever",
    "maintenance_blind_s": "a window is a working day of people",
    "upgrade_max_s": "firmware is written at the device's own pace, and losing power meanwhile may destroy it",
    "shed_max_s": "the grid and the UPS decide how long the mains stays away",
}
"""Guards that measure the world outside, which keeps its own time: each stays as long as it is, and why."""


def shortened(policy: Policy, scale: float) -> Policy:
    """The policy with every duration multiplied, but those that are shared with the world outside.

    An hour's and a day's budget keep their hour and their day: the journal counts them over starts of the board.
    Raises ValueError for a scale that would stretch or stop time.
    """
    if not SHORTEST <= scale <= LONGEST:
        raise ValueError(f"time_scale {scale} is outside {SHORTEST:g} to {LONGEST:g}")
    return replace(
        policy,
        guards=_shorter(policy.guards, scale, SHARED),
        waits=_shorter(policy.waits, scale),
        loads={name: _shorter(load, scale) for name, load in policy.loads.items()},
        remedies={name: _shorter(remedy, scale) for name, remedy in policy.remedies.items()},
        facts={key: _shorter(spec, scale) for key, spec in policy.facts.items()},
    )


def shortened_rules(rules: Iterable[Rule], scale: float) -> tuple[Rule, ...]:
    """The rules for a policy of this scale. How long their ladders wait they read from the policy themselves."""
    return tuple(_shorter(rule, scale) for rule in rules)


def _shorter(one: Timed, scale: float, kept: Collection[str] = ()) -> Timed:
    """With every number multiplied whose name says that it is in seconds, but the kept ones."""
    named = ((field.name, getattr(one, field.name)) for field in fields(one) if field.name.endswith("_s"))
    shorter = {name: value * scale for name, value in named if isinstance(value, int | float) and name not in kept}
    return replace(one, **shorter)  # type: ignore[arg-type]
