"""Every route of the API by every role, in and out of an account's scope."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from hub.access import permissions
from hub.access.permissions import API, ROUTES
from hub.api.v1.app import document, make_api
from hub.api.v1.caller import PREFIX
from tests.hub.api.test_reads import every
from tests.hub.console.conftest import csrf
from tests.hub.console.test_permissions import Site, routes

BODIES = {"/api/v1/rooms/{room_id}/orders": {"action": "recheck", "why": "x"}}


def test_the_table_holds_every_route_and_no_other() -> None:
    assert {(method, PREFIX + path) for method, path in routes(make_api())} == set(API)
    assert not set(API) & set(ROUTES)


def test_the_document_holds_every_route_but_itself() -> None:
    told = {(method.upper(), PREFIX + path) for path, methods in document()["paths"].items() for method in methods}
    assert told == set(API) - {("GET", f"{PREFIX}/openapi.json")}


@pytest.fixture
def site(app: FastAPI, db_path: Path) -> Iterator[Site]:
    """As Site."""
    made = Site(app, db_path)
    yield made
    made.db.close()


@pytest.mark.parametrize("role", permissions.ROLES)
@pytest.mark.parametrize("part", ["all", "part"])
def test_every_route_by_role_and_scope(site: Site, role: str, part: str) -> None:
    client = site.client(f"{role}.{part}")
    headers = {"accept": "application/json", "x-csrf-token": csrf(client)}
    rights = permissions.rights(role, scoped=part == "part")
    for (method, path), right in API.items():
        for room, incident, out in (
            (min(site.inside), site.incident_in, False), (min(site.outside), site.incident_out, True)
        ):  # fmt: skip
            order = f"order-{'out' if out else 'in'}"
            site.db.execute(
                "INSERT OR IGNORE INTO orders (id, room, action, by, created_s) VALUES (?, ?, 'recheck', 'x', 1)",
                (order, room),
            )
            address = path.format(room_id=room, incident_id=incident, order_id=order)
            body = BODIES.get(path) if method == "POST" else None
            status = client.request(method, address, json=body, headers=headers).status_code
            if right not in rights:
                assert status == 403, f"{method} {address}"
            elif part == "part" and out and "{" in path:
                assert status == 404, f"{method} {address}: out of scope"
            else:
                assert status in (200, 202, 409), f"{method} {address}: {status}"


def test_lists_hold_nothing_from_outside(site: Site) -> None:
    client = site.client("operator.part")
    assert {room["id"] for room in every(client, "/rooms", limit=200)} == site.inside
    incidents = client.get(f"{PREFIX}/incidents?state=all&limit=200").json()["items"]
    assert {incident["room"] for incident in incidents} <= site.inside
    places = {place["id"] for place in client.get(f"{PREFIX}/sites?limit=200").json()["items"]}
    assert len(places) < site.db.execute("SELECT COUNT(*) FROM nodes").fetchone()[0]
    versions = client.get(f"{PREFIX}/versions").json()["versions"]
    assert sum(version["rooms"] for version in versions) <= len(site.inside)
