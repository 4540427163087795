"""Folds the events of one fault episode into one incident.

The fold looks at the set of events only: whatever order the network delivers them in, and however often, the same
incident comes out. It is computed anew from all events of the episode each time one arrives; there are a few dozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from wire.event_kinds import EventKind
from wire.messages import Event, Words

SEVERITIES = ("critical", "major", "warning", "info")
"""Worst first."""
OPEN_PHASES = frozenset({"confirmed", "remedying", "settling", "escalated"})
"""Phases of a fault that keep an incident open. A suspected fault is none yet."""
OUTCOMES = ("room", "order", "person", "with_cause", "itself")
"""Who or what ended a fault. `superseded` stands apart: the room's card is new, and nobody knows."""
OUTSIDE = frozenset(
    {"uplink_lost", "hub_unreachable", "room_lost", "mains_lost", "mains_weak", "codec_unregistered"}
)  # fmt: skip
"""Rules whose cause may lie outside of the room, and strike several rooms at once."""
ROOMS_OF_CAUSE = 3
WITHIN_S = 300.0
"""So many rooms of a cluster with the same fault, which ended so close together, had one cause."""
_WITH_SYMPTOM = frozenset({EventKind.FAULT_CONFIRMED, EventKind.FAULT_ESCALATED, EventKind.FAULT_CLEARED})


@dataclass(frozen=True, slots=True)
class Told:
    """One event and when it happened, by the best clock the hub has for it (Unix seconds)."""

    at_s: float
    event: Event


@dataclass(slots=True)
class Incident:
    """What the events say of one episode; the fields are those of the table. Times are Unix seconds, 0 for not yet."""

    rule: str = ""
    severity: str = ""
    phase: str = "confirmed"
    needs_person: bool = False
    opened_s: float = 0.0
    confirmed_s: float = 0.0
    escalated_s: float = 0.0
    closed_s: float = 0.0
    outcome: str = ""
    refused: str = ""
    remedies: list[str] = field(default_factory=list)
    own_acts: int = 0
    """How many acts the room began by itself."""
    reason: str = ""
    words: dict[str, Words] = field(default_factory=dict)


def fold(told: Iterable[Told]) -> Incident:
    """The incident of one (room, epoch, fault_id). Raises ValueError when there is no event at all.

    Works with gaps too: an incident whose beginning was dropped by the room is still shown, with what is known.
    """
    by_seq = {one.event.stamp.seq: one for one in told}
    if not by_seq:
        raise ValueError("an incident needs an event")
    ordered = [by_seq[seq] for seq in sorted(by_seq)]
    found = Incident()
    acts: set[int] = set()
    healer = ""
    for one in ordered:
        event = one.event
        found.rule = found.rule or event.rule
        found.severity = event.severity or found.severity
        found.words = event.words or found.words
        if event.kind == EventKind.REMEDY_STARTED and event.remedy and event.act_id not in acts:
            acts.add(event.act_id)
            found.remedies.append(event.remedy)
            found.own_acts += not event.command
        healer = _healer(healer, event)
        if not found.closed_s:
            _advance(found, one, healer)
    found.opened_s = min(_symptom_s(one) for one in ordered)
    found.confirmed_s = found.confirmed_s or ordered[0].at_s
    found.severity = found.severity or "warning"
    found.needs_person = found.escalated_s > 0 and not found.closed_s
    return found


def _healer(before: str, event: Event) -> str:
    """Whose act would have healed the fault if it cleared now: `room`, `order`, or empty for nobody's.

    What a person was called for was not healed by what had been tried before, and an act that failed heals nothing.
    """
    if event.kind == EventKind.FAULT_ESCALATED:
        return ""
    if event.kind == EventKind.REMEDY_STARTED and not event.command:
        return ""
    if event.kind == EventKind.REMEDY_DONE and event.remedy != "recheck":
        good = "order" if event.command else "room"
        return good if event.outcome == "done" else before if event.command else ""
    return before


def _outcome(found: Incident, healer: str, reason: str) -> str:
    """What ended the fault, by its own events. The room knows best whether an act of its own was still settling."""
    if healer == "order":
        return healer
    if healer == "room" and reason != "recovered":
        return healer
    if reason == "healed_by_room" and found.phase != "escalated":  # the act itself never reached us
        return "room"
    return "with_cause" if found.phase == "escalated" and found.own_acts else "itself"


def _advance(found: Incident, one: Told, healer: str) -> None:
    """Let one event move the phase; nothing moves it once the fault is cleared."""
    event = one.event
    match event.kind:
        case EventKind.FAULT_CONFIRMED:
            found.phase, found.confirmed_s, found.reason = "confirmed", one.at_s, event.reason
        case EventKind.FAULT_ESCALATED:
            found.phase, found.reason = "escalated", found.reason or event.reason
            found.escalated_s = found.escalated_s or one.at_s
        case EventKind.FAULT_REARMED:
            found.phase, found.refused = "confirmed", ""
        case EventKind.REMEDY_REFUSED:
            found.refused = event.reason
        # An operator's order acts on the load; it moves neither the room's own ladder nor its phase.
        case EventKind.REMEDY_STARTED if not event.command:
            found.phase, found.refused = "remedying", ""
        case EventKind.REMEDY_DONE if not event.command:
            found.phase = "settling" if event.outcome == "done" else "confirmed"
        case EventKind.FAULT_CLEARED:
            found.outcome = _outcome(found, healer, event.reason)
            found.phase, found.refused, found.closed_s = "clear", "", one.at_s
        case _:
            pass
    if event.phase in OPEN_PHASES and not found.closed_s:
        found.phase = event.phase


def _symptom_s(one: Told) -> float:
    """The first symptom as this event knows it, moved by as much as the event itself was off."""
    event = one.event
    if event.kind in _WITH_SYMPTOM and 0 < event.since_s <= event.stamp.wall_s:
        return event.since_s + one.at_s - event.stamp.wall_s
    return one.at_s
