"""What all tests of the hub share: passwords whose hashes cost little."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from hub.access import accounts

SHIPPED = accounts._hasher
"""The hub's own, which takes 64 MiB and a quarter of a second for each password."""


@pytest.fixture(scope="session", autouse=True)
def _quick_hashes() -> Iterator[None]:
    """Hashes of 8 KiB: hundreds of tests sign in, and one judges what a hash costs (`shipped_hashes`)."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", quick)
        patch.setattr(accounts, "_DUMMY", quick.hash("no account has this password"))
        yield


@pytest.fixture
def shipped_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes as the hub makes them."""
    monkeypatch.setattr(accounts, "_hasher", SHIPPED)
