"""A bad line spoils the simulated codec's call, and every way to a Cisco codec says by how much."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.core.facts import NoReading
from agent.probes.codec import CodecProbe
from agent.settings import load
from sim.hardware import Kind, RoomPlan
from tests.sim.stage import rack

LOSS_PCT = 12.0


@pytest.mark.parametrize("kind", ["cisco_tcp", "cisco_http", "cisco_ws", "cisco_serial"])
def test_the_loss_of_a_call_is_that_since_the_last_look(tmp_path: Path, kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        hardware = made.rooms[0]
        config = load(hardware.write_config()).probes.codec
        assert config is not None
        probe = CodecProbe(config)
        assert probe.observe()["codec.rx_loss_pct"] == NoReading("absent"), "there is no call"
        assert hardware.physics.start_call(600, time.monotonic())
        probe.observe()
        probe.observe()
        good = probe.observe()
        assert (good["codec.rx_loss_pct"], good["codec.jitter_ms"]) == (0.0, 5.0)
        hardware.physics.line_loss_pct = LOSS_PCT
        end_s = time.monotonic() + 20
        probe.observe()  # part of this look is from before
        while time.monotonic() < end_s:
            bad = probe.observe()
            found = bad["codec.rx_loss_pct"]
            if isinstance(found, float) and found == pytest.approx(LOSS_PCT, rel=0.3):
                break
        assert bad["codec.tx_loss_pct"] == pytest.approx(LOSS_PCT, rel=0.3)
        assert bad["codec.jitter_ms"] == 41.0
        probe.close()
