"""docs/asyncapi.yaml says what the code says, and a parser that is not ours understands it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from tools import asyncapi
from wire import messages, topics
from wire.event_kinds import EventKind

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "asyncapi.yaml"


def _validate(path: Path) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    assert node, "node is missing: tools/bootstrap.sh test"
    script = ROOT / "tests" / "node" / "validate-asyncapi.mjs"
    return subprocess.run([node, script, path], capture_output=True, text=True, timeout=60, check=False)


def test_the_document_is_up_to_date() -> None:
    assert FILE.read_text("utf-8") == asyncapi.text(), (
        "the wire has changed: run `make docs`, and look at the difference"
    )


def test_the_parser_finds_no_error() -> None:
    found = _validate(FILE)
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(topics.Leaf) + 1} channels" in found.stdout


def test_the_parser_would_find_one(tmp_path: Path) -> None:
    broken: dict[str, Any] = asyncapi.document()
    del broken["channels"]["state"]["messages"]
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.safe_dump(broken), "utf-8")
    assert _validate(path).returncode == 1


@pytest.mark.parametrize("leaf", topics.Leaf)
def test_every_topic_fits_its_address(leaf: topics.Leaf) -> None:
    channel = asyncapi.document()["channels"][leaf.value]
    address = channel["address"]
    own = "c1" if "{id}" in address else ""
    filled = address.format(shard=topics.shard_of("thx-0001"), room="thx-0001", id=own)
    assert topics.Topic.parse(filled) == topics.Topic("thx-0001", leaf, own)


def test_every_field_is_described_or_speaks_for_itself() -> None:
    """The words under the fields reach the document: a reader of it needs no Python."""
    written = yaml.safe_load(FILE.read_text("utf-8"))["components"]["schemas"]
    kinds: tuple[type[msgspec.Struct], ...] = (*asyncapi.EVERY.values(), messages.Stamp)
    for kind in kinds:
        for field, text in asyncapi.field_docs(kind).items():
            assert written[kind.__name__]["properties"][field]["description"].startswith(text[:20]) or field == "kind"
        assert set(written[kind.__name__]["properties"]) == {f.name for f in msgspec.structs.fields(kind)}
    for kind_name in EventKind:
        assert f"`{kind_name}`" in written["Event"]["properties"]["kind"]["description"]
