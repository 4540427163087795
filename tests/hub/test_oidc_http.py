"""A provider that sends too much, too slowly, elsewhere, or with a stranger's certificate holds up nobody for long."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.oidc import http
from hub.oidc.options import OidcError, Options, Reason
from hub.oidc.provider import AT_ONCE, Provider
from tests.hub.test_audit_syslog import TlsCollector

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n"


def options(issuer: str) -> Options:
    return Options(issuer, "diemcau", "https://vks.example")


@contextmanager
def answering(answer: bytes, then: bytes = b"", *, hang_up: bool = False) -> Iterator[Provider]:
    """A server that says this to whoever asks, and `then` again and again until the far side leaves."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            channel, _ = server.accept()
            with channel:
                channel.recv(65536)
                try:
                    channel.sendall(answer)
                    while not hang_up and not over.wait(0.01):
                        channel.sendall(then)
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Provider(options(f"http://127.0.0.1:{server.getsockname()[1]}"), lambda: 0.0)
        over.set()
        thread.join(10)


@pytest.mark.parametrize(
    ("answer", "then", "reason"),
    [
        (HEAD, b"x" * 65536, Reason.UNREACHABLE),
        (HEAD, b" ", Reason.UNREACHABLE),
        (HEAD, b"", Reason.UNREACHABLE),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", b"", Reason.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"", Reason.TOKEN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{{{", b"", Reason.TOKEN),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"", Reason.UNREACHABLE),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"", Reason.UNREACHABLE),
    ],
    ids=["endless", "a byte at a time", "silent", "elsewhere", "a list", "no JSON", "broken", "no web server"],
)
def test_an_answer_that_is_none_is_given_up(
    answer: bytes, then: bytes, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "ANSWER_S", 0.5)
    with answering(answer, then) as provider, pytest.raises(OidcError) as caught:
        provider.begin("/")
    assert caught.value.reason is reason


def test_a_chunked_answer_is_read_to_its_end() -> None:
    body = b'{"issuer": "https://elsewhere.example"}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:7], body[7:])) + b"0\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
    with answering(answer) as provider, pytest.raises(OidcError) as caught:
        provider.begin("/")
    assert caught.value.reason is Reason.ISSUER, caught.value


def test_few_wait_at_once() -> None:
    provider = Provider(options("http://127.0.0.1:1"), lambda: 0.0)
    for _ in range(AT_ONCE):
        assert provider._few.acquire(blocking=False)
    with pytest.raises(OidcError) as caught:
        provider.begin("/")
    assert caught.value.reason is Reason.BUSY


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    stranger = TlsCollector(tmp_path)
    provider = Provider(options(stranger.target.replace("tls://", "https://")), lambda: 0.0)
    with pytest.raises(OidcError) as caught:
        provider.begin("/")
    assert caught.value.reason is Reason.UNREACHABLE
    assert "SSL" in caught.value.detail
    stranger.close()
    assert stranger.heard == b""
