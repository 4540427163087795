"""Which versions the rooms have, and how far a roll-out is. It is steered by `diemcau-hub rollout`, not from here."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from hub.changes import rollouts
from hub.console.context import Asked
from hub.core import rollout as core
from hub.core.rollout import Count, Rollout, RoomNow
from hub.store.read import counts

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Version:
    """One version and the rooms that have it."""

    name: str
    rooms: int
    online: int


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave as the page shows it; `count` is None while it has not begun."""

    number: int
    rooms: int
    count: Count | None


def versions(there: dict[str, RoomNow]) -> list[Version]:
    """Every version in use, that of most rooms first; an empty name: not known."""
    names = {now.version for now in there.values()}
    found = [
        Version(
            name,
            sum(now.version == name for now in there.values()),
            sum(now.version == name and now.online for now in there.values()),
        )
        for name in names
    ]
    return sorted(found, key=lambda version: (-version.rooms, version.name))


def waves(r: Rollout, there: dict[str, RoomNow]) -> list[Wave]:
    """Every wave, with numbers as far as the roll-out has come."""
    return [
        Wave(number + 1, len(rooms), core.count(r, there, number) if number <= r.wave else None)
        for number, rooms in enumerate(r.waves)
    ]


@router.get("/versions")
def versions_page(ask: Asked) -> Response:
    """Versions, and the waves of the newest roll-out."""
    found = rollouts.shown(ask.reader)
    there = rollouts.rooms(ask.reader, ask.now_s, rollouts.begun_s(ask.reader, found[0]) if found else 0.0)
    return ask.page(
        "versions.html",
        counters=counts.counters(ask.reader, ask.now_s),
        versions=versions(there),
        rollout=found[1] if found else None,
        waves=waves(found[1], there) if found else [],
        frozen=rollouts.frozen(ask.reader, ask.now_s),
    )
