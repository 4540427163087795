"""A web server of few words for the tests: scripted bytes, and what was asked of it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.transports.places import program

Script = Callable[[bytes, int], bytes | None] | bytes | None
"""What to answer to one request (head and body), counted from 1; None: close without a word."""


def ok(body: bytes = b"{}", *headers: str) -> bytes:
    """A usual answer."""
    rows = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{rows}\r\n".encode() + body


def unauthorized(*challenges: str) -> bytes:
    rows = "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in challenges)
    return f"HTTP/1.1 401 Unauthorized\r\n{rows}Content-Length: 0\r\n\r\n".encode()


class Web:
    """Serves one connection at a time, in a thread of its own."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None, chunk: int = 0) -> None:
        self.script = script
        self.chunk = chunk
        """Bytes sent at once; 0 = all."""
        self.pause_s = 0.0
        """Between two chunks."""
        self.close_after_answer = False
        self.asked: list[bytes] = []
        self.connections = 0
        self._context = context
        self._stopping = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.1)
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}"

    def lines(self, name: str) -> list[str]:
        """The values of a header in everything that was asked."""
        rows = [row for asked in self.asked for row in asked.decode().split("\r\n")]
        return [row.partition(":")[2].strip() for row in rows if row.lower().startswith(f"{name.lower()}:")]

    def _serve(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(OSError):
                peer, _ = self._server.accept()
                self.connections += 1
                peer.settimeout(5)
                with contextlib.ExitStack() as stack:
                    stack.enter_context(peer)
                    if self._context is not None:
                        peer = stack.enter_context(self._context.wrap_socket(peer, server_side=True))
                    peer.settimeout(0.1)
                    self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        rest = b""
        while not self._stopping.is_set():
            while (size := _size(rest)) is not None and len(rest) >= size:
                self.asked.append(rest[:size])
                rest = rest[size:]
                answer = self.script(self.asked[-1], len(self.asked)) if callable(self.script) else self.script
                if answer is None:
                    return
                step = self.chunk or max(1, len(answer))
                for at in range(0, len(answer), step):
                    peer.sendall(answer[at : at + step])
                    if self.pause_s and self._stopping.wait(self.pause_s):
                        return
                if self.close_after_answer:
                    return
            try:
                data = peer.recv(4096)
            except TimeoutError:
                continue
            if not data:
                return
            rest += data

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._server.close()


def _size(data: bytes) -> int | None:
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return None
    rows = [row.partition(b":")[2] for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")]
    return len(head) + 4 + (int(rows[0]) if rows else 0)


@contextlib.contextmanager
def web(script: Script, context: ssl.SSLContext | None = None, chunk: int = 0) -> Iterator[Web]:
    made = Web(script, context, chunk)
    try:
        yield made
    finally:
        made.stop()


def certificate(folder: Path, name: str = "codec") -> ssl.SSLContext:
    """A server's context with a new self-signed certificate, as a codec makes one."""
    key, cert = folder / f"{name}.key", folder / f"{name}.crt"
    subprocess.run(
        [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}",
         "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
