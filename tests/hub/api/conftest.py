"""The console's seeded province, asked through the API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.hub.console.conftest import app, db_path, filled, hub, sign_in

__all__ = ["app", "db_path", "filled", "hub"]


@pytest.fixture
def stranger(app: FastAPI) -> Iterator[TestClient]:
    """A program that nobody knows."""
    with TestClient(app, follow_redirects=False, base_url="http://testserver") as client:
        yield client


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    """With an operator's session."""
    sign_in(stranger)
    return stranger
