"""Incidents: a page of them, and one with its story."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BeforeValidator

from hub.api.v1.caller import Called
from hub.api.v1.models import NUMBER_MAX, Both, Evidence, IncidentBrief, IncidentFull, IncidentPage, Step, moment
from hub.api.v1.problems import NOT_FOUND
from hub.api.v1.rooms import Limit
from hub.console import story, views
from hub.console.context import RefusedError
from hub.console.present import present
from hub.console.words import LANGUAGES, words
from hub.store.read import read_api, read_incidents
from hub.store.read.read_api import IncidentFilter
from hub.store.read.read_incidents import Incident
from hub.store.read.reads import Reader

router = APIRouter(tags=["incidents"])

Number = Annotated[int, Path(ge=1, le=NUMBER_MAX, description="The incident's number.")]
Word = Annotated[str, Query(max_length=64)]


def _written_out(text: str) -> str:
    """Raises ValueError for Unix seconds, which pydantic would take for a moment as well."""
    if "T" not in text.upper():
        raise ValueError("write a moment as RFC 3339 has it, such as 2030-11-24T00:30:00Z")
    return text


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]


@router.get("/incidents")
def list_incidents(
    called: Called,
    state: Literal["open", "closed", "all"] = "open",
    room: Word = "",
    rule: Word = "",
    severity: Word = "",
    needs_person: bool | None = None,
    opened_since: Annotated[Moment | None, Query(description="Only those that opened then or later.")] = None,
    cursor: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="`next` of the page before.")] = None,
    limit: Limit = 100,
) -> IncidentPage:
    """Incidents, the newest first."""
    is_open = {"open": True, "closed": False, "all": None}[state]
    # An `opened_at` that is sent back was rounded to the microsecond when it was written.
    since_s = opened_since.timestamp() - 1e-6 if opened_since else None
    wanted = IncidentFilter(is_open, room, rule, severity, needs_person, since_s)
    found = read_api.incidents(called.reader, wanted, cursor or NUMBER_MAX, limit + 1)
    return IncidentPage(
        items=[IncidentBrief(**brief(one)) for one in found[:limit]],
        next=str(found[limit - 1].id) if found[limit:] else None,
    )


@router.get("/incidents/{incident_id}", responses=NOT_FOUND)
def read_incident(called: Called, incident_id: Number) -> IncidentFull:
    """One incident: what was seen, what was decided and why, what was done, and with what effect."""
    incident = find(called.reader, incident_id)
    vi, en = (present(words(language), incident, called.now_s) for language in LANGUAGES)
    return IncidentFull(
        **brief(incident),
        now=Both(vi=vi.line, en=en.line),
        to_do=[Both(vi=one, en=other) for one, other in zip(vi.steps, en.steps, strict=False)],
        story=_story(called.reader, incident),
    )


def find(reader: Reader, incident_id: int) -> Incident:
    """The incident. Raises RefusedError when there is none that this reader knows."""
    incident = read_incidents.incident(reader, incident_id)
    if incident is None:
        raise RefusedError(404, "error.not_found_incident", id=incident_id)
    return incident


def brief(incident: Incident) -> dict[str, Any]:
    """The fields of IncidentBrief."""
    title = Both(**{language: views.title_of(words(language), incident) for language in LANGUAGES})
    return {
        "id": incident.id, "room": incident.room, "rule": incident.rule, "title": title, "severity": incident.severity,
        "phase": incident.phase, "needs_person": incident.needs_person, "opened_at": moment(incident.opened_s),
        "confirmed_at": moment(incident.confirmed_s), "escalated_at": moment(incident.escalated_s),
        "closed_at": moment(incident.closed_s), "outcome": incident.outcome,
        "needless_acts": incident.needless_acts, "acked_by": incident.acked_by,
        "acked_at": moment(incident.acked_s), "shelved_until": moment(incident.shelved_until_s),
        "group": incident.group,
    }  # fmt: skip


def _story(reader: Reader, incident: Incident) -> list[Step]:
    """The console's own story, in both languages side by side: the steps are the same ones."""
    events = read_incidents.events(reader, incident.id)
    people = read_incidents.said_and_ordered(reader, incident)
    vi, en = (story.tell(words(language), incident, events, people) for language in LANGUAGES)
    return [
        Step(
            at=moment(one.at_s), tone=one.tone, title=Both(vi=one.title, en=other.title),
            detail=Both(vi=one.detail, en=other.detail), quote=one.quote,
            evidence=[
                Evidence(name=Both(vi=a.name, en=b.name), value=Both(vi=a.value, en=b.value))
                for a, b in zip(one.facts, other.facts, strict=True)
            ],
        )
        for one, other in zip(vi, en, strict=True)
    ]  # fmt: skip
