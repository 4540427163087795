"""A journal that a worn card gives back as it pleases: whatever stands in it, the room comes up, lit and careful.

Three hundred random damages, of rows and of bytes. After each: no exception, no load in the dark, no latch forgotten,
no wider budget, and what can be told of events is told.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

import agent.rules
from agent.core.events import Tick
from agent.core.facts import Instant
from agent.core.phases import Phase
from agent.core.policy import Policy, make_policy
from agent.core.remedies import LOADS
from agent.core.state import Fault, LoadState
from agent.power import rescue
from agent.runtime import starts
from agent.runtime.room import Room
from agent.runtime.service import _state_of, left_off
from agent.store import mark
from agent.store.base import ActRow, Batch, LoadRow
from agent.store.reading import CYCLED
from agent.store.sqlite import SqliteStore, aside
from agent.store.unwritten import open_store
from agent.uplink import report
from agent.uplink.session import Session, desired_from
from agent.uplink.trust import Trust
from wire import messages as m
from wire.event_kinds import EventKind
from wire.topics import FLEET, Leaf, Topic

ROWS, BYTES, LOGS = 150, 120, 30
BOOT, NOW = "b" * 32, Instant(90_000.0, 1.79e9 + 90_000.0, synced=True)
RELAYS = frozenset({"codec", "switch", "display", "camera", "amplifier", "light", "fan"})
EQUIPMENT = {load for load in RELAYS if not LOADS[load].may_stay_off}
ACTS = (
    ("codec_restart", "codec", "api", 80_000.0), ("codec_power_cycle", "codec", "cycle", 88_000.0),
    ("codec_power_cycle", "codec", "cycle", 89_000.0), ("display_power_cycle", "display", "cycle", 87_500.0),
    ("display_power_cycle", "display", "cycle", 88_500.0), ("camera_power_cycle", "camera", "cycle", 50_000.0),
    ("switch_power_cycle", "switch", "cycle", 89_990.0),
)  # fmt: skip
"""The last one is under way when the agent dies."""


STANDING = {
    "codec": LoadRow(boot_s=131.5), "display": LoadRow(latched=True), "fan": LoadRow(off=True, shed=True),
    "light": LoadRow(), "switch": LoadRow(boot_s=40.0),
}  # fmt: skip
"""How the loads stand then, beside their acts."""


def policy() -> Policy:
    return make_policy(relays=RELAYS)


def write(path: Path) -> SqliteStore:
    """A room in the middle of its day."""
    store = SqliteStore(path)
    who = report.Identity("r-1", store.epoch, BOOT, "0.1")
    for number, (remedy, load, method, mono_s) in enumerate(ACTS, 1):
        row = ActRow(number, remedy, load, method, mono_s, 1.79e9 + mono_s, True, BOOT, "codec_hung", f"c{number}")
        store.commit(Batch(begun=[row], ended=[(number, "done")] if number < len(ACTS) else []))
    faults = {
        "codec_hung": Fault("codec_hung", Phase.SETTLING, 8, rung=1, acts=2, since_wall_s=1.79e9),
        "display_off": Fault("display_off", Phase.ESCALATED, 9),
    }
    desired = m.Desired(room="r-1", version=3, meetings=[m.Meeting(id="m", title="t", start_s=1.79e9, end_s=1.8e9)])
    meta = {
        "boot": BOOT, "next_id": "10", "counter": "41", "commands": "c1 c2", "synced": f"{NOW.wall_s:.0f}",
        "routines": "ups_self_test=1789000000", "mains_bad": "89990", "maintenance_over": "1789000001",
        "hub_epoch": "h1", starts.KEY: starts.text(starts.Starts(BOOT, 2, 1, 0.0, (89_000.0,))),
        "desired": m.encode(desired).decode(),
    }  # fmt: skip
    store.commit(Batch(faults=dict(faults), loads=dict(STANDING), meta=meta))
    for _ in range(60):
        seq = store.reserve_seq()
        event = m.Event(
            stamp=report.stamp(who, NOW, seq), kind=EventKind.FAULT_CONFIRMED, rule="codec_hung", fault_id=8
        )
        store.commit(Batch(events=[(seq, m.encode(event))]))
    store.ack(20)
    store.keep_metrics([m.encode(m.MetricBatch(stamp=report.stamp(who, NOW), samples={}))] * 3)
    return store


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of such a room: closed in `whole`, and with a log of what is not yet in the file in `live`."""
    folder = tmp_path_factory.mktemp("day")
    for name in ("whole", "live"):
        (folder / name).mkdir()
        store = write(folder / name / "room.db")
        if name == "live":
            shutil.copytree(folder / name, folder / "killed")
        store.close()
    return folder


