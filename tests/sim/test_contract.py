"""What light rooms tell themselves is what the agent's probes say of the servers of the same room, in every state.

Time is the real one here, compressed: `time_scale` shortens the boots, and every wait is for something to be seen.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from agent.core.facts import NoReading, Reading
from agent.ports import Probe
from agent.probes.build import build_probes
from agent.settings import load
from sim import observe
from sim.faults import FAULTS
from sim.hardware import RoomHardware
from sim.kinds import BASELINES, KINDS, Kind, RoomPlan
from tests.sim.seen import everything
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
    "codec.settings_off",
    "codec.rx_loss_pct",
    "codec.tx_loss_pct",
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
        return everything(self.hardware.physics, random.Random(3))

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
        silent = {key for key, reading in room.expected().items() if isinstance(reading, NoReading)}
        assert silent == set(observe.CALL_SAID if kind != "generic" else ())
        assert room.hardware.physics.start_call(600.0, time.monotonic())
        room.agree()


WITH_PC = [("cisco_ssh", "pc_app_crashed")]
"""The one kind of room that has a PC, and what can happen to it."""


@pytest.mark.parametrize(
    ("kind", "fault"), [*product(("cisco_tcp", "poly_tcp"), sorted(FAULTS.keys() - {"settings_changed"})), *WITH_PC]
)
def test_every_fault_looks_the_same_from_both_sides(tmp_path: Path, kind: Kind, fault: str) -> None:
    with witnessed(tmp_path, kind) as room:
        room.agree()
        FAULTS[fault].put(room.hardware.physics, time.monotonic(), {})
        room.agree()
        FAULTS[fault].lift(room.hardware.physics, time.monotonic())
        room.agree()


@pytest.mark.parametrize("kind", sorted(BASELINES))
def test_changed_settings_look_the_same_from_both_sides(tmp_path: Path, kind: Kind) -> None:
    """A conversation reads them at its beginning, and then a quarter of an hour later."""
    changed = FAULTS["settings_changed"]
    with rack(tmp_path, RoomPlan("r", kind, SCALE)) as made:
        physics = made.rooms[0].physics
        for right in (False, True):
            if right:
                changed.lift(physics, time.monotonic())
            else:
                changed.put(physics, time.monotonic(), {})
            room = Witnessed(made.rooms[0])
            try:
                room.agree()
                assert room.measured()["codec.settings_ok"] is right
            finally:
                room.close()


def test_a_board_that_has_lost_its_time_server_says_so_on_both_sides(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "cisco_tcp", SCALE)) as made:
        physics = made.rooms[0].physics
        probes, _ = build_probes(load(made.rooms[0].write_config()).probes)
        slow = next(probe for probe in probes if probe.name == "network-slow")

        def agrees() -> bool:
            measured, expected = slow.observe(), observe.line(physics, random.Random(3))
            keys = ("net.clock_synced", "net.clock_offset_s")
            return all(alike(key, measured[key], expected[key]) for key in keys)

        assert agrees()
        FAULTS["clock_off"].put(physics, time.monotonic(), {})
        end_s = time.monotonic() + PATIENCE_S
        while not agrees():  # what chrony says is written a few times a second
            assert time.monotonic() < end_s
        assert slow.observe()["net.clock_synced"] is False


TOLD = {
    "mic_pulled": ("codec.mic_connected", ("cisco_tcp", "cisco_http", "cisco_ws", "poly_tcp", "poly_videoos")),
    "mic_muted_trial": (
        "codec.mic_muted", ("cisco_tcp", "cisco_http", "cisco_ws", "poly_tcp", "poly_videoos", "huawei_te"),
    ),
    "camera_pulled": ("codec.camera", ("cisco_tcp", "cisco_http", "cisco_ws", "poly_videoos")),
    "volume_zero": (
        "codec.volume_pct", ("cisco_tcp", "cisco_http", "cisco_ws", "poly_tcp", "poly_videoos", "huawei_te"),
    ),
    "output_muted": ("codec.output_muted", ("cisco_tcp", "cisco_http", "cisco_ws", "huawei_te")),
    "hdmi_pulled": ("codec.display_out", ("cisco_tcp", "cisco_http", "cisco_ws")),
}  # fmt: skip
"""Faults of sound and picture, the fact that tells of each, and the codecs that have it in their protocol."""


@pytest.mark.parametrize(("kind", "fault"), [(kind, fault) for fault, (_, kinds) in TOLD.items() for kind in kinds])
def test_whose_protocol_tells_of_sound_and_picture_does(tmp_path: Path, kind: Kind, fault: str) -> None:
    fact = TOLD[fault][0]
    with witnessed(tmp_path, kind) as room:
        room.agree()
        before = room.measured()[fact]
        FAULTS[fault].put(room.hardware.physics, time.monotonic(), {})
        room.agree()
        assert room.measured()[fact] != before
