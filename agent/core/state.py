"""The room as the engine knows it: facts, faults, loads and acts. Immutable; `step` returns a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.ages import NO_AGES, Ages
from agent.core.facts import Evidence, Instant, Seen, View
from agent.core.lifecycles import Latch, LeaseState, OrderState, StageState, Supply
from agent.core.phases import Phase
from agent.core.policy import Policy
from agent.core.rule import Rule
from agent.core.timelines import DRIFT, STEP_S, UNSTEPPED, Timelines

ACTS_KEPT = 64
"""Acts remembered per load; more than any budget allows in a day."""
DATELESS_S = 86_400.0
"""For so much of a boot a clock that disagrees with the journal dates nothing."""
COMMANDS_KEPT = 64
"""Command ids remembered, so that a repeated one does nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule's fault in this room."""

    rule: str
    phase: Phase = Phase.CLEAR
    fault_id: int = 0
    """Numbers the episode; given when it is confirmed."""
    strikes: int = 0
    passes: int = 0
    since_s: float = 0.0
    """Monotonic time of the first strike."""
    since_wall_s: float = 0.0
    struck_s: float = 0.0
    """Monotonic time of the latest strike."""
    well_s: float = 0.0
    """Monotonic time of the latest good look while it is open, or of the agent's start: what waits for the fault to
    last waits from here."""
    phase_since_s: float = 0.0
    rung: int = 0
    """Index into the ladder of the remedy that is next or under way."""
    acts: int = 0
    """Acts of our own in this episode."""
    act_id: int = 0
    withdrawn: int = 0
    """Acts in a row that were permitted and then not begun."""
    lines_busy: int = 0
    """How many of the last of them, in a row, because the line to the device was not free."""
    refused: str = ""
    """What the current rung waits for; empty when it does not wait. The name of a `Reason`, as text: a journal may hold
    one that this release does not know, and the fault is read all the same."""
    waiting_since_s: float = 0.0
    settle_until_s: float = 0.0
    reason: str = ""
    """The diagnosis' reason when it was last faulty."""
    evidence: tuple[Evidence, ...] = ()
    gave_up: str = ""
    """The diagnosis' reason when it was given to a person: another one is new evidence, worth another try."""


@dataclass(frozen=True, slots=True)
class LoadState:
    """One load's recent past, on the monotonic clock of this boot."""

    act_id: int = 0
    """The act under way, or 0."""
    settle_until_s: float = 0.0
    """It may be starting until then."""
    acts_s: tuple[float, ...] = ()
    """When restarts of it began, oldest first, at most ACTS_KEPT, within a day."""
    ended_s: float | None = None
    """When the last restart of it ended: power was back, or the order was taken. None: there is nothing to learn of."""
    boot_s: float = 0.0
    """How long it took to serve again after its restarts, as measured here; 0: not measured yet."""
    supply: Supply = Supply.ON
    off_since_s: float | None = None
    """When it was switched off, as far as that is known; None while it is on."""
    cycles_s: tuple[float, ...] = ()
    """Which of `acts_s` were relay cycles."""
    latch: Latch = Latch.OPEN

    @property
    def off(self) -> bool:
        """Whether it is off by our will."""
        return self.supply is not Supply.ON

    @property
    def latched(self) -> bool:
        """Whether a person has to clear it first."""
        return self.latch is Latch.LATCHED


@dataclass(frozen=True, slots=True)
class Lease:
    """What the hub has said to acts of the room's own: a budget of the whole fleet."""

    state: LeaseState = LeaseState.NONE
    since_s: float = 0.0
    """Monotonic: since when it is so."""


@dataclass(frozen=True, slots=True)
class Act:
    """An act under way."""

    act_id: int
    remedy: str
    load: str
    started_s: float
    deadline_s: float
    fault: str = ""
    """Rule it serves, empty for an operator's order."""
    command: str = ""
    by: str = ""
    confirmed: str = ""
    """Person in the room who has confirmed that a running meeting has neither picture nor sound."""
    relay_before_s: float | None = None
    """`last_relay_s` of the room before this act was booked."""
    begun: bool = False
    """Whether it has been handed over to be performed."""
    lease: Lease = Lease()
    """What it has used up: it has that back when it is not begun."""
    waits_since_s: float | None = None
    """Since when it waits for a last look, though it is journalled; see `agent.core.handover`. None: it does not."""

    @property
    def own_as(self) -> str:
        """As what the room does it by itself, such as `return`; empty for an order, whatever its giver is called."""
        return "" if self.command else self.by


@dataclass(frozen=True, slots=True)
class Staged:
    """The room's loads coming back one after the other, see `agent.core.staging`. Times on the monotonic clock."""

    stages: tuple[str, ...]
    """Loads still to come; the first one is the present stage."""
    began_s: float
    cut: bool = False
    """Whether each load is power-cycled in its turn, or only waited for."""
    act_id: int = 0
    """The act this serves; 0: the mains has come back."""
    stands: StageState = StageState.DUE
    """How the present stage stands."""
    since_s: float = 0.0
    """Since when it is held, or has its power."""


