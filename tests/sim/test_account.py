"""The account: percentiles, verdicts out of a hub's database, and what is named as not as it should be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import result
from sim.account import Seen, Verdict, judge, percentiles
from sim.book import Book
from sim.physics.fitting import Fitting, profiles
from sim.physics.room import RoomPhysics


def test_no_values_have_no_percentiles() -> None:
    assert percentiles([]) == {"p50": None, "p95": None, "count": 0}


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=200))
def test_percentiles_are_values_in_order(values: list[float]) -> None:
    found = percentiles(values)
    p50, p95 = found["p50"], found["p95"]
    assert p50 is not None
    assert p95 is not None
    assert round(min(values), 3) <= p50 <= p95 <= round(max(values), 3)
    assert sum(value <= p95 + 0.001 for value in values) >= 0.95 * len(values)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "hub.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE incidents (id INTEGER PRIMARY KEY, room, rule, phase, needs_person, opened_s, confirmed_s,"
            " closed_s, escalated_s, outcome DEFAULT 'room', own_acts DEFAULT 1)"
        )
        rows = [
            ("a", "codec_hung", "clear", 0, 99.5, 101, 120, 0),  # healed
            ("b", "codec_hung", "clear", 0, 99.5, 101, 120, 110),  # healed after a person was asked
            ("c", "codec_hung", "escalated", 1, 101, 102, 0, 110),
            ("d", "codec_hung", "settling", 0, 101, 102, 0, 0),
            ("e", "overheating", "clear", 0, 101, 102, 110, 0),  # another fault
            ("f", "codec_hung", "clear", 0, 50, 55, 60, 0),  # long before
            ("g", "uplink_lost", "clear", 0, 101, 102, 110, 0),
            ("g", "room_lost", "confirmed", 1, 120, 121, 0, 0),
        ]
        db.executemany(
            "INSERT INTO incidents (room, rule, phase, needs_person, opened_s, confirmed_s, closed_s, escalated_s)"
            " VALUES (?,?,?,?,?,?,?,?)",
            rows,
        )
        db.commit()
    return path


@pytest.mark.parametrize(
    ("room", "fault", "outcome", "ever"),
    [
        ("a", "codec_hang_soft", "healed", False),
        ("b", "codec_hang_soft", "healed", True),
        ("c", "codec_hang_soft", "escalated", True),
        ("d", "codec_hang_soft", "open", False),
        ("e", "codec_hang_soft", "unseen", False),
        ("f", "codec_hang_soft", "unseen", False),
        ("g", "ring_down", "escalated", True),
        ("g", "breaker_off", "escalated", True),
    ],
)
def test_a_fault_is_judged_by_its_own_incidents(
    database: Path, room: str, fault: str, outcome: str, ever: bool
) -> None:
    found = judge(database, [{"room": room, "id": 1, "fault": fault, "injected_wall_s": 100.0}])
    assert (found[room, 1].outcome, found[room, 1].ever_escalated) == (outcome, ever)


def test_what_no_rule_can_find_is_no_problem_while_nobody_is_told() -> None:
    hidden, missed = fault("a", None) | {"expect": "unseen"}, fault("b", None)
    rows = result.rows_of([hidden, missed], dict.fromkeys([("a", 1), ("b", 1)], Verdict("unseen")), {})
    account = result.summary(rows)
    assert (account["faults_injected"], account["faults_unseen"], account["faults_healed"]) == (2, 1, 0)
    (problem,) = result.problems({**GOOD, "not_healed": account["not_healed"]}, 0)
    assert "1 faults were neither healed nor escalated" in problem


def test_what_a_fault_comes_to_is_a_matter_of_the_room() -> None:
    whole, pinged = Fitting(profiles(0.1)), Fitting(profiles(0.1), codec="pinged")
    book = Book({"a": RoomPhysics("a", whole, 0.0), "b": RoomPhysics("b", pinged, 0.0)})
    assert book.inject("a", "codec_hang_soft", 10.0, 0.0).row()["expect"] == "healed"
    assert book.inject("b", "codec_hang_soft", 10.0, 0.0).row()["expect"] == "unseen"


def test_a_cause_ends_in_its_time_though_an_act_has_ended_its_symptom() -> None:
    room = RoomPhysics("a", Fitting(profiles(0.1)), 0.0)
    book = Book({"a": room})
    entry = book.inject("a", "amp_off", 10.0, 0.0, lasts_s=60.0)
    room.relay("amplifier", True, 20.0)
    book.watch(21.0)
    assert (entry.gone_s, room.amplifier_by_hand) == (21.0, False)
    book.watch(70.0)
    assert room.amplifier_by_hand
    assert (entry.gone_s, entry.ended_by) == (21.0, "act")


def fault(room: str, outage_s: float | None = 9.0) -> dict[str, Any]:
    return {"id": 1, "room": room, "fault": "codec_hang_soft", "injected_wall_s": 100.0, "boot_s": 5.0,
            "outage_s": outage_s, "ended_by": "act" if outage_s else "", "expect": "healed"}  # fmt: skip


@pytest.mark.parametrize(
    ("by_physics", "by_hub", "wrong"),
    [
        ("cause", ("room",), True), ("cause", ("with_cause", "room"), True), ("cause", ("with_cause",), False),
        ("cause", ("itself",), False), ("act", ("room",), False), ("act", ("itself", "room"), False),
        ("act", ("order",), False), ("act", ("itself",), True), ("act", ("with_cause",), True), ("cause", (), False),
    ],
)  # fmt: skip
def test_the_hub_is_judged_by_the_physics(by_physics: str, by_hub: tuple[str, ...], wrong: bool) -> None:
    told = {"a": fault("a") | {"ended_by": by_physics}}
    rows = result.rows_of(told.values(), {("a", 1): Verdict("healed", False, (1,), by_hub)}, {})
    found = result.summary(rows)["misjudged"]
    assert [row["room"] for row in found] == (["a"] if wrong else [])


def test_what_ended_a_fault_is_known_from_the_physics_alone() -> None:
    rooms = {name: RoomPhysics(name, Fitting(profiles(0.1)), 0.0) for name in ("a", "b", "c")}
    book = Book(rooms)
    ring = book.inject("a", "ring_down", 10.0, 0.0, lasts_s=5.0)
    restarted = book.inject("b", "codec_hang_soft", 10.0, 0.0, lasts_s=100.0)
    lifted = book.inject("c", "codec_hang_soft", 10.0, 0.0)
    rooms["b"].command("codec_restart", 12.0)
    book.lift("c", "codec_hang_soft", 13.0)
    for moment_s in (14.0, 16.0, 60.0, 120.0):
        book.watch(moment_s)
    assert [entry.ended_by for entry in (ring, restarted, lifted)] == ["cause", "act", "cause"]


def test_the_console_knows_a_fault_from_its_first_incident_on() -> None:
    seen = {1: Seen(1, "a", "codec_hung", 107.0), 2: Seen(2, "a", "room_lost", 104.5), 3: Seen(3, "b", "x", 0.0)}
    verdicts = {("a", 1): Verdict("healed", False, (1, 2)), ("b", 1): Verdict("open", False, (3,))}
    rows = result.rows_of([fault("a"), fault("b", None)], verdicts, seen)
    assert [row["to_console_s"] for row in rows] == [4.5, None]
    account = result.summary(rows)
    assert (account["faults_injected"], account["faults_healed"], account["faults_escalated"]) == (2, 1, 0)
    assert [row["room"] for row in account["outage_s"]] == ["a"]
    assert [row["room"] for row in account["not_healed"]] == ["b"]


GOOD = {"rooms_heard": 3, "rooms_expected": 3, "not_healed": [], "misjudged": [], "actions_in_call": 0,
        "needless_acts": 0,
        "events_stored": 7, "events_sent": 7}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "left", "words"),
    [
        ({}, 0, []),
        ({"rooms_heard": 2}, 0, ["2 of 3 rooms were heard"]),
        ({"actions_in_call": 1}, 0, ["1 acts took something out of the path of a call"]),
        ({"needless_acts": 2}, 0, ["2 times a switch or converter was cycled that worked"]),
        ({"events_stored": 6}, 0, ["rooms sent 7 events, the hub stored 6"]),
        (
            {"misjudged": [{"fault": "x", "room": "a", "ended_by": "cause", "ended_by_hub": ["room"]}]},
            0,
            ["1 outcomes are not what the physics say"],
        ),
        ({}, 2, ["2 faults of the scenario come later"]),
        ({"not_healed": [{"outcome": "escalated"}]}, 0, []),
        (
            {"not_healed": [{"outcome": "unseen", "expect": "healed", "fault": "x", "room": "a"}]},
            0,
            ["neither healed nor escalated"],
        ),
    ],
)
def test_whatever_is_not_as_it_should_be_is_named(change: dict[str, Any], left: int, words: list[str]) -> None:
    found = result.problems({**GOOD, **change}, left)
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))
