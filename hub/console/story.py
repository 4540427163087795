"""An incident's story in plain words: what was seen, what was decided and why, what was done, with what effect."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hub.console.words import Words
from hub.store.read.read_incidents import Incident
from wire.event_kinds import EventKind
from wire.messages import BadMessageError, Event, decode

LATE_S = 300.0


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence or proof, ready to show. `weak` marks what gave no reading."""

    name: str
    value: str
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the story. `tone` is its CSS class: symptom, bad, act, wait, good, person or plain."""

    at_s: float
    tone: str
    title: str
    detail: str = ""
    facts: list[Fact] = field(default_factory=list)
    late_s: float = 0.0
    quote: str = ""


TONES: dict[str, str] = {
    EventKind.FAULT_CONFIRMED: "bad",
    EventKind.FAULT_CLEARED: "good",
    EventKind.FAULT_ESCALATED: "bad",
    EventKind.FAULT_REARMED: "act",
    EventKind.REMEDY_STARTED: "act",
    EventKind.REMEDY_DONE: "act",
    EventKind.REMEDY_REFUSED: "wait",
    EventKind.COMMAND_REFUSED: "wait",
}
"""CSS class by kind of event; a kind that is not here, or not known, is plain."""


def tell(t: Words, incident: Incident, events: list[sqlite3.Row], people: list[sqlite3.Row]) -> list[Step]:
    """All steps in order; `people` are notes and orders."""
    steps = [Step(incident.opened_s, "symptom", t("story.symptom"), t.fault(incident.words))]
    steps += [_of_event(t, incident, row) for row in events]
    steps += [_of_person(t, row) for row in people]
    if incident.acked_by:
        steps.append(Step(incident.acked_s, "person", t("story.ack", name=incident.acked_by)))
    steps.sort(key=lambda step: step.at_s)
    if not incident.is_open:
        tone = "plain" if incident.outcome == "superseded" else "good"
        ended = t("story.closed", outcome=ended_by(t, incident))
        steps.append(Step(incident.closed_s, tone, ended))
    return steps


def ended_by(t: Words, incident: Incident) -> str:
    """What ended the incident, and how many acts of its room were needless."""
    said = t.name("outcome", incident.outcome)
    return t("outcome.needless", outcome=said, n=incident.needless_acts) if incident.needless_acts else said


def _of_person(t: Words, row: sqlite3.Row) -> Step:
    if row["kind"] == "note":
        return Step(row["at_s"], "person", t("story.note", name=row["by"]), quote=row["text"])
    title = t("story.order", name=row["by"], action=t.name("remedy", row["action"]))
    state = order_state(t, row)
    if row["confirmed"]:
        state = f"{state} · {t('order.confirmed', name=row['confirmed'])}"
    return Step(row["at_s"], "person", title, state, proof(t, row["proof"]), quote=row["text"])


def _of_event(t: Words, incident: Incident, row: sqlite3.Row) -> Step:
    late_s = row["received_s"] - row["at_s"] if row["backfilled"] else 0.0
    try:
        event = decode(Event, bytes(row["raw"]))
    except BadMessageError:
        # A newer room's event: its kind is still worth a line.
        return Step(row["at_s"], "plain", t.name("event", row["kind"]), late_s=late_s)
    key = f"event.{event.kind}.{event.outcome}" if event.outcome not in ("", "done") else ""
    title = t(key if t.has(key) else f"event.{event.kind}", remedy=t.name("remedy", event.remedy or event.load))
    if not t.has(f"event.{event.kind}"):
        title = event.kind
    facts = [
        Fact(t.name("fact", e.key), _evidence(t, e.key, e.value, e.reason), e.value is None) for e in event.evidence
    ]
    facts += [Fact(t.name("proof", key), t.value(key, value)) for key, value in event.proof.items()]
    tone = "bad" if event.outcome == "failed" else TONES.get(event.kind, "plain")
    detail = t.reason(incident.words, event.reason) if event.reason else ""
    return Step(row["at_s"], tone, title, detail, facts, late_s)


def _evidence(t: Words, key: str, value: Any, reason: str) -> str:
    return t.value(key, value) if value is not None else t.name("silent", reason or "timeout")


def proof(t: Words, raw: str) -> list[Fact]:
    """The proof of an order's effect, from its JSON."""
    try:
        found = msgspec.json.decode(raw or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return []
    return [Fact(t.name("proof", key), t.value(key, value)) for key, value in found.items()]


def order_state(t: Words, row: sqlite3.Row) -> str:
    """What became of an order, in a sentence."""
    return t(f"order.{row['outcome']}", reason=t.why(row["reason"] or "no_reply"))
