"""Commands beside the hub, on a machine whose clock is not the hub's."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from hub.changes.meetings import Planned, replace_schedule
from hub.main import main
from hub.runtime.clock import boot_id, boot_time_s
from hub.runtime.timekeeper import Mark
from hub.store import audit
from hub.store.db import open_db, transaction

HOUR, DAY, YEARS = 3600.0, 86_400.0, 10 * 365 * 86_400.0
MEETINGS = "start;end;title;rooms\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A hub with a meeting that is on, and a log that is two years old."""
    path = tmp_path / "hub.toml"
    path.write_text('data_dir = "d"\n', "utf-8")
    with closing(open_db(tmp_path / "d" / "hub.db")) as db, transaction(db):
        now_s = time.time()
        audit.append(db, now_s - 730 * DAY, "ha", "login", {})
        replace_schedule(db, [Planned("m1", "Giao ban", now_s - HOUR, now_s + HOUR, frozenset({"a"}))], now_s, "ha")
    return path


def database(config: Path) -> sqlite3.Connection:
    return open_db(config.parent / "d" / "hub.db")


def keep(config: Path, *, ahead_s: float = 0.0, boot: str | None = None, doubted: bool = False) -> None:
    """The hub leaves word of a time that is so far ahead of the machine's."""
    wall_s = time.time() + ahead_s
    mark = Mark(boot_id() if boot is None else boot, boot_time_s(), wall_s, wall_s, None, doubted=doubted)
    with closing(database(config)) as db:
        db.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('clock', ?)", (json.dumps(asdict(mark)),))


def count(config: Path, table: str) -> int:
    with closing(database(config)) as db:
        return int(db.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


@pytest.mark.parametrize(
    "word",
    [
        {"ahead_s": YEARS}, {"ahead_s": -YEARS}, {"ahead_s": HOUR}, {"ahead_s": -HOUR}, {"doubted": True},
        {"ahead_s": YEARS, "boot": "before"}, {"ahead_s": -YEARS, "boot": "before"},
        {"ahead_s": HOUR, "boot": "before"},
    ],
)  # fmt: skip
def test_what_goes_by_age_is_refused_while_the_time_is_in_doubt(
    config: Path, word: dict[str, float | str | bool], capsys: pytest.CaptureFixture[str]
) -> None:
    keep(config, **word)  # type: ignore[arg-type]
    file = config.parent / "m.csv"
    file.write_text(MEETINGS, "utf-8")
    rows = count(config, "audit")
    for command in (
        ["import-meetings", str(file)], ["audit", "prune", "--days", "1"], ["token", "new", "bao-cao"],
        ["enrol", "--dir", str(config.parent)],
        ["rollout", "freeze", "24/11/2099 07:30", "24/11/2099 17:00", "x"],
    ):  # fmt: skip
        assert main([*command, "--config", str(config)]) == 1
        told = capsys.readouterr().err
        assert "chỉnh giờ máy (timedatectl)" in told
        assert "set the machine's clock (timedatectl)" in told
    assert (count(config, "audit"), count(config, "meetings"), count(config, "tokens")) == (rows, 1, 0)


def test_sure_time_is_that_of_the_machine(config: Path) -> None:
    for word in ({}, {"boot": "before", "ahead_s": -30 * DAY}):
        keep(config, **word)  # type: ignore[arg-type]
        assert main(["token", "new", f"m{len(word)}", "--config", str(config)]) == 0
    with closing(database(config)) as db:
        made = [row[0] for row in db.execute("SELECT created_s FROM tokens")]
    assert made == pytest.approx([time.time()] * 2, abs=60.0)


def test_what_must_always_be_possible_goes_by_the_hubs_time(config: Path) -> None:
    keep(config, ahead_s=-YEARS)
    assert main(["add-user", "lan", "--config", str(config)]) == 0
    with closing(database(config)) as db:
        (at_s,) = db.execute("SELECT at_s FROM audit WHERE what = 'user_set'").fetchone()
    assert at_s == pytest.approx(time.time() - YEARS, abs=60.0)
