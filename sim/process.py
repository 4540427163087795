"""Children of the demonstration: started with a log of their own, watched, ended by their own id and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None, use_errno=True).prctl
END_S = 8.0
"""How long a child may take to end in good order."""


class StartError(Exception):
    """A part could not be started. The text is one sentence, with the last lines of its log."""

    def __init__(self, en: str, vi: str = "") -> None:
        super().__init__(en)
        self.en = en
        self.vi = vi
        """The same; empty where only the English is known, as of a log."""


def _die_with(parent: int) -> None:
    """In the child, before its program: be killed by the kernel as soon as the parent ends, however that ends."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended already
        os._exit(1)


class Child:
    """One program. `start` again after its end is a restart over the same log."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._command = list(command)
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def start(self) -> Child:
        """Start it. A group of its own: Ctrl-C at the terminal reaches us, and we end it in order.

        Should we be killed, it dies as well: a hub that lives on would share its database with the next one.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        out: IO[bytes]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self._environment,
                start_new_session=True, preexec_fn=partial(_die_with, os.getpid()),
            )  # fmt: skip
        self.starts += 1
        return self

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id; 0 before the start."""
        return self._process.pid if self._process else 0

    def await_ready(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until `ready`. Raises StartError when it ends, or when time is up."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            if ready():
                return
            if not self.alive:
                raise StartError(f"{self.name} ended at its start: {self.last_words()}")
            time.sleep(0.05)
        raise StartError(f"{self.name} was not ready within {timeout_s:.0f} s: {self.last_words()}")

    def last_words(self, lines: int = 5) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return " / ".join(self._log.read_text("utf-8", "replace").strip().splitlines()[-lines:])
        return ""

    def signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def end(self, wait_s: float = END_S) -> None:
        """End it in good order, and without mercy when it does not."""
        self.signal(signal.SIGTERM)
        self.await_end(wait_s)

    def await_end(self, wait_s: float = END_S) -> None:
        """Wait for its end; kill it when time is up."""
        if self._process is None:
            return
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(2)

    def cpu_s(self) -> float:
        """Processor time it has used so far; 0 when it has ended."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(") ")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def program(name: str) -> str:
    """One of our commands: beside the interpreter that runs us, else by the search path."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else name


def free_port(wanted: int) -> int:
    """The port, if nobody listens on it, else one that is free now."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise StartError("no free port on loopback")


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False
