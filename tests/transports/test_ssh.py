"""The system's SSH client against a real SSH server: every fault has its own name, and nothing is left running."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.transports.errors import LinkFault
from agent.transports.ssh import SshPeer, SshStream, kind_of
from sim.servers.ssh import SshPort
from tests.transports.places import eventually, program


class Parrot:
    """Says back what it hears; `bye` makes it hang up."""

    closing = False

    def opened(self) -> bytes:
        return b"hello\r\n"

    def receive(self, data: bytes) -> bytes:
        self.closing = b"bye" in data
        return data.upper()

    def tick(self) -> bytes:
        return b""


@contextmanager
def ssh_port() -> Iterator[SshPort]:
    """An SSH server in a thread; its `up` is always true."""
    program("ssh")
    loop, made, stop, ready = asyncio.new_event_loop(), [], asyncio.Event(), threading.Event()

    async def serve() -> None:
        port = SshPort(lambda: not stop.is_set(), Parrot, "admin", "mumble")
        made.append(port)
        while not stop.is_set():
            await port.tick()
            ready.set()
            await asyncio.sleep(0.02)
        port.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def peer(port: int, folder: Path) -> SshPeer:
    return SshPeer("127.0.0.1", port, "admin", f"codec:{port}", folder / "known_hosts")


def fault_kind(port: int, folder: Path, password: str = "mumble", timeout_s: float = 10.0) -> str:
    with pytest.raises(LinkFault) as caught:
        SshStream.open(peer(port, folder), password, timeout_s)
    return caught.value.kind


def heard(stream: SshStream, wanted: bytes) -> None:
    got = b""

    def all_there() -> bool:
        nonlocal got
        got += stream.recv(0.2)
        return wanted in got

    eventually(all_there, f"never heard {wanted!r}")


def ending(stream: SshStream) -> str:
    """Listen to the end; the kind of fault that it was."""
    try:
        while True:
            stream.recv(5)
    except LinkFault as fault:
        return fault.kind


def test_bytes_go_both_ways_and_the_end_is_told(tmp_path: Path) -> None:
    with ssh_port() as port:
        stream = SshStream.open(peer(port.port, tmp_path), "mumble", 10)
        heard(stream, b"hello\r\n")
        stream.send(b"x" * 100_000 + b"!", 5)
        heard(stream, b"!")
        assert stream.recv(0.05) == b""
        stream.send(b"bye\n", 5)
        assert ending(stream) == "refused"
        stream.close()
        stream.close()
        assert stream._child.poll() is not None
        assert not Path(stream._helper.name).exists()


def test_the_password_stands_in_no_command_line_and_no_file(tmp_path: Path) -> None:
    with ssh_port() as port:
        stream = SshStream.open(peer(port.port, tmp_path), "mumble", 10)
        line = Path(f"/proc/{stream._child.pid}/cmdline").read_bytes()
        assert b"admin" in line
        assert b"mumble" not in line
        assert b"mumble" not in (tmp_path / "known_hosts").read_bytes()
        assert not Path(stream._helper.name).exists()
        stream.close()


def test_a_wrong_password(tmp_path: Path) -> None:
    with ssh_port() as port:
        assert fault_kind(port.port, tmp_path, "wrong") == "denied"
        assert 1 <= port.tried.count("wrong") <= 2, "once for each way of asking"


def test_a_changed_host_key_gets_no_password(tmp_path: Path) -> None:
    with ssh_port() as port:
        SshStream.open(peer(port.port, tmp_path), "mumble", 10).close()
        known = (tmp_path / "known_hosts").read_text()
    with ssh_port() as other:
        (tmp_path / "known_hosts").write_text(known.replace(f"codec:{port.port}", f"codec:{other.port}"))
        assert fault_kind(other.port, tmp_path) == "host_key_changed"
        assert other.tried == []
        (tmp_path / "known_hosts").unlink()
        SshStream.open(peer(other.port, tmp_path), "mumble", 10).close()


def test_nobody_there_nobody_answering_and_nobody_sensible(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert fault_kind(port, tmp_path, timeout_s=1.0) == "timeout"
    assert fault_kind(port, tmp_path) == "refused"
    with socket.create_server(("127.0.0.1", 0)) as liar:
        threading.Thread(target=lambda: liar.accept()[0].sendall(b"garbage\r\n" * 2000), daemon=True).start()
        assert fault_kind(liar.getsockname()[1], tmp_path, timeout_s=2.0) in ("garbled", "timeout", "refused")


def test_no_client_on_this_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.transports.ssh.arguments", lambda *_: ["no-such-program"])
    with pytest.raises(LinkFault, match="openssh-client") as caught:
        SshStream.open(peer(22, tmp_path), "mumble", 1)
    assert caught.value.kind == "link"


def test_a_client_that_dies_and_close_from_another_thread(tmp_path: Path) -> None:
    with ssh_port() as port:
        stream = SshStream.open(peer(port.port, tmp_path), "mumble", 10)
        os.kill(stream._child.pid, signal.SIGKILL)
        assert ending(stream) == "refused"
        stream.close()
        stream = SshStream.open(peer(port.port, tmp_path), "mumble", 10)
        heard(stream, b"hello")
        kinds: list[str] = []

        waiting = threading.Thread(target=lambda: kinds.append(ending(stream)))
        waiting.start()
        stream.close()
        waiting.join(10)
        assert kinds == ["link"]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("admin@10.0.0.5: Permission denied (password).", "denied"),
        (
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
            "host_key_changed",
        ),
        ("ssh: connect to host 10.0.0.5 port 22: Connection refused", "refused"),
        ("ssh: connect to host 10.0.0.5 port 22: Connection timed out", "timeout"),
        ("ssh: connect to host 10.0.0.5 port 22: No route to host", "timeout"),
        ("ssh: connect to host 10.0.0.5 port 22: Network is unreachable", "link"),
        ("Timeout, server 10.0.0.5 not responding.", "timeout"),
        ("Unable to negotiate with 10.0.0.5 port 22: no matching host key type found.", "garbled"),
        ("Connection closed by 10.0.0.5 port 22", "refused"),
        ("something new", None),
    ],
)
def test_words_of_the_client(words: str, kind: str | None) -> None:
    assert kind_of(words) == kind
