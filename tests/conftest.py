"""What holds for all tests: the profile of `make test`, and how its processes share them."""

from __future__ import annotations

from typing import Any

import pytest

from tests import effort

__all__ = ["effort"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole programs first: they wait more than they compute, and the others fill the time beside them."""
    items.sort(key=lambda item: not any(item.get_closest_marker(mark) for mark in ("run", "early")))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of one file stay together, and share what its fixtures have started; so do those of one `xdist_group`."""
    from xdist.scheduler import LoadGroupScheduling

    class Files(LoadGroupScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return super()._split_scope(nodeid).partition("::")[0]

    return Files(config, log) if config.getvalue("dist") == "loadgroup" else None
