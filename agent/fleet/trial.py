"""Whether a release that was switched to may stay. Pure: what was seen comes in, a verdict goes out with its reason."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

TRIAL_S = 600.0
"""A switched release must have checked in within this much running time (pi facts, fleet roll-out)."""
BOOTS_MAX = 3
"""So many new starts of the board without a check-in: the release may be what brings it down."""
KEPT = 3


class Verdict(enum.Enum):
    """What is to become of a trial."""

    WAIT = "wait"
    KEEP = "keep"
    BACK = "back"
    CLEAR = "clear"
    """The switch that this trial is about never happened, or is undone already."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """A switch that has not proved itself. Times in seconds, on the clock of `agent.fleet.start`."""

    came_from: str
    """The version to go back to; empty on a first installation."""
    to: str
    token: str
    """What the service has to say to it."""
    boot: str
    seen_s: float
    """When `watch` last looked, by the clock of that start of the host, which `boot` names."""
    spent_s: float = 0.0
    boots: int = 0


@dataclasses.dataclass(frozen=True)
class CheckIn:
    """What the service has left behind once it was up, and its hub had taken something from it."""

    version: str = ""
    token: str = ""
    """Of the trial in which it started."""


def advance(trial: Trial, boot: str, now_s: float) -> Trial:
    """The trial as it stands now. Time without power does not count, and neither does a clock that goes backwards."""
    if boot == trial.boot:
        spent_s = trial.spent_s + max(0.0, now_s - trial.seen_s)
        return dataclasses.replace(trial, seen_s=now_s, spent_s=spent_s)
    return dataclasses.replace(
        trial, boot=boot, seen_s=now_s, spent_s=trial.spent_s + max(0.0, now_s), boots=trial.boots + 1
    )


def decide(trial: Trial, current: str, seen: CheckIn, trial_s: float = TRIAL_S) -> tuple[Verdict, str]:
    """What becomes of an advanced trial, and why, as words for people."""
    if current != trial.to:
        return Verdict.CLEAR, f"{trial.to} is not in use"
    if seen.version == trial.to and seen.token and seen.token == trial.token:
        return Verdict.KEEP, f"{trial.to} has checked in after {trial.spent_s:.0f} s"
    if not trial.came_from:
        return Verdict.WAIT, "there is no version to go back to"
    if trial.boots >= BOOTS_MAX:
        return Verdict.BACK, f"{trial.to}: {trial.boots} starts of the board without a check-in"
    if trial.spent_s >= trial_s:
        return Verdict.BACK, f"{trial.to}: no check-in within {trial_s:.0f} s"
    return Verdict.WAIT, f"{trial.to} has not checked in yet, {trial.spent_s:.0f} of {trial_s:.0f} s"


def to_remove(versions: Sequence[str], current: str, came_from: str, kept: int = KEPT) -> list[str]:
    """Which of the releases, oldest first, may go: never the one in use nor the one to go back to."""
    held = {current, came_from}
    spare = [version for version in versions if version not in held]
    return spare[: max(0, len(versions) - max(kept, len(held & set(versions))))]
