"""`kill -9` while the log goes to syslog: no row is left out, and few come twice."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from hub.runtime.audit_syslog import place_of
from hub.runtime.syslog import BATCH
from hub.store import audit
from hub.store.db import open_db, open_reader, transaction
from tests.brokers import free_port
from tests.hub.collectors import eventually, reader

ROWS, KILLS = 750, 2
HUB = """
import sys, threading
from pathlib import Path
from hub.intake.link import Broker
from hub.runtime.service import Hub
Hub(Path(sys.argv[1]), Broker(port=int(sys.argv[2])), syslog=sys.argv[3]).start()
threading.Event().wait()
"""
"""The hub without its console, which takes most of the time of a start."""


@pytest.mark.timeout(180)
def test_a_killed_hub_leaves_no_row_out(tmp_path: Path) -> None:
    db = open_db(tmp_path / "hub.db")
    with transaction(db):
        for number in range(ROWS):
            audit.append(db, 1000.0 + number, "thu.hà", "note", {"text": "x" * 200})
    db.close()
    rsyslog = reader(tmp_path / "rsyslog").start()
    target = str(rsyslog.socket)
    command = [sys.executable, "-c", HUB, str(tmp_path / "hub.db"), str(free_port()), target]
    for run in range(KILLS + 1):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as hub:
            wanted = ROWS if run == KILLS else (run + 1) * ROWS // (KILLS + 2)
            eventually(lambda wanted=wanted: len(rsyslog.rows()) >= wanted, f"{wanted} rows", 60)  # type: ignore[misc]
            if run == KILLS:
                shown = open_reader(tmp_path / "hub.db")
                eventually(lambda: place_of(shown, target).id == ROWS, "the place of the newest row")  # noqa: B023
                shown.close()
            hub.kill()
    rsyslog.stop()
    heard = rsyslog.numbers()
    assert set(heard) == set(range(1, ROWS + 1)), "none is left out"
    back = [here - after for here, after in itertools.pairwise(heard) if after != here + 1]
    assert len(back) <= KILLS
    assert all(0 <= step <= BATCH for step in back), back
