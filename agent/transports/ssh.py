"""A conversation through the system's own `ssh` client, as a `Stream`. Why not a library: docs/adr/0011.

The client is one bounded child process: it connects within a time, notices a peer that vanished, takes the host key it
sees first and no other afterwards, and asks for the password once, through a helper (`SSH_ASKPASS`) that reads it from
the environment, so that no secret stands in a command line or a file.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from agent.transports.errors import Kind, LinkFault

CHUNK_BYTES = 4096
STDERR_BYTES_MAX = 16 * 1024
ALIVE_INTERVAL_S, ALIVE_COUNT = 5, 3
"""A peer that answers none of three questions, 15 s, is gone: half-open TCP."""
KNOWN_HOSTS = "known_hosts"
ASKPASS = '#!/bin/sh\nprintf "%s\\n" "$DIEMCAU_SSH_PASSWORD"\n'

OLD = (
    "KexAlgorithms=+diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
    "HostKeyAlgorithms=+ssh-rsa",
    "Ciphers=+aes128-cbc,aes256-cbc,3des-cbc",
    "MACs=+hmac-sha1",
)
"""Codecs with TC software know nothing newer [M]; the client offers these last."""

SAID: tuple[tuple[str, Kind], ...] = (
    ("host identification has changed", "host_key_changed"),
    ("host key verification failed", "host_key_changed"),
    ("permission denied", "denied"),
    ("too many authentication failures", "denied"),
    ("connection refused", "refused"),
    ("no route to host", "timeout"),
    ("timed out", "timeout"),
    ("timeout", "timeout"),
    ("unreachable", "link"),
    ("unable to negotiate", "garbled"),
    ("invalid ssh identification", "garbled"),
    ("connection closed", "refused"),
    ("connection reset", "refused"),
)
"""What OpenSSH's client says (C locale), and whose fault that is."""


@dataclass(frozen=True, slots=True)
class SshPeer:
    """Whom to reach, and as whom. `address` is numeric; `name` is what the host key is kept under."""

    address: str
    port: int
    user: str
    name: str
    known_hosts: Path


def kind_of(text: str) -> Kind | None:
    """Whose fault the client's words speak of; None when they speak of none."""
    lowered = text.lower()
    return next((kind for words, kind in SAID if words in lowered), None)


def arguments(peer: SshPeer, connect_s: int, command: Sequence[str] = ()) -> list[str]:
    """The client's command line. It reads no configuration of the user's, forwards nothing, asks no terminal."""
    options = [
        "BatchMode=no",
        "NumberOfPasswordPrompts=1",
        "PreferredAuthentications=password,keyboard-interactive",
        "PubkeyAuthentication=no",
        "StrictHostKeyChecking=accept-new",
        f"UserKnownHostsFile={peer.known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
        f"HostKeyAlias={peer.name}",
        "UpdateHostKeys=no",
        "CheckHostIP=no",
        f"ConnectTimeout={connect_s}",
        f"ServerAliveInterval={ALIVE_INTERVAL_S}",
        f"ServerAliveCountMax={ALIVE_COUNT}",
        "ClearAllForwardings=yes",
        "EscapeChar=none",
        # "Authenticated to …" comes at this level: from then on silence is the device's.
        "LogLevel=VERBOSE",
        *OLD,
    ]
    flags = [word for option in options for word in ("-o", option)]
    return ["ssh", "-F", "none", "-T", *flags, "-p", str(peer.port), "-l", peer.user, "--", peer.address, *command]


