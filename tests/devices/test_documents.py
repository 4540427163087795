"""The table of devices promises what the code does, and names who says so."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from agent.core.facts import FACTS
from agent.core.remedies import REMEDIES
from tools import device_docs

ROOT = Path(__file__).parents[2]
DEVICES = (ROOT / "docs/devices.md").read_text("utf-8")
FILES = [(kind, name) for kind in device_docs.kinds() for name in device_docs.modules(kind)]


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_every_device_says_what_it_is(kind: str, name: str) -> None:
    row = device_docs.about(device_docs.modules(kind)[name])
    assert row.tested, f"{name}: say who tests it"
    assert [t.test for t in row.tested if not (ROOT / t.test).is_file()] == []
    known = {*FACTS, *(f"ROLE.{key.partition('.')[2]}" for key in FACTS)}
    assert set(row.facts) <= known
    assert not [order for order in row.orders if order.startswith("codec_") and order not in REMEDIES]


def test_a_file_that_says_nothing() -> None:
    with pytest.raises(device_docs.NothingSaidError, match=r"^agent/devices/codec/new\.py has no ABOUT"):
        device_docs.about(ModuleType("agent.devices.codec.new"))


@pytest.mark.parametrize("kind", device_docs.kinds())
def test_every_folder_has_its_table(kind: str) -> None:
    assert f"<!-- generated: {kind} -->" in DEVICES, f"docs/devices.md has no table for agent/devices/{kind}"


def test_capabilities_are_facts_or_remedies() -> None:
    words = {word for any_of in device_docs.CAPABILITIES.values() for word in any_of} - {"settings"}
    assert words <= {*FACTS, *REMEDIES}
