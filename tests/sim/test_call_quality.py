"""A bad line spoils the simulated codec's call, and every way to a Cisco codec says by how much."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from agent.core.facts import NoReading, Reading
from agent.probes.codec import CodecProbe
from agent.settings import load
from sim.hardware import Kind, RoomPlan
from tests.sim.stage import rack

LOSS_PCT = 12.0
PATIENCE_S = 30.0


def looked(probe: CodecProbe, wanted: Callable[[float], bool]) -> Mapping[str, Reading]:
    """Look until the loss of what arrives is as wanted."""
    end_s = time.monotonic() + PATIENCE_S
    while True:
        found = probe.observe()
        loss = found["codec.rx_loss_pct"]
        if isinstance(loss, float) and wanted(loss):
            return found
        assert time.monotonic() < end_s, found


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
def test_the_loss_of_a_call_is_that_since_the_last_look(tmp_path: Path, kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        hardware = made.rooms[0]
        config = load(hardware.write_config()).probes.codec
        assert config is not None
        probe = CodecProbe(config)
        assert probe.observe()["codec.rx_loss_pct"] == NoReading("absent"), "there is no call"
        assert hardware.physics.start_call(600, time.monotonic())
        good = looked(probe, lambda loss: loss == 0.0)
        assert (good["codec.tx_loss_pct"], good["codec.jitter_ms"]) == (0.0, 5.0)
        hardware.physics.line_loss_pct = LOSS_PCT
        # The first look after that still holds packets of before; few packets between two looks make it coarse.
        bad = looked(probe, lambda loss: loss == pytest.approx(LOSS_PCT, rel=0.3))
        assert bad["codec.tx_loss_pct"] == pytest.approx(LOSS_PCT, rel=0.3)
        assert bad["codec.jitter_ms"] == 41.0
        probe.close()
