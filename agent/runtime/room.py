"""One room: engine and store together, without threads or sockets. The loop drives one, the simulator hundreds."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from agent.core import ages
from agent.core.engine import initial, rests_off, step
from agent.core.events import (
    AskWitnesses,
    Effect,
    Event,
    PastAct,
    Recheck,
    Record,
    RecordKind,
    RemedyDone,
    Restarted,
    StartRemedy,
    Tell,
)
from agent.core.facts import Instant, Seen
from agent.core.handover import Handover, asked_again, journal_back
from agent.core.lifecycles import Supply
from agent.core.phases import OPEN
from agent.core.policy import Policy
from agent.core.remedies import LOADS, Method, Remedy
from agent.core.rule import Rule
from agent.core.secrecy import quiet_for_s
from agent.core.state import Fault, RoomState
from agent.core.timelines import kept_by, lasts_by, seen
from agent.store.base import COMMANDS_KEPT, DOUBTED, LOST, UNSENT, ActRow, Batch, LoadRow, Memory, Store, StoreError
from agent.store.reading import summed
from agent.uplink import report
from wire import messages as m

log = logging.getLogger(__name__)

REPLIES_MAX = 100
UNWRITTEN_MAX = 2000
"""Events held in memory while the card cannot be written; beyond this the oldest are dropped and counted."""
DROPS_TOLD_EVERY_S = 3600.0
BEGUN_LATE_S = 1.0
"""An act that begins so much later than its intent says has its true beginning journalled as well."""
MAINS_KEPT_S = 30.0
"""That the mains is bad is written once in so many seconds, and counts until their end: a card is not worn by it."""
BLIND_KEPT_S = 900.0
"""How long a maintenance was open for want of a clock is written so often."""
QUIET_KEPT_S = 900.0
"""For how long a secret meeting goes on is written so often."""
UPGRADE_KEPT_S = 600.0
"""The same of a codec that takes new firmware."""
SMALL_AND_EMPTY = (
    "routines", "mains_bad", "upgrading", "maintenance_over", "blind", "offsets", "offsets_last", "ages",
)  # fmt: skip
OF_A_BOOT = ("mains_bad", "upgrading", "offsets", "offsets_last")
"""Those that mean nothing in the next boot of the board: they stand on its monotonic clock."""


class Room:
    """Feed it events, then `commit`: only what `commit` returns may be performed.

    Events are stepped at once, and journalled together: intent before act, and nothing is told that is not kept.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        policy: Policy,
        store: Store,
        boot: str,
        version: str,
        room: str,
        *,
        time_scale: float = 1.0,
    ) -> None:
        self.state = initial(policy, rules)
        self.time_scale = time_scale
        """By which rules and policy were shortened; below 1 in demonstrations only (`agent.config.pace`)."""
        self.store = store
        self.who = report.Identity(room, store.epoch, boot, version)
        self.replies: deque[tuple[str, m.Reply]] = deque(maxlen=REPLIES_MAX)
        self.told: dict[str, Tell] = {}
        """By rule: what the people in the room are being told."""
        self.recheck = False
        """An operator or the engine wants every probe to look at once; whoever does it clears this."""
        self.witnesses = False
        """The engine wants to hear now whether a call is up; whoever asks them clears this."""
        self.journal_broken = False
        self._batch = Batch()
        self._starts: list[StartRemedy] = []
        self._kept_faults: dict[str, tuple[object, ...]] = {}
        self._next_id = 0
        self._commands: tuple[str, ...] = ()
        self._loads_kept: dict[str, LoadRow] = {}
        self._small_kept = dict.fromkeys(SMALL_AND_EMPTY, "")
        self._ends_kept = self._quiet_kept = ""
        self._dropped = store.dropped
        self._told_drops_s = float("-inf")

    def restore(self, now: Instant, started: Mapping[str, m.Value] | None = None) -> None:
        """Take up what the store remembers, and say that the agent has come up."""
        memory = self.store.remember(self.who.boot)
        meta, loads = memory.meta, memory.loads
        rebooted = meta.get("boot", self.who.boot) != self.who.boot
        event = Restarted(
            past_acts=(*memory.past_acts, *self._stand_ins(memory, now)),
            open_acts=memory.open_acts,
            open_faults=memory.open_faults,
            next_id=int(meta.get("next_id", "1")),
            commands=tuple(meta.get("commands", "").split()),
            boots={name: load.boot_s for name, load in loads.items() if load.boot_s > 0},
            off_loads=off_loads(memory, self.state.policy),
            shed_loads=tuple(name for name, load in loads.items() if load.shed),
            latched_loads=tuple(name for name, load in loads.items() if load.latched),
            routines=_numbers(meta.get("routines", "")),
            ends_s=tuple(map(float, (meta.get("ends") or meta.get("synced", "")).split())),
            ages=meta.get("ages", "").partition(" ")[2],
            maintenance_over_s=float(meta.get("maintenance_over") or 0.0),
            blind=_pair(meta.get("blind", "")),
            mains_bad_s=None if rebooted else _moment(meta.get("mains_bad", "")),
            upgrading_s=None if rebooted else _moment(meta.get("upgrading", "")),
            offsets_s=() if rebooted else tuple(map(float, meta.get("offsets", "").split())),
            quiet_s=float(meta.get("quiet") or 0.0),
            lasts_s=() if rebooted else tuple(map(float, meta.get("offsets_last", "").split())),
            rebooted=rebooted,
        )
        if rebooted:  # or the next process of this boot would take what the boot before has left for its own
            self._batch.meta |= {key: "" for key in OF_A_BOOT if meta.get(key)}
        self._batch.meta["boot"] = self.who.boot
        self._loads_kept = dict(loads)
        self._ends_kept, self._quiet_kept = meta.get("ends", ""), meta.get("quiet", "")
        self._kept_faults = {fault.rule: () for fault in memory.open_faults}
        self._apply(Record(RecordKind.AGENT_STARTED, detail={"version": self.who.version, **(started or {})}), now)
        self.feed(event, now)
        self._batch.ended += [(act.act_id, "interrupted") for act in memory.open_acts]

    def _stand_ins(self, memory: Memory, now: Instant) -> tuple[PastAct, ...]:
        """For acts that could not be read: their load counts as restarted just now, and its hour as used up. They are
        journalled, so that the next start knows of them too."""
        first = max(self.state.next_id, int(memory.meta.get("next_id", "1")))
        remedies = [one for load in LOADS if memory.doubts(load) for one in self._hour_of(load)]
        acts = tuple(PastAct(n, one.name, one.load, now, same_boot=True) for n, one in enumerate(remedies, first))
        for act, remedy in zip(acts, remedies, strict=True):
            row = (act.act_id, act.remedy, act.load, remedy.method, now.mono_s, now.wall_s, now.synced, self.who.boot)
            self._batch.begun.append(ActRow(*row))
            self._batch.ended.append((act.act_id, "unknown"))
        self._batch.meta |= {key: "" for key in (LOST, DOUBTED) if memory.meta.get(key)}
        self.state = replace(self.state, next_id=first + len(acts))
        return acts

    def _hour_of(self, load: str) -> list[Remedy]:
        """Restarts that use up an hour of this load: as many cycles as it may have, the others by its interface. More
        cycles would use up its day, and latch it for what nobody has seen."""
        restarts = [remedy for remedy in self.state.policy.remedies.values() if remedy.load == load and remedy.restarts]
        if not restarts:
            return []
        own = self.state.policy.load_of(restarts[0])
        cycle = [remedy for remedy in restarts if remedy.method is Method.CYCLE][:1] * own.cycles_per_hour
        other = [remedy for remedy in restarts if remedy.method is not Method.CYCLE][:1] * own.budget_per_hour
        return [*cycle, *other[: max(0, own.budget_per_hour - len(cycle))]]

    def feed(self, event: Event, now: Instant) -> None:
        """Let one event take effect on the state. Nothing is performed or told before `commit`."""
        self.state, effects = step(self.state, event, now)
        for effect in effects:
            self._apply(effect, now)

    def ask_again(self, order: StartRemedy, now: Instant) -> Handover:
        """The interlock's last word on an act that `commit` has handed out; see `agent.core.handover`."""
        self.state, effects, handover = asked_again(self.state, order.act.act_id, now)
        for effect in effects:
            self._apply(effect, now)
        if handover is Handover.BEGINS and now.mono_s - order.act.started_s > BEGUN_LATE_S:
            self._batch.begun_late.append((order.act.act_id, replace(now, synced=self.state.dates(now))))
        return handover

    def record(self, record: Record, now: Instant) -> None:
        """Add an event of the shell's own, e.g. a command whose envelope was refused."""
        self._apply(record, now)

    def end_safe_mode(self, now: Instant) -> None:
        """Let the room act again, and say so."""
        self.state = replace(self.state, policy=replace(self.state.policy, safe_mode=False))
        self._apply(Record(RecordKind.SAFE_MODE_ENDED), now)

    def remember_meta(self, key: str, value: str) -> None:
        """Keep a small value with the next commit."""
        self._batch.meta[key] = value

    def _apply(self, effect: Effect, now: Instant) -> None:
        match effect:
            case Record():
                seq = self.store.reserve_seq()
                at = report.stamp(self.who, now, seq)
                self._batch.events.append((seq, m.encode(report.event(effect, at))))
                if effect.kind == RecordKind.REMEDY_DONE and effect.act_id:
                    unsent = effect.outcome == "failed" and effect.proof.get("sent") is False
                    self._batch.ended.append((effect.act_id, UNSENT if unsent else effect.outcome))
                answer = report.reply(effect, at)
                if answer is not None:
                    self.replies.append((effect.command, answer))
            case StartRemedy(act, remedy, load):
                self._starts.append(effect)
                self._batch.begun.append(
                    ActRow(
                        act.act_id, remedy.name, load.name, remedy.method, now.mono_s, now.wall_s,
                        self.state.dates(now), self.who.boot, act.fault, act.command, act.by,
                    )
                )  # fmt: skip
            case Tell():
                if effect.words:
                    self.told[effect.rule] = effect
                else:
                    self.told.pop(effect.rule, None)
            case Recheck():
                self.recheck = True
            case AskWitnesses():
                self.witnesses = True

    def commit(self, now: Instant) -> list[StartRemedy]:
        """Keep everything since the last commit, then hand out the acts that may now be performed.

        While the card cannot be written no act is handed out: it ends as failed with the reason `no_journal`, and
        events wait in memory.
        """
        self._tell_drops(now)
        self._collect()
        self._note_quiet(now)
        if not self._batch:
            return []
        self._note_time(now)
        starts, self._starts = self._starts, []
        try:
            self.store.commit(self._batch)
        except StoreError as error:
            self._hold_back(error, starts, now)
            return []
        if self.journal_broken and self.store.durable:
            log.warning("the journal can be written again")
            self.journal_broken = False
            self.state = journal_back(self.state)
        self._batch = Batch()
        return starts

    def _note_quiet(self, now: Instant) -> None:
        """Keep for how long the secret meeting that is on goes on, a little too long, so that it is written seldom."""
        state = self.state
        left_s = quiet_for_s(state.policy, seen(state.times, now), now, state.quiet_until_s)
        quiet = f"{math.ceil(left_s / QUIET_KEPT_S) * QUIET_KEPT_S:.0f}" if left_s else ""
        if quiet != self._quiet_kept:
            self._batch.meta["quiet"] = self._quiet_kept = quiet

    def _note_time(self, now: Instant) -> None:
        """Keep what time it may be. A clock that disagrees with the journal does not overwrite what that knows."""
        if not now.synced or self.state.in_doubt(now):
            return
        walls = [f"{wall_s:.0f}" for wall_s in self.state.times.in_order(now)]
        self._batch.meta["synced"] = f"{now.wall_s:.0f}"
        ends = " ".join(walls) if len(walls) > 1 else ""
        if ends or self._ends_kept:
            self._batch.meta["ends"] = self._ends_kept = ends

    def _tell_drops(self, now: Instant) -> None:
        """Say that the outbox was full. Seldom: each of these events takes the place of another."""
        lost = self.store.dropped - self._dropped
        if lost > 0 and now.mono_s - self._told_drops_s >= DROPS_TOLD_EVERY_S:
            self._dropped, self._told_drops_s = self.store.dropped, now.mono_s
            self._apply(Record(RecordKind.OUTBOX_DROPPED, detail={"dropped": lost, "total": self.store.dropped}), now)

    def _collect(self) -> None:
        """Add what changed in the state since the last commit."""
        state, batch = self.state, self._batch
        for rule, fault in state.faults.items():
            mark = _mark(fault)
            if fault.phase in OPEN:
                if self._kept_faults.get(rule) != mark:
                    batch.faults[rule] = fault
                    self._kept_faults[rule] = mark
            elif rule in self._kept_faults:
                batch.faults[rule] = None
                del self._kept_faults[rule]
        if state.next_id != self._next_id:
            self._next_id = state.next_id
            batch.meta["next_id"] = str(state.next_id)
        # When an act ends, not when it begins: a light that is on must be on again after a crash.
        for name, load in state.loads.items():
            row = LoadRow(load.off, load.supply is Supply.SHED, load.latched, round(load.boot_s, 1))
            if self._loads_kept.get(name) != row:
                self._loads_kept[name] = batch.loads[name] = row
        for key, text in _small_values(state).items():
            if self._small_kept.get(key) != text:
                self._small_kept[key] = batch.meta[key] = text
        if state.commands != self._commands:
            self._commands = state.commands
            batch.meta["commands"] = " ".join(state.commands[-COMMANDS_KEPT:])

    def _hold_back(self, error: StoreError, starts: list[StartRemedy], now: Instant) -> None:
        if not self.journal_broken:
            log.error("%s; nothing will be switched meanwhile", error)
            self.journal_broken = True
        self._batch.begun.clear()
        excess = len(self._batch.events) - UNWRITTEN_MAX
        if excess > 0:
            del self._batch.events[:excess]
            self.store.dropped += excess
        while starts:  # one that ends may make the ladder start the next: it may not begin either
            for start in starts:
                unsent = RemedyDone(start.act.act_id, ok=False, reason="no_journal", proof={"sent": False})
                self.feed(unsent, now)
            starts, self._starts = self._starts, []
            self._batch.begun.clear()


