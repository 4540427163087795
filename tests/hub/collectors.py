"""Real rsyslogds of the tests' own: one reads a socket, one carries on what it reads, one hears over TLS."""

from __future__ import annotations

import itertools
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import free_port

_ROWS = """
template(name="row" type="string" string="%app-name% %hostname% %pri% %msg%\\n")
action(type="omfile" file="{folder}/rows.log" template="row" asyncWriting="off")
"""
_READER = """
global(workDirectory="{folder}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" socket="{folder}/log")
"""
_COLLECTOR = """
global(workDirectory="{folder}" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{folder}/cert.pem"
       defaultNetstreamDriverCertFile="{folder}/cert.pem" defaultNetstreamDriverKeyFile="{folder}/key.pem")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imtcp" port="{port}" address="127.0.0.1")
"""
_CARRIER = """
global(workDirectory="{folder}" processInternalMessages="on")
module(load="imuxsock" SysSock.Use="off")
include(file="{folder}/snippet.conf")
action(type="omfile" file="{folder}/own.log" asyncWriting="off")
"""
SOCKET = "/run/diemcau-audit.socket"
"""Where the role has rsyslog listen."""


def eventually(holds: Callable[[], bool], what: str, within_s: float = 30.0) -> None:
    """Wait until it holds. Fails with what was waited for."""
    end_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end_s, what
        time.sleep(0.02)


def program() -> str:
    """Where rsyslogd is."""
    found = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")
    if found is None or not list(Path("/usr/lib").glob("*/rsyslog/lmnsd_ossl.so")):
        pytest.fail("rsyslogd with TLS is not installed: run tools/bootstrap.sh test")
    return found


class Rsyslog:
    """One rsyslogd. `start`, `stop` and `kill` as often as wanted, over the same socket or port, and files."""

    def __init__(self, folder: Path, config: str, *, port: int = 0) -> None:
        self.folder, self.port = folder, port
        self.socket = folder / "log"
        folder.mkdir(exist_ok=True)
        (folder / "conf").write_text(config.format(folder=folder, port=port), "utf-8")
        self._command = [program(), "-n", "-f", str(folder / "conf"), "-i", str(folder / "pid")]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Rsyslog:
        """Returns when it listens."""
        (self.folder / "pid").unlink(missing_ok=True)
        with (self.folder / "out").open("ab") as out:
            self._process = subprocess.Popen(self._command, stdout=out, stderr=out)
        eventually(self._listens, f"rsyslogd did not start: {(self.folder / 'out').read_text(errors='replace')}")
        return self

    def _listens(self) -> bool:
        kind, family = (socket.SOCK_STREAM, socket.AF_INET) if self.port else (socket.SOCK_DGRAM, socket.AF_UNIX)
        with suppress(OSError), closing(socket.socket(family, kind)) as probe:
            probe.connect(("127.0.0.1", self.port) if self.port else str(self.socket))
            return True
        return False

    def stop(self) -> None:
        """End it in good order."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """As when the power goes."""
        self._end(subprocess.Popen.kill)

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        how(process)
        try:
            process.wait(20)
        finally:
            process.kill()  # where it did not end: nothing of a test outlives it

    def rows(self) -> list[str]:
        """What it has written, line by line."""
        file = self.folder / "rows.log"
        return file.read_text("utf-8").splitlines() if file.exists() else []

    def told(self) -> list[dict[str, Any]]:
        """The rows of the log in that."""
        return [json.loads(line[line.index("{") :]) for line in self.rows() if line.endswith("}")]

    def numbers(self) -> list[int]:
        """Their numbers, as they came."""
        return [row["id"] for row in self.told()]


def once(numbers: list[int]) -> list[int]:
    """Without those that came again at once."""
    return [number for number, _ in itertools.groupby(numbers)]


def reader(folder: Path) -> Rsyslog:
    """Reads the socket `log` in its folder."""
    return Rsyslog(folder, _READER + _ROWS)


def carrier(folder: Path, snippet: str) -> Rsyslog:
    """The hub's own rsyslog, with what the role adds to its settings; `own.log` is what it says itself."""
    made = Rsyslog(folder, _CARRIER)
    assert SOCKET in snippet
    (folder / "snippet.conf").write_text(snippet.replace(SOCKET, str(made.socket)), "utf-8")
    return made


def collector(folder: Path, name: str) -> Rsyslog:
    """Hears over TLS, with a certificate of this name: `cert.pem` in its folder."""
    made = Rsyslog(folder, _COLLECTOR + _ROWS, port=free_port())
    certificate(folder, f"DNS:{name}")
    return made


def certificate(folder: Path, alternative: str) -> None:
    """Write `cert.pem` and `key.pem`: a certificate that vouches for itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=of a test", "-addext", f"subjectAltName={alternative}", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
