"""A codec made of a recording, on a real socket or a real pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.devices.kit import RECORDINGS, Player, Recording, load


def recording(name: str) -> Recording:
    """A recording by `family/name`."""
    return load(RECORDINGS / f"{name}.txt")


class FakeCodec:
    """Serves one connection at a time. Change `told` while it runs, or set `mute`."""

    def __init__(self, told: Recording) -> None:
        self.told = told
        self.mute = False
        self.mute_connection = 0
        """This connection, counted from 1, stays without answers from now on."""
        self.hang_up_after = ""
        """After this command the connection is closed without an answer."""
        self.hang_up = False
        """Close the present connection now; falls back by itself."""
        self.heard: list[str] = []
        self.heard_at_s: list[float] = []
        """When, on the clock of the agent."""
        self.bytes_per_s = 0
        """Pace of what it says; 0: at once. 960 are 9,600 baud."""
        self.thinks_s = 0.0
        """Before every answer."""
        self.connections = 0
        self.stopping = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.1)
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def uri(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                peer, _ = self._server.accept()
                self.connections += 1
                with peer:
                    self._talk(peer.fileno(), lambda data, peer=peer: peer.sendall(data))  # type: ignore[misc]

    def _talk(self, fileno: int, send: Callable[[bytes], None]) -> None:
        player = Player(self.told)
        if not self.mute:
            send(player.opened())
        while not self.stopping.is_set() and not self._hangs_up():
            if not select.select([fileno], [], [], 0.05)[0]:
                continue
            data = os.read(fileno, 4096)
            if not data:
                return
            player.recording = self.told
            before = len(player.heard)
            answer = player.feed(data)
            self.heard += player.heard[before:]
            self.heard_at_s += [time.clock_gettime(time.CLOCK_BOOTTIME)] * (len(self.heard) - len(self.heard_at_s))
            if self.hang_up_after and self.hang_up_after in player.heard[before:]:
                return
            if not self.mute and (not self.mute_connection or self.mute_connection != self.connections):
                self.stopping.wait(self.thinks_s)
                self._say(answer, send)

    def _say(self, answer: bytes, send: Callable[[bytes], None]) -> None:
        if not self.bytes_per_s:
            send(answer)
            return
        for at in range(0, len(answer), step := max(1, self.bytes_per_s // 20)):
            if self.stopping.wait(step / self.bytes_per_s):
                return
            send(answer[at : at + step])

    def _hangs_up(self) -> bool:
        hangs_up, self.hang_up = self.hang_up, False
        return hangs_up

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join(10)
        self._server.close()


class FakeSerialCodec(FakeCodec):
    """The same at the far end of a serial line; `path` is our end."""

    def __init__(self, told: Recording) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        super().__init__(told)

    @property
    def uri(self) -> str:
        return f"serial://{self.path}?baud=115200"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            self._talk(self._master, lambda data: (os.write(self._master, data), None)[1])

    def stop(self) -> None:
        super().stop()
        os.close(self._slave)
        os.close(self._master)


@contextlib.contextmanager
def codec(told: str, kind: type[FakeCodec] = FakeCodec) -> Iterator[FakeCodec]:
    """A running fake codec."""
    fake = kind(recording(told))
    try:
        yield fake
    finally:
        fake.stop()


def write_files(root: Path, files: dict[str, str]) -> None:
    """A tree of files, for sysfs and procfs below a temporary root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
