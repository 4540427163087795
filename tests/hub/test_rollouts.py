"""The hub drives a roll-out from what rooms say, keeps it over restarts, and one command steers it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from hub.changes import registry, rollouts
from hub.changes.rollouts import Rollouts
from hub.core.rollout import Phase
from hub.main import main
from hub.store.db import open_db, transaction
from wire.event_kinds import EventKind

NOW_S = 1_800_000_000.0
HEAD = "tinh_code;tinh;xa_code;xa;room;name\n"
COUNT = 60


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """hub.toml beside a database of sixty rooms that are all well on 1.0."""
    (tmp_path / "hub.toml").write_text('data_dir = "."\n', "utf-8")
    db = open_db(tmp_path / "hub.db")
    lines = [f"38;Thanh Hóa;{14000 + n // 3};Xã {n // 3};r-{n};Phòng {n}\n" for n in range(COUNT)]
    registry.store(db, registry.parse((HEAD + "".join(lines)).encode()), "test", 1.0)
    with transaction(db):
        db.executemany(
            "INSERT INTO twins (room, verdict, heard_s, online, version) VALUES (?, 'ready', ?, 1, '1.0')",
            [(f"r-{n}", NOW_S) for n in range(COUNT)],
        )
    db.close()
    return tmp_path / "hub.toml"


@pytest.fixture
def db(hub: Path) -> sqlite3.Connection:
    return open_db(hub.parent / "hub.db")


def bundle(folder: Path, version: str = "2.0") -> str:
    path = folder / f"diemcau-{version}-agent-arm64-py311.tar"
    path.write_bytes(version.encode())
    return str(path)


def command(hub: Path, *words: str) -> int:
    return main(["rollout", words[0], "--config", str(hub), *words[1:]])


def obey(db: sqlite3.Connection, folder: Path) -> None:
    """Rooms fetch what lies there for them."""
    for place in (folder / "fleet/wanted").glob("*.json"):
        wanted = json.loads(place.read_text("utf-8"))["version"]
        db.execute("UPDATE twins SET version = ? WHERE room = ? AND online = 1", (wanted, place.stem))


def days(db: sqlite3.Connection, hub: Path, count: int, start_s: float) -> float:
    """So many days go by, an hour at a time; the hub is started anew each day."""
    for _day in range(count):
        timer = Rollouts(hub.parent)
        for _hour in range(24):
            start_s += 3600.0
            with transaction(db):
                db.execute("UPDATE twins SET heard_s = ? WHERE online = 1", (start_s,))
                timer(db, start_s)
            obey(db, hub.parent)
    return start_s


def started(db: sqlite3.Connection) -> float:
    return float(db.execute("SELECT created_s FROM rollouts").fetchone()[0])


def on(db: sqlite3.Connection, version: str) -> int:
    return int(db.execute("SELECT COUNT(*) FROM twins WHERE version = ?", (version,)).fetchone()[0])


def test_a_version_goes_out_in_waves_and_the_log_tells_of_each(
    hub: Path, db: sqlite3.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(hub, "start", bundle(hub.parent), bundle(hub.parent)) == 0
    assert "1.0 → 2.0: 1 → 1 → 3 → 15 → 40" in capsys.readouterr().out
    days(db, hub, 1, started(db))
    assert on(db, "2.0") == 1
    days(db, hub, 7, started(db) + 86_400)
    assert on(db, "2.0") == COUNT
    found = rollouts.current(db)
    assert found is not None
    assert found[1].phase is Phase.DONE
    waves = [json.loads(row[0])["wave"] for row in db.execute("SELECT detail FROM audit WHERE what = 'rollout'")]
    assert waves == sorted(waves)
    assert set(waves) == {1, 2, 3, 4, 5}
    assert command(hub, "show") == 0
    assert "xong / done" in capsys.readouterr().out


def test_what_a_room_is_to_fetch_names_the_bundle_by_its_hash(hub: Path, db: sqlite3.Connection) -> None:
    command(hub, "start", bundle(hub.parent))
    days(db, hub, 1, started(db))
    (place,) = (hub.parent / "fleet/wanted").glob("*.json")
    said = json.loads(place.read_text("utf-8"))
    name = said["bundles"]["arm64-py311"]["bundle"]
    assert (hub.parent / "fleet/bundles" / name).read_bytes() == b"2.0"
    assert len(said["bundles"]["arm64-py311"]["sha256"]) == 64


def test_a_room_that_went_back_turns_the_first_wave_round(hub: Path, db: sqlite3.Connection) -> None:
    command(hub, "start", bundle(hub.parent), "--before", "1.0")
    begun_s = started(db)
    (first,) = rollouts.current(db)[1].waves[0]  # type: ignore[index]
    raw = json.dumps({"kind": EventKind.AGENT_STARTED, "detail": {"went_back_from": "2.0"}}).encode()
    db.execute(
        "INSERT INTO events (room, epoch, seq, kind, at_s, received_s, raw)"
        " VALUES (?, 'e', 1, 'agent_started', ?, ?, ?)",
        (first, begun_s + 700, begun_s + 700, raw),
    )
    days(db, hub, 1, begun_s)
    found = rollouts.current(db)
    assert found is not None
    assert found[1].phase is Phase.ROLLED_BACK
    assert "1 of 1 rooms bad" in found[1].reason
    assert on(db, "2.0") == 0


def test_a_room_in_safe_mode_or_lost_is_not_well(db: sqlite3.Connection) -> None:
    db.execute("UPDATE twins SET mode = 'safe', verdict = 'check' WHERE room = 'r-1'")
    db.execute("UPDATE twins SET verdict = 'lost', online = 0, heard_s = ? WHERE room = 'r-2'", (NOW_S - 4000,))
    there = rollouts.rooms(db, NOW_S)
    assert [there[f"r-{n}"].well for n in (0, 1, 2)] == [True, False, False]
    assert (there["r-2"].online, there["r-2"].silent_s) == (False, 4000.0)


def test_a_room_near_a_meeting_is_busy(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO meetings VALUES ('m', 'Giao ban', ?, ?, 0)", (NOW_S + 3000, NOW_S + 9000))
    db.execute("INSERT INTO meeting_rooms VALUES ('m', 'r-1')")
    assert [rollouts.rooms(db, NOW_S + at_s)["r-1"].busy for at_s in (-700, 0, 8999, 9000)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_room_is_asked_for_before_it_is_changed(
    hub: Path, db: sqlite3.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    def says(*words: str) -> tuple[int, str]:
        code = command(hub, "turn", *words)
        told = capsys.readouterr()
        return code, told.out + told.err

    assert says("r-0", "--version", "2.0") == (
        1, "r-0: chưa có đợt cập nhật nào / there is no roll-out: diemcau-hub rollout start\n",
    )  # fmt: skip
    assert says("r-0")[0] == 0, "its settings"
    assert command(hub, "start", bundle(hub.parent)) == 0
    capsys.readouterr()
    found = rollouts.current(db)
    assert found is not None
    (first,) = found[1].waves[0]
    other = next(f"r-{n}" for n in range(COUNT) if f"r-{n}" != first)
    assert says(first, "--version", "2.0") == (0, f"{first}: được thay đổi / may be changed now\n")
    code, why = says(other, "--version", "2.0")
    assert (code, "and 1 is under way" in why) == (1, True)
    assert says("r-new", "--version", "2.0")[0] == 0, "one that is installed for the first time"


def test_a_person_steers_it(hub: Path, db: sqlite3.Connection, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(hub, "show") == 1
    assert "no roll-out yet" in capsys.readouterr().err
    command(hub, "start", bundle(hub.parent))
    assert command(hub, "start", bundle(hub.parent, "3.0")) == 1
    assert "is not over" in capsys.readouterr().err
    assert command(hub, "targets") == 0
    assert len(capsys.readouterr().out.split()) == 1
    assert command(hub, "pause", "bão") == 0
    capsys.readouterr()
    command(hub, "targets")
    assert capsys.readouterr().out == ""
    assert command(hub, "pause", "bão") == 1
    assert command(hub, "resume") == 0
    days(db, hub, 1, started(db))
    assert on(db, "2.0") == 1
    assert command(hub, "back", "chị Hà") == 0
    capsys.readouterr()
    command(hub, "targets", "--back")
    assert len(capsys.readouterr().out.split()) == 1


def moment(days: float) -> str:
    return datetime.fromtimestamp(time.time() + days * 86_400, timezone(timedelta(hours=7))).strftime("%d/%m/%Y %H:%M")


def test_a_frozen_window_is_kept_and_shown(hub: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(hub, "freeze", moment(-1), moment(2), "đại hội") == 0
    command(hub, "start", bundle(hub.parent))
    capsys.readouterr()
    command(hub, "targets")
    assert capsys.readouterr().out == ""
    command(hub, "show")
    assert "đại hội" in capsys.readouterr().out
    assert command(hub, "freeze", "mai", moment(2), "x") == 1
    assert command(hub, "freeze", moment(2), moment(1), "x") == 1


def test_a_slip_in_the_year_freezes_nothing(
    hub: Path, db: sqlite3.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(hub, "freeze", moment(0.01), moment(10 * 365), "gõ nhầm năm", "--yes") == 1
    assert "check the year" in capsys.readouterr().err
    assert command(hub, "freeze", moment(1), moment(60), "dài") == 1
    assert "--yes" in capsys.readouterr().err
    assert db.execute("SELECT COUNT(*) FROM frozen_windows").fetchone()[0] == 0
    assert command(hub, "freeze", moment(1), moment(60), "dài", "--yes") == 0


def test_a_window_is_listed_without_a_roll_out_and_can_be_taken_away(
    hub: Path, db: sqlite3.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction(db):  # of a release that took whatever was typed
        db.execute("INSERT INTO frozen_windows VALUES (7, 0, ?, 'gõ nhầm năm', 'x')", (time.time() + 1e9,))
    assert command(hub, "show") == 1, "there is no roll-out"
    assert "frozen 7" in capsys.readouterr().out
    assert command(hub, "unfreeze", "8") == 1
    assert command(hub, "unfreeze", "7") == 0
    command(hub, "show")
    assert "frozen" not in capsys.readouterr().out
    assert "rollout_unfrozen" in [row[0] for row in db.execute("SELECT what FROM audit")]


@pytest.mark.parametrize("names", [["notes.txt"], ["diemcau-2.0-hub-amd64-py311.tar"]])
def test_a_file_that_is_no_bundle_is_refused(hub: Path, names: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for name in names:
        (hub.parent / name).write_text("x", "utf-8")
    assert command(hub, "start", *(str(hub.parent / name) for name in names)) == 1
    assert "bundles of one version" in capsys.readouterr().err


def test_a_web_server_can_read_what_rooms_fetch_whatever_the_umask(hub: Path, db: sqlite3.Connection) -> None:
    before = os.umask(0o077)
    try:
        command(hub, "start", bundle(hub.parent))
        days(db, hub, 1, started(db))
    finally:
        os.umask(before)
    for path in (hub.parent / "fleet").rglob("*"):
        assert path.stat().st_mode & 0o004, path