GARBAGE: tuple[Callable[[random.Random], object], ...] = (
    lambda r: r.randbytes(r.randrange(40)),
    lambda r: r.randbytes(8).decode("latin-1"),
    lambda r: r.choice(("", " ", "0", "-1", "nan", "inf", "1e999", "9" * 30, "[]", '{"a":', "\0", "codec\ufffd", "*")),
    lambda r: r.choice((0, -1, 2**62, -(2**62), 1e300, -1e300, 5e-324)),
    lambda r: r.uniform(-1e6, 1e6),
)


def spoil_row(folder: Path, r: random.Random) -> str:
    """Another value in one place; as SQLite sees it a sound one."""
    with closing(sqlite3.connect(folder / "room.db")) as db, db:
        table = r.choice(("acts", "acts", "loads", "loads", "meta", "meta", "faults", "outbox", "metrics"))
        rows = [row for (row,) in db.execute(f"SELECT rowid FROM {table}")]
        columns = [column[1] for column in db.execute(f"PRAGMA table_info({table})")]
        row, column = r.choice(rows), r.choice(columns)
        (before,) = db.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        after: object = r.choice(GARBAGE)(r)
        if r.random() < 0.3:  # a few other bits in what was there
            raw = bytearray(before if isinstance(before, bytes) else str(before).encode())
            if raw:
                raw[r.randrange(len(raw))] ^= 1 << r.randrange(8)
            after = bytes(raw) if isinstance(before, bytes) else bytes(raw).decode("latin-1")
        if table in ("loads", "meta") and r.random() < 0.2:
            db.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
            return f"{table} {row} deleted"
        try:
            db.execute("PRAGMA ignore_check_constraints = ON")
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (after, row))
        except sqlite3.Error:  # a number that must be one
            db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (2**62, row))
        if column in ("value", "payload", "body") and isinstance(after, str) and r.random() < 0.5:
            raw_text = after.encode("latin-1", "replace")  # text that is no text
            db.execute(f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE rowid = ?", (raw_text, row))
        return f"{table}.{column} of {row}: {before!r} -> {after!r}"


def spoil_bytes(path: Path, r: random.Random) -> str:
    """Other bytes somewhere in the file."""
    raw = bytearray(path.read_bytes())
    kind = r.randrange(5)
    at = r.randrange(100 if kind == 0 else len(raw))
    if kind <= 1:
        for _ in range(r.choice((1, 1, 4, 64))):
            raw[min(len(raw) - 1, at + r.randrange(64))] = r.randrange(256)
    elif kind == 2:
        raw[at] ^= 1 << r.randrange(8)
    elif kind == 3:
        size = r.choice((512, 4096, 8192))
        raw[at : at + size] = r.choice((bytes(size), b"\xff" * size, r.randbytes(size)))[: len(raw[at : at + size])]
    else:
        del raw[at:]
    path.write_bytes(raw)
    return f"{path.name}: kind {kind} at {at}"


def damages(day: Path, folder: Path) -> Iterator[str]:
    """Folders with one damage each, and what it is."""
    for number in range(ROWS + BYTES + LOGS):
        r = random.Random(number)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(day / ("killed" if number >= ROWS + BYTES else "whole"), folder)
        if number < ROWS:
            what = spoil_row(folder, r)
        else:
            what = spoil_bytes(folder / ("room.db" if number < ROWS + BYTES else "room.db-wal"), r)
        yield f"{number}: {what}"


def lately(load: LoadState) -> tuple[int, int]:
    """Restarts and cycles of the last hour."""
    hour_ago_s = NOW.mono_s - 3600
    return sum(at_s > hour_ago_s for at_s in load.acts_s), sum(at_s > hour_ago_s for at_s in load.cycles_s)


def come_up(path: Path) -> tuple[Room, frozenset[str], frozenset[str]]:
    """The agent starts with this journal: the room, what rescue gives power, and what the service leaves off."""
    given = rescue.open_cycles(path)
    store = open_store(path)
    assert store.durable
    memory = store.remember(BOOT)
    off = left_off(memory, policy())
    starts.begun(starts.parse(memory.meta.get(starts.KEY, "")), BOOT, NOW.mono_s)
    room = Room(agent.rules.load(), policy(), store, BOOT, "0.1", "r-1")
    room.restore(NOW)
    desired = desired_from(memory.meta.get("desired", ""))
    if desired is not None:
        room.feed(desired, NOW)
    for second in range(5):
        now = Instant(NOW.mono_s + second, NOW.wall_s + second, synced=True)
        room.feed(Tick(), now)
        room.commit(now)
        assert not room.journal_broken
    numbers = count()
    session = Session(
        room.who, store, lambda: f"n{next(numbers)}", trust=Trust(accept_unsigned=True),
        counter=int(memory.meta.get("counter", "0")), hub_epoch=memory.meta.get("hub_epoch", ""),
    )  # fmt: skip
    session.received(FLEET, m.encode(m.Fleet(hub_epoch="h1")), True, NOW)
    session.connected(NOW)
    for turn in range(200):
        now = Instant(NOW.mono_s + turn, NOW.wall_s + turn, synced=True)
        if turn and not store.pending():
            break
        said = [m.decode(m.Event, o.payload) for o in session.due(now) if o.topic == str(Topic("r-1", Leaf.EVENT))]
        assert all(event.floor <= event.stamp.seq for event in said)
        if said:
            word = m.Ack(epoch=said[-1].stamp.epoch, seq=said[-1].stamp.seq, hub="h1")
            session.received(str(Topic("r-1", Leaf.ACK)), m.encode(word), False, now)
    assert store.pending() == 0, "everything that can be told has been told"
    return room, given, off


@pytest.mark.timeout(300)
def test_after_any_damage_the_room_comes_up_lit_and_careful(day: Path, tmp_path: Path) -> None:
    shutil.copytree(day / "whole", tmp_path / "sound")
    whole, given, off = come_up(tmp_path / "sound" / "room.db")
    assert (set(given), set(off)) == ({"switch"}, {"fan"})
    true = {load: lately(whole.state.load(load)) for load in EQUIPMENT}
    assert true["codec"] == (2, 2)
    whole.store.close()
    seen = []
    for what in damages(day, tmp_path / "room"):
        room, given, off = come_up(tmp_path / "room" / "room.db")
        assert off <= {"fan", "light"}, what
        assert room.state.load("display").latched, what
        for load, (restarts, cycles) in true.items():
            found = lately(room.state.load(load))
            assert found[0] >= restarts, f"{what}: {load}"
            assert found[1] >= cycles, f"{what}: {load}"
            assert not room.state.load(load).off, f"{what}: {load}"
        store = room.store
        assert isinstance(store, SqliteStore)
        seen.append((bool(store.set_aside), store.unreadable))
        if " acts.outcome of 7" in what and "done" not in what:
            assert given & {"switch", "*"}, what
        store.close()
    asides, dropped = sum(aside for aside, _ in seen), sum(rows > 0 for _, rows in seen)
    print(f"{len(seen)} damages: {asides} files set aside, rows dropped in {dropped}")
    assert asides > 20
    assert dropped > 50


def change(path: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, values)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A room's journal, closed."""
    write(tmp_path / "room.db").close()
    return tmp_path / "room.db"


def test_an_act_that_cannot_be_read_uses_up_the_hour_of_its_load_once(path: Path) -> None:
    change(path, "UPDATE acts SET wall_s = wall_s - 86400 WHERE act_id = 4")  # a sound value, and another one
    for unreadable in (1, 0):
        room, _, _ = come_up(path)
        assert isinstance(room.store, SqliteStore)
        assert room.store.unreadable == unreadable
        assert lately(room.state.load("display")) == (1 + 2, 1 + 2)
        assert lately(room.state.load("camera")) == (0, 0), "the others are known"
        room.store.close()


def test_of_an_act_that_names_no_load_all_hours_are_used(path: Path) -> None:
    change(path, "UPDATE acts SET load = x'ff', remedy = 'x' WHERE act_id = 4")
    room, given, off = come_up(path)
    assert (set(given), set(off)) == ({"switch", "*"}, set()), "all have power, the fan too"
    assert lately(room.state.load("camera")) == (2, 2)
    assert lately(room.state.load("codec"))[0] >= 3


def test_a_journal_that_has_lost_its_newest_restart_uses_up_all_hours(path: Path) -> None:
    change(path, "DELETE FROM acts WHERE act_id = 7")
    room, _, _ = come_up(path)
    assert lately(room.state.load("switch")) == (2, 2)


def test_latches_outlive_their_journal_and_stand_where_nobody_knows_of_them(path: Path) -> None:
    for wrong in ("UPDATE loads SET load = 'displxy'", "UPDATE loads SET latched = 0", "DELETE FROM loads"):
        change(path, f"{wrong} WHERE load = 'display'")
        room, _, _ = come_up(path)
        assert {name for name, load in room.state.loads.items() if load.latched} == {"display"}
        room.store.close()
    path.write_bytes(b"")
    room, _, off = come_up(path)
    assert {name for name, load in room.state.loads.items() if load.latched} == {"display"}
    assert off == frozenset()
    room.store.close()
    path.write_bytes(b"\xa5" * 9000)
    path.with_name("room.db.mark").write_text("0 7 displxy\n", "ascii")
    room, _, _ = come_up(path)
    assert {name for name, load in room.state.loads.items() if load.latched} == CYCLED
    assert isinstance(room.store, SqliteStore)
    assert room.store.latches_doubted
    assert _state_of(room.store) == {"set_aside": room.store.set_aside, "latches_doubted": True}


def test_a_latch_that_a_person_has_cleared_is_cleared_beside_the_journal_too(path: Path) -> None:
    store = SqliteStore(path)
    assert mark.read(mark.path_of(path)) == mark.Mark(7, frozenset({"display"}))
    store.commit(Batch(loads={"display": LoadRow()}))
    assert mark.read(mark.path_of(path)) == mark.Mark(7)
    store.close()
    assert SqliteStore(path).remember(BOOT).loads == STANDING | {"display": LoadRow()}


def test_a_mark_that_the_card_does_not_take_stops_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteStore(path)
    mark.path_of(path).with_name("room.db.mark.new").mkdir()
    store.commit(Batch(loads={"codec": LoadRow(latched=True)}))
    assert "cannot be written" in caplog.text
    assert store.remember(BOOT).loads["codec"].latched
    assert mark.read(mark.path_of(path)) == mark.Mark(7, frozenset({"display"}))
    mark.path_of(path).with_name("room.db.mark.new").rmdir()
    store.commit(Batch(loads={"display": LoadRow()}))
    assert mark.read(mark.path_of(path)) == mark.Mark(7, frozenset({"codec"})), "with the next change all of it"


def test_an_unsupported_file_format_is_set_aside(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[18:20] = b"\x07\x07"
    path.write_bytes(raw)
    store = open_store(path)
    assert isinstance(store, SqliteStore)
    assert store.set_aside
    assert store.remember(BOOT).lost


def test_a_full_card_takes_no_blame_from_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(SqliteStore, "_check", full)
        assert not open_store(path).durable
    assert not aside(path)
    assert open_store(path).durable


def test_of_files_that_were_set_aside_the_newest_five_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "room.db"
    for _ in range(8):
        path.write_bytes(b"no database " * 1000)
        SqliteStore(path).close()
    assert aside(path) == [4, 5, 6, 7, 8]


def test_an_event_that_cannot_be_read_is_dropped_counted_and_in_nobodys_way(path: Path) -> None:
    change(path, "UPDATE outbox SET payload = x'7b' WHERE seq = 30")
    change(
        path, "UPDATE outbox SET payload = CAST(replace(payload, '\"seq\":31', '\"seq\":99') AS BLOB) WHERE seq = 31"
    )
    change(path, "UPDATE outbox SET payload = 5 WHERE seq = 32")
    room, _, _ = come_up(path)
    assert room.store.pending() == 0
    assert room.store.dropped == 2, "and one row at the start"
    assert isinstance(room.store, SqliteStore)
    assert room.store.unreadable == 1


def test_numbers_go_on_above_all_that_were_used(path: Path) -> None:
    store = SqliteStore(path)
    newest, top = store.newest(), int(store.remember(BOOT).meta["next_id"])
    store.close()
    for key in ("next_id", "seq", "acked"):
        change(path, "UPDATE meta SET value = 'x' WHERE key = ?", key)
    store = SqliteStore(path)
    assert store.reserve_seq() > newest
    assert int(store.remember(BOOT).meta["next_id"]) > 10
    store.commit(Batch(begun=[ActRow(top + 2**30, "codec_restart", "codec", "api", 1.0, 2.0, True, BOOT)]))


def test_an_index_is_made_anew_from_what_it_lists(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'acts_open'").fetchone()
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = replace(sql, '= ''''', '= ''x''') WHERE name = 'acts_open'")
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE acts SET outcome = 'x' WHERE act_id = 1")
        db.execute("PRAGMA writable_schema = ON")
        db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'acts_open'", (sql,))
    store = SqliteStore(path)
    assert "was made anew" in caplog.text
    assert not store.set_aside