@dataclass(frozen=True, slots=True)
class Undated:
    """A restart from an earlier boot whose age is not known yet: booked as late as it may have begun."""

    load: str
    cycled: bool
    booked_s: float
    """Monotonic time at which it was booked."""
    wall_s: float
    """Unix seconds at which it really began, by a disciplined clock that nothing spoke against."""


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An operator's order to act, as long as it has neither begun nor been refused, see `agent.core.looks`."""

    command: str
    action: str
    by: str
    since_s: float
    confirmed: str = ""
    state: OrderState = OrderState.RECEIVED


@dataclass(frozen=True, slots=True)
class Blind:
    """A maintenance window that nobody can say the end of: for how long it has counted as open, in all runs."""

    until_s: float = 0.0
    """Which window, by its end."""
    lasted_s: float = 0.0
    at_s: float = 0.0
    """Monotonic: until then that is counted."""

    def lasts_s(self, until_s: float, now: Instant) -> float:
        """How long the window with this end has counted as open by now."""
        return self.lasted_s + max(0.0, now.mono_s - self.at_s) if until_s == self.until_s else 0.0


@dataclass(frozen=True, slots=True)
class RoomState:
    """Everything `step` needs besides the event and the time."""

    policy: Policy
    rules: Mapping[str, Rule] = field(default_factory=dict)
    facts: Mapping[str, Seen] = field(default_factory=dict)
    faults: Mapping[str, Fault] = field(default_factory=dict)
    loads: Mapping[str, LoadState] = field(default_factory=dict)
    acts: Mapping[int, Act] = field(default_factory=dict)
    next_id: int = 1
    """Next number for a fault or an act; never reused within an epoch."""
    last_relay_s: float | None = None
    """Monotonic time when a relay of the room last moved; None: never in this run."""
    mains_bad_s: float | None = None
    """Monotonic time when the mains was last seen weak, high or lost; None: never in this boot."""
    looks: Mapping[str, tuple[bool, ...]] = field(default_factory=dict)
    """By rule: the last certain looks, True for faulty, oldest first."""
    flapping: frozenset[str] = frozenset()
    """Rules whose symptom comes and goes too often to be acted upon."""
    staged: Staged | None = None
    routines: Mapping[str, float] = field(default_factory=dict)
    """By remedy: Unix seconds when it was last done as upkeep."""
    lease: Lease = Lease()
    look_asked_s: float | None = None
    """Monotonic time when the probes were last asked to look before an act; None: never."""
    waiting: tuple[PendingOrder, ...] = ()
    """Orders that wait for that look."""
    desired_version: int = 0
    blind: Blind = Blind()
    """How long the present maintenance window has counted as open for want of a clock."""
    maintenance_over_s: float = 0.0
    """Unix seconds: the end of the latest maintenance that a disciplined clock has seen pass."""
    undated: tuple[Undated, ...] = ()
    """Restarts that are booked anew when a disciplined clock tells their age."""
    ends_s: tuple[float, ...] = ()
    """Unix seconds: the times that it may have been when the journal was last written before this start; that of the
    clock by which its acts are dated first, and then those to which it was stepped."""
    ends_at_s: float | None = None
    """Monotonic: at this moment of this boot, or earlier, it was one of them; None: no journal has been read."""
    doubted: bool | None = None
    """Whether there was more than one of them, or the disciplined clock of this start stood before one: something is
    wrong, and nobody knows what. None: it has not been disciplined yet."""
    quiet_until_s: float = 0.0
    """Monotonic: until then a secret meeting may go on that was on when the journal was last written before this start.
    How long the board was off nobody can say but the clock, and that may be the one that is wrong."""
    ages: Ages = NO_AGES
    commands: tuple[str, ...] = ()
    """Ids of commands already taken, newest last."""
    times: Timelines = UNSTEPPED
    """What time it may be, after steps of the wall clock."""

    def dates(self, now: Instant) -> bool:
        """Whether the wall clock may date what another boot will have to judge: it is disciplined, and nothing speaks
        against it."""
        return now.synced and not self.in_doubt(now) and len(self.times.known(now)) == 1

    def in_doubt(self, now: Instant) -> bool:
        """Whether clock and journal disagree, and the boot is younger than a day."""
        doubted = self.disagrees(now) if self.doubted is None else self.doubted
        return doubted and now.mono_s < DATELESS_S

    def disagrees(self, now: Instant) -> bool:
        """Whether the journal speaks against a disciplined clock: it has more than one time for its end, or one before
        which the clock stands although so much time has passed since then as this boot is old."""
        passed_s = 0.0 if self.ends_at_s is None else max(0.0, now.mono_s - self.ends_at_s)
        earliest_s = max(self.ends_s, default=0.0) + (1.0 - DRIFT) * passed_s - STEP_S
        return now.synced and (len(self.ends_s) > 1 or now.wall_s < earliest_s)

    def view(self, now: Instant) -> View:
        """The facts as they stand now."""
        return View(self.facts, now, self.policy.facts)

    def load(self, name: str) -> LoadState:
        """A load's state; one never acted upon is on and settled."""
        return self.loads.get(name) or LoadState()

    def fault(self, rule: str) -> Fault:
        """A rule's fault, clear when nothing is known."""
        return self.faults.get(rule) or Fault(rule)
