"""What light rooms tell themselves is what the agent's probes say of the servers of the same room, in every state.

Time is the real one here, compressed: `time_scale` shortens the boots, and every wait is for something to be seen.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.core.facts import NoReading, Reading
from agent.ports import Probe
from agent.probes.build import build_probes
from agent.settings import load
from sim import observe
from sim.faults import FAULTS
from sim.hardware import KINDS, Kind, RoomHardware, RoomPlan
from tests.sim.stage import rack

SCALE = 0.02
"""A codec boots in three seconds."""
PATIENCE_S = 25.0
NOT_COMPARED = {
    "codec.uptime_s",
    "codec.model",
    "codec.software",
    "display.model",
    "display.input",
    "net.loss_pct",
    "net.rtt_ms",
    "net.jitter_ms",
}
"""Measured over a window, or of the family and not of the room's state."""
SAID = {"codec.api", *observe.CODEC_SAID}
NEAR = {"": 0.06, "env.temp_c": 0.02, "mains.frequency_hz": 0.01}
"""How far two looks may differ, as a share: the noise of the meters."""


class Witnessed:
    """One room with its hardware, its probes and its own word."""

    def __init__(self, hardware: RoomHardware) -> None:
        self.hardware = hardware
        config = load(hardware.write_config())
        probes, self.effectors = build_probes(config.probes)
        self.probes: list[Probe] = [probe for probe in probes if probe.name not in ("network-slow", "self")]

    def measured(self) -> dict[str, Reading]:
        return {key: reading for probe in self.probes for key, reading in probe.observe().items()}

    def expected(self) -> dict[str, Reading]:
        room, chance = self.hardware.physics, random.Random(3)
        facts = (
            observe.codec(room) | observe.display(room) | observe.power(room, chance) | observe.network(room, chance)
        )
        return facts | observe.air(room, chance)

    def differences(self) -> dict[str, tuple[Reading, Reading]]:
        """What probe and room tell differently. An absent quantity is the family's, not the room's."""
        measured, expected = self.measured(), self.expected()
        serial = self.hardware.plan.kind == "cisco_serial"
        return {
            key: (measured[key], expected[key])
            for key in measured.keys() & expected.keys() - NOT_COMPARED
            if measured[key] != NoReading("absent")
            and not (serial and key in SAID and not self.hardware.physics.gateway_up())
            and not alike(key, measured[key], expected[key])
        }

    def agree(self) -> None:
        """Wait until both say the same; fails with what they tell differently."""
        end_s = time.monotonic() + PATIENCE_S
        while found := self.differences():
            assert time.monotonic() < end_s, found

    def close(self) -> None:
        for probe in self.probes:
            probe.close()


def alike(key: str, measured: Reading, expected: Reading) -> bool:
    """The same flag or text; nearly the same number; both silent, for whatever reason."""
    if isinstance(measured, NoReading) or isinstance(expected, NoReading):
        return isinstance(measured, NoReading) and isinstance(expected, NoReading)
    if isinstance(measured, bool | str) or isinstance(expected, bool | str):
        return measured == expected
    return abs(measured - expected) <= max(1.0, NEAR.get(key, NEAR[""]) * abs(expected))


@contextmanager
def witnessed(folder: Path, kind: Kind) -> Iterator[Witnessed]:
    with rack(folder, RoomPlan("r", kind, SCALE)) as made:
        room = Witnessed(made.rooms[0])
        try:
            yield room
        finally:
            room.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_room(tmp_path: Path, kind: Kind) -> None:
    with witnessed(tmp_path, kind) as room:
        room.agree()
        assert not [key for key, reading in room.expected().items() if isinstance(reading, NoReading)]
        assert room.hardware.physics.start_call(600.0, time.monotonic())
        room.agree()


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("kind", ["cisco_tcp", "poly_tcp"])
def test_every_fault_looks_the_same_from_both_sides(tmp_path: Path, kind: Kind, fault: str) -> None:
    with witnessed(tmp_path, kind) as room:
        room.agree()
        FAULTS[fault].put(room.hardware.physics, time.monotonic(), {})
        room.agree()
        FAULTS[fault].lift(room.hardware.physics, time.monotonic())
        room.agree()
