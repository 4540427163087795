"""What enters the engine and what leaves it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.facts import Evidence, Instant, Observation, Value
from agent.core.policy import Meeting
from agent.core.remedies import Load, Remedy
from agent.core.rule import Words
from agent.core.state import Act, Fault


@dataclass(frozen=True, slots=True)
class Observed:
    """A probe has looked; or several have, whose looks waited together.

    No rule decides on one of them while a newer one is at hand.
    """

    observation: Observation
    also: tuple[Observation, ...] = ()
    """What else waited, in the order in which it came."""

    @property
    def observations(self) -> tuple[Observation, ...]:
        """All of them."""
        return (self.observation, *self.also)


@dataclass(frozen=True, slots=True)
class RemedyDone:
    """An act has ended."""

    act_id: int
    ok: bool
    reason: str = ""
    proof: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DesiredChanged:
    """A newer desired document has been accepted."""

    version: int
    meetings: tuple[Meeting, ...] = ()
    maintenance_until_s: float = 0.0
    anew: bool = False
    """Its version goes though it is below the last one: that one came from the future."""


@dataclass(frozen=True, slots=True)
class OrderReceived:
    """An operator's order that passed every check of its envelope. The interlock still has to agree."""

    command_id: str
    action: str
    by: str
    why: str = ""
    confirmed: str = ""
    """Who in the room has said just now that there is no picture and no sound; empty: nobody."""


@dataclass(frozen=True, slots=True)
class PastAct:
    """An act from the journal, of this boot or an earlier one."""

    act_id: int
    remedy: str
    load: str
    started: Instant
    same_boot: bool
    fault: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The agent has started again: what the journal remembers. Loads of open acts have been re-powered already."""

    past_acts: tuple[PastAct, ...] = ()
    """Ended acts of the last day, oldest first."""
    open_acts: tuple[PastAct, ...] = ()
    """Acts that were under way when the agent ended."""
    open_faults: tuple[Fault, ...] = ()
    next_id: int = 1
    desired_version: int = 0
    commands: tuple[str, ...] = ()
    boots: Mapping[str, float] = field(default_factory=dict)
    """Measured boot times by load, in seconds."""
    off_loads: tuple[str, ...] = ()
    """Loads that were switched off on purpose."""
    shed_loads: tuple[str, ...] = ()
    """Those of them that were switched off because the mains was lost."""
    latched_loads: tuple[str, ...] = ()
    """Loads that wait for a person."""
    routines: Mapping[str, float] = field(default_factory=dict)
    """By remedy: Unix seconds when it was last done as upkeep."""
    ends_s: tuple[float, ...] = ()
    """Unix seconds: what time it may have been when the journal was last written; see `RoomState.ends_s`."""
    quiet_s: float = 0.0
    """For how long a secret meeting went on when the journal was last written, at most; 0: none did."""
    ages: str = ""
    """How old acts are at least; see `agent.core.ages`."""
    maintenance_over_s: float = 0.0
    """Unix seconds: the end of the latest maintenance that a disciplined clock has seen pass."""
    blind: tuple[float, float] = (0.0, 0.0)
    """Unix seconds: the end of a maintenance window; and for how long it has counted as open for want of a clock."""
    mains_bad_s: float | None = None
    """Monotonic time of this boot when the mains was last seen bad, or a little later; None: not in this boot."""
    upgrading_s: float | None = None
    """Monotonic time of this boot when the codec last said that it takes new firmware, or a little later; None: not in
    this boot."""
    offsets_s: tuple[float, ...] = ()
    """Of wall clock and monotonic clock in this boot, the present one last; see `agent.core.timelines`."""
    lasts_s: tuple[float, ...] = ()
    """Monotonic: when each of them was last the present one."""
    rebooted: bool = False
    """The board has started anew since the journal was last written."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: about once a second."""


Event = Observed | RemedyDone | DesiredChanged | OrderReceived | Restarted | Tick


@dataclass(frozen=True, slots=True)
class StartRemedy:
    """Begin this act. The shell journals the intent in the same transaction, before it hands it to an actuator."""

    act: Act
    remedy: Remedy
    load: Load


class RecordKind(enum.StrEnum):
    """What a record tells. The names and values are those of `wire.event_kinds.EventKind`, where each is explained: the
    core knows nothing of the wire, so they stand here once more."""

    AGENT_STARTED = "agent_started"
    FAULT_CONFIRMED = "fault_confirmed"
    FAULT_CLEARED = "fault_cleared"
    FAULT_ESCALATED = "fault_escalated"
    FAULT_REARMED = "fault_rearmed"
    REMEDY_STARTED = "remedy_started"
    REMEDY_DONE = "remedy_done"
    REMEDY_REFUSED = "remedy_refused"
    COMMAND_REFUSED = "command_refused"
    DESIRED_APPLIED = "desired_applied"
    DESIRED_REFUSED = "desired_refused"
    LOAD_LATCHED = "load_latched"
    LEASE_WANTED = "lease_wanted"
    RETURN_BEGAN = "return_began"
    STAGE_UNVERIFIED = "stage_unverified"
    RETURN_ENDED = "return_ended"
    OUTBOX_DROPPED = "outbox_dropped"
    POWER_MISSING = "power_missing"
    POWER_BACK = "power_back"
    SAFE_MODE_ENDED = "safe_mode_ended"


@dataclass(frozen=True, slots=True)
class Record:
    """Something to journal and to report upwards: mirrors `wire.messages.Event` without its stamp."""

    kind: RecordKind
    rule: str = ""
    fault_id: int = 0
    severity: str = ""
    phase: str = ""
    reason: str = ""
    since_wall_s: float = 0.0
    evidence: tuple[Evidence, ...] = ()
    act_id: int = 0
    remedy: str = ""
    load: str = ""
    outcome: str = ""
    proof: Mapping[str, Value] = field(default_factory=dict)
    command: str = ""
    by: str = ""
    words: Mapping[str, Words] = field(default_factory=dict)
    detail: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tell:
    """Words for the people in the room, by language."""

    rule: str
    phase: str
    words: Mapping[str, Words]


@dataclass(frozen=True, slots=True)
class Recheck:
    """Let every probe look at once."""


@dataclass(frozen=True, slots=True)
class AskWitnesses:
    """Let those that can rule out a call be asked at once, and for nothing else: a sweep may take longer than a
    witness is good for."""


Effect = StartRemedy | Record | Tell | Recheck | AskWitnesses
