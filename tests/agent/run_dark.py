"""The agent of a room whose codec finds no camera: it cycles the camera's power. Runs on a lab host as `diemcau-agent`.

Its pins are lines of a file (tests.agent.pins), which outlives it as a kernel keeps its lines.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from gpiozero.devices import Device
from gpiozero.pins.mock import MockFactory

import agent.probes.build
from agent.config.devices import RoomConfig
from agent.core.facts import Reading
from agent.main import main
from agent.ports import Effector, Probe
from agent.uplink.gate import MeteringGate
from tests.agent.run_agent import KeptPin

CAMERA_PIN = 17


class Blind:
    """A codec that is idle, and has no camera."""

    name = "codec"
    keys: tuple[str, ...] = ("codec.api", "codec.in_call", "codec.app_ready", "codec.standby", "codec.camera")
    period_s = 1.0
    deadline_s = 5.0

    def observe(self) -> Mapping[str, Reading]:
        return {
            "codec.api": True, "codec.in_call": False, "codec.app_ready": True, "codec.standby": False,
            "codec.camera": False,
        }  # fmt: skip

    def attest(self) -> Mapping[str, Reading]:
        return {"codec.in_call": False}

    def close(self) -> None: ...


def blind(room: RoomConfig, gate: MeteringGate | None = None) -> tuple[list[Probe], list[Effector]]:
    """What `build_probes` gives this room."""
    del room, gate
    return [Blind()], []


if __name__ == "__main__":
    Device.pin_factory = MockFactory(pin_class=KeptPin)
    agent.probes.build.build_probes = blind
    sys.exit(main(sys.argv[1:]))
