"""The API as an application of its own beneath the console: its own errors, its own document, the same rights."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from hub.access.auth import COOKIE
from hub.access.limits import PACE_BURST, PACE_PER_S, Pace
from hub.api.v1 import incidents, orders, problems, rooms, system
from hub.api.v1.caller import PREFIX
from hub.console.context import Console

VERSION = "1.0.0"
"""Of the API: the first number stands in its address. Fields and routes are added to it, none is taken away."""
DESCRIPTION = f"""\
What other systems may ask the hub of a province, and what they may order.

Moments are RFC 3339 in UTC. Lists come in pages: ask again with `cursor` set to `next` until that is null. Words such
as `verdict`, `phase` and `outcome` are open lists, and fields are added over time: skip what you do not know.
Every mistake is answered as problem details (RFC 9457); `type` is for programs, `detail` for people.
A token or account that is bound to a part of the site tree knows nothing outside of it. A token has the rights that it
was made with: `read`, `mark`, `orders`. Each caller may make {PACE_BURST} requests at once and {PACE_PER_S:g} a second
from then on.
"""
_ROUTERS = (rooms.router, incidents.router, orders.router, system.router)
_TAGS = [
    {"name": "rooms", "description": "Rooms and what they last said of themselves."},
    {"name": "incidents", "description": "Episodes of faults and their stories."},
    {"name": "orders", "description": "What a room is ordered, and what became of it."},
    {"name": "system", "description": "The site tree, versions, the hub itself."},
]


def make_api(console: Console | None = None) -> FastAPI:
    """The API over a console's parts; without one only its document can be had."""
    api = FastAPI(title="Điểm Cầu", version=VERSION, openapi_url=None, docs_url=None, redoc_url=None)
    for router in _ROUTERS:
        api.include_router(router, responses=problems.COMMON, generate_unique_id_function=_name)
    problems.install(api)
    api.state.console = console
    api.state.document = document()
    api.state.pace = Pace()
    return api


def _name(route: APIRoute) -> str:
    return route.name


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The OpenAPI document of the real routes."""
    bare = FastAPI()
    for router in _ROUTERS:
        bare.include_router(router, responses=problems.COMMON, generate_unique_id_function=_name)
    made = get_openapi(
        title="Điểm Cầu", version=VERSION, openapi_version="3.1.0", description=DESCRIPTION, routes=bare.routes,
        tags=_TAGS, servers=[{"url": PREFIX}],
    )  # fmt: skip
    made["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    made["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "Made by `diemcau-hub token new`."},
        "session": {
            "type": "apiKey", "in": "cookie", "name": COOKIE,
            "description": "Who is signed in to the console. A change must carry `X-CSRF-Token` besides.",
        },
    }  # fmt: skip
    made["security"] = [{"token": []}, {"session": []}]
    for operations in made["paths"].values():
        for operation in operations.values():
            _mend(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(unused, None)
    return made


def _mend(operation: dict[str, Any]) -> None:
    """FastAPI knows one media type a route; problems have their own."""
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            answer["content"] = {problems.MEDIA_TYPE: answer["content"].pop("application/json")}
