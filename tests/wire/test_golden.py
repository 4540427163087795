"""Messages as they were sent by released versions. These files are never rewritten: rooms in the field send them still.

A new release with new fields adds a folder named after it. Reading an old file must go on for ever, and what it said
must still be said when it is written again: fields are added, never dropped, renamed or given another meaning.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.wire.samples import KINDS, SAMPLES
from wire import messages as m

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*/*.json"))


def _covers(new: Any, old: Any) -> bool:
    """Whether all that the old one says stands in the new one."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(key in new and _covers(new[key], value) for key, value in old.items())
    if isinstance(old, list):
        return isinstance(new, list) and len(new) == len(old) and all(map(_covers, new, old))
    return bool(new == old)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_released_message_reads_and_keeps_its_words(path: Path) -> None:
    kind = KINDS[path.stem]
    payload = path.read_bytes()
    assert _covers(json.loads(m.encode(m.decode(kind, payload))), json.loads(payload))


@pytest.mark.parametrize("leaf", SAMPLES)
def test_every_message_is_kept(leaf: str) -> None:
    assert any(path.stem == leaf for path in GOLDEN)


def test_an_older_reader_skips_what_a_newer_writer_adds() -> None:
    for path in GOLDEN:
        newer = {**json.loads(path.read_bytes()), "added_in_1_1": {"nested": [1, 2]}}
        assert m.decode(KINDS[path.stem], json.dumps(newer).encode()) == m.decode(KINDS[path.stem], path.read_bytes())
