"""A seeded province and a console on it. The file is filled once and copied for each test."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from hub.access.permissions import ROUTES, Right
from hub.app import create_app
from tests.hub.console import seed
from tests.hub.console.fake import FakeHub

Client = TestClient
HTML = {"accept": "text/html"}
PLAIN = tuple(
    sorted(
        path
        for (method, path), right in ROUTES.items()
        if (method, right) == ("GET", Right.LOOK) and not {*"{."} & {*path} and not path.startswith("/api/")
    )
)
"""Pages that everyone who is signed in may look at, without a room or incident in their address."""


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with 621 rooms and a busy morning."""
    path = tmp_path_factory.mktemp("console") / "hub.db"
    seed.fill(path, time.time())
    return path


@pytest.fixture
def db_path(filled: Path, tmp_path: Path) -> Path:
    """A copy of the filled database of one's own."""
    return Path(shutil.copy(filled, tmp_path / "hub.db"))


@pytest.fixture
def hub(db_path: Path) -> FakeHub:
    """The hub behind the console."""
    return FakeHub(db_path)


@pytest.fixture
def app(db_path: Path, hub: FakeHub) -> FastAPI:
    """The console."""
    return create_app(db_path, None, hub)


@pytest.fixture
def stranger(app: FastAPI) -> Iterator[Client]:
    """A browser that is not signed in."""
    with TestClient(app, headers=HTML, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(stranger: Client) -> Client:
    """A browser with an operator signed in."""
    sign_in(stranger)
    return stranger


def sign_in(client: Client, name: str = "thu.ha") -> None:
    """Sign in through the form."""
    answer = client.post("/login", data={"name": name, "password": seed.PASSWORD})
    assert answer.status_code == 303, answer.text


def csrf(client: Client) -> str:
    """The session's token, as a page carries it."""
    return client.get("/health").text.split('data-csrf="')[1].split('"')[0]
