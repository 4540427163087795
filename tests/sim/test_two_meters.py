"""Two simulated meters on one line, and the agent's probe of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.config.devices import MeterConfig
from agent.core.facts import NoReading
from agent.devices.power.pzem004t import Pzem, keys
from agent.probes.asked import AskedLine
from agent.probes.meter import MeterProbe
from sim.physics import Fitting, RoomPhysics
from sim.servers.pzem import PzemConversation
from tests.sim.line import served


@pytest.mark.parametrize("address", [0xF8, 1])
def test_two_meters_on_one_line_are_told(tmp_path: Path, address: int) -> None:
    """The first answer was taken, and nothing was said."""
    with served(tmp_path, lambda room, clock: PzemConversation(room, clock, "room", meters=2)) as (_, tcp, serial):
        for uri in (tcp, serial):
            probe = MeterProbe(MeterConfig("room", uri=uri, address=address, timeout_s=5))
            assert probe.observe() == dict.fromkeys(keys("room"), NoReading("two_answer"))
            probe.close()


class TwoInTurn:
    """A line on which the second meter's answer comes in a piece of its own."""

    bauds = ()

    def __init__(self) -> None:
        meter = PzemConversation(RoomPhysics("r", Fitting(), 0.0), lambda: 0.0, "room")
        self._answer = meter.receive(Pzem("room").request())
        self._left: list[bytes] = []

    def open(self, baud: int, resolver: object) -> TwoInTurn:
        del baud, resolver
        return self

    def send(self, data: bytes, timeout_s: float) -> None:
        del data, timeout_s
        self._left = [self._answer, b"", self._answer]

    def recv(self, timeout_s: float) -> bytes:
        del timeout_s
        return self._left.pop(0) if self._left else b""

    def close(self) -> None: ...


def test_a_second_answer_that_comes_later_is_told_too() -> None:
    line: Any = TwoInTurn()
    found = AskedLine(Pzem("room"), line, keys("room"), 5.0).look()
    assert found == dict.fromkeys(keys("room"), NoReading("two_answer"))


def test_one_meter_alone_is_believed(tmp_path: Path) -> None:
    with served(tmp_path, lambda room, clock: PzemConversation(room, clock, "room")) as (_, tcp, serial):
        for uri in (tcp, serial):
            probe = MeterProbe(MeterConfig("room", uri=uri, timeout_s=5))
            for _ in range(3):
                assert not [value for value in probe.observe().values() if isinstance(value, NoReading)]
            probe.close()
