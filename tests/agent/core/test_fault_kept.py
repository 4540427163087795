"""A fault goes into the journal as JSON, which knows no infinity: what a fresh one holds is read back as it was."""

from __future__ import annotations

import msgspec

from agent.core.state import Fault


def test_a_fresh_fault_is_read_back_as_it_was() -> None:
    fresh = Fault("codec_hung")
    assert msgspec.json.decode(msgspec.json.encode(fresh), type=Fault) == fresh
