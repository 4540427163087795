"""The servers: no bytes make them fall, orders reach the codec over every line, other people's clients accept them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.client import ModbusSerialClient

from agent.ports import Outcome
from agent.probes.build import build_probes
from agent.settings import load
from sim.faults import FAULTS
from sim.hardware import RoomHardware
from sim.kinds import Kind, RoomPlan
from sim.physics import Fitting, Hang, RoomPhysics
from sim.servers import sip
from sim.servers.base import Conversation
from sim.servers.cisco import CiscoConversation
from sim.servers.lg import LgConversation
from sim.servers.mdc import MdcConversation
from sim.servers.nut import NutConversation
from sim.servers.pjlink import PjlinkConversation
from sim.servers.poly import PolyConversation
from sim.servers.pzem import PzemConversation
from sim.servers.visca import ViscaConversation
from tests.effort import examples
from tests.sim.stage import rack
from tests.transports.places import program

CONVERSATIONS: dict[str, Callable[[RoomPhysics], Conversation]] = {
    "cisco": lambda room: CiscoConversation(room, lambda: 10.0),
    "cisco, login": lambda room: CiscoConversation(room, lambda: 10.0, password="p"),
    "cisco, TC": lambda room: CiscoConversation(room, lambda: 10.0, flavour="tc", serial=True),
    "poly": lambda room: PolyConversation(room, lambda: 10.0),
    "pjlink": lambda room: PjlinkConversation(room, lambda: 10.0),
    "pjlink, login": lambda room: PjlinkConversation(room, lambda: 10.0, password="p", pjlink_class=1),
    "mdc": lambda room: MdcConversation(room, lambda: 10.0),
    "lg": lambda room: LgConversation(room, lambda: 10.0),
    "visca": lambda room: ViscaConversation(room, lambda: 10.0),
    "nut": lambda room: NutConversation(room, lambda: 10.0),
    "pzem": lambda room: PzemConversation(room, lambda: 10.0, "room"),
}

WORDS = [
    "xStatus", "xCommand", "xFeedback", "xPreferences", "xConfiguration", "outputmode", "json", "register", "/Status",
    "Call", "1", "SystemUnit", "Audio", "Volume", "Set", "Level:", "33", "Dial", "Number:", '"a b"', "| resultId=\"x\"",
    "{5}", "{", "}", "LIST", "VAR", "ups", "GET", "echo", "off", "volume", "set", "mute", "near", "status", "bye", "/",
    "%1POWR ?", "%1POWR 1", "%2INPT ?", "%1AVMT 31", "%2IRES ?", "%9", "ka 01 ff", "xb 01 90", "[", "", "\x00", "Điểm",
]  # fmt: skip
talk = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.lists(st.sampled_from(WORDS), max_size=6).map(lambda words: (" ".join(words) + "\r\n").encode()),
    ),
    max_size=12,
)


@pytest.mark.parametrize("name", CONVERSATIONS)
@settings(max_examples=examples(300), deadline=None)
@given(talk)
def test_no_bytes_make_a_server_fall(name: str, said: list[bytes]) -> None:
    room = RoomPhysics("r", Fitting(), 0.0)
    conversation = CONVERSATIONS[name](room)
    conversation.opened()
    for data in said:
        assert isinstance(conversation.receive(data), bytes)
        assert isinstance(conversation.tick(), bytes)


@settings(max_examples=examples(200))
@given(st.binary(max_size=200))
def test_no_datagram_makes_sip_fall(data: bytes) -> None:
    assert isinstance(sip.answer(data), bytes)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_it_does_not_matter_how_bytes_are_cut(name: str) -> None:
    text = (
        b"echo off\r\nadmin\r\np\r\necho off\r\nxStatus Audio Volume\r\n\r\nxCommand Nothing\r\n"
        b"LIST VAR ups\r\nvolume get\r\n\xf8\x04\x00\x00\x00\x0a\x64\x64"
    )
    whole, cut = (CONVERSATIONS[name](RoomPhysics("r", Fitting(), 0.0)) for _ in range(2))
    if name.startswith("cisco"):
        # What is typed ahead is echoed ahead: only without the echo is the order of the answers the same.
        for conversation in (whole, cut):
            conversation.receive(b"echo off\n" if name != "cisco, login" else b"admin\np\necho off\n")
    assert b"".join(cut.receive(bytes((byte,))) for byte in text) == whole.receive(text)


SCALE = 0.02


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)


def ordered(hardware: RoomHardware, remedy: str) -> Outcome:
    """Give one order over the agent's own effector, on a conversation of its own."""
    probes, effectors = build_probes(load(hardware.write_config()).probes)
    try:
        (codec,) = (effector for effector in effectors if remedy in effector.remedies)
        return codec.perform(remedy)
    finally:
        for probe in probes:
            probe.close()


