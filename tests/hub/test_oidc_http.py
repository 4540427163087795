"""A provider that sends too much, too slowly, elsewhere, or with a stranger's certificate holds up nobody for long."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from joserfc.jwk import KeySet

from hub.access.oidc import http
from hub.access.oidc.options import OidcError, Options, Reason
from hub.access.oidc.provider import AT_ONCE, SILENT_S, Provider, _Known
from tests.hub.collectors import certificate

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
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a", Reason.UNREACHABLE),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", b"", Reason.UNREACHABLE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"", Reason.TOKEN),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{{{", b"", Reason.TOKEN),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"", Reason.UNREACHABLE),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"", Reason.UNREACHABLE),
    ],
    ids=[
        "endless",
        "a byte at a time",
        "silent",
        "a head without end",
        "elsewhere",
        "a list",
        "no JSON",
        "broken",
        "no web server",
    ],
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


class Stranger:
    """A server with TLS whose certificate vouches for itself."""

    def __init__(self, folder: Path) -> None:
        certificate(folder, "IP:127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self._server = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.issuer = f"https://127.0.0.1:{self._server.getsockname()[1]}"
        self.heard = b""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        try:
            while True:
                try:
                    channel, _ = self._server.accept()
                except ssl.SSLError:  # it did not trust us
                    continue
                with channel:
                    self.heard += channel.recv(65536)
        except OSError:
            pass

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    stranger = Stranger(tmp_path)
    provider = Provider(options(stranger.issuer), lambda: 0.0)
    with pytest.raises(OidcError) as caught:
        provider.begin("/")
    assert caught.value.reason is Reason.UNREACHABLE
    assert "SSL" in caught.value.detail
    stranger.close()
    assert stranger.heard == b""


HERE = ("127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1%1", "::ffff:127.0.0.1",
        "224.0.0.1", "nonsense")  # fmt: skip


@pytest.mark.parametrize("address", HERE)
def test_addresses_of_this_machine_and_of_neighbours_are_known(address: str) -> None:
    assert http.is_here(address)


def test_the_machines_own_address_on_its_network_is_known_and_another_is_not() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # nothing is sent
            own = sock.getsockname()[0]
        except OSError:
            own = "127.0.0.1"  # a machine without any network
    assert http.is_here(own)
    assert not http.is_here("192.0.2.1")
    assert not http.is_here("10.255.255.254"), "an office's provider stands in its own network"


@pytest.mark.parametrize("name", ["jwks_uri", "token_endpoint", "authorization_endpoint"])
@pytest.mark.parametrize(
    "place",
    ["http://127.0.0.1:{other}/x", "https://localhost:{other}/x", "https://127.0.0.1:{other}/x", "https://[::1]:{other}",
     "https://[::ffff:127.0.0.1]:{other}/x", "https://169.254.169.254/latest", "https://hub.localhost:{other}/x",
     "http://provider.example/x", "http://localhost:{own}/x"],
)  # fmt: skip
def test_metadata_leads_to_no_address_on_this_machine_but_the_providers_own(name: str, place: str) -> None:
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as other, metadata(name, place, other.getsockname()[1]) as provider:
        thread = threading.Thread(target=_accept, args=(other, asked), daemon=True)
        thread.start()
        with pytest.raises(OidcError) as caught:
            provider.begin("/")
        assert caught.value.reason is Reason.TOKEN
        assert not asked.is_set()


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "vks.example"])
def test_a_name_is_judged_by_what_it_stands_for_when_it_is_asked(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo",
        lambda name, *args, **more: real("127.0.0.1" if name == "vks.example" else name, *args, **more),
    )  # fmt: skip
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with metadata("jwks_uri", f"https://{host}:{port}/keys", port) as provider:
            threading.Thread(target=_accept, args=(other, asked), daemon=True).start()
            with pytest.raises(OidcError) as caught:
                provider.begin("/")
    assert caught.value.reason is Reason.TOKEN
    assert "this machine" in caught.value.detail
    assert not asked.is_set()


def _accept(server: socket.socket, asked: threading.Event) -> None:
    try:
        server.accept()
        asked.set()
    except OSError:
        pass


@contextmanager
def metadata(name: str, place: str, other: int) -> Iterator[Provider]:
    """A provider on this machine whose metadata leads there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        own = server.getsockname()[1]
        issuer = f"http://127.0.0.1:{own}"
        told = {"issuer": issuer} | {
            each: f"{issuer}/{each}" for each in ("jwks_uri", "token_endpoint", "authorization_endpoint")
        }
        body = json.dumps(told | {name: place.format(other=other, own=own)}).encode()

        def serve() -> None:
            channel, _ = server.accept()
            with channel:
                channel.recv(65536)
                channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Provider(options(issuer), lambda: 0.0)
        thread.join(10)


def test_a_silent_provider_is_waited_for_once_and_a_hanging_resolver_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "ANSWER_S", 0.5)
    now_s, asked, over = [0.0], [], threading.Event()

    def hang(*_args: object, **_more: object) -> list[object]:
        asked.append(1)
        over.wait(30)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    provider = Provider(options("https://vks.example"), lambda: now_s[0])
    reasons: list[Reason] = []

    def begin() -> None:
        with pytest.raises(OidcError) as caught:
            provider.begin("/")
        reasons.append(caught.value.reason)

    threads = [threading.Thread(target=begin) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for _ in range(20):
        begin()
    assert reasons == [Reason.UNREACHABLE] * (AT_ONCE + 20)
    assert len(asked) == 1, "the others were told at once"
    now_s[0] += SILENT_S
    begin()
    assert len(asked) == 2
    over.set()


def test_who_begins_needs_no_turn_where_the_provider_is_known() -> None:
    provider = Provider(options("http://127.0.0.1:1"), lambda: 0.0)
    provider._known = _Known({"authorization_endpoint": "http://127.0.0.1:1/authorize"}, KeySet([]), 0.0)
    for _ in range(AT_ONCE):
        assert provider._few.acquire(blocking=False)
    assert provider.begin("/")[0].startswith("http://127.0.0.1:1/authorize?")
