"""A public client, python-samsung-mdc, judges the simulated display over TCP and serial; our driver too."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from samsung_mdc import MDC
from samsung_mdc.commands import INPUT_SOURCE, POWER
from samsung_mdc.exceptions import NAKError

from agent.config.devices import DisplayConfig
from agent.core.facts import NoReading, Reading
from agent.probes.controlled import display_orders, display_probe
from agent.probes.orders import DeviceEffector
from sim.physics import RoomPhysics
from sim.servers.mdc import MdcConversation
from tests.sim.line import served

NUMBER = 7
ON: dict[str, Reading] = {
    "display.api": True,
    "display.power": "on",
    "display.input": "hdmi1",
    "display.input_right": True,
    "display.picture_muted": False,
    "display.signal": True,
    "display.fault": "none",
    "display.temp_c": 38.0,
    "display.model": "QM55B-MO-PHONG",
}


@contextmanager
def display(folder: Path) -> Iterator[tuple[RoomPhysics, str, str]]:
    with served(folder, lambda room, clock: MdcConversation(room, clock, NUMBER)) as lines:
        yield lines


@pytest.mark.parametrize("line", ["tcp", "serial"])
def test_a_public_client_is_satisfied(tmp_path: Path, line: str) -> None:
    with display(tmp_path) as (room, tcp, serial):

        async def judge() -> None:
            target = tcp.removeprefix("tcp://") if line == "tcp" else serial.removeprefix("serial://")
            async with MDC(target, mode=line, timeout=5) as mdc:
                assert await mdc.model_name(NUMBER) == ("QM55B-MO-PHONG",)
                assert (await mdc.status(NUMBER))[0] is POWER.POWER_STATE.ON
                assert await mdc.input_source(NUMBER) == (INPUT_SOURCE.INPUT_SOURCE_STATE.HDMI1,)
                await mdc.input_source(NUMBER, ["HDMI2"])
                assert room.display.input == "digital2"
                errors = await mdc.error_status(NUMBER)
                assert errors[3].name == "ERROR", "no picture arrives there"
                await mdc.power(NUMBER, ["OFF"])
                assert await mdc.power(NUMBER) == (POWER.POWER_STATE.OFF,)
                with pytest.raises(NAKError):
                    await mdc.input_source(NUMBER)

        asyncio.run(judge())
        assert not room.display.on


@pytest.mark.parametrize("line", ["tcp", "serial"])
def test_it_is_watched_switched_on_and_set_to_its_input(tmp_path: Path, line: str) -> None:
    with display(tmp_path) as (room, tcp, serial):
        config = DisplayConfig("samsung_mdc", tcp if line == "tcp" else serial, number=NUMBER, input="hdmi1")
        probe = display_probe(config)
        effector = DeviceEffector(probe.link, display_orders(config))
        assert probe.observe() == ON
        room.display.switch(False, time.monotonic())
        readings = probe.observe()
        assert readings["display.power"] == "off"
        assert readings["display.input_right"] == NoReading("absent")
        assert effector.perform("display_on").ok
        room.display.input, room.display.picture_muted, room.display.complaint = "digital2", True, "temperature"
        readings = probe.observe()
        assert (readings["display.input"], readings["display.input_right"]) == ("hdmi2", False)
        assert (readings["display.signal"], readings["display.picture_muted"]) == (False, True)
        assert readings["display.fault"] == "temperature error"
        assert effector.perform("display_input").ok
        assert effector.perform("display_on").ok
        room.display.complaint = ""
        assert probe.observe() == ON
        assert probe.link.is_open() is (line == "serial")
        probe.close()


@pytest.mark.parametrize("line", ["tcp", "serial"])
def test_a_display_with_another_number_does_not_answer(tmp_path: Path, line: str) -> None:
    with display(tmp_path) as (_, tcp, serial):
        probe = display_probe(DisplayConfig("samsung_mdc", tcp if line == "tcp" else serial, number=3))
        began_s = time.monotonic()
        readings = probe.observe()
        assert time.monotonic() - began_s <= probe.deadline_s
        assert readings["display.api"] is False
        assert readings["display.power"] == NoReading("timeout")
        probe.close()


def test_a_secured_display_is_denied_and_not_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections: list[socket.socket] = []

        def greet() -> None:
            while True:
                try:
                    connections.append(server.accept()[0])
                    connections[-1].sendall(b"MDCSTART<<TLS>>")
                except OSError:
                    return

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        probe = display_probe(DisplayConfig("samsung_mdc", f"tcp://127.0.0.1:{server.getsockname()[1]}"))
        assert [probe.observe()["display.api"] for _ in range(3)] == [NoReading("denied")] * 3
        assert len(connections) == 1
        probe.close()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    for connection in connections:
        connection.close()


def test_a_pulled_adapter_is_our_link(tmp_path: Path) -> None:
    probe = display_probe(DisplayConfig("samsung_mdc", f"serial://{tmp_path / 'gone'}"))
    assert set(probe.observe().values()) == {NoReading("link")}
    probe.close()


class Waking(MdcConversation):
    """Its network starts anew as it wakes: the order is carried out, and nobody says so."""

    def _answer(self, command: int, data: bytes) -> bytes:
        wakes = command == 0x11 and data == b"\1"
        answer = super()._answer(command, data)
        self.closing = self.closing or wakes
        return b"" if wakes else answer


def test_one_that_hangs_up_as_it_wakes_has_taken_the_order(tmp_path: Path) -> None:
    with served(tmp_path, lambda room, clock: Waking(room, clock, NUMBER)) as (room, tcp, _):
        config = DisplayConfig("samsung_mdc", tcp, number=NUMBER, input="hdmi1")
        probe = display_probe(config)
        room.display.switch(False, time.monotonic())
        outcome = DeviceEffector(probe.link, display_orders(config)).perform("display_on")
        assert (outcome.ok, outcome.proof["closed"]) == (True, True)
        assert probe.observe() == ON
        probe.close()


def test_one_that_hangs_up_upon_another_order_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path, lambda room, clock: Waking(room, clock, NUMBER)) as (_, tcp, _serial):
        config = DisplayConfig("samsung_mdc", tcp, number=NUMBER, input="hdmi2")
        probe = display_probe(config)

        def hangs_up(talk: Waking, command: int, data: bytes) -> bytes:
            talk.closing = talk.closing or command == 0x14
            return b"" if talk.closing else MdcConversation._answer(talk, command, data)

        monkeypatch.setattr(Waking, "_answer", hangs_up)
        assert not DeviceEffector(probe.link, display_orders(config)).perform("display_input").ok
        probe.close()
