"""Engine and store together: intent before act, and no act without a journal."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import agent.rules
from agent.core.events import Observed, OrderReceived, RemedyDone, Tick
from agent.core.facts import Instant, Observation
from agent.core.lifecycles import Latch
from agent.core.phases import Phase
from agent.core.policy import Policy
from agent.core.state import LoadState
from agent.runtime.room import Room, off_loads
from agent.store.base import Batch, LoadRow, Store, StoreError
from agent.store.memory import MemoryStore
from agent.store.sqlite import SqliteStore
from tests.agent.core.test_codec_hung_story import HUNG
from tests.agent.core.world import IDLE, WALL_S, policy
from wire import messages as m
from wire.event_kinds import EventKind


def now(mono_s: float) -> Instant:
    return Instant(mono_s, WALL_S + mono_s)


def make(store: Store, at_s: float = 100.0, under: Policy | None = None, time_scale: float = 1.0) -> Room:
    room = Room(agent.rules.load(), under or policy(), store, "b1", "0.1", "r-1", time_scale=time_scale)
    room.restore(now(at_s))
    room.commit(now(at_s))
    return room


def see(room: Room, readings: object, at_s: float) -> None:
    room.feed(Observed(Observation("t", readings)), now(at_s))  # type: ignore[arg-type]


def hang(room: Room, at_s: float) -> None:
    see(room, IDLE, at_s)
    for n in range(1, 4):
        see(room, HUNG, at_s + 10 * n)


def kinds(store: Store) -> list[str]:
    return [m.decode(m.Event, payload).kind for _, payload in store.outbox(0, 1000)]


class FailingStore(MemoryStore):
    broken = False

    def commit(self, batch: Batch) -> None:
        if self.broken:
            raise StoreError("the card is read-only")
        super().commit(batch)


def test_an_act_is_handed_out_only_after_its_intent_is_kept() -> None:
    store = MemoryStore("e")
    room = make(store)
    hang(room, 100)
    assert store.remember("b1").open_acts == ()
    (start,) = room.commit(now(131))
    assert [a.act_id for a in store.remember("b1").open_acts] == [start.act.act_id]
    assert kinds(store) == [EventKind.AGENT_STARTED, EventKind.FAULT_CONFIRMED, EventKind.REMEDY_STARTED]
    room.feed(RemedyDone(start.act.act_id, ok=True, proof={"off_s": 15.0}), now(140))
    room.commit(now(140))
    assert store.remember("b1").open_acts == ()


def test_without_a_journal_nothing_is_switched_and_nothing_is_lost() -> None:
    store = FailingStore("e")
    room = make(store)
    store.broken = True
    hang(room, 100)
    assert room.commit(now(131)) == []
    assert room.state.fault("codec_hung").phase is not Phase.REMEDYING
    assert room.journal_broken
    store.broken = False
    see(room, HUNG, 141)
    room.commit(now(141))
    assert EventKind.FAULT_CONFIRMED in kinds(store)
    done = [m.decode(m.Event, p) for _, p in store.outbox(0, 99) if m.decode(m.Event, p).kind == EventKind.REMEDY_DONE]
    assert done[0].reason == "no_journal"


def test_an_act_whose_intent_the_card_did_not_take_uses_up_nothing_and_is_tried_again() -> None:
    store = FailingStore("e")
    room = make(store)
    store.broken = True
    hang(room, 100)
    room.commit(now(131))
    assert room.state.load("codec").acts_s == ()
    assert room.state.load("codec").settle_until_s < 131
    store.broken = False
    see(room, HUNG, 145)
    assert [start.remedy.name for start in room.commit(now(145))] == ["codec_restart"], "the same rung, soon"


def test_a_codec_that_a_person_was_called_to_for_want_of_a_journal_is_restarted_when_that_is_back() -> None:
    """The cool-off would leave it hung for half an hour, and nothing forbids an act any more."""
    store = FailingStore("e")
    room = make(store)
    store.broken = True
    hang(room, 100)
    for at_s in range(131, 220):
        if at_s % 10 == 0:
            see(room, HUNG, at_s)
        room.feed(Tick(), now(at_s))
        assert room.commit(now(at_s)) == []
    assert room.state.fault("codec_hung").phase is Phase.ESCALATED
    store.broken = False
    see(room, HUNG, 220)
    assert room.commit(now(220)) == [], "it is known from here on"
    room.feed(Tick(), now(221))
    assert [start.remedy.name for start in room.commit(now(221))] == ["codec_restart"]


def test_what_stands_on_the_clock_of_one_boot_is_nothing_to_the_second_process_of_the_next() -> None:
    """Its wall clock would be taken for known, and a restart in a running meeting for one of a quiet afternoon."""
    store = MemoryStore("e")
    room = make(store, 20_000)
    room.feed(Tick(), now(20_000))
    see(room, {**IDLE, "ups.on_battery": True, "codec.upgrading": True}, 20_000)
    room.commit(now(20_000))
    told = store.remember("b1").meta
    assert all(told[key] for key in ("offsets", "offsets_last", "mains_bad", "upgrading")), told
    for at_s in (50.0, 250.0):  # the second one finds what the first has written, and what it has left
        at = Instant(at_s, WALL_S + at_s, synced=False)
        room = Room(agent.rules.load(), policy(), store, "b2", "0.1", "r-1")
        room.restore(at)
        room.commit(at)
        assert room.state.times.known(at) == ()
        assert room.state.mains_bad_s is None
        assert "codec.upgrading" not in room.state.facts


def test_a_room_goes_on_where_it_was_killed() -> None:
    store = MemoryStore("e")
    room = make(store)
    hang(room, 100)
    (start,) = room.commit(now(131))
    again = make(store, 140)  # no goodbye: the process was killed
    events = [m.decode(m.Event, p) for _, p in store.outbox(0, 99)]
    (done,) = [e for e in events if e.kind == EventKind.REMEDY_DONE]
    assert (done.outcome, done.act_id) == ("interrupted", start.act.act_id)
    assert again.state.fault("codec_hung").phase is Phase.CONFIRMED
    assert store.remember("b1").open_acts == ()
    third = make(store, 150)
    assert len([e for e in kinds(store) if e == EventKind.REMEDY_DONE]) == 1, "an interrupted act is closed once"
    see(third, IDLE, 400)
    see(third, IDLE, 410)
    third.commit(now(410))
    cleared = m.decode(m.Event, store.outbox(0, 99)[-1][1])
    assert (cleared.kind, cleared.fault_id) == (EventKind.FAULT_CLEARED, done.fault_id)
    assert store.remember("b1").open_faults == ()


def test_bad_mains_is_remembered_until_it_has_been_calm_whoever_restarts() -> None:
    store = MemoryStore("e")
    room = make(store, 100)
    see(room, {**IDLE, "mains.voltage_v": 180.0}, 105)
    room.commit(now(105))
    assert make(store, 110).state.mains_bad_s == 110, "written as a half minute that has not ended yet"
    assert make(store, 130).state.mains_bad_s == 120
    assert make(MemoryStore("other"), 130).state.mains_bad_s is None


def test_a_codec_that_takes_new_firmware_is_left_alone_whoever_restarts() -> None:
    """Without power now it may be destroyed, and it is as silent as one that hangs."""
    store = MemoryStore("e")
    room = make(store, 100)
    written = set()
    for at_s in range(100, 1000, 10):
        see(room, {**IDLE, "codec.upgrading": True}, at_s)
        room.commit(now(at_s))
        written.add(store.remember("b1").meta["upgrading"])
    assert written == {"600", "1200"}, "the card is not worn by it"
    again = make(store, 1000)
    hang(again, 1000)
    assert again.state.fault("codec_hung").refused == "upgrading"
    assert again.commit(now(1031)) == []
    hang(again, 1000 + 3601)
    assert again.commit(now(1000 + 3632)) != [], "nothing takes an hour"


def test_an_upgrade_that_has_ended_or_was_of_another_boot_holds_nothing_back() -> None:
    store = MemoryStore("e")
    room = make(store, 100)
    see(room, {**IDLE, "codec.upgrading": True}, 100)
    room.commit(now(100))
    other = Room(agent.rules.load(), policy(), store, "b2", "0.1", "r")
    other.restore(now(50))
    assert "codec.upgrading" not in other.state.facts
    see(room, {**IDLE, "codec.upgrading": False}, 110)
    room.commit(now(110))
    assert "codec.upgrading" not in make(store, 120).state.facts


def test_bad_mains_wears_no_card() -> None:
    store = MemoryStore("e")
    room = make(store, 100)
    written = []
    for at_s in range(100, 220, 10):
        see(room, {**IDLE, "mains.voltage_v": 180.0}, at_s)
        room.commit(now(at_s))
        written.append(store.remember("b1").meta["mains_bad"])
    assert sorted(set(written), key=float) == ["120", "150", "180", "210"]


def test_bad_mains_of_another_boot_is_another_clock() -> None:
    store = MemoryStore("e")
    room = make(store, 100)
    see(room, {**IDLE, "mains.voltage_v": 180.0}, 105)
    room.commit(now(105))
    room.remember_meta("boot", "b0")
    room.commit(now(106))
    assert make(store, 130).state.mains_bad_s is None


def test_a_light_that_was_on_is_on_again_after_a_crash() -> None:
    store = MemoryStore("e")

    def kept_off() -> bool:
        return "light" in off_loads(store.remember("b1"), policy())

    for n, (command, off) in enumerate([("light_on", False), ("light_off", True)]):
        room = make(store, 100 + 50 * n)
        assert kept_off() is not off
        see(room, IDLE, 105 + 50 * n)
        room.feed(OrderReceived(command, command, "lan"), now(110 + 50 * n))
        (start,) = room.commit(now(110 + 50 * n))
        room.feed(RemedyDone(start.act.act_id, ok=True, proof={}), now(111 + 50 * n))
        room.commit(now(111 + 50 * n))
        assert kept_off() is off, "kept when the act ends, not when the next one begins"


class WatchedStore(FailingStore):
    """Says of which loads each commit has written the row."""

    def __init__(self) -> None:
        super().__init__("e")
        self.written: list[dict[str, LoadRow]] = []

    def commit(self, batch: Batch) -> None:
        super().commit(batch)
        self.written.append(dict(batch.loads))


def test_how_the_loads_stand_is_written_when_it_changes_alone() -> None:
    store = WatchedStore()
    written = store.written
    room = make(store)
    see(room, IDLE, 100)
    room.commit(now(100))
    room.commit(now(101))
    assert [rows for rows in written if rows] == [dict.fromkeys(("amplifier", "fan", "light"), LoadRow(off=True))]
    room.state = replace(room.state, loads={**room.state.loads, "codec": LoadState(boot_s=131.54, latch=Latch.LATCHED)})
    store.broken = True
    room.commit(now(110))
    store.broken = False
    room.commit(now(111))
    assert written[-1] == {"codec": LoadRow(latched=True, boot_s=131.5)}
    again = make(store, 150)
    assert (again.state.load("codec").latched, again.state.load("codec").boot_s) == (True, 131.5)
    assert not written[-1], "what stands as before"


def test_a_light_of_which_a_journal_in_use_knows_nothing_is_on(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    make(SqliteStore(path)).store.close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM loads")
    assert off_loads(SqliteStore(path).remember("b1"), policy()) == ()
    assert off_loads(SqliteStore(tmp_path / "new.db").remember("b1"), policy()) == ("amplifier", "fan", "light")


def test_a_journal_that_cannot_be_read_authorises_nothing(tmp_path: Path) -> None:
    """Nobody knows what was restarted before: every load counts as restarted just now, at the next start too."""
    path = tmp_path / "room.db"
    SqliteStore(path).close()
    path.write_bytes(b"no database at all" * 500)
    SqliteStore(path).close()  # killed before it had taken note of anything
    store = SqliteStore(path)
    room = make(store)
    hang(room, 100)
    assert room.commit(now(131)) == []
    store.close()
    room = make(SqliteStore(path), 400)
    hang(room, 3000)
    assert room.commit(now(3031)) == []
    refusals = [
        e.reason for _, p in room.store.outbox(0, 99) if (e := m.decode(m.Event, p)).kind == EventKind.REMEDY_REFUSED
    ]
    assert refusals == ["budget_hour", "budget_hour", "budget_hour"]
    hang(room, 5000)
    assert [start.remedy.name for start in room.commit(now(5031))] == ["codec_restart"]


def test_every_command_gets_its_replies() -> None:
    room = make(MemoryStore("e"))
    see(room, IDLE, 100)
    room.feed(OrderReceived("c1", "light_on", "lan"), now(101))
    (start,) = room.commit(now(101))
    room.feed(RemedyDone(start.act.act_id, ok=True, proof={"powered": True}), now(102))
    room.feed(OrderReceived("c2", "light_on", "lan"), now(102.5))
    room.commit(now(103))
    assert [(c, r.outcome, r.reason) for c, r in room.replies] == [
        ("c1", "accepted", ""), ("c1", "done", ""), ("c2", "refused", "stagger"),
    ]  # fmt: skip


def test_events_carry_rising_numbers_and_words_in_both_languages() -> None:
    store = MemoryStore("e")
    room = make(store)
    hang(room, 100)
    room.commit(now(131))
    rows = store.outbox(0, 99)
    assert [seq for seq, _ in rows] == [1, 2, 3]
    confirmed = m.decode(m.Event, rows[1][1])
    assert set(confirmed.words) == {"vi", "en"}
    assert confirmed.evidence[0].key == "codec.api"
    assert confirmed.since_s < confirmed.stamp.wall_s
