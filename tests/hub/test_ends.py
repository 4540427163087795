"""What ended a fault that others had as well: its cause, and not what the rooms tried meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store import ends
from hub.store.incidents import close_missing
from tests.hub.rooms import Room
from tests.hub.test_apply import Bench
from wire.event_kinds import EventKind


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.db.close()


def fall(bench: Bench, name: str, rule: str, after_s: float = 0.0, *, acts: bool = True) -> None:
    """One room's episode that it acts upon and that clears in the settle window of its act."""
    room = Room(name)
    room.mono_s += after_s
    bench.take(room.heard(room.event(EventKind.FAULT_CONFIRMED, fault_id=1, rule=rule, severity="major")))
    if acts:
        act = {"fault_id": 1, "rule": rule, "act_id": 2, "remedy": "converter_power_cycle"}
        bench.take(room.heard(room.event(EventKind.REMEDY_STARTED, **act)))
        bench.take(room.heard(room.event(EventKind.REMEDY_DONE, outcome="done", **act)))
    room.mono_s += 60.0
    word = "healed_by_room" if acts else "recovered"
    bench.take(room.heard(room.event(EventKind.FAULT_CLEARED, fault_id=1, rule=rule, reason=word)))


def outcomes(bench: Bench) -> list[str]:
    return [row[0] for row in bench.rows("SELECT outcome FROM incidents ORDER BY id")]


def test_three_rooms_of_a_cluster_that_come_back_together_were_not_healed_by_their_converters(bench: Bench) -> None:
    fall(bench, "p1-1", "uplink_lost")
    fall(bench, "p1-2", "uplink_lost", 1.0)
    assert outcomes(bench) == ["room", "room"], "two may be chance"
    fall(bench, "p1-3", "uplink_lost", 2.0)
    assert outcomes(bench) == ["with_cause"] * 3
    assert bench.rows("SELECT SUM(own_acts) FROM incidents WHERE outcome = 'with_cause'") == [(3,)]


def test_rooms_of_other_clusters_and_ends_far_apart_share_no_cause(bench: Bench) -> None:
    fall(bench, "p1-1", "uplink_lost")
    fall(bench, "p1-2", "uplink_lost", 400.0)
    fall(bench, "p2-1", "uplink_lost")
    assert outcomes(bench) == ["room"] * 3


def test_what_only_a_room_can_have_is_never_a_common_cause(bench: Bench) -> None:
    for number in (1, 2, 3):
        fall(bench, f"p1-{number}", "codec_hung", float(number))
    assert outcomes(bench) == ["room"] * 3


def test_without_an_act_it_ended_by_itself_or_with_its_cause(bench: Bench) -> None:
    fall(bench, "p1-1", "mains_lost", acts=False)
    assert outcomes(bench) == ["itself"]
    fall(bench, "p1-2", "mains_lost", 1.0, acts=False)
    fall(bench, "p1-3", "mains_lost", 2.0, acts=False)
    assert outcomes(bench) == ["with_cause"] * 3


@pytest.mark.parametrize(("acked", "outcome"), [(True, "person"), (False, "with_cause")])
def test_what_a_person_was_called_for_is_no_success_of_the_room(bench: Bench, acked: bool, outcome: str) -> None:
    room, rule = Room(), {"fault_id": 1, "rule": "codec_hung"}
    act = rule | {"act_id": 2, "remedy": "codec_restart"}
    bench.take(room.heard(room.event(EventKind.FAULT_CONFIRMED, severity="major", **rule)))
    bench.take(room.heard(room.event(EventKind.REMEDY_STARTED, **act)))
    bench.take(room.heard(room.event(EventKind.REMEDY_DONE, outcome="done", **act)))
    bench.take(room.heard(room.event(EventKind.FAULT_ESCALATED, **rule)))
    if acked:
        bench.db.execute("UPDATE incidents SET acked_by = 'thu.ha', acked_s = ?", (room.now_s,))
    bench.take(room.heard(room.event(EventKind.FAULT_CLEARED, reason="recovered", **rule)))
    assert outcomes(bench) == [outcome]


def test_an_end_that_only_a_state_tells_of_is_judged_too(bench: Bench) -> None:
    """The room's word of the end was lost; a person had the fault in hand."""
    room = Room()
    for kind in (EventKind.FAULT_CONFIRMED, EventKind.FAULT_ESCALATED):
        bench.take(room.heard(room.event(kind, fault_id=1, rule="codec_hung", severity="major")))
    bench.db.execute("UPDATE incidents SET acked_by = 'thu.ha', acked_s = ?", (room.now_s,))
    (epoch,) = bench.rows("SELECT epoch FROM incidents")[0]
    later_s = room.now_s + 600.0
    assert len(close_missing(bench.db, "p1-1", epoch, set(), drained=True, state_s=later_s, now_s=later_s)) == 1
    assert outcomes(bench) == ["person"]


def judging_costs(bench: Bench, incident: int) -> int:
    """How many tens of steps SQLite takes to judge the end of an incident."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    bench.db.set_progress_handler(step, 10)
    ends.judge(bench.db, incident)
    bench.db.set_progress_handler(None, 0)
    return steps


def test_judging_an_end_does_not_read_the_past_of_the_province(bench: Bench) -> None:
    """The one writer does it while hundreds of rooms come back: a year's incidents took it 0.2 s each."""
    fall(bench, "p1-1", "uplink_lost")
    (incident,) = bench.rows("SELECT id FROM incidents")[0]
    before = judging_costs(bench, incident)
    bench.db.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        " INSERT INTO incidents (room, epoch, fault_id, rule, severity, phase, opened_s, confirmed_s, closed_s,"
        " outcome, words) SELECT 'p1-' || (1 + i % 3), 'old', i, 'uplink_lost', 'major', 'clear', 1e6 + i, 1e6 + i,"
        " 1e6 + i, 'room', '{}' FROM n"
    )
    assert judging_costs(bench, incident) <= 3 * before + 10
