"""`kill -9` while the log goes to its collector: no row is left out, and few come twice."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from hub.runtime.audit_syslog import BATCH, place_of
from hub.store import audit
from hub.store.db import open_db, open_reader, transaction
from tests.brokers import free_port
from tests.hub.collectors import Rsyslog, eventually
from tests.hub.test_audit_syslog import numbers

ROWS, KILLS = 3000, 2


@pytest.mark.timeout(180)
def test_a_killed_hub_leaves_no_row_out(tmp_path: Path) -> None:
    db = open_db(tmp_path / "hub.db")
    with transaction(db):
        for number in range(ROWS):
            audit.append(db, 1000.0 + number, "thu.hà", "note", {"text": "x" * 200})
    db.close()
    collector = Rsyslog(tmp_path / "rsyslog").start()
    target = f"tcp://127.0.0.1:{collector.port}"
    (tmp_path / "hub.toml").write_text(
        f'data_dir = "."\n[audit]\nsyslog = "{target}"\n[broker]\nport = {free_port()}\n[web]\nport = {free_port()}\n',
        "utf-8",
    )
    command = [sys.executable, "-m", "hub.main", "serve", "--config", str(tmp_path / "hub.toml")]
    for run in range(KILLS + 1):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as hub:
            wanted = ROWS if run == KILLS else (run + 1) * ROWS // (KILLS + 2)
            eventually(lambda wanted=wanted: len(collector.rows()) >= wanted, f"{wanted} rows", 60)  # type: ignore[misc]
            if run == KILLS:
                reader = open_reader(tmp_path / "hub.db")
                eventually(lambda: place_of(reader, target).id == ROWS, "the place of the newest row")  # noqa: B023
                reader.close()
            hub.kill()
    collector.stop()
    heard = numbers(collector.rows())
    assert set(heard) == set(range(1, ROWS + 1)), "none is left out"
    back = [here - after for here, after in itertools.pairwise(heard) if after != here + 1]
    assert len(back) <= KILLS
    assert all(0 <= step < BATCH for step in back), back
