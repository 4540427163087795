"""Our driver speaks to the simulated LG display over a serial line and TCP."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agent.config.devices import DisplayConfig
from agent.core.facts import NoReading, Reading
from agent.probes.controlled import display_orders, display_probe
from agent.probes.orders import DeviceEffector
from sim.servers.lg import LgConversation
from tests.sim.line import served

ON: dict[str, Reading] = {
    "display.api": True,
    "display.power": "on",
    "display.input": "hdmi1",
    "display.input_right": True,
    "display.picture_muted": False,
    "display.fault": "none",
    "display.temp_c": 38.0,
}


@pytest.mark.parametrize("line", ["tcp", "serial"])
def test_it_is_watched_switched_on_and_set_to_its_input(tmp_path: Path, line: str) -> None:
    with served(tmp_path, lambda room, clock: LgConversation(room, clock, 12)) as (room, tcp, serial):
        config = DisplayConfig("lg_serial", tcp if line == "tcp" else serial, number=12, input="hdmi1")
        probe = display_probe(config)
        effector = DeviceEffector(probe.link, display_orders(config))
        assert probe.observe() == ON
        room.display.switch(False, time.monotonic())
        readings = probe.observe()
        assert readings["display.power"] == "off"
        assert readings["display.input"] == NoReading("absent")
        assert effector.perform("display_on").ok
        room.display.input, room.display.picture_muted, room.display.complaint = "digital2", True, "lamp"
        readings = probe.observe()
        assert (readings["display.input"], readings["display.input_right"]) == ("hdmi2", False)
        assert (readings["display.picture_muted"], readings["display.fault"]) == (True, "lamp error")
        assert effector.perform("display_input").ok
        assert effector.perform("display_on").ok
        room.display.complaint = ""
        assert probe.observe() == ON
        room.display.hung = True
        readings = probe.observe()
        assert (readings["display.api"], readings["display.power"]) == (False, NoReading("timeout"))
        room.display.hung = False
        assert probe.observe() == ON
        probe.close()


class HangingUp(LgConversation):
    """It hangs up after each of its answers; `dumb`: before it."""

    dumb = False

    def receive(self, data: bytes) -> bytes:
        answer = super().receive(data)
        self.closing = self.closing or bool(answer)
        return b"" if self.dumb else answer


def test_one_that_hangs_up_after_every_answer(tmp_path: Path) -> None:
    with served(tmp_path, lambda room, clock: HangingUp(room, clock)) as (room, tcp, _):
        config = DisplayConfig("lg_serial", tcp, input="hdmi1")
        probe = display_probe(config)
        effector = DeviceEffector(probe.link, display_orders(config))
        assert [probe.observe() for _ in range(2)] == [ON] * 2
        room.display.switch(False, time.monotonic())
        assert probe.observe()["display.power"] == "off"
        assert effector.perform("display_on").ok
        assert probe.observe() == ON
        probe.close()


def test_one_that_hangs_up_without_an_answer_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path, lambda room, clock: HangingUp(room, clock)) as (_, tcp, _):
        probe = display_probe(DisplayConfig("lg_serial", tcp))
        monkeypatch.setattr(HangingUp, "dumb", True)
        began_s = time.monotonic()
        assert probe.observe()["display.api"] is False
        assert time.monotonic() - began_s < 3, "it is not dialled for ever"
        probe.close()


@pytest.mark.parametrize("number", [0, 100])
def test_a_set_id_that_cannot_be(number: int) -> None:
    with pytest.raises(ValueError, match=r"number must be 1\.\.99"):
        display_probe(DisplayConfig("lg_serial", "serial:///dev/ttyUSB0", number=number))
