"""One contract for both stores; and what only a file can suffer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import agent.rules
from agent.core import state
from agent.core.facts import Instant
from agent.core.phases import Phase
from agent.core.remedies import LOADS, REMEDIES, Method
from agent.core.state import Fault
from agent.runtime.room import Room
from agent.store import base, sqlite
from agent.store.base import ActRow, Batch, LoadRow, Store, StoreError
from agent.store.memory import MemoryStore
from agent.store.sqlite import SqliteStore
from tests.agent.core.world import policy


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore("e1") if request.param == "memory" else SqliteStore(tmp_path / "room.db")
    yield made
    made.close()


def act(number: int, boot: str = "b1") -> ActRow:
    return ActRow(
        number, "codec_power_cycle", "codec", "cycle", 10.0 + number, 1000.0 + number, True, boot, "codec_hung"
    )


def fill(store: Store, count: int) -> list[int]:
    numbers = [store.reserve_seq() for _ in range(count)]
    store.commit(Batch(events=[(n, f"event {n}".encode()) for n in numbers]))
    return numbers


class TestContract:
    def test_events_stay_in_order_until_acknowledged(self, store: Store) -> None:
        assert fill(store, 5) == [1, 2, 3, 4, 5]
        assert store.floor() == 1
        assert store.outbox(0, 2) == [(1, b"event 1"), (2, b"event 2")]
        store.ack(3)
        assert (store.floor(), store.pending()) == (4, 2)
        assert [seq for seq, _ in store.outbox(0, 10)] == [4, 5]
        store.ack(2)  # an old acknowledgement changes nothing
        assert store.pending() == 2
        store.ack(5)
        assert (store.floor(), store.pending()) == (6, 0)
        assert fill(store, 1) == [6]

    def test_what_was_acknowledged_is_due_again_when_the_hub_has_lost_it(self, store: Store) -> None:
        fill(store, 5)
        store.ack(3)
        assert store.newest() == 5, "acknowledged or not"
        assert store.rewind({"hub_epoch": "h2"})
        assert (store.floor(), store.pending()) == (1, 5)
        assert [seq for seq, _ in store.outbox(0, 10)] == [1, 2, 3, 4, 5]
        assert store.remember("b").meta["hub_epoch"] == "h2"
        store.ack(4)
        assert (store.floor(), store.pending()) == (5, 1)
        assert store.rewind({}), "as often as hubs are brought back"
        assert store.pending() == 5

    def test_what_is_kept_is_bounded_and_its_end_counts_as_no_loss(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("agent.store.sqlite.KEPT_BYTES_MAX", 40)
        if isinstance(store, MemoryStore):
            store = MemoryStore("e", 40)
        for number in range(1, 21):
            fill(store, 1)
            store.ack(number)
        assert (store.pending(), store.floor(), store.dropped) == (0, 21, 0)
        fill(store, 1)
        store.rewind({})
        kept = [seq for seq, _ in store.outbox(0, 99)]
        assert kept == list(range(kept[0], 22)), "the newest, without a gap"
        assert 3 <= len(kept) <= 6

    def test_a_full_outbox_drops_nothing_of_what_is_kept(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in ("memory", "sqlite"):
            monkeypatch.setattr(f"agent.store.{module}.OUTBOX_BYTES_MAX", 40)
        fill(store, 4)
        store.ack(4)
        fill(store, 4)
        assert (store.dropped, store.pending()) == (0, 4)

    def test_open_and_ended_acts_are_told_apart(self, store: Store) -> None:
        store.commit(Batch(begun=[act(1), act(2, boot="b0")]))
        store.commit(Batch(ended=[(1, "done")]))
        memory = store.remember("b1")
        assert [(a.act_id, a.same_boot) for a in memory.open_acts] == [(2, False)]
        assert [(a.act_id, a.same_boot) for a in memory.past_acts] == [(1, True)]

    def test_faults_and_small_values_are_kept_and_forgotten(self, store: Store) -> None:
        fault = Fault("codec_hung", Phase.CONFIRMED, 7, rung=1)
        store.commit(Batch(faults={"codec_hung": fault}, meta={"next_id": "8"}))
        memory = store.remember("b")
        assert memory.open_faults == (fault,)
        assert memory.meta["next_id"] == "8"
        store.commit(Batch(faults={"codec_hung": None}))
        assert store.remember("b").open_faults == ()

    def test_a_row_of_each_load_is_kept_and_written_anew(self, store: Store) -> None:
        off, latched = LoadRow(off=True, shed=True), LoadRow(latched=True, boot_s=131.5)
        store.commit(Batch(loads={"fan": off, "codec": LoadRow(boot_s=131.5)}))
        store.commit(Batch(loads={"codec": latched}))
        assert list(store.remember("b").loads.items()) == [("codec", latched), ("fan", off)]
        store.commit(Batch(loads={"fan": LoadRow()}))
        assert store.remember("b").loads == {"codec": latched, "fan": LoadRow()}

    def test_a_full_outbox_drops_the_oldest_and_counts(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in ("memory", "sqlite"):
            monkeypatch.setattr(f"agent.store.{module}.OUTBOX_BYTES_MAX", 40)
        fill(store, 10)
        assert store.dropped > 0
        assert store.floor() == store.dropped + 1
        assert store.pending() == 10 - store.dropped

    def test_a_room_that_was_away_for_a_season_still_tells_all_of_it(self, store: Store) -> None:
        for day in range(100):
            stamp = f'{{"stamp": {{"synced": true, "wall_s": {1.79e9 + day * 86_400.0}}}}}'
            for _ in range(10):
                store.commit(Batch(events=[(store.reserve_seq(), stamp.encode())]))
        assert (store.pending(), store.dropped, store.floor()) == (1000, 0, 1)

    def test_metrics_come_back_newest_first_and_are_bounded(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("memory", "sqlite"):
            monkeypatch.setattr(f"agent.store.{module}.METRICS_MAX", 3)
        store.keep_metrics([b"1", b"2", b"3", b"4"])
        assert store.dropped == 1
        assert [store.take_metric() for _ in range(4)] == [b"4", b"3", b"2", None]


def test_everything_survives_reopening(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "room.db")
    fill(first, 3)
    first.ack(3)
    first.commit(Batch(begun=[act(1)]))
    first.close()
    second = SqliteStore(tmp_path / "room.db")
    assert second.epoch == first.epoch
    assert second.reserve_seq() >= 4, "a number is not used again although its event is gone"
    assert len(second.remember("b1").open_acts) == 1


def test_what_is_kept_survives_reopening_and_is_not_sent_for_nothing(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "room.db")
    fill(first, 3)
    first.ack(2)
    first.close()
    second = SqliteStore(tmp_path / "room.db")
    assert (second.floor(), second.pending()) == (3, 1)
    second.ack(3)
    second.rewind({})
    assert second.pending() == 3
    second.close()
    third = SqliteStore(tmp_path / "room.db")
    assert (third.floor(), third.pending()) == (1, 3), "a loss of power in the middle of sending again"


def test_a_card_that_takes_nothing_forgets_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "room.db")
    fill(store, 3)
    store._db.execute("PRAGMA query_only=1")
    store.ack(2)
    assert (store.pending(), store.rewind({})) == (3, False)
    store._db.execute("PRAGMA query_only=0")
    store.ack(2)
    assert (store.pending(), store.rewind({})) == (1, True)


def test_a_clock_that_steps_makes_no_act_forgotten(tmp_path: Path) -> None:
    """An act under a wall clock three days ahead must not age those of the last hour: their budgets still count."""
    store = SqliteStore(tmp_path / "room.db")
    for number, ahead_s in ((1, 0.0), (2, 3 * 86_400.0), (3, 0.0)):
        row = act(number)
        store.commit(Batch(begun=[replace(row, wall_s=row.wall_s + ahead_s)], ended=[(number, "done")]))
    assert [past.act_id for past in store.remember("b1").past_acts] == [1, 2, 3]


def test_the_journal_of_acts_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "ACTS_KEPT", 3)
    store = SqliteStore(tmp_path / "room.db")
    for number in range(1, 10):
        store.commit(Batch(begun=[act(number)], ended=[(number, "done")]))
    assert [past.act_id for past in store.remember("b1").past_acts] == [7, 8, 9]


def test_a_card_that_lost_its_last_writes_uses_no_number_twice(tmp_path: Path) -> None:
    """The hub has got events that the card has lost: it would take new ones of the same numbers for repeats."""
    path, kept = tmp_path / "room.db", tmp_path / "kept.db"
    first = SqliteStore(path)
    fill(first, 3)
    first.commit(Batch(meta={"next_id": "7"}))
    first.close()
    lost = SqliteStore(path)
    kept.write_bytes(path.read_bytes())  # all that is not in the log
    fill(lost, 20)
    sent = [seq for seq, _ in lost.outbox(3, 99)]
    lost.close()
    path.write_bytes(kept.read_bytes())
    again = SqliteStore(path)
    fill(again, 20)
    assert again.epoch == first.epoch
    assert min(seq for seq, _ in again.outbox(3, 99)) > max(sent), "the hub acknowledges upwards only"
    assert int(again.remember("b1").meta["next_id"]) > 7


def test_a_batch_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "room.db")
    store.commit(Batch(begun=[act(1)]))
    with pytest.raises(StoreError, match=r"room\.db"):
        store.commit(Batch(events=[(store.reserve_seq(), b"x")], begun=[act(1)]))  # the same act twice
    assert store.outbox(0, 10) == []


@pytest.mark.parametrize("content", [b"not a database at all" * 500, b"SQLite format 3\0" + b"\xff" * 8192])
def test_an_unreadable_file_is_set_aside_and_a_new_epoch_begins(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "room.db"
    path.write_bytes(content)
    store = SqliteStore(path)
    assert Path(store.set_aside).read_bytes() == content
    fill(store, 1)


def test_a_torn_page_is_noticed_at_start(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    store = SqliteStore(path)
    for _ in range(50):
        fill(store, 20)
    epoch = store.epoch
    store.close()
    raw = bytearray(path.read_bytes())
    raw[4096:12288] = b"\xa5" * 8192
    path.write_bytes(raw)
    again = SqliteStore(path)
    assert again.set_aside
    assert again.epoch != epoch


def test_a_newer_file_is_set_aside_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    SqliteStore(tmp_path / "room.db").close()
    with sqlite3.connect(tmp_path / "room.db") as db:
        db.execute("PRAGMA user_version = 99")
    store = SqliteStore(tmp_path / "room.db")
    assert store.set_aside.endswith("room.db.bad-1")
    assert f"it is of version 99, this agent knows {sqlite.SCHEMA_VERSION}" in caplog.text


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        SqliteStore(tmp_path / "nowhere" / "room.db")


def test_bounds_are_the_documented_ones() -> None:
    assert base.OUTBOX_BYTES_MAX == 64 * 2**20


def test_what_is_committed_survives_a_cut_of_power(tmp_path: Path) -> None:
    """FULL is 2: NORMAL may lose the last commits, and with them an intent whose load is off."""
    store = SqliteStore(tmp_path / "room.db")
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_newest_two_thousand_acts_are_kept_and_no_more(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "room.db")
    for begin in range(1, 2301, 100):
        numbers = range(begin, begin + 100)
        store.commit(Batch(begun=[act(n) for n in numbers], ended=[(n, "done") for n in numbers]))
    store.commit(Batch(begun=[act(2301)], ended=[(2301, "done")]))
    assert [past.act_id for past in store.remember("b1").past_acts] == list(range(302, 2302))


def test_a_load_that_has_had_its_day_has_had_it_after_a_restart_too(tmp_path: Path) -> None:
    """Six restarts of the codec, then the busiest day of everything else: all six still count."""
    store = SqliteStore(tmp_path / "room.db")
    codec = [replace(act(n), remedy="codec_restart", method="api", mono_s=100.0 * n) for n in range(1, 7)]
    others = [replace(act(n), remedy="light_on", load="light", method="on") for n in range(7, 1901)]
    store.commit(Batch(begun=codec + others, ended=[(n, "done") for n in range(1, 1901)]))
    room = Room(agent.rules.load(), policy(), store, "b1", "0.1", "r-1")
    room.restore(Instant(1000.0, 2000.0, synced=True))
    assert len(room.state.load("codec").acts_s) == 6


def test_a_room_remembers_more_acts_of_a_load_than_any_budget_of_a_day() -> None:
    counted = {remedy.load for remedy in REMEDIES.values() if remedy.restarts or remedy.method is Method.CYCLE}
    assert max(max(LOADS[name].budget_per_day, LOADS[name].cycles_per_day) for name in counted) == 6
    assert state.ACTS_KEPT == 64, "ten times as many"
