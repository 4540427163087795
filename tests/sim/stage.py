"""A rack of simulated hardware in a thread of its own, for tests that speak to it over sockets and ptys."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.kinds import RoomPlan
from sim.rack import Rack

READY_S = 10.0


@contextmanager
def rack(folder: Path, *plans: RoomPlan) -> Iterator[Rack]:
    """The rack, serving. Control socket: `folder/control`."""
    made = Rack(list(plans), folder, folder / "control")
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        # It ends what was accepted in the moment of the end, then closes the loop.
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(made.run(ready.set, stop))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(READY_S), "the rack did not come up"
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(READY_S)
        assert not thread.is_alive(), "the rack did not end"
