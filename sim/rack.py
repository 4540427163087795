"""The hardware of several rooms in one process that outlives the agents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.book import Book
from sim.control import answer
from sim.hardware import RoomHardware
from sim.kinds import RoomPlan
from sim.servers.shell import TICK_S


class Rack:
    """The hardware of several rooms in one loop, with a control socket."""

    def __init__(self, plans: list[RoomPlan], folder: Path, control: Path) -> None:
        self.rooms = [RoomHardware(plan, folder / plan.room, time.monotonic) for plan in plans]
        self.book = Book({hardware.plan.room: hardware.physics for hardware in self.rooms})
        self._control = control

    def now(self) -> tuple[float, float]:
        """Monotonic and wall time."""
        return time.monotonic(), time.time()

    def report(self) -> dict[str, Any]:
        """What happened so far."""
        return self.book.report()

    async def run(self, ready: Callable[[], None], stop: asyncio.Event) -> None:
        """Serve until `stop` is set; `ready` is called once everything answers."""
        for hardware in self.rooms:
            await hardware.open()
        self._control.unlink(missing_ok=True)
        control = await asyncio.start_unix_server(self._client, str(self._control), limit=2**20)
        ready()
        try:
            while not stop.is_set():
                for hardware in self.rooms:
                    await hardware.tick()
                self.book.watch(time.monotonic())
                try:
                    await asyncio.wait_for(stop.wait(), TICK_S)
                except TimeoutError:
                    continue
        finally:
            control.close()
            self._control.unlink(missing_ok=True)
            for hardware in self.rooms:
                hardware.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(answer(self, line))
                await writer.drain()
        except (OSError, ValueError):
            pass
        finally:
            writer.close()
