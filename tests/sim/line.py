"""A simulated device on a TCP port and on a serial line, served in a thread."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.physics import Fitting, RoomPhysics
from sim.servers.base import Conversation
from sim.servers.shell import TICK_S, SerialPort, TcpPort


@contextmanager
def served(
    folder: Path,
    make: Callable[[RoomPhysics, Callable[[], float]], Conversation],
    tls: Callable[[], ssl.SSLContext] | None = None,
) -> Iterator[tuple[RoomPhysics, str, str]]:
    """A room's physics, and the URIs of the two lines to the device that `make` makes; the first inside `tls`."""
    room = RoomPhysics("r", Fitting(), time.monotonic())
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    lines: list[str] = []

    async def serve() -> None:
        tcp = TcpPort(lambda: True, lambda: make(room, time.monotonic), tls=tls)
        serial = SerialPort(folder / "line", make(room, time.monotonic))
        await tcp.tick()
        lines.extend([f"tcp://127.0.0.1:{tcp.port}", f"serial://{folder / 'line'}"])
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(TICK_S)
        tcp.close()
        serial.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield room, lines[0], lines[1]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
