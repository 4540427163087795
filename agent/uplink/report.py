"""Joins core and wire: what the engine knows, as messages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.engine import CLEAR_LATCHES
from agent.core.events import Record, RecordKind
from agent.core.facts import Instant, NoReading, Seen
from agent.core.interlock import in_call, people_may_cut, permit
from agent.core.maintenance import maintained
from agent.core.outlook import outlook
from agent.core.phases import OPEN
from agent.core.reasons import Reason
from agent.core.remedies import Method, Remedy
from agent.core.rule import Words
from agent.core.secrecy import Secrecy
from agent.core.state import RoomState
from wire import messages as m
from wire.event_kinds import EventKind

_TOLD_OUTCOME = {RecordKind.REMEDY_STARTED: "accepted", RecordKind.COMMAND_REFUSED: "refused"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks."""

    room: str
    epoch: str
    boot: str
    version: str


def stamp(who: Identity, now: Instant, seq: int = 0) -> m.Stamp:
    """Where and when a message is made."""
    return m.Stamp(
        epoch=who.epoch, seq=seq, boot=who.boot, mono_s=round(now.mono_s, 3), wall_s=round(now.wall_s, 3),
        synced=now.synced,
    )  # fmt: skip


def words_of(words: Mapping[str, Words], *, reasons: bool = True) -> dict[str, m.Words]:
    """A rule's words as they travel."""
    return {
        lang: m.Words(
            one.title, list(one.steps), one.name, dict(one.reasons) if reasons else {}, list(one.working),
            list(one.power), list(one.on),
        )
        for lang, one in words.items()
    }  # fmt: skip


def event(record: Record, at: m.Stamp) -> m.Event:
    """A record of the engine as the message that goes into the outbox."""
    return m.Event(
        stamp=at,
        kind=EventKind(record.kind),
        fault_id=record.fault_id,
        rule=record.rule,
        severity=str(record.severity),
        phase=str(record.phase),
        reason=str(record.reason),
        since_s=round(record.since_wall_s, 3),
        evidence=[m.Evidence(e.key, e.value, e.age_s, e.reason) for e in record.evidence],
        act_id=record.act_id,
        remedy=record.remedy,
        load=record.load,
        outcome=record.outcome,
        proof=dict(record.proof),
        command=record.command,
        by=record.by,
        words=words_of(record.words),
        detail=dict(record.detail),
    )


def reply(record: Record, at: m.Stamp) -> m.Reply | None:
    """What the giver of a command is told of a record; None when it concerns no command."""
    if not record.command:
        return None
    outcome = _TOLD_OUTCOME.get(record.kind, record.outcome)
    return m.Reply(
        stamp=at, outcome=outcome or "failed", reason=str(record.reason), act_id=record.act_id, proof=dict(record.proof)
    )


def _fact(seen: Seen, now: Instant) -> m.FactNow:
    """By the clock of now: that of then may have been stepped since."""
    silent = isinstance(seen.attempt, NoReading)
    at_s = round(now.wall_s - (now.mono_s - seen.good_at.mono_s), 1) if seen.good_at else 0.0
    return m.FactNow(seen.good, at_s, not silent, seen.attempt.reason if isinstance(seen.attempt, NoReading) else "")


def actions(state: RoomState, now: Instant) -> list[m.ActionNow]:
    """Every act this room is fitted for, and why its interlock would refuse it at this moment."""
    rows = []
    for remedy in state.policy.remedies.values():
        if _fitted(remedy, state):
            reason = permit(remedy, state, now).reason
            refused = "" if reason is Reason.LOOKING else str(reason or "")  # an order has the room look first
            rows.append(m.ActionNow(remedy=remedy.name, load=remedy.load, refused=refused))
    if any(load.latched for load in state.loads.values()):
        rows.append(m.ActionNow(remedy=CLEAR_LATCHES))
    return rows


