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


def test_a_poly_tells_what_it_sends_and_the_jitter_of_what_comes(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "poly_tcp", 0.1)) as made:
        hardware = made.rooms[0]
        config = load(hardware.write_config()).probes.codec
        assert config is not None
        probe = CodecProbe(config)
        assert probe.observe()["codec.tx_loss_pct"] == NoReading("absent"), "there is no call"
        assert hardware.physics.start_call(600, time.monotonic())
        hardware.physics.line_loss_pct = LOSS_PCT
        probe.observe()
        found = probe.observe()
        assert (found["codec.tx_loss_pct"], found["codec.jitter_ms"]) == (LOSS_PCT, 41.0)
        probe.close()


@pytest.mark.parametrize("kind", ["cisco_tcp", "cisco_http", "cisco_ws", "cisco_serial"])
def test_the_loss_of_a_call_is_that_since_the_last_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    # So many that between two looks, however close, whole packets tell the share.
    monkeypatch.setattr("sim.physics.room.PACKETS_PER_S", 1e6)
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        hardware = made.rooms[0]
        config = load(hardware.write_config()).probes.codec
        assert config is not None
        probe = CodecProbe(config)
        while probe.observe()["codec.api"] is not True:  # a serial line finds its speed first
            assert kind == "cisco_serial"
        assert probe.observe()["codec.rx_loss_pct"] == NoReading("absent"), "there is no call"
        assert hardware.physics.start_call(600, time.monotonic())
        probe.observe()  # finds the call
        probe.observe()  # finds its channels
        good = probe.observe()
        assert (good["codec.rx_loss_pct"], good["codec.tx_loss_pct"], good["codec.jitter_ms"]) == (0.0, 0.0, 5.0)
        hardware.physics.line_loss_pct = LOSS_PCT
        probe.observe()  # holds packets of before as well
        bad = probe.observe()
        assert bad["codec.rx_loss_pct"] == pytest.approx(LOSS_PCT, rel=0.1)
        assert bad["codec.tx_loss_pct"] == pytest.approx(LOSS_PCT, rel=0.1)
        assert bad["codec.jitter_ms"] == 41.0
        probe.close()
