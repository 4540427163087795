"""The hub's clock is set by an hour or ten years, forward and back: the running parts, and every feature afterwards.

`Bench` drives the writer of a real hub by hand over a real database, with a wall clock and a monotonic one of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.access.auth import SESSION_S, Sessions
from hub.changes import meetings, orders
from hub.changes.meetings import Planned
from hub.core.leases import DENIED, GRANTED, Budget
from hub.history import chunks
from hub.intake.hooks import Call
from hub.intake.link import Broker, Received
from hub.port import Ordered
from hub.runtime.clock import HubClock
from hub.runtime.service import Hub
from hub.store import audit, clock_steps
from hub.store.db import open_db, open_reader, transaction
from tests.hub.rooms import T0, Room, fill_inventory
from wire.event_kinds import EventKind
from wire.messages import Desired, decode, encode

HOUR, DAY, YEARS = 3600.0, 86_400.0, 10 * 365 * 86_400.0
STEPS = pytest.mark.parametrize("by_s", [HOUR, -HOUR, YEARS, -YEARS], ids=["+1h", "-1h", "+10y", "-10y"])
WAIT_S = 130.0
"""Longer than a step without witnesses is waited for."""


class Bench:
    """A hub whose machine's clock the test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.elapsed_s, self.skew_s, self.boot = 0.0, 0.0, "boot-1"
        db = open_db(folder / "hub.db")
        self.spoke_s: dict[str, float] = {}
        """When a room spoke last, by a clock that is right."""
        self.rooms = {name: Room(name, boot=f"boot-{name}") for name in fill_inventory(db)}
        db.execute("INSERT INTO users (name, hash, role, created_s) VALUES ('ha', 'x', 'admin', 0)")
        db.close()
        self.start()

    @property
    def true_s(self) -> float:
        return T0 + DAY + self.elapsed_s

    def start(self) -> None:
        """A process of the hub begins."""
        self.clock = HubClock(lambda: self.true_s + self.skew_s, lambda: 1000.0 + self.elapsed_s, self.boot)
        self.hub = Hub(self.folder / "hub.db", Broker(port=1), clock=self.clock)
        self.sessions = Sessions(self.folder / "hub.db", self.clock)
        self.db = self.hub._writer._db
        self.db.execute("PRAGMA synchronous = OFF")  # no test here cuts the power
        self.hub._link_changed(True)
        self.tick()

    def reboot(self, away_s: float = 60.0) -> None:
        """The machine is off for a while, and starts again."""
        self.db.close()
        self.elapsed_s += away_s
        self.boot += "+"
        self.start()

    def tick(self) -> None:
        self.hub._desired_at_s = 0.0
        self.hub._writer._tick()

    def go_on(self, for_s: float, *speaking: str, every_s: float = 10.0) -> None:
        """Time passes; those who speak do so once a minute."""
        ends_s, told_s = self.elapsed_s + for_s, -60.0
        while self.elapsed_s < ends_s:
            self.elapsed_s += min(every_s, ends_s - self.elapsed_s)
            if speaking and self.elapsed_s - told_s >= 60.0:
                told_s = self.elapsed_s
                for room in speaking:
                    self.say(room, "status")
            self.tick()

    def set_clock(self, by_s: float) -> None:
        self.skew_s += by_s

    def say(self, room: str, what: str, *, synced: bool = True, ago_s: float = 0.0, **fields: Any) -> None:
        """A room speaks now, by a clock that is right, of something `ago_s` ago."""
        one = self.rooms[room]
        self.spoke_s[room] = self.true_s
        one.mono_s = self.true_s - ago_s - one.start_s - 1.0
        message = getattr(one, what)(**fields)
        if not synced:
            stamp = type(message.stamp)(**{**_fields(message.stamp), "synced": False, "wall_s": 1.0})
            message = type(message)(**{**_fields(message), "stamp": stamp})
        self.hub._writer._commit([
            Received(one.topic(message), encode(message), False, self.clock(), lambda: None)
        ])  # fmt: skip

    def do(self, job: Any) -> Any:
        """A change that waits for its turn at the writer."""
        call: Call[Any] = Call(job)
        self.hub._writer._answer(call)
        assert call.error is None, call.error
        return call.answer

    def lease(self, room: str) -> str:
        """What a room that asks is told."""
        budget = Budget(share_pct=0.0, floor=2, window_s=600.0)
        self.say(room, "status")
        told = self.do(lambda db, applier, now_s: orders.lease(db, applier, now_s, room=room, budget=budget))
        if isinstance(told, Ordered):
            return told.refused
        self.db.execute("UPDATE orders SET outcome = 'done' WHERE id = ?", (told.order.id,))
        return str(told.order.action)

    def order(self, room: str) -> str:
        """Why an order to the room is refused; empty: it is under way."""
        told = self.do(
            lambda db, applier, now_s: orders.write(
                db, applier, now_s, room=room, action="recheck", by="ha", why="", incident=None
            )
        )
        return told.refused if isinstance(told, Ordered) else ""

    def sign_in(self) -> str:
        with self.sessions.writing() as db:
            return self.sessions._begin(db, "ha", "10.0.0.1", "", "", {}).token

    def rows(self, sql: str, *given: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.db.execute(sql, given)]

    def document(self, room: str) -> Desired:
        return decode(Desired, bytes(self.rows("SELECT raw FROM desired WHERE room = ?", room)[0][0]))