def _numbers(text: str) -> dict[str, float]:
    """Numbers by name as the store keeps them: `codec_wake=1790000000 ups_self_test=1790000600`."""
    pairs = (word.partition("=") for word in text.split())
    return {name: float(value) for name, _, value in pairs if value}


def _small_values(state: RoomState) -> dict[str, str]:
    """What the store keeps of the room beside its loads, as short texts."""
    blind_s = state.blind.lasted_s // BLIND_KEPT_S * BLIND_KEPT_S  # too little: starts in a row end no maintenance
    upgrading = state.facts.get("codec.upgrading", Seen())
    upgraded_s = upgrading.good_at.mono_s if upgrading.good is True and upgrading.good_at else None
    return {
        "routines": " ".join(f"{name}={at_s:.0f}" for name, at_s in sorted(state.routines.items())),
        "maintenance_over": str(math.ceil(state.maintenance_over_s)) if state.maintenance_over_s else "",
        "blind": f"{state.blind.until_s} {blind_s:.0f}" if blind_s else "",
        "mains_bad": _rounded_up(state.mains_bad_s, MAINS_KEPT_S),
        "upgrading": _rounded_up(upgraded_s, UPGRADE_KEPT_S),
        "offsets": " ".join(f"{offset_s:.1f}" for offset_s in kept_by(state.times)),
        "offsets_last": " ".join(f"{last_s:.0f}" for last_s in lasts_by(state.times)),
        "ages": summed(ages.text(state.ages)),
    }


def _pair(text: str) -> tuple[float, float]:
    """Two numbers as the store keeps them; zeros when there are none."""
    first, _, second = text.partition(" ")
    return (float(first), float(second)) if second else (0.0, 0.0)


def _rounded_up(at_s: float | None, to_s: float) -> str:
    """A moment as the store keeps it: a little too late, so that it is written seldom; empty when there was none."""
    return "" if at_s is None else f"{math.ceil(at_s / to_s) * to_s:.0f}"


def _moment(text: str) -> float | None:
    """What `_rounded_up` has written."""
    return float(text) if text else None


def off_loads(memory: Memory, policy: Policy) -> tuple[str, ...]:
    """Loads that were left switched off, as the store knows them; at first those that rest off. Equipment never, and
    nothing of which it is not known what was done to it: dark is worse than lit."""
    left = [name for name, load in memory.loads.items() if load.off] if memory.used else rests_off(policy)
    named = (load for load in left if not memory.doubts(load))
    return tuple(load for load in named if load in policy.loads and policy.loads[load].may_stay_off)


def _mark(fault: Fault) -> tuple[object, ...]:
    """What of a fault is worth a write to the card; strikes and passes are not."""
    return (fault.fault_id, fault.phase, fault.rung, fault.acts, fault.refused)
