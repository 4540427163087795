"""Rooms: a page of them, and one with its twin."""

from __future__ import annotations

import sqlite3
from typing import Annotated, Any

from fastapi import APIRouter, Query

from hub.api.v1.caller import Called
from hub.api.v1.models import NUMBER_MAX, Action, Both, Fact, RoomBrief, RoomFull, RoomPage, moment, named
from hub.api.v1.problems import NOT_FOUND
from hub.console import views
from hub.console.context import RefusedError
from hub.core.text import fold
from hub.store.read import read_api, reads
from hub.store.read.read_api import RoomFilter

router = APIRouter(tags=["rooms"])

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many on a page.")]
SiteNumber = Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="Only rooms at or beneath this node.")]


@router.get("/rooms")
def list_rooms(
    called: Called,
    verdict: Annotated[str, Query(max_length=40, description="Only rooms with this verdict.")] = "",
    online: bool | None = None,
    site: SiteNumber = None,
    name: Annotated[str, Query(max_length=100, description="Part of the name, with or without marks.")] = "",
    cursor: Annotated[str, Query(max_length=64, description="`next` of the page before.")] = "",
    limit: Limit = 100,
) -> RoomPage:
    """Rooms in the order of their ids."""
    wanted = RoomFilter(verdict, online, site, fold(name))
    rows = read_api.rooms(called.reader, wanted, cursor, limit + 1)
    return RoomPage(
        items=[RoomBrief(**_brief(row)) for row in rows[:limit]], next=rows[limit - 1]["room"] if rows[limit:] else None
    )


def _brief(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["room"], "name": row["name"], "site": row["node"], "verdict": row["verdict"],
        "unknown_because": row["unknown_why"],
        "online": bool(row["online"]), "in_call": None if row["in_call"] is None else bool(row["in_call"]),
        "version": row["version"], "heard_at": moment(row["heard_s"]),
    }  # fmt: skip


@router.get("/rooms/{room_id}", responses=NOT_FOUND)
def read_room(called: Called, room_id: str) -> RoomFull:
    """One room with what it last said of itself."""
    room = reads.room(called.reader, room_id)
    if room is None:
        raise RefusedError(404, "error.not_found_room", id=room_id[:40])
    state = views.read_state(room)
    facts = state.facts.items() if state else ()
    return RoomFull(
        id=room.room, name=room.name, site=room.node, verdict=room.verdict,
        unknown_because=room.unknown_why, online=room.online, in_call=room.in_call,
        version=room.version, heard_at=moment(room.heard_s), contact=room.contact, phone=room.phone, mode=room.mode,
        secrecy=state.secrecy if state else "",
        lost_since=moment(room.lost_since_s), state_at=moment(room.state_s), unsent_events=room.outbox,
        facts=[
            Fact(
                key=key, name=named("fact", key), value=fact.value, at=moment(fact.at_s), ok=fact.ok,
                reason=fact.reason,
            )
            for key, fact in facts
        ],
        actions=[
            Action(action=one.remedy, name=_action(one.remedy), refused=one.refused) for one in views.actions(state)
        ],
    )  # fmt: skip


def _action(action: str) -> Both:
    return named("remedy", action)
