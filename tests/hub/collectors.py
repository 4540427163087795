"""A real rsyslogd on loopback that writes what it hears into a file, one row a line."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.brokers import free_port

_CONFIG = """
global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
template(name="row" type="string" string="%structured-data% %app-name% %msgid% %hostname% %pri% %msg%\\n")
input(type="imtcp" port="{port}" address="127.0.0.1")
input(type="imuxsock" socket="{folder}/log" useSpecialParser="off" parseHostname="on" rateLimit.Interval="0")
action(type="omfile" file="{folder}/rows.log" template="row" asyncWriting="off")
"""


def eventually(holds: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Wait until it holds. Fails with what was waited for."""
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


class Rsyslog:
    """One collector. `start` and `stop` as often as wanted, over the same port, socket and file."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")
        if program is None:
            pytest.fail("rsyslogd is not installed: run tools/bootstrap.sh test")
        folder.mkdir()
        self.port = free_port()
        self.socket = folder / "log"
        self._file, self._folder = folder / "rows.log", folder
        (folder / "conf").write_text(_CONFIG.format(folder=folder, port=self.port), "utf-8")
        self._command = [program, "-n", "-f", str(folder / "conf"), "-i", str(folder / "pid")]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Rsyslog:
        """Returns when it listens."""
        with (self._folder / "out").open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out)
        eventually(self._listens, f"rsyslogd did not start: {(self._folder / 'out').read_text(errors='replace')}")
        return self

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return self.socket.exists()
        return False

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def rows(self) -> list[str]:
        """What it has written."""
        return self._file.read_text("utf-8").splitlines() if self._file.exists() else []