def _fields(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.db.close()


def before(bench: Bench) -> str:
    """A day like any other: history, a secret meeting that is on, somebody signed in. Gives the session's token."""
    now_s = bench.true_s
    for room in bench.rooms:
        chunks.put(bench.db, room, "codec.temp_c", [(now_s - days * DAY, 40.0) for days in range(29)])
    meeting = Planned("m1", "Giao ban", now_s - HOUR / 2, now_s + 5 * HOUR, frozenset({"p1-1"}), secret=True)
    with transaction(bench.db):
        meetings.replace_schedule(bench.db, [meeting], now_s, "ha")
    bench.go_on(60.0, *bench.rooms)
    assert [one.id for one in bench.document("p1-1").meetings] == ["m1"]
    return bench.sign_in()


def work(bench: Bench, room: str = "p1-1") -> None:
    """What happens at any hour: leases, an order, a fault, a note, a sample, a room that falls silent."""
    bench.say(room, "status")
    bench.lease(room)
    bench.order(room)
    bench.say(room, "event", kind=EventKind.FAULT_CONFIRMED, fault_id=7, rule="codec_hung", severity="major")
    bench.say(room, "metric", x=1.0)
    bench.say("p2-5", "status", synced=False)
    bench.say("p2-5", "metric", synced=False, x=1.0)
    bench.say(
        "p2-5", "event", synced=False, kind=EventKind.FAULT_CONFIRMED, fault_id=7, rule="codec_hung", severity="major"
    )


def settle(bench: Bench) -> None:
    """All that is put right room by room."""
    for _ in range(3 * len(bench.rooms) + 3):
        bench.tick()


def assert_works(bench: Bench, token: str) -> None:
    """Every feature, at the right time again."""
    now_s = bench.true_s
    assert bench.clock() == pytest.approx(now_s, abs=6.0)
    # Records: nothing of ours stands in the future.
    for table, name in (
        ("events", "at_s"), ("events", "received_s"), ("incidents", "opened_s"), ("incidents", "confirmed_s"),
        ("orders", "created_s"), ("twins", "heard_s"), ("sessions", "seen_s"),
    ):  # fmt: skip
        (newest,) = bench.rows(f"SELECT COALESCE(MAX({name}), 0) FROM {table}")[0]
        assert newest <= now_s + 6.0, (table, name)
    # Liveness: who falls silent is lost, since when is true, and who speaks is back.
    bench.go_on(400.0, *(room for room in bench.rooms if room != "p1-3"))
    lost = bench.rows("SELECT room, opened_s FROM incidents WHERE rule = 'room_lost' AND closed_s = 0")
    assert [room for room, _ in lost] == ["p1-3"]
    assert lost[0][1] == pytest.approx(bench.spoke_s["p1-3"], abs=90.0)
    bench.say("p1-3", "status")
    bench.tick()
    assert not bench.rows("SELECT 1 FROM incidents WHERE rule = 'room_lost' AND closed_s = 0")
    # Leases: the window of the wrong time is over, and no wider budget came of it.
    bench.go_on(601.0, *bench.rooms)
    assert [bench.lease(room) for room in ("p1-1", "p1-2", "p1-3")] == [GRANTED, GRANTED, DENIED]
    # Orders: none blocks another; one that nobody answers ends.
    assert bench.order("p1-1") == ""
    assert bench.order("p1-1") == "busy"
    bench.go_on(70.0, *bench.rooms)
    assert bench.order("p1-1") == ""
    # Back-fill marks: what is new pages, what is old does not, with and without a time server in the room.
    marks = []
    for synced in (True, False):
        for ago_s in (0.0, 600.0):
            bench.say("p2-1" if synced else "p2-5", "event", synced=synced, ago_s=ago_s)
            marks.append(bench.rows("SELECT backfilled FROM events ORDER BY rowid DESC LIMIT 1")[0][0])
    assert marks == [0, 1, 0, 1]
    # History: all that was there, and the new at its hour.
    settle(bench)
    assert bench.rows("SELECT COUNT(*) FROM history WHERE fact = 'codec.temp_c'") == [(29 * len(bench.rooms),)]
    bench.say("p2-2", "metric", y=5.0)
    (hour,) = bench.rows("SELECT MAX(hour) FROM history WHERE fact = 'y'")[0]
    assert hour == int(bench.true_s // HOUR)
    assert bench.rows("SELECT MAX(hour) FROM history")[0][0] <= int(bench.true_s // HOUR) + 1
    # The meeting that is on is known to the room, in a document that it can take.
    assert [one.id for one in bench.document("p1-1").meetings] == ["m1"]
    assert bench.document("p1-1").version <= bench.true_s + DAY
    # Sessions: still good, and over when they have not been used for half a day.
    assert bench.sessions.find(token) is not None
    bench.go_on(SESSION_S + 120.0, every_s=600.0)
    assert bench.sessions.find(token) is None
    assert audit.verify(open_reader(bench.folder / "hub.db")).ok


@STEPS
def test_clock_that_is_set_and_set_back_without_witnesses_leaves_nothing_behind(bench: Bench, by_s: float) -> None:
    token = before(bench)
    bench.go_on(HOUR, every_s=60.0)  # what the rooms have said has grown old: nobody can judge
    bench.set_clock(by_s)
    bench.go_on(WAIT_S)
    assert bench.clock() == pytest.approx(bench.true_s + by_s, abs=6.0)
    assert bench.hub.health()["clock"] == "set"
    wrong = bench.sign_in()
    work(bench)
    bench.go_on(WAIT_S + 60.0)
    bench.set_clock(-by_s)
    bench.go_on(WAIT_S + 60.0)
    assert bench.sessions.find(wrong) is not None
    done = [json.loads(detail)["by_s"] for (detail,) in bench.rows("SELECT detail FROM audit WHERE what = 'clock_set'")]
    assert done == [pytest.approx(by_s, abs=1.0), pytest.approx(-by_s, abs=1.0)]
    assert_works(bench, token)
    assert bench.sessions.find(wrong) is None


@STEPS
def test_rooms_that_contradict_keep_the_hub_at_its_time(bench: Bench, by_s: float) -> None:
    token = before(bench)
    bench.go_on(300.0, *bench.rooms)
    bench.set_clock(by_s)
    bench.go_on(600.0, *bench.rooms)
    assert bench.clock() == pytest.approx(bench.true_s, abs=6.0)
    told = bench.hub.health()
    assert (told["clock"], told["clock_off_s"]) == ("set_waits", pytest.approx(by_s, abs=1.0))
    assert bench.lease("p1-1") == GRANTED
    bench.say("p1-2", "event", kind=EventKind.AGENT_STARTED)
    assert bench.rows("SELECT backfilled FROM events ORDER BY rowid DESC LIMIT 1") == [(0,)]
    bench.go_on(HOUR, every_s=60.0)  # the broker is gone: the last word of the rooms counts
    assert bench.clock() == pytest.approx(bench.true_s, abs=6.0)
    bench.db.close()
    bench.start()  # and so it does for the next process
    assert bench.clock() == pytest.approx(bench.true_s, abs=6.0)
    bench.set_clock(-by_s)
    bench.go_on(60.0, *bench.rooms)
    assert bench.hub.health()["clock"] == ""
    assert not bench.rows("SELECT 1 FROM audit WHERE what = 'clock_set'")
    assert_works(bench, token)


@STEPS
def test_start_with_a_wrong_clock_is_told_and_mended(bench: Bench, by_s: float) -> None:
    token = before(bench)
    bench.go_on(300.0, *bench.rooms)
    bench.set_clock(by_s)
    bench.reboot()
    assert bench.clock() == pytest.approx(bench.true_s + by_s, abs=6.0)
    if by_s not in (HOUR,):  # an hour more is like an hour off
        assert bench.hub.health()["clock"] == "start"
    version = bench.document("p1-1").version
    bench.go_on(300.0, *bench.rooms)
    assert bench.hub.health()["clock"] == "off"
    assert bench.hub.health()["clock_off_s"] == pytest.approx(by_s, abs=6.0)
    work(bench)
    for ago_s, late in ((0.0, 0), (600.0, 1)):  # judged by the rooms' clocks meanwhile
        bench.say("p2-1", "event", ago_s=ago_s)
        assert bench.rows("SELECT backfilled FROM events ORDER BY rowid DESC LIMIT 1") == [(late,)]
    assert [one.id for one in bench.document("p1-1").meetings] == ["m1"]
    assert bench.document("p1-1").version == version
    bench.set_clock(-by_s)  # the time server is reached
    bench.go_on(300.0, *bench.rooms)
    assert bench.hub.health()["clock"] == "set"
    assert_works(bench, token)


@STEPS
def test_process_that_starts_anew_in_the_wrong_time_knows_it_by_the_boot(bench: Bench, by_s: float) -> None:
    before(bench)
    bench.go_on(HOUR, every_s=60.0)
    bench.db.close()
    bench.set_clock(by_s)
    bench.start()
    assert bench.clock() == pytest.approx(bench.true_s, abs=70.0)
    assert bench.hub.health()["clock"] == "set_waits"


def test_clock_that_starts_before_what_was_written_stops_nothing(bench: Bench) -> None:
    before(bench)
    bench.go_on(60.0, *bench.rooms)
    assert bench.order("p1-1") == ""
    assert [bench.lease("p1-2"), bench.lease("p1-3")] == [GRANTED, GRANTED]
    bench.set_clock(-YEARS)
    bench.reboot()
    bench.go_on(10.0, "p1-1", "p1-2")
    assert bench.order("p1-1") == ""  # the one before has ended
    assert bench.lease("p1-1") == DENIED  # those given a minute ago count still
    bench.go_on(601.0, "p1-1", "p1-2")
    assert bench.lease("p1-1") == GRANTED
    lost = {room for (room,) in bench.rows("SELECT room FROM incidents WHERE rule = 'room_lost' AND closed_s = 0")}
    assert lost == bench.rooms.keys() - {"p1-1", "p1-2"}


def test_session_of_a_wrong_future_is_not_good_for_years(bench: Bench) -> None:
    bench.set_clock(YEARS)
    bench.reboot()
    token = bench.sign_in()
    assert bench.sessions.find(token) is not None
    bench.set_clock(-YEARS)
    bench.reboot()
    assert bench.sessions.find(token) is None


def test_retention_takes_a_days_worth_a_round_however_far_the_clock_went(bench: Bench) -> None:
    before(bench)
    bench.go_on(HOUR, every_s=60.0)
    bench.set_clock(YEARS)
    bench.go_on(DAY, every_s=600.0)  # it rests for a day
    settle(bench)
    assert bench.rows("SELECT COUNT(*) FROM history WHERE fact = 'codec.temp_c'") == [(29 * len(bench.rooms),)]
    assert bench.rows("SELECT COUNT(*) FROM sessions") == [(1,)]
    bench.go_on(HOUR, every_s=600.0)
    settle(bench)
    assert bench.rows("SELECT COUNT(*) FROM history WHERE fact = 'codec.temp_c'") == [(28 * len(bench.rooms),)]


def test_rollout_does_not_go_on_while_the_clock_is_in_doubt(bench: Bench) -> None:
    before(bench)
    bench.go_on(300.0, *bench.rooms)
    assert not bench.hub._time.doubted
    bench.set_clock(YEARS)
    bench.go_on(10.0)
    assert bench.hub._time.doubted


def test_every_time_in_the_database_has_its_kind(tmp_path: Path) -> None:
    db = open_db(tmp_path / "hub.db")
    names = {
        f"{table}.{row['name']}"
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for row in db.execute(f"PRAGMA table_info({table})")
        if row["name"].endswith("_s")
    }
    kinds = [
        *clock_steps.SPANS, *clock_steps.ENDS, *clock_steps.RECORDS, *clock_steps.EVENTS, *clock_steps.NAMED,
        *clock_steps.SEALED,
    ]  # fmt: skip
    listed = [f"{one.table}.{name}" for one in kinds for name in one.names]
    assert sorted(listed) == sorted(names)
    db.close()


def test_mark_that_cannot_be_read_is_no_mark(bench: Bench) -> None:
    for value in ("", "[]", "{}", '{"boot": 1}', "null", "x" * 9000):
        bench.db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('clock', ?)", (value,))
        bench.db.close()
        bench.start()
        assert bench.hub.health()["clock"] == ""
