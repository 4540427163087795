"""The whole province for a morning, while agents are killed as a power cut would: nothing lost, no call cut."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sim.faults import FAULTS

pytestmark = [pytest.mark.prove, pytest.mark.timeout(600)]

LASTS_S = 90
FIRST_KILL_S = 25.0
KILL_EVERY_S = 4.0
SEED = 20261123


def _agents(parent: int) -> list[int]:
    """Ids of the demonstration's own agents: its children whose program is `diemcau-agent`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            ppid = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            command = entry.joinpath("cmdline").read_bytes()
        except (OSError, IndexError):
            continue  # it has just ended
        if ppid == parent and b"diemcau-agent" in command:
            found.append(int(entry.name))
    return sorted(found)


def _kill_now_and_then(demo: subprocess.Popen[bytes], kills: list[int], stop: threading.Event) -> None:
    dice = random.Random(SEED)
    until_s = time.monotonic() + LASTS_S
    if stop.wait(FIRST_KILL_S):
        return
    while time.monotonic() < until_s and demo.poll() is None:
        agents = _agents(demo.pid)
        if agents:
            kills.append(dice.choice(agents))
            os.kill(kills[-1], signal.SIGKILL)
        if stop.wait(KILL_EVERY_S):
            return


def test_a_morning_with_kills(tmp_path: Path) -> None:
    result_file = tmp_path / "result.json"
    program = Path(sys.executable).with_name("diemcau")
    command = [str(program), "demo", "--headless", "--for", str(LASTS_S), "--json", str(result_file), "--port", "0"]
    kills: list[int] = []
    stop = threading.Event()
    with (tmp_path / "demo.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as demo:
        killer = threading.Thread(target=_kill_now_and_then, args=(demo, kills, stop))
        killer.start()
        try:
            demo.wait(500)
        finally:
            stop.set()
            killer.join()
            demo.terminate()
    said = (tmp_path / "demo.log").read_text("utf-8")
    result: dict[str, Any] = json.loads(result_file.read_text("utf-8"))
    figures = {key: value for key, value in result.items() if isinstance(value, int | float | str | bool)}
    sys.stdout.write(f"{len(kills)} agents killed\n{json.dumps(figures, ensure_ascii=False, indent=1)}\n")
    assert len(kills) >= 10, said
    assert result["problems"] == [], said
    assert result["rooms_heard"] == result["rooms_expected"] == 621
    assert result["actions_in_call"] == result["calls_lost"] == 0
    assert result["events_stored"] == result["events_sent"] > 0
    assert result["events_waiting"] == 0
    assert result["faults_injected"] > 50
    for_people = {name for name, fault in FAULTS.items() if fault.expect == "escalated"}
    assert {row["fault"] for row in result["not_healed"]} <= for_people, "only what nobody can heal may stay"
    assert demo.returncode == 0
