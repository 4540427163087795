"""The hub's clock is set while something else is under way: a restart, a batch that waits, a page that is asked for."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.access import tokens
from hub.access.auth import SESSION_S
from hub.core.rollout import Phase, Rollout
from hub.intake.link import Received
from hub.store import clock_steps
from hub.store.read.reads import Reader
from tests.hub.test_clock_steps import DAY, HOUR, STEPS, WAIT_S, YEARS, Bench, assert_works, before, settle, work
from wire.event_kinds import EventKind
from wire.messages import encode


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.db.close()


def restart(bench: Bench) -> None:
    """The process ends and another begins, on the same start of the machine."""
    bench.db.close()
    bench.start()


def waiting(bench: Bench, room: str, what: str, **fields: Any) -> None:
    """A message comes, and waits for its batch."""
    one = bench.rooms[room]
    one.mono_s = bench.true_s - one.start_s - 1.0
    message = getattr(one, what)(**fields)
    bench.hub._writer.offer(Received(one.topic(message), encode(message), False, bench.clock(), lambda: None))


def write_waiting(bench: Bench) -> None:
    bench.hub._writer._write(bench.hub._writer._gather())


@STEPS
def test_message_that_waits_while_the_clock_is_set_is_dated_by_the_new_one(bench: Bench, by_s: float) -> None:
    before(bench)
    bench.go_on(HOUR, every_s=60.0)
    bench.set_clock(by_s)
    bench.go_on(115.0)
    waiting(bench, "p1-1", "status")
    waiting(bench, "p2-5", "event", kind=EventKind.FAULT_CONFIRMED, fault_id=9, rule="codec_hung", severity="major")
    bench.go_on(20.0)
    assert bench.clock() == pytest.approx(bench.true_s + by_s, abs=6.0)
    write_waiting(bench)
    now_s = bench.clock()
    assert bench.rows("SELECT heard_s FROM twins WHERE room = 'p1-1'")[0][0] == pytest.approx(now_s, abs=30.0)
    assert bench.rows("SELECT received_s FROM events WHERE room = 'p2-5'")[0][0] == pytest.approx(now_s, abs=30.0)


@pytest.mark.parametrize(
    "spoil",
    [
        "INSERT INTO rollouts (version, phase, body, by, created_s, changed_s) VALUES ('1', 'done', 'x', 'ha', 1, 1)",
        'UPDATE events SET raw = CAST(\'{"stamp": {"synced": true}}\' AS BLOB)',
        'UPDATE events SET raw = CAST(\'{"stamp": {"synced": true, "wall_s": "never"}}\' AS BLOB)',
        "UPDATE events SET raw = x'7bff'",
    ],
)
def test_damaged_row_does_not_stop_the_clock(bench: Bench, spoil: str) -> None:
    before(bench)
    bench.say("p2-5", "event", kind=EventKind.FAULT_CONFIRMED, fault_id=9, rule="codec_hung", severity="major")
    bench.go_on(HOUR, every_s=60.0)
    bench.db.execute(spoil)
    bench.set_clock(-YEARS)
    bench.go_on(WAIT_S)
    assert bench.clock() == pytest.approx(bench.true_s - YEARS, abs=6.0)
    assert bench.rows("SELECT COUNT(*) FROM events WHERE received_s > ? OR at_s > ?", *[bench.clock() + 6.0] * 2) == [
        (0,)
    ]


def test_clock_that_cannot_be_moved_along_stops_nothing_else(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise sqlite3.OperationalError("malformed JSON")

    before(bench)
    monkeypatch.setattr(clock_steps, "move", fails)
    bench.go_on(HOUR, every_s=60.0)
    bench.set_clock(YEARS)
    bench.go_on(WAIT_S)
    assert bench.clock() == pytest.approx(bench.true_s, abs=6.0)
    assert bench.hub.health()["clock"] == "set_waits"
    bench.go_on(400.0, "p1-1", "p1-2")
    lost = {room for (room,) in bench.rows("SELECT room FROM incidents WHERE rule = 'room_lost' AND closed_s = 0")}
    assert "p1-3" in lost
    assert "p1-1" not in lost
    assert bench.hub.health()["failing"] == ""


def test_step_that_was_committed_is_not_taken_twice(bench: Bench) -> None:
    before(bench)
    bench.go_on(HOUR, every_s=60.0)
    heard = bench.rows("SELECT heard_s FROM twins WHERE room = 'p1-1'")[0][0]
    bench.set_clock(-HOUR)
    bench.go_on(115.0)
    real = bench.hub._writer._hooks.keep_time
    bench.hub._writer._hooks.keep_time = lambda db: (real(db), None)[1]  # the word of the commit is lost
    bench.go_on(20.0)
    assert bench.rows("SELECT COUNT(*) FROM audit WHERE what = 'clock_set'") == [(1,)]
    bench.hub._writer._hooks.keep_time = real
    bench.go_on(10.0)
    assert bench.clock() == pytest.approx(bench.true_s - HOUR, abs=6.0)
    assert bench.rows("SELECT heard_s FROM twins WHERE room = 'p1-1'")[0][0] == pytest.approx(heard - HOUR, abs=1.0)
    assert bench.rows("SELECT COUNT(*) FROM audit WHERE what = 'clock_set'") == [(1,)]


def test_deletion_rests_for_a_day_after_a_step_whatever_restarts(bench: Bench) -> None:
    before(bench)
    bench.go_on(HOUR, every_s=60.0)
    bench.set_clock(YEARS)
    bench.go_on(WAIT_S)
    for again in (restart, Bench.reboot):
        again(bench)
        settle(bench)
        assert bench.hub.health()["clock"] == "set"
        assert bench.rows("SELECT COUNT(*) FROM history WHERE fact = 'codec.temp_c'") == [(29 * len(bench.rooms),)]


def test_a_round_of_deletion_does_not_begin_anew_with_each_start(bench: Bench) -> None:
    before(bench)
    bench.set_clock(300 * DAY)
    bench.reboot()  # as if it had been off for so long: nobody doubts it
    bench.go_on(DAY / 2 + 300.0, every_s=60.0)
    settle(bench)
    left = bench.rows("SELECT COUNT(*) FROM history WHERE fact = 'codec.temp_c'")
    assert left == [(28 * len(bench.rooms),)]
    for again in (restart, Bench.reboot, restart):
        again(bench)
        bench.go_on(300.0)
        settle(bench)
    assert bench.rows("SELECT COUNT(*) FROM history WHERE fact = 'codec.temp_c'") == left


@pytest.mark.parametrize("again", [restart, Bench.reboot])
@pytest.mark.parametrize("by_s", [YEARS, -YEARS])
def test_doubt_outlives_a_restart(bench: Bench, by_s: float, again: Any) -> None:
    before(bench)
    bench.go_on(300.0, *bench.rooms)
    version = bench.document("p1-1").version
    bench.set_clock(by_s)
    bench.reboot()
    bench.go_on(70.0)
    again(bench)
    bench.go_on(DAY / 2, every_s=600.0)
    assert bench.hub.health()["clock"] == "start"
    assert bench.hub._time.doubted
    assert bench.document("p1-1").version == version
    bench.go_on(DAY / 2 + 600.0, every_s=600.0)
    assert not bench.hub._time.doubted


def test_rooms_are_heard_before_a_start_is_believed(bench: Bench) -> None:
    """An hour more than before may be an hour off, or a clock that was set meanwhile."""
    before(bench)
    bench.go_on(300.0, *bench.rooms)
    bench.set_clock(6 * HOUR)
    bench.reboot()
    bench.db.execute("UPDATE desired SET raw = CAST(replace(raw, '\"has\"', '\"had\"') AS BLOB)")  # one is due
    bench.go_on(30.0)
    assert [one.id for one in bench.document("p1-1").meetings] == ["m1"]
    assert bench.hub.health()["clock"] == ""
    bench.go_on(120.0)
    assert not bench.hub._time.doubted  # nobody spoke


def test_word_of_the_rooms_outlives_a_restart(bench: Bench) -> None:
    before(bench)
    bench.go_on(300.0, *bench.rooms)
    bench.set_clock(YEARS)
    bench.go_on(70.0, *bench.rooms)
    restart(bench)
    bench.go_on(2 * HOUR, every_s=60.0)  # the broker is gone
    assert bench.clock() == pytest.approx(bench.true_s, abs=6.0)
    bench.go_on(DAY, every_s=600.0)
    assert bench.clock() == pytest.approx(bench.true_s + YEARS, abs=6.0)


def test_what_the_broker_kept_while_the_hub_was_away_judges_nothing(bench: Bench) -> None:
    before(bench)
    bench.go_on(300.0, *bench.rooms)
    bench.db.close()
    old = []
    for room in bench.rooms.values():
        room.mono_s = bench.true_s - room.start_s - 1.0
        message = room.status()
        old.append((room.topic(message), encode(message)))
    bench.elapsed_s += HOUR
    bench.set_clock(-HOUR)
    bench.start()
    bench.hub._writer._commit([Received(topic, raw, False, bench.clock(), lambda: None) for topic, raw in old])
    bench.go_on(60.0)
    assert bench.clock() == pytest.approx(bench.true_s, abs=6.0)
    bench.go_on(120.0, *bench.rooms)
    assert bench.clock() == pytest.approx(bench.true_s, abs=6.0)
    assert bench.hub.health()["clock"] == "set_waits"


def test_session_that_is_used_while_the_clock_is_set_back_ends_in_time(bench: Bench) -> None:
    token = before(bench)
    bench.go_on(HOUR, every_s=60.0)
    asked_s = bench.clock()
    bench.set_clock(-YEARS)
    bench.go_on(WAIT_S)
    row = bench.rows("SELECT token_hash FROM sessions")[0][0]
    bench.sessions._clock = lambda: asked_s  # a request that has looked at the clock, and waited for the lock
    bench.sessions._prolong([row], asked_s)
    bench.sessions._clock = bench.clock
    bench.go_on(SESSION_S + 120.0, every_s=600.0)
    assert bench.sessions.find(token) is None


def test_session_that_was_used_in_a_wrong_future_ends_after_half_a_day(bench: Bench) -> None:
    token = before(bench)
    bench.set_clock(11 * HOUR)
    bench.reboot()
    bench.go_on(120.0)
    assert bench.sessions.find(token) is not None
    bench.set_clock(-11 * HOUR)
    bench.reboot()
    bench.go_on(10.0)
    assert bench.sessions.find(token) is not None
    bench.db.execute("UPDATE sessions SET seen_s = seen_s")
    bench.elapsed_s += SESSION_S + 60.0
    assert bench.sessions.find(token) is None


@pytest.mark.parametrize("by_s", [5 * DAY, YEARS])
def test_what_was_written_ahead_is_taken_back_when_the_rooms_agree_after_a_start(bench: Bench, by_s: float) -> None:
    before(bench)
    bench.go_on(HOUR, every_s=60.0)
    bench.set_clock(by_s)
    bench.go_on(WAIT_S)
    work(bench)
    bench.db.execute(
        "INSERT INTO rollouts (version, phase, body, by, created_s, changed_s) VALUES ('2', 'done', ?, 'ha', ?, ?)",
        (msgspec.json.encode(Rollout("2", "1", (), phase=Phase.DONE, since_s=bench.clock())), *[bench.clock()] * 2),
    )
    bench.set_clock(-by_s)
    bench.reboot()
    bench.go_on(60.0)
    restart(bench)
    bench.go_on(DAY if by_s == YEARS else 60.0, every_s=600.0)
    (newest,) = bench.rows("SELECT MAX(received_s) FROM events")[0]
    assert newest > bench.true_s + by_s - 2 * DAY  # nobody can say
    bench.go_on(400.0, *bench.rooms)
    settle(bench)
    latest_s = bench.true_s + 6.0
    for one in (*clock_steps.SPANS, *clock_steps.RECORDS, *clock_steps.EVENTS):
        assert bench.rows(f"SELECT COUNT(*) FROM {one.table} WHERE {one.names[0]} > ?", latest_s) == [(0,)], one
    assert bench.rows("SELECT json_extract(body, '$.since_s') FROM rollouts")[0][0] < latest_s
    assert bench.rows("SELECT MAX(hour) FROM history")[0][0] <= latest_s // HOUR + 1
    told = [json.loads(detail)["by_s"] for (detail,) in bench.rows("SELECT detail FROM audit WHERE what = 'clock_set'")]
    assert told == [pytest.approx(by_s, abs=1.0), pytest.approx(-by_s, abs=90.0)]


def test_token_of_a_wrong_future_is_not_good_for_years(bench: Bench) -> None:
    before(bench)
    bench.set_clock(YEARS)
    bench.reboot()
    made = tokens.new(bench.db, "bao-cao", ["read"], days=30, by="ha", now_s=bench.clock())
    assert tokens.find(Reader(bench.folder / "hub.db"), made, bench.clock()) is not None
    bench.set_clock(-YEARS)
    bench.reboot()
    assert tokens.find(Reader(bench.folder / "hub.db"), made, bench.clock()) is None
    assert tokens.listed(Reader(bench.folder / "hub.db"))[0].state(bench.clock()) == "expired"


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happened_every_feature_works_once_the_time_is_right(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    token = before(bench)
    ends_s = bench.elapsed_s + 2.5 * HOUR  # the meeting goes on
    for _ in range(8):
        match chance.choice(("set", "set", "right", "silence", "few", "all", "work", "restart", "reboot", "waits")):
            case "set":
                bench.set_clock(chance.choice((1, -1)) * chance.choice((HOUR / 3, HOUR, 5 * DAY, YEARS)))
            case "right":
                bench.skew_s = 0.0
            case "silence":
                bench.go_on(chance.choice((60.0, WAIT_S, 400.0)))
            case "few":
                bench.go_on(WAIT_S, "p1-1", "p1-2")
            case "all":
                bench.go_on(WAIT_S, *bench.rooms)
            case "work":
                work(bench, chance.choice(("p1-1", "p2-1")))
            case "restart":
                restart(bench)
            case "reboot":
                bench.reboot(chance.choice((60.0, HOUR / 2)))
            case "waits":
                waiting(bench, "p1-2", "status")
                waiting(bench, "p2-4", "event", kind=EventKind.AGENT_STARTED)
                bench.go_on(20.0)
                write_waiting(bench)
    bench.skew_s = 0.0
    if chance.random() < 0.5:
        bench.reboot()
    bench.go_on(900.0, *bench.rooms)
    assert bench.elapsed_s < ends_s
    assert_works(bench, token)
