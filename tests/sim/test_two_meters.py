"""Two simulated meters on one line, and the agent's probe of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config.devices import MeterConfig
from agent.core.facts import NoReading
from agent.devices.power.pzem004t import keys
from agent.probes.meter import MeterProbe
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


def test_one_meter_alone_is_believed(tmp_path: Path) -> None:
    with served(tmp_path, lambda room, clock: PzemConversation(room, clock, "room")) as (_, tcp, serial):
        for uri in (tcp, serial):
            probe = MeterProbe(MeterConfig("room", uri=uri, timeout_s=5))
            for _ in range(3):
                assert not [value for value in probe.observe().values() if isinstance(value, NoReading)]
            probe.close()