@pytest.mark.parametrize("kind", ["cisco_tcp", "cisco_serial", "poly_tcp", "cisco_http", "cisco_ws"])
@pytest.mark.parametrize("fault", ["codec_hang_soft", "codec_hang_hard"])
def test_a_restart_order_helps_a_soft_hang_and_not_a_hard_one(tmp_path: Path, kind: Kind, fault: str) -> None:
    with rack(tmp_path, RoomPlan("r", kind, SCALE)) as made:
        hardware = made.rooms[0]
        codec = hardware.physics.codec
        FAULTS[fault].put(hardware.physics, time.monotonic(), {})
        outcome = ordered(hardware, "codec_restart")
        if fault == "codec_hang_hard":
            assert not outcome.ok
            assert codec.hang is Hang.HARD
            assert not hardware.physics.witness.acts
        else:
            assert codec.hang is Hang.NONE, outcome
            assert [act.what for act in hardware.physics.witness.acts] == ["restart"]
            until(lambda: codec.serving(hardware.physics.now_s))


@pytest.mark.parametrize("kind", ["cisco_tcp", "cisco_serial", "poly_tcp", "cisco_http", "cisco_ws"])
def test_a_wake_order_wakes(tmp_path: Path, kind: Kind) -> None:
    with rack(tmp_path, RoomPlan("r", kind, SCALE)) as made:
        hardware = made.rooms[0]
        FAULTS["codec_asleep"].put(hardware.physics, time.monotonic(), {})
        assert ordered(hardware, "codec_wake").ok
        assert not hardware.physics.codec.standby


def test_pymodbus_reads_the_meter(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "generic", SCALE)) as made:
        hardware = made.rooms[0]
        with ModbusSerialClient(str(tmp_path / "r" / "meter-room"), baudrate=9600, timeout=2, retries=0) as client:
            answer = client.read_input_registers(0, count=10, device_id=1)
            assert not answer.isError()
            words = answer.registers
            assert 2200 < words[0] < 2360
            assert words[7] == 500
            watts = (words[3] | words[4] << 16) / 10
            assert watts == pytest.approx(hardware.physics.draw_w(), rel=0.06)
            assert client.read_input_registers(20, count=1, device_id=1).isError()
            assert client.read_holding_registers(0, count=1, device_id=1).isError()


def test_upsc_reads_the_ups(tmp_path: Path) -> None:
    with rack(tmp_path, RoomPlan("r", "generic", SCALE)) as made:
        hardware = made.rooms[0]
        address = f"ups@127.0.0.1:{hardware.nut.port}"

        def variables() -> dict[str, str]:
            done = subprocess.run([program("upsc"), address], capture_output=True, text=True, timeout=20, check=True)
            return dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)

        assert variables()["ups.status"] == "OL"
        FAULTS["mains_lost"].put(hardware.physics, time.monotonic(), {})
        seen = variables()
        assert seen["ups.status"].startswith("OB")
        assert float(seen["input.voltage"]) == 0.0
        assert 0 < int(seen["battery.runtime"]) <= 900
        missing = subprocess.run(["upsc", address, "no.such"], capture_output=True, text=True, timeout=20, check=False)
        assert missing.returncode != 0
        assert "not supported" in missing.stderr.lower()
