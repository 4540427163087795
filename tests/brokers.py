"""A real Mosquitto on a free loopback port, which a test may kill and start again over the same files."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.transports.places import program

_START_S = 20.0


class Mosquitto:
    """One broker process. Anonymous, loopback only, with queues large enough never to drop a message silently.

    It saves its state when stopped in good order; a kill loses what it held, as in real life.
    """

    def __init__(self, folder: Path, *, persistence: bool = True, extra: tuple[str, ...] = ()) -> None:
        """Nothing runs yet. `extra` are further lines of its configuration."""
        folder.mkdir(parents=True, exist_ok=True)
        self._program = program("mosquitto")
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.pid_file = folder / "mosquitto.pid"
        lines = (
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "max_queued_messages 1000000",
            "max_inflight_messages 1000",
            f"persistence {'true' if persistence else 'false'}",
            f"persistence_location {folder}/",
            *extra,
        )
        self._config.write_text("\n".join(lines) + "\n", "utf-8")

    def configure(self, text: str) -> None:
        """Replace its whole configuration; a listener on `port` stands in it."""
        self._config.write_text(text, "utf-8")

    def start(self) -> Mosquitto:
        """Start it and wait until it answers. Raises AssertionError with its log when it does not."""
        assert self._process is None, "it runs already"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._config)], stdout=log, stderr=log)
        self.pid_file.write_text(str(self._process.pid), "ascii")
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.02)
        raise AssertionError(f"Mosquitto did not start: {self._log.read_text(errors='replace')[-2000:]}")

    def kill9(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order; it saves its state."""
        self._end(signal.SIGTERM)

    def restart(self) -> Mosquitto:
        """Kill it and start it again on the same port and files."""
        self.kill9()
        return self.start()

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            process.wait(10)

    def __enter__(self) -> Mosquitto:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self._end(signal.SIGKILL)


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(what: str, condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Wait until the callable is true. Raises AssertionError that names what was awaited."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {timeout_s:g} s in vain: {what}"
        time.sleep(0.02)


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


PROPERTIES_5 = {
    "a user property of a byte order mark": b"\x26" + _text(b"k") + _text("\ufeff".encode()),
    "fifty of them": (b"\x26" + _text("\ufeff".encode()) + _text(b"")) * 50,
    "a type and a place to answer": b"\x03" + _text("\ufeff".encode()) + b"\x08" + _text("a/\ufeff".encode()),
    "data to answer with": b"\x09" + _text(b"\xff\x00") + b"\x01\x01",
}
"""Properties of MQTT 5 that are legal, and that a client may trip over."""


def publish_5(port: int, topic: str, payload: bytes, properties: bytes, *, retain: bool = False) -> None:
    """Publish with MQTT 5 and wait until the broker has taken it. By hand: paho refuses to send what it trips over."""

    def counted(body: bytes) -> bytes:
        assert len(body) < 128 * 128
        return bytes([len(body) % 128 | 0x80, len(body) // 128] if len(body) > 127 else [len(body)]) + body

    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.settimeout(10)
        line.sendall(b"\x10" + counted(_text(b"MQTT") + b"\x05\x02\x00\x3c\x00" + _text(b"")))
        assert line.recv(200)[0] == 0x20, "CONNACK"
        message = counted(_text(topic.encode()) + b"\x00\x07" + counted(properties) + payload)
        line.sendall((b"\x33" if retain else b"\x32") + message)
        assert line.recv(200)[:1] == b"\x40", "the broker has not taken the message"
