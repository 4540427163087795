"""A room of fifteen devices of which none answers, each in every way a device can be unplugged, changing all the time.

The agent is the real program with `time_scale` 0.01: its probes look a hundred times as often as in a room, so that a
day passes in a quarter of an hour. Its waits for an answer stay what they are.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import sys
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from sim.process import Child
from sim.servers.shell import bound

SCALE = 0.01
DAY_S = 86_400 * SCALE
STEP_S = 2.0
"""How long a device stays unplugged in one way."""
FILL = 4
"""Connections that fill a queue of no places: after them the kernel answers no more."""
MANNERS = ("refused", "silent", "garbage", "full", "hangs up")


ROOM_TOML = """
[room]
id = "ph-unplugged"
state_dir = "{folder}/state"
[broker]
host = "127.0.0.1"
port = {broker}
[policy]
time_scale = {scale}
[codec]
family = "cisco_xapi"
uri = "tcp://{codec}"
ping = "tcp:{codec}"
tcp = "tcp:{codec}"
sip = "sip:{codec}"
api_timeout_s = 2.0
reach_timeout_s = 0.5
[display]
family = "pjlink"
uri = "tcp://{display}"
timeout_s = 2.0
[camera]
family = "visca"
uri = "{camera}"
timeout_s = 2.0
[[meters]]
role = "room"
uri = "{meter}"
timeout_s = 0.5
[[meters]]
role = "codec"
family = "shelly"
uri = "http://{shelly}"
timeout_s = 0.5
[[meters]]
role = "display"
family = "tasmota"
uri = "http://{tasmota}"
timeout_s = 0.5
[[meters]]
role = "amp"
family = "sdm120"
address = 1
uri = "{sdm}"
timeout_s = 0.5
[ups]
port = {ups}
timeout_s = 0.5
[network]
gateway = "tcp:{gateway}"
hub = ["tcp:{hub}"]
dns_name = "hub.example"
dns_servers = ["{dns}"]
clock = false
timeout_s = 0.5
[[sensors]]
chip = "bme280"
sysfs_root = "{folder}/sys"
[[sensors]]
chip = "bh1750"
sysfs_root = "{folder}/sys"
[[sensors]]
chip = "ds18b20"
place = "rack"
sysfs_root = "{folder}/sys"
[[sensors]]
chip = "mhz19"
uri = "{co2}"
[board]
vcgencmd = []
[relays.codec]
family = "shelly"
uri = "http://{plug}"
[relays.switch]
pin = 18
"""


class Socket:
    """A device's port in the network; connections are refused, swallowed, spoken rubbish to, or not even answered."""

    def __init__(self) -> None:
        self._keeper = bound(0)
        self.port: int = self._keeper.getsockname()[1]
        self._listener: socket.socket | None = None
        self._held: list[socket.socket] = []
        self._manner = "refused"
        self.connections = 0

    def become(self, manner: str) -> None:
        """Unplug it differently."""
        self.close()
        self._manner = manner
        if manner == "refused":
            return
        self._listener = bound(self.port)
        self._listener.listen(0 if manner == "full" else 16)
        if manner == "full":
            for _ in range(FILL):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", self.port))
                self._held.append(filler)

    def serve(self) -> None:
        """Take what has come in the meantime."""
        if self._listener is None or self._manner == "full":
            return
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                with contextlib.suppress(OSError):
                    peer.setblocking(False)
                    if self._manner == "garbage":
                        peer.send(os.urandom(1500))
                if self._manner == "hangs up":
                    peer.close()
                else:
                    self._held.append(peer)

    def close(self) -> None:
        """Let go of everything but the number."""
        for held in [*self._held, *([self._listener] if self._listener else [])]:
            held.close()
        self._held, self._listener = [], None


