from __future__ import annotations

from pathlib import Path

import pytest

from agent.probes.families import load, names

DEVICES = (Path(__file__).parents[2] / "docs/devices.md").read_text()


@pytest.mark.parametrize("family", names())
def test_every_family_and_its_orders_stand_in_the_document(family: str) -> None:
    assert f"| `{family}` |" in DEVICES
    assert all(f"`{remedy}`" in DEVICES for remedy in load(family).remedies)
