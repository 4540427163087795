"""What the bench measures with: a process's own counters, and a wire that counts what passes."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Counters of one process since it began, its ended children's processor time included."""

    cpu_s: float
    rss_mb: float
    peak_mb: float
    written_bytes: int
    """Handed to the block device: what wears a card out."""


def usage(pid: int) -> Usage:
    """The counters now. Raises FileNotFoundError when the process is gone."""
    proc = Path("/proc") / str(pid)
    times = proc.joinpath("stat").read_text().rpartition(")")[2].split()
    status = dict(line.split(":", 1) for line in proc.joinpath("status").read_text().splitlines())
    io = dict(line.split(": ") for line in proc.joinpath("io").read_text().splitlines())
    return Usage(
        cpu_s=sum(map(int, times[11:15])) / TICKS_PER_S,
        rss_mb=int(status["VmRSS"].split()[0]) / 1024,
        peak_mb=int(status["VmHWM"].split()[0]) / 1024,
        written_bytes=int(io["write_bytes"]) - int(io["cancelled_write_bytes"]),
    )


class CountingWire:
    """A loopback port in front of another one. Counts the bytes of the streams, without the headers of TCP and IP."""

    def __init__(self, target_port: int) -> None:
        self.up_bytes = 0
        self.down_bytes = 0
        self._target_port = target_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no further connection."""
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target_port))
            except OSError:
                return
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65_536):
                sink.sendall(chunk)
                if up:
                    self.up_bytes += len(chunk)
                else:
                    self.down_bytes += len(chunk)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