class Cable:
    """A device's serial adapter: not there, there and silent, talking rubbish, or gone in the middle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ends: tuple[int, ...] = ()
        self._manner = "refused"

    def become(self, manner: str) -> None:
        """Unplug it differently."""
        self.close()
        self._manner = manner
        if manner == "refused":
            return
        self._ends = os.openpty()
        for end in self._ends:
            tty.setraw(end)
        os.set_blocking(self._ends[0], False)
        self.path.symlink_to(os.ttyname(self._ends[1]))
        if manner == "hangs up":  # the adapter is pulled, its name stays for a while
            os.close(self._ends[0])
            # This end is held: a number that is free may soon be somebody else's line.
            self._ends = self._ends[1:]

    def serve(self) -> None:
        """Read, so that nothing fills up, and speak rubbish where that is its manner."""
        if len(self._ends) == 2:
            with contextlib.suppress(OSError):
                os.read(self._ends[0], 4096)
                if self._manner in ("garbage", "full"):
                    os.write(self._ends[0], os.urandom(200))

    def close(self) -> None:
        """Pull it."""
        self.path.unlink(missing_ok=True)
        for end in self._ends:
            os.close(end)
        self._ends = ()


class Rig:
    """All devices of the room, moved on by a thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = {name: Socket() for name in ("codec", "display", "shelly", "tasmota", "plug", "ups", "gateway",
                                                    "hub", "dns", "broker")}  # fmt: skip
        self.cables = {name: Cable(folder / name) for name in ("camera", "meter", "sdm", "co2")}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to change."""
        self._thread.start()

    def _run(self) -> None:
        parts: list[Socket | Cable] = [*self.sockets.values(), *self.cables.values()]
        for step in itertools.count():
            for number, part in enumerate(parts):
                part.become(MANNERS[(step + number) % len(MANNERS)])
            until_s = time.monotonic() + STEP_S
            while time.monotonic() < until_s:
                for part in parts:
                    part.serve()
                if self._stop.wait(0.05):
                    return

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()
        for name in self.sockets:
            self.sockets[name].close()
        for name in self.cables:
            self.cables[name].close()

    def write_config(self) -> Path:
        """The agent's configuration: fifteen devices, and relays."""
        places: dict[str, object] = {name: f"127.0.0.1:{one.port}" for name, one in self.sockets.items()}
        places |= {name: f"serial://{one.path}" for name, one in self.cables.items()}
        places |= {name: self.sockets[name].port for name in ("ups", "broker")}
        path = self.folder / "room.toml"
        path.write_text(ROOM_TOML.format(folder=self.folder, scale=SCALE, **places), "utf-8")
        return path


@dataclass
class Watched:
    """What was seen of the agent, a row a second: threads, open files, memory in kB."""

    rows: list[tuple[int, int, int]] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    """Between two words to the service manager's watchdog."""
    connections: int = 0

    def quarter(self, column: int, which: int) -> float:
        """The median of a column in a quarter of the time, 0 to 3."""
        size = len(self.rows) // 4
        return median(row[column] for row in self.rows[which * size : (which + 1) * size])

    def words(self) -> str:
        """For the record."""
        names = ("threads", "files", "memory kB")
        parts = [f"{name} {self.quarter(n, 1):.0f} -> {self.quarter(n, 3):.0f}" for n, name in enumerate(names)]
        return f"{', '.join(parts)}; longest watchdog gap {max(self.gaps_s):.1f} s, {self.connections} connections"


def seen(pid: int) -> tuple[int, int, int]:
    """Threads, open files and resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return int(status["Threads"]), len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status["VmRSS"].split()[0])


@contextmanager
def unplugged(folder: Path) -> Iterator[tuple[Rig, Child, socket.socket]]:
    """The room, its agent, and the service manager's end of the watchdog."""
    rig = Rig(folder)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(folder / "notify"))
    notify.setblocking(False)
    command = [sys.executable, "-m", "tests.agent.run_agent", "run", "--config", str(rig.write_config())]
    environment = {"NOTIFY_SOCKET": str(folder / "notify"), "DIEMCAU_TEST_PINS": str(folder / "pins")}
    child = Child("agent", command, folder / "agent.log", environment)
    rig.start()
    child.start()
    try:
        yield rig, child, notify
    finally:
        child.end()
        rig.close()
        notify.close()


def watch(folder: Path, lasts_s: float) -> Watched:
    """Let so much real time pass, and tell what was seen of the agent. It must be alive at the end."""
    found = Watched()
    with unplugged(folder) as (rig, child, notify):
        end_s, row_s, fed_s = time.monotonic() + lasts_s, 0.0, 0.0
        while (now_s := time.monotonic()) < end_s:
            with contextlib.suppress(BlockingIOError):
                while b"WATCHDOG=1" in (word := notify.recv(4096)) or word:
                    if b"WATCHDOG=1" in word:
                        found.gaps_s += [now_s - fed_s] if fed_s else []
                        fed_s = now_s
            if now_s - row_s >= 1.0 and fed_s:
                row_s = now_s
                found.rows.append(seen(child.pid))
            time.sleep(0.1)
        assert child.alive, (folder / "agent.log").read_text("utf-8")[-2000:]
        found.gaps_s.append(time.monotonic() - fed_s)
        found.connections = sum(one.connections for one in rig.sockets.values())
    return found
