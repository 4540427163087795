"""The kinds of a room's events: one name each, in the room's core and on the wire."""

from __future__ import annotations

import msgspec

from agent.core.events import Record, RecordKind
from agent.core.facts import Instant
from agent.uplink import report
from wire.event_kinds import EventKind

ON_THE_WIRE = {
    "agent_started", "fault_confirmed", "fault_cleared", "fault_escalated", "fault_rearmed", "remedy_started",
    "remedy_done", "remedy_refused", "command_refused", "desired_applied", "desired_refused", "load_latched",
    "lease_wanted", "return_began", "stage_unverified", "return_ended", "outbox_dropped", "power_missing", "power_back",
    "safe_mode_ended",
}  # fmt: skip
"""Stand in the databases of hubs and rooms, so none of them is ever renamed. New ones are added."""


def test_no_kind_is_renamed() -> None:
    assert {str(kind) for kind in EventKind} >= ON_THE_WIRE


def test_the_core_tells_of_the_same_kinds() -> None:
    assert {kind.name: kind.value for kind in RecordKind} == {kind.name: kind.value for kind in EventKind}


def test_a_record_of_each_kind_is_written_by_its_word() -> None:
    at = report.stamp(report.Identity("p1", "e1", "b1", "1.0"), Instant(1.0, 1.0), 1)
    for kind in RecordKind:
        raw = msgspec.json.encode(report.event(Record(kind), at))
        assert b'"kind":"%s"' % kind.value.encode() in raw
