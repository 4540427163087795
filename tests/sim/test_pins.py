"""Pin levels outlive the agent, as they do on the kernel of a Raspberry Pi."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sim.kinds import RELAYS, RoomPlan
from tests.sim.stage import rack

CUTTER = """
import time
from agent.power.gpio import GpioRelays
from agent.config.channel import RelayConfig
relays = GpioRelays([RelayConfig("codec", 17), RelayConfig("light", 24, "no")], off=["light"])
print("claimed", relays.powered("codec"), relays.powered("light"), flush=True)
relays.cut("codec")
relays.restore("light")
print("cut", relays.powered("codec"), relays.powered("light"), flush=True)
time.sleep(60)
"""
READER = """
from sim.pins import SimulatedFactory
factory = SimulatedFactory()
print(*(int(factory.pin(number).state) for number in (17, 24, 18)), flush=True)
"""
LEAVER = """
from agent.power.gpio import GpioRelays
from agent.config.channel import RelayConfig
relays = GpioRelays([RelayConfig("codec", 17), RelayConfig("light", 24, "no")])
relays.cut("codec")
relays.close()
"""


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.01)


def start(program: str, pins: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "GPIOZERO_PIN_FACTORY": "diemcau_sim", "DIEMCAU_SIM_PINS": str(pins)}
    return subprocess.Popen(
        [sys.executable, "-c", program], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_kill_in_mid_cycle_leaves_the_codec_dark_and_the_next_agent_sees_it(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "generic")) as made:
        hardware = made.rooms[0]
        codec = hardware.physics.codec
        with start(CUTTER, hardware.pins_socket) as agent:
            try:
                assert said(agent) == "claimed True False"
                assert said(agent) == "cut False True"
            finally:
                os.kill(agent.pid, signal.SIGKILL)
                agent.wait(10)
        assert hardware.levels[RELAYS["codec"][0]] == 1
        assert not codec.powered
        assert hardware.physics.closed["light"]
        # Claiming the lines moved nothing, so the cut and the lamp are all that ever happened.
        assert [(act.load, act.what) for act in hardware.physics.witness.acts] == [
            ("codec", "cut"),
            ("light", "restore"),
        ]
        with start(READER, hardware.pins_socket) as reader:
            assert said(reader) == "1 1 0"
        assert not codec.powered
        with start(CUTTER.partition("relays.cut")[0], hardware.pins_socket) as agent:
            assert said(agent) == "claimed True False"
        until(lambda: codec.powered)


def test_a_program_that_ends_orderly_moves_nothing_either(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "generic")) as made:
        hardware = made.rooms[0]
        with start(LEAVER, hardware.pins_socket) as agent:
            _, errors = agent.communicate(timeout=20)
        assert agent.returncode == 0, errors
        assert not hardware.physics.codec.powered
        assert hardware.levels == {17: 1, 24: 1}


def test_without_the_simulator_the_error_says_what_to_start(tmp_path: Path) -> None:
    with start(LEAVER, tmp_path / "nowhere") as agent:
        _, errors = agent.communicate(timeout=20)
    assert agent.returncode != 0
    assert "no simulated board at" in errors
    assert "diemcau-sim room" in errors