class SshStream:
    """An open conversation; make one with `open`."""

    def __init__(self, child: subprocess.Popen[bytes], helper: tempfile.TemporaryDirectory[str]) -> None:
        self._child = child
        self._helper = helper
        self._closed = False
        self._said = bytearray()
        for pipe in (child.stdin, child.stdout, child.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)

    @classmethod
    def open(cls, peer: SshPeer, password: str, timeout_s: float, command: Sequence[str] = ()) -> SshStream:
        """Connect and log in. Raises LinkFault: `denied`, `host_key_changed`, `link` without the program, and so on."""
        helper = tempfile.TemporaryDirectory(prefix="diemcau-ssh-")
        askpass = Path(helper.name) / "askpass"
        try:
            askpass.write_text(ASKPASS)
            askpass.chmod(0o700)
            peer.known_hosts.parent.mkdir(parents=True, exist_ok=True)
            child = subprocess.Popen(  # noqa: S603 - the words come from the settings, never from a device
                arguments(peer, max(1, round(timeout_s)), command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                env={
                    "LC_ALL": "C",
                    "PATH": "/usr/local/bin:/usr/bin:/bin",
                    "HOME": helper.name,
                    "SSH_ASKPASS": str(askpass),
                    "SSH_ASKPASS_REQUIRE": "force",
                    "DIEMCAU_SSH_PASSWORD": password,
                },
            )
        except (OSError, ValueError) as error:
            helper.cleanup()
            raise LinkFault("link", f"no SSH client (apt install openssh-client): {error}") from error
        stream = cls(child, helper)
        try:
            stream._authenticate(time.monotonic() + timeout_s)
        except LinkFault:
            stream.close()
            raise
        return stream

    def _authenticate(self, deadline_s: float) -> None:
        while b"Authenticated to" not in self._said:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise LinkFault("timeout", "no SSH log-in in time")
            self._listen(left_s, also_stdout=False)
        self._helper.cleanup()

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of it within `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        pipe = self._child.stdin
        assert pipe is not None
        rest = memoryview(data)
        while rest:
            try:
                taken = pipe.write(rest) or 0
                full = not taken and not self._wait([(pipe, select.POLLOUT)], deadline_s - time.monotonic())
            except (OSError, ValueError) as error:
                raise self._ended() from error
            if full:
                raise LinkFault("timeout", "the peer takes nothing")
            rest = rest[taken:]

    def recv(self, timeout_s: float) -> bytes:
        """Whatever arrived; empty when nothing did."""
        return self._listen(timeout_s, also_stdout=True)

    def close(self) -> None:
        """Let go: the client is ended, and waited for."""
        self._closed = True
        if self._child.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(2)
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            with contextlib.suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()
        self._helper.cleanup()

    # -- the child's pipes

    def _listen(self, timeout_s: float, *, also_stdout: bool) -> bytes:
        stdout, stderr = self._child.stdout, self._child.stderr
        assert stdout is not None
        assert stderr is not None
        if self._closed:
            raise LinkFault("link", "closed by us")
        wanted = [stdout, stderr] if also_stdout else [stderr]
        try:
            ready = self._wait([(pipe, select.POLLIN) for pipe in wanted], timeout_s)
            # What was said comes before what is said about it.
            pipe = next((pipe for pipe in wanted if pipe in ready), None)
            data: bytes | None = pipe.read(CHUNK_BYTES) if pipe is not None else None
        except (OSError, ValueError) as error:
            raise self._ended() from error
        if data is None:
            return b""
        if not data:
            raise self._ended()
        if pipe is stdout:
            return data
        self._said = (self._said + data)[-STDERR_BYTES_MAX:]
        return b""

    def _wait(self, wanted: list[tuple[IO[bytes], int]], timeout_s: float) -> list[IO[bytes]]:
        poller = select.poll()
        numbers = {}
        for pipe, event in wanted:
            numbers[pipe.fileno()] = pipe
            poller.register(pipe, event)
        ready = poller.poll(max(0.0, timeout_s) * 1000)
        if self._closed:
            raise LinkFault("link", "closed by us")
        return [numbers[number] for number, _ in ready]

    def _ended(self) -> LinkFault:
        """Why the client left, by its own words."""
        if self._closed:
            return LinkFault("link", "closed by us")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1)
        stderr = self._child.stderr
        with contextlib.suppress(OSError, ValueError):
            while stderr is not None and (data := stderr.read(CHUNK_BYTES)):
                self._said = (self._said + data)[-STDERR_BYTES_MAX:]
        text = self._said.decode("utf-8", "replace").strip()
        last = text.splitlines()[-1] if text else "the SSH client ended"
        return LinkFault(kind_of(text) or "refused", last[:300])
