"""Cisco's own client, npm `jsxapi` 6.0.0, judges the simulated Cisco codec."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sim.kinds import PASSWORD, RoomPlan
from tests.sim.stage import rack

NODE = Path(__file__).parent.parent / "node"


def judged(port: int) -> dict[str, Any]:
    """What jsxapi saw."""
    if not (NODE / "node_modules" / "jsxapi").is_dir():
        pytest.fail("tests/node/node_modules/jsxapi is missing: run `make test`, or npm ci --prefix tests/node")
    done = subprocess.run(
        ["node", str(NODE / "jsxapi_judge.cjs"), str(port), "admin", PASSWORD],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_ciscos_own_client_is_satisfied(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("phong-1", "cisco_tcp")) as made:
        hardware = made.rooms[0]
        port = int(hardware.codec_uri.rpartition(":")[2])
        seen = judged(port)
        acts = list(hardware.physics.witness.acts)
    assert seen["problems"] == []
    assert seen["volume"] == {"value": "70"}
    assert seen["system"]["value"]["Subsystem"]["Application"] == "Initialized"
    assert seen["product"] == {"value": "Cisco TelePresence SX20"}
    assert seen["registration"]["value"][0]["Status"] == "Registered"
    assert "value" not in seen["calls"], "without a call there is no Call node"
    assert seen["nowhere"] == {"error": "No match on address expression."}
    assert seen["unknown"] == {"error": "Unknown command"}
    assert seen["volumes"] == ["33"]
    assert seen["set"] == {"value": {"status": "OK"}}
    assert seen["wake"] == {"value": {"status": "OK"}}
    assert seen["dial"] == {"value": {"status": "OK"}}
    assert seen["call"]["value"][0]["Status"] == "Connected"
    assert seen["hangUp"] == {"value": {"status": "OK"}}
    assert seen["config"] == {"value": None}
    assert seen["boot"] == {"value": {"status": "OK"}}
    assert [(act.what, act.in_call) for act in acts] == [("wake", False), ("restart", False)]
