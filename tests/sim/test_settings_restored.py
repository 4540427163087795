"""Somebody changes a setting in the codec's menu: the room's baseline finds it, and writes it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.probes.codec import CodecProbe
from agent.probes.families import load as load_family
from agent.probes.orders import DeviceEffector
from agent.settings import load
from sim.hardware import Kind, RoomPlan
from tests.sim.stage import rack


@pytest.mark.parametrize("kind", ["cisco_tcp", "cisco_serial", "cisco_http", "cisco_ws", "cisco_ssh"])
def test_a_changed_setting_is_told_and_written_back(tmp_path: Path, kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, 0.1)) as made:
        hardware = made.rooms[0]
        path = hardware.write_config()
        wanted = '\n[codec.baseline]\n"Audio DefaultVolume" = "70"\n"SystemUnit Name" = "Phong hop so 1"\n'
        path.write_text(path.read_text("utf-8") + wanted, "utf-8")
        config = load(path).probes.codec
        assert config is not None
        settings = hardware.physics.codec.settings
        settings["SystemUnit"]["Name"], settings["Audio"]["DefaultVolume"] = "Phong hop so 1", "15"
        probe = CodecProbe(config)
        assert probe.link is not None
        found = probe.observe()
        if found["codec.settings_ok"] is not False:  # a serial line finds its speed first
            found = probe.observe()
        assert found["codec.settings_off"] == "Audio DefaultVolume = 15 (70)"
        effector = DeviceEffector(probe.link, load_family(config.family).remedies)
        outcome = effector.perform("codec_settings_restore")
        assert outcome.ok, outcome
        assert settings["Audio"]["DefaultVolume"] == "70"
        assert probe.observe()["codec.settings_ok"] is True
        probe.close()
