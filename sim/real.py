"""A handful of real `diemcau-agent` processes on simulated hardware, restarted as systemd would.

The hardware lives in a process of its own (`python -m sim.real FILE`), so that killing an agent leaves its
relays where they were.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from agent.store.sqlite import LEAP
from sim.kinds import Kind, RoomPlan
from sim.pins import ENV
from sim.process import Child, StartError, program
from sim.rack import Rack

RESTART_S = 1.0
"""Between an agent's end and its next start, as the service file says."""
READY_S = 30.0
PENDING = (
    "SELECT count(*) FROM outbox WHERE seq > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'acked'), 0)"
)
KINDS: tuple[Kind, ...] = ("cisco_tcp", "cisco_serial", "poly_tcp", "generic", "cisco_tcp", "cisco_serial")


class RealRooms:
    """The hardware process and its agents."""

    def __init__(
        self, folder: Path, rooms: Sequence[str], scale: float, broker_port: int, seed: int = 0, *,
        root_key: str = "", kinds: Sequence[Kind] = KINDS,
    ) -> None:  # fmt: skip
        """Writes nothing and starts nothing yet. At most as many rooms as there are `kinds`."""
        self.folder = folder
        self.kinds: dict[str, Kind] = dict(zip(rooms, kinds, strict=False))
        self.control = folder / "hardware.sock"
        self._plans = [
            RoomPlan(room, kind, scale, seed + number, root_key)
            for number, (room, kind) in enumerate(self.kinds.items())
        ]
        self._plan_file = folder / "hardware.json"
        self._broker_port = broker_port
        self.hardware = Child(
            "hardware", [sys.executable, "-m", "sim.real", str(self._plan_file)], folder / "log" / "hardware.log"
        )
        self.agents: dict[str, Child] = {}
        self._ended_s: dict[str, float] = {}

    def start_hardware(self) -> None:
        """Start the hardware, and wait until it answers. Raises StartError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        plans = [asdict(plan) for plan in self._plans]
        ready = self.folder / "hardware.ready"
        ready.unlink(missing_ok=True)
        self._plan_file.write_text(
            json.dumps({"folder": str(self.folder), "broker_port": self._broker_port, "rooms": plans}), "utf-8"
        )
        self.hardware.start()
        self.hardware.await_ready(ready.exists, READY_S)

    def start_agents(self) -> None:
        """Start every agent."""
        for room in self.kinds:
            folder = self.folder / room
            environment = {
                "GPIOZERO_PIN_FACTORY": "diemcau_sim",
                ENV: str(folder / "pins"),
                # Other settings of whoever starts the demonstration are no business of these rooms.
                **{key: "" for key in os.environ if key.startswith("DIEMCAU_") and key != ENV},
            }
            environment = {key: value for key, value in environment.items() if value}
            command = [program("diemcau-agent"), "run", "--config", str(folder / "room.toml")]
            self.agents[room] = Child(f"agent {room}", command, self.folder / "log" / f"{room}.log", environment)
            self.agents[room].start()

    def supervise(self) -> None:
        """Start again what has ended, a second later. Call it a few times a second."""
        now_s = time.monotonic()
        for room, agent in self.agents.items():
            if agent.alive:
                self._ended_s.pop(room, None)
            elif now_s - self._ended_s.setdefault(room, now_s) >= RESTART_S:
                agent.start()

    def check(self) -> None:
        """Raises StartError when the hardware has ended: without it nothing here means anything."""
        if not self.hardware.alive:
            raise StartError(f"the simulated hardware has ended: {self.hardware.last_words()}")

    def events_sent(self) -> int:
        """Events that the agents have ever put into their outboxes: numbers count from 1, and leap at each start."""
        newest = (self._database(room, "SELECT value FROM meta WHERE key = 'seq'") for room in self.kinds)
        return sum(seq % LEAP for seq in newest)

    def pending(self) -> int:
        """Events that wait for the hub's acknowledgement."""
        return sum(self._database(room, PENDING) for room in self.kinds)

    def _database(self, room: str, query: str) -> int:
        path = self.folder / room / "state" / "room.db"
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2)) as db:
                row = db.execute(query).fetchone()
        except sqlite3.Error:
            return 0
        return int(row[0]) if row else 0

    def end_agents(self) -> None:
        """End the agents in good order, all at once."""
        for agent in self.agents.values():
            agent.signal(signal.SIGTERM)
        for agent in self.agents.values():
            agent.await_end()

    def end(self) -> None:
        """End everything, the hardware last."""
        self.end_agents()
        self.hardware.end()


def main() -> int:
    """`python -m sim.real FILE`: the hardware of the rooms in the file, until SIGTERM."""
    plan = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    folder = Path(plan["folder"])
    rack = Rack([RoomPlan(**row) for row in plan["rooms"]], folder, folder / "hardware.sock")

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)

        def ready() -> None:
            for hardware in rack.rooms:
                hardware.write_config(int(plan["broker_port"]))
            (folder / "hardware.ready").touch()

        await rack.run(ready, stop)

    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
