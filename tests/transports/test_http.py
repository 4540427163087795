"""The web client on real sockets: whatever the device does, an exchange ends in time and says whose fault it was."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from agent.core.exchange import HttpReply, HttpRequest, json_request
from agent.transports import http
from agent.transports.errors import LinkFault
from agent.transports.holdoff import HoldOff
from agent.transports.http import HttpClient, parse_url
from agent.transports.http_auth import authorization, challenge_of
from agent.transports.trust import Trust
from tests.transports.places import eventually
from tests.transports.web import certificate, ok, unauthorized, web

GET = HttpRequest("GET", "/status")
POST = json_request("POST", "/act", {"do": "it"})


def kind_of(client: HttpClient, request: HttpRequest = GET, timeout_s: float = 5.0) -> str:
    with pytest.raises(LinkFault) as caught:
        client.exchange(request, timeout_s)
    return caught.value.kind


@pytest.mark.parametrize("chunk", [0, 1, 2, 7])
@pytest.mark.parametrize(
    "answer",
    [
        ok(b'{"a": 1}'),
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n',
        b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b'{"a": 1}'),
    ],
)
def test_one_connection_whatever_the_cuts(answer: bytes, chunk: int) -> None:
    with web(answer, chunk=chunk) as device:
        client = HttpClient(device.url)
        for _ in range(3):
            assert client.exchange(GET, 5).json() == {"a": 1}
        assert device.connections == 1
        assert device.lines("Host") == [f"127.0.0.1:{device.port}"] * 3
        client.close()


def test_a_body_that_ends_with_the_connection() -> None:
    with web(b"HTTP/1.0 200 OK\r\n\r\nold device") as device:
        device.close_after_answer = True
        client = HttpClient(device.url)
        assert [client.exchange(GET, 5).text() for _ in range(2)] == ["old device"] * 2


def test_what_is_posted_arrives_whole() -> None:
    with web(ok()) as device:
        HttpClient(device.url).exchange(POST, 5)
        assert device.asked[0].endswith(b'\r\n\r\n{"do": "it"}')
        assert device.lines("Content-Type") == ["application/json"]


@pytest.mark.parametrize("value", ["k=ý", "a\r\nb: c"])
def test_what_cannot_stand_in_a_header_is_not_sent(value: str) -> None:
    """A device may have said it: it is garbled, and no crash."""
    with web(ok()) as device:
        with pytest.raises(LinkFault) as caught:
            HttpClient(device.url).exchange(HttpRequest("GET", "/", (("Cookie", value),)), 5)
        assert caught.value.kind == "garbled"
        assert device.asked == []


@pytest.mark.parametrize("request_", [GET, POST])
def test_a_connection_closed_meanwhile_is_made_again(request_: HttpRequest) -> None:
    with web(ok()) as device:
        device.close_after_answer = True
        client = HttpClient(device.url)
        for _ in range(3):
            client.exchange(request_, 5)
            eventually(lambda: client._stream is None or not client._has_connection(), "the device did not close")
        assert len(device.asked) == 3


def test_an_order_is_never_sent_twice() -> None:
    """The device closes upon the order: it may be obeying. A question may be asked again, once."""
    with web(lambda _, n: ok() if n == 1 else None) as device:
        client = HttpClient(device.url)
        client.exchange(GET, 5)
        assert kind_of(client, POST) == "refused"
        assert len(device.asked) == 2
    with web(lambda _, n: None if n == 2 else ok()) as device:
        client = HttpClient(device.url)
        for _ in range(2):
            assert client.exchange(GET, 5).status == 200
        assert len(device.asked) == 3


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"\x15\x03\x01\x00\x02\x02\x16" * 9 + b"\r\n\r\n", "garbled"),
        (b"login: ", "timeout"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000, "garbled"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 700000\r\n\r\n" + b"a" * 600_000, "garbled"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "timeout"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "garbled"),
        (None, "refused"),
    ],
)
def test_bad_answers_are_told_apart(answer: bytes | None, kind: str) -> None:
    with web(answer) as device:
        assert kind_of(HttpClient(device.url), timeout_s=1.0) == kind


def test_a_reply_broken_off_by_a_restart() -> None:
    with web(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf") as device:
        device.close_after_answer = True
        client = HttpClient(device.url)
        assert kind_of(client, POST) == "refused"
        assert client.opened


def test_a_slow_device_ends_at_the_deadline() -> None:
    """One byte now and then resets a time-out of the socket, and must not reset ours."""
    with web(ok(b"x" * 1000), chunk=1) as device:
        device.pause_s = 0.1
        assert kind_of(HttpClient(device.url), timeout_s=0.5) == "timeout"


def test_a_reply_that_still_comes_is_waited_for_and_silence_is_not() -> None:
    """`quiet_s` is counted from the last byte: a whole reply may take longer, a silent device does not get as long."""
    with web(ok(b'{"a": 1}'), chunk=12) as device:
        client = HttpClient(device.url)
        assert client.heard_s == float("-inf")
        device.pause_s = 0.15
        began_s = time.monotonic()
        assert client.exchange(GET, 10, quiet_s=0.4).json() == {"a": 1}
        assert time.monotonic() - began_s > 0.4
        assert began_s < client.heard_s <= time.monotonic()
        device.pause_s, began_s = 2.0, time.monotonic()
        with pytest.raises(LinkFault) as caught:
            client.exchange(GET, 10, quiet_s=0.4)
        assert caught.value.kind == "timeout"
        assert time.monotonic() - began_s < 1.5
        client.close()


def test_nobody_listens_and_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        silent = HttpClient(f"http://127.0.0.1:{port}")
        assert kind_of(silent, timeout_s=0.3) == "timeout"
        assert silent.opened
    nobody = HttpClient(f"http://127.0.0.1:{port}")
    assert kind_of(nobody) == "refused"
    assert not nobody.opened


def test_close_from_another_thread_ends_an_exchange() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = HttpClient(f"http://127.0.0.1:{listening.getsockname()[1]}")
        seen: list[str] = []
        waiting = threading.Thread(target=lambda: seen.append(kind_of(client, timeout_s=30)))
        waiting.start()
        eventually(lambda: client.opened, "no connection")
        client.close()
        waiting.join(5)
        assert seen == ["link"]


# -- passwords


def test_rfc_7616_examples() -> None:
    """Section 3.9.1: the same challenge in both algorithms."""
    words = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    for algorithm, response in {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }.items():
        challenge = challenge_of([words.format(algorithm)])
        assert challenge is not None
        proof = authorization(challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", 1, cnonce)
        assert f'response="{response}"' in proof
        assert "qop=auth, nc=00000001" in proof
    best = challenge_of(['Basic realm="x", ' + words.format("MD5"), words.format("SHA-256")])
    assert best is not None
    assert best.algorithm == "SHA-256"
    assert challenge_of(["Negotiate", "Digest algorithm=MD5-sess"]) is None


def test_basic_is_sent_only_when_asked_and_then_kept() -> None:
    def script(asked: bytes, n: int) -> bytes:
        return ok() if b"Authorization: Basic YWRtaW46bXVtYmxl" in asked else unauthorized('Basic realm="codec"')

    with web(script) as device:
        client = HttpClient(device.url, "admin", "mumble")
        for _ in range(3):
            assert client.exchange(GET, 5).status == 200
        assert len(device.asked) == 4


def digest_taken(asked: bytes, password: str) -> bool:
    found = re.search(rb'nonce="([^"]*)", uri="([^"]*)", response="([^"]*)".*nc=(\w+), cnonce="([^"]*)"', asked)
    if found is None:
        return False
    nonce, uri, response, times, cnonce = (part.decode() for part in found.groups())

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    secret, act = md5(f"admin:codec:{password}"), md5(f"GET:{uri}")
    return response == md5(f"{secret}:{nonce}:{times}:{cnonce}:auth:{act}")


@pytest.mark.parametrize("stale", [", stale=true", ""])
def test_digest_counts_its_uses_and_survives_a_new_nonce(stale: str) -> None:
    """Devices forget nonces, at a restart too; not all say `stale`."""

    def script(asked: bytes, n: int) -> bytes:
        nonce = "one" if n < 4 else "two"
        if f'nonce="{nonce}"'.encode() in asked and digest_taken(asked, "mumble"):
            return ok()
        return unauthorized(f'Digest realm="codec", nonce="{nonce}", qop="auth"{stale if n > 1 else ""}')

    with web(script) as device:
        client = HttpClient(device.url, "admin", "mumble")
        for _ in range(4):
            assert client.exchange(GET, 5).status == 200
        assert [re.findall(rb"nc=(\w+)", asked) for asked in device.asked] == [
            [], [b"00000001"], [b"00000002"], [b"00000003"], [b"00000001"], [b"00000002"],
        ]  # fmt: skip


def test_a_device_that_has_had_too_much_of_an_old_nonce_is_shown_none() -> None:
    """A Shelly counts every answer to a nonce that it has forgotten, and throttles us the longer for it."""

    def script(asked: bytes, n: int) -> bytes:
        nonce = "one" if n < 4 else "two"
        if f'nonce="{nonce}"'.encode() in asked and digest_taken(asked, "mumble"):
            return ok()
        if b"Authorization" in asked:
            return b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
        return unauthorized(f'Digest realm="codec", nonce="{nonce}", qop="auth"')

    with web(script) as device:
        client = HttpClient(device.url, "admin", "mumble")
        assert [client.exchange(GET, 5).status for _ in range(4)] == [200, 200, 429, 200]
        client.close()


@pytest.mark.parametrize("challenge", ['Basic realm="codec"', 'Digest realm="codec", nonce="one", qop="auth"'])
def test_a_wrong_password_is_sent_once_and_then_held_off(challenge: str) -> None:
    with web(unauthorized(challenge)) as device:
        client = HttpClient(device.url, "admin", "wrong")
        assert [kind_of(client) for _ in range(3)] == ["denied"] * 3
        assert len(device.lines("Authorization")) == 1


def test_a_password_that_was_changed_meanwhile_is_tried_once_more() -> None:
    def script(asked: bytes, n: int) -> bytes:
        return ok() if n == 2 else unauthorized(f'Digest realm="codec", nonce="{n}", qop="auth"')

    with web(script) as device:
        client = HttpClient(device.url, "admin", "old")
        client.exchange(GET, 5)
        assert [kind_of(client) for _ in range(3)] == ["denied"] * 3
        assert len(device.lines("Authorization")) == 3


def test_the_hold_off_doubles_and_ends() -> None:
    hold, now_s = HoldOff(), 1000.0
    waits = []
    for _ in range(8):
        assert not hold.holds(now_s)
        hold.refused(now_s)
        began_s = now_s
        while hold.holds(now_s):
            now_s += 30
        waits.append(now_s - began_s)
    assert waits == [60, 120, 240, 480, 960, 1800, 1800, 1800]
    hold.accepted()
    assert not hold.holds(now_s)


# -- certificates


def test_a_changed_certificate_gets_no_password(tmp_path: Path) -> None:
    old, new = certificate(tmp_path, "old"), certificate(tmp_path, "new")
    folder = tmp_path / "state"
    with web(ok(), old) as device:
        for _ in range(2):
            assert HttpClient(device.url, trust=Trust("first", folder)).exchange(GET, 5).status == 200
        device._context = new
        client = HttpClient(device.url, "admin", "mumble", trust=Trust("first", folder))
        assert kind_of(client) == "certificate_changed"
        assert len(device.asked) == 2
        assert HttpClient(device.url, trust=Trust("any", folder)).exchange(GET, 5).status == 200
        (folder / "known_certificates.json").unlink()
        assert HttpClient(device.url, trust=Trust("first", folder)).exchange(GET, 5).status == 200


def test_a_fingerprint_from_the_settings(tmp_path: Path) -> None:
    context = certificate(tmp_path)
    der = ssl.PEM_cert_to_DER_cert((tmp_path / "codec.crt").read_text())
    digits = hashlib.sha256(der).hexdigest()
    spelled = "SHA256:" + ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()
    with web(ok(b"x" * 50_000), context) as device:
        assert len(HttpClient(device.url, trust=Trust(spelled)).exchange(GET, 5).body) == 50_000
        assert kind_of(HttpClient(device.url, trust=Trust("0" * 64))) == "certificate_changed"
    with pytest.raises(ValueError, match="64 hex digits"):
        Trust("abc")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_an_old_tls_is_told_and_taken_only_where_the_settings_say_so(tmp_path: Path, version: ssl.TLSVersion) -> None:
    context = certificate(tmp_path)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    with web(ok(), context) as device:
        client = HttpClient(device.url, "admin", "mumble", trust=Trust())
        assert kind_of(client) == "old_tls"
        assert device.asked == []
        assert HttpClient(device.url, trust=Trust(old_tls=True)).exchange(GET, 5).status == 200


def test_a_newer_tls_is_spoken_where_the_old_is_taken_too(tmp_path: Path) -> None:
    context = certificate(tmp_path)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with web(ok(), context) as device:
        assert HttpClient(device.url, trust=Trust(old_tls=True)).exchange(GET, 5).status == 200


def test_tls_with_a_device_that_speaks_none() -> None:
    with web(ok()) as device:
        client = HttpClient(device.url.replace("http", "https"))
        assert kind_of(client, timeout_s=1.0) in ("timeout", "garbled", "refused")


# -- values


def test_cookies_and_headers() -> None:
    reply = HttpReply(200, (("Set-Cookie", "SessionId=abc; Path=/; HttpOnly"), ("set-cookie", "b=2"), ("X-A", "1")))
    assert reply.cookies() == {"SessionId": "abc", "b": "2"}
    assert reply.header("x-a") == "1"
    with pytest.raises(ValueError, match="deep"):
        HttpReply(200, body=b"[" * 200_000).json()


@pytest.mark.parametrize("url", ["", "ftp://a", "http://", "http://a:b", "http://u:p@a", "http://a/path", "a:80"])
def test_a_bad_url_is_one_sentence(url: str) -> None:
    with pytest.raises(ValueError, match="must be http"):
        parse_url(url)
    assert http.parse_url("https://[::1]:8443") == (True, "::1", 8443)
