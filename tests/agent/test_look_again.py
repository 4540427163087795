"""A look that gave way to something urgent comes again at once, whatever its rhythm."""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.events import Observed
from agent.core.facts import Reading
from agent.ports import Asked
from agent.probes.turns import cut_short
from agent.runtime.probe_threads import ProbeThreads
from agent.transports.clock import SystemClock
from tests.agent.test_loop import FakeProbe
from tests.brokers import until


class GivesWayTwice(FakeProbe):
    """Its rhythm is a quarter of an hour."""

    def observe(self) -> Mapping[str, Reading]:
        self.looks += 1
        if self.looks <= 2:
            return cut_short(Asked({"codec.in_call": False}) if self.looks == 1 else None)
        return Asked({"codec.api": True, "codec.in_call": False})


def test_a_look_that_was_cut_short_comes_again_at_once() -> None:
    probe = GivesWayTwice()
    told: list[Observed] = []
    threads = ProbeThreads([probe], SystemClock(), told.append, 1.0)
    threads.start()
    until("the whole look", lambda: len(told) == 2)
    threads.close()
    assert probe.looks == 3
    assert [set(one.observation.readings) for one in told] == [{"codec.in_call"}, {"codec.api", "codec.in_call"}]