def _fitted(remedy: Remedy, state: RoomState) -> bool:
    if remedy.method is Method.API:
        return remedy.name in state.policy.apis
    return bool(state.policy.relays) if remedy.method is Method.STAGED else remedy.load in state.policy.relays


def _loads(state: RoomState, now: Instant) -> dict[str, str]:
    words = {}
    for name in sorted({*state.policy.relays, *state.loads}):
        load = state.load(name)
        words[name] = (
            "cycling"
            if load.act_id
            else "settling"
            if now.mono_s < load.settle_until_s
            else "latched"
            if load.latched
            else "off"
            if load.off
            else "on"
        )
    return words


def snapshot(
    state: RoomState,
    at: m.Stamp,
    now: Instant,
    version: str = "",
    outbox: int = 0,
    dropped: int = 0,
    *,
    secrecy: Secrecy | None = None,
    time_scale: float = 1.0,
) -> m.State:
    """The full picture of the room; in a secret meeting without what is measured in it. `secrecy` None: not told."""
    view, secret = state.view(now), secrecy is Secrecy.MEETING
    faults = []
    for name, fault in state.faults.items():
        rule = state.rules.get(name)
        if rule is None or fault.phase not in OPEN:
            continue
        ahead = outlook(state, rule, fault, now)
        faults.append(
            m.FaultNow(
                fault_id=fault.fault_id, rule=name, phase=fault.phase, severity=rule.severity,
                since_s=round(min(fault.since_wall_s, now.wall_s), 1), rung=fault.rung, refused=str(fault.refused),
                words=words_of(rule.told(view, state.policy), reasons=False), act=ahead.act, acts=fault.acts,
                takes_s=ahead.takes_s, left_s=ahead.left_s,
            )
        )  # fmt: skip
    return m.State(
        stamp=at,
        facts={} if secret else {key: _fact(seen, now) for key, seen in state.facts.items()},
        faults=faults,
        actions=actions(state, now),
        loads=_loads(state, now),
        in_call=None if secret else in_call(view, state.policy),
        secrecy=str(secrecy or ""),
        hands_off=str(people_may_cut(state, now).reason or ""),
        mode="safe" if state.policy.safe_mode else "normal" if maintained(state, now).allowed else "maintenance",
        version=version,
        time_scale=time_scale,
        outbox=outbox,
        dropped=dropped,
    )


def discrete(state: RoomState, now: Instant, secrecy: Secrecy | None = None) -> tuple[object, ...]:
    """Everything that a person would call a change: when this differs, a new snapshot is due. In a secret meeting
    only what is told then: when a snapshot comes would tell the rest."""
    secret = secrecy is Secrecy.MEETING
    flags = (
        ()
        if secret
        else tuple(
            (key, None if isinstance(seen.attempt, NoReading) else seen.attempt)
            for key, seen in state.facts.items()
            if isinstance(seen.attempt, NoReading | bool | str)
        )
    )
    faults = tuple((f.rule, f.phase, f.rung, f.refused) for f in state.faults.values() if f.phase in OPEN)
    return (
        flags, faults, tuple(_loads(state, now).items()), None if secret else in_call(state.view(now), state.policy),
        state.policy.maintenance_until_s, state.policy.safe_mode, secrecy,
    )  # fmt: skip


def drifted(before: dict[str, float], state: RoomState, share: float = 0.1) -> bool:
    """Whether a number has moved by more than this share (and by more than 1) since the snapshot that held `before`."""
    for key, seen in state.facts.items():
        value = seen.attempt
        if isinstance(value, int | float) and not isinstance(value, bool):
            old = before.get(key)
            if old is None or abs(value - old) > max(1.0, share * abs(old)):
                return True
    return False


def numbers(state: RoomState) -> dict[str, float]:
    """The numeric facts as they stand."""
    return {
        key: float(seen.attempt)
        for key, seen in state.facts.items()
        if isinstance(seen.attempt, int | float) and not isinstance(seen.attempt, bool)
    }
