"""The site tree, versions and roll-outs, the hub's health, and the API's own document."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from hub.api.v1.caller import Called, caller
from hub.api.v1.models import NUMBER_MAX, Health, Place, PlacePage, Rollout, Version, Versions, Wave, moment
from hub.api.v1.rooms import Limit
from hub.changes import rollouts
from hub.console.context import health_of
from hub.core import rollout as core
from hub.pages import versions as version_page
from hub.store.read import counts, read_api

router = APIRouter(tags=["system"])


@router.get("/sites")
def list_sites(
    called: Called,
    cursor: Annotated[int, Query(ge=0, le=NUMBER_MAX, description="`next` of the page before.")] = 0,
    limit: Limit = 200,
) -> PlacePage:
    """The site tree: every node with the one above it, as far as whoever asks may see it."""
    found = read_api.places(called.reader, cursor, limit + 1)
    return PlacePage(
        items=[
            Place(id=one.id, parent=one.parent, level=one.level, code=one.code, name=one.name) for one in found[:limit]
        ],
        next=str(found[limit - 1].id) if found[limit:] else None,
    )


@router.get("/versions")
def read_versions(called: Called) -> Versions:
    """Which versions the rooms have, and how far the newest roll-out is."""
    found = rollouts.shown(called.reader)
    begun_s = rollouts.begun_s(called.reader, found[0]) if found else 0.0
    there = rollouts.rooms(called.reader, called.now_s, begun_s)
    return Versions(
        versions=[Version(name=v.name, rooms=v.rooms, online=v.online) for v in version_page.versions(there)],
        rollout=_rollout(found[1], version_page.waves(found[1], there)) if found else None,
        frozen=rollouts.frozen(called.reader, called.now_s),
    )


def _rollout(found: core.Rollout, waves: list[version_page.Wave]) -> Rollout:
    return Rollout(
        version=found.version, before=found.before, phase=found.phase, wave=found.wave + 1, since=moment(found.since_s),
        reason=found.reason, waves=[_wave(wave) for wave in waves],
    )  # fmt: skip


def _wave(wave: version_page.Wave) -> Wave:
    count = wave.count
    if count is None:
        return Wave(number=wave.number, rooms=wave.rooms, good=None, bad=None, waiting=None, unreachable=None)
    return Wave(
        number=wave.number, rooms=wave.rooms, good=count.good, bad=count.bad, waiting=count.waiting,
        unreachable=count.unreachable,
    )  # fmt: skip


@router.get("/health")
def read_health(called: Called) -> Health:
    """How the hub is, and the rooms in numbers."""
    counters = counts.counters(called.reader, called.now_s)
    hub = health_of(called.console.hub, called.reader, counters, called.now_s)
    kept = {name: hub[name] for name in Health.model_fields if name in hub}
    return Health(**kept, started_at=moment(hub["started_s"]), verdicts=counters.verdicts, unhandled=counters.unhandled)


@router.get("/openapi.json", include_in_schema=False, dependencies=[Depends(caller)])
def openapi(request: Request) -> Response:
    """The API's document, as `docs/openapi.yaml` has it."""
    made: dict[str, Any] = request.app.state.document
    return JSONResponse(made, headers={"Content-Disposition": "inline"})
