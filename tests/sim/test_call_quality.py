"""A bad line spoils the simulated codec's call, and every way to a Cisco codec says by how much."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.config.devices import CodecConfig
from agent.core.facts import NoReading
from agent.probes.codec import CodecProbe
from agent.settings import load
from sim.kinds import Kind, RoomPlan
from sim.physics import RoomPhysics
from sim.servers.yealink import YealinkConversation
from tests.sim.line import served
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


def test_a_yealink_tells_what_was_lost_since_the_last_look(tmp_path: Path) -> None:
    def make(room: RoomPhysics, clock: Callable[[], float]) -> YealinkConversation:
        return YealinkConversation(room, clock)

    with served(tmp_path, make) as (room, tcp, _):
        probe = CodecProbe(CodecConfig("yealink_vc", tcp, api_timeout_s=8.0))
        assert probe.observe()["codec.rx_loss_pct"] == NoReading("absent"), "there is no call"
        assert room.start_call(600, time.monotonic())
        first = probe.observe()
        assert (first["codec.in_call"], first["codec.jitter_ms"]) == (True, 5.0)
        assert first["codec.rx_loss_pct"] == NoReading("absent"), "of what was before nothing is known"
        assert probe.observe()["codec.rx_loss_pct"] == 0.0
        room.line_loss_pct, room.call_lost = LOSS_PCT, room.call_lost + 100
        found = probe.observe()
        assert (found["codec.rx_loss_pct"], found["codec.jitter_ms"]) == (LOSS_PCT, 41.0)
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
