"""The examples of docs/api.md, run as they stand: curl and Python against a console on a real socket."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from hub.access import tokens
from hub.access.limits import PACE_BURST, PACE_PER_S
from hub.security import BODY_MAX_BYTES
from hub.store.db import open_db
from tests.brokers import free_port, until
from tests.house.source import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def surroundings(app: FastAPI, db_path: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the page calls $HUB, $TOKEN, $ROOM and $INCIDENT."""
    db = open_db(db_path)
    token = tokens.new(db, "giam-sat", list(tokens.RIGHTS), days=1, by="test", now_s=time.time())
    db.close()
    with sqlite3.connect(db_path) as found:
        room, incident = found.execute(
            "SELECT room, id FROM incidents WHERE closed_s = 0 AND acked_by = '' ORDER BY id"
        ).fetchone()
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until("it serves", lambda: server.started)
    given = {"HUB": f"http://127.0.0.1:{port}", "TOKEN": token, "ROOM": room, "INCIDENT": str(incident)}
    own = {"no_proxy": "127.0.0.1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    yield dict(os.environ) | given | own
    server.should_exit = True
    thread.join(10)


def test_every_example_of_the_page_works(surroundings: dict[str, str], tmp_path: Path, db_path: Path) -> None:
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) > 6
    printed: list[str] = []
    for language, text in blocks:
        command = ["sh", "-eu", "-c", text] if language == "sh" else [sys.executable, "-c", text]
        done = subprocess.run(
            command, env=surroundings, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        printed.append(done.stdout)
    header, faults, one, system, pages, order, ack, mistake = printed
    assert header == ""
    assert (tmp_path / "api.header").stat().st_mode & 0o077 == 0
    assert {room["verdict"] for room in json.loads(faults)["items"]} == {"fault"}
    assert surroundings["ROOM"] in one
    assert "broker_connected" in system
    assert pages == "621 rooms\n"
    assert json.loads(order)["by"] == "token:giam-sat"
    assert json.loads(ack)["acked_by"] == "token:giam-sat"
    assert json.loads(mistake)["type"] == "urn:diemcau:problem:bad_input"
    with sqlite3.connect(db_path) as db:
        assert db.execute("SELECT seen_from FROM tokens").fetchone()[0] == "127.0.0.1"


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"{PACE_BURST} requests at once, and {PACE_PER_S:g} a second" in PAGE
    assert f"at most {tokens.DAYS_MAX}" in PAGE
    assert f"{BODY_MAX_BYTES // 1024} KiB" in PAGE
    assert all(f"| `{right}` |" in PAGE for right in tokens.RIGHTS)
