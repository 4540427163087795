"""Connections that are left undone end by themselves, and all of them together leave descriptors for the rest."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from hub.access.limits import is_somebody
from hub.runtime import doors
from tests.brokers import free_port, until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body and answers; `/much` answers more than anybody's buffers hold."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    plain = [] if scope["path"] == "/much" else [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": plain})
    for _ in range(4000 if scope["path"] == "/much" else 0):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def served() -> Iterator[tuple[uvicorn.Server, int]]:
    port = free_port()
    server = uvicorn.Server(doors.config(app, "127.0.0.1", port))
    thread = threading.Thread(target=server.run)
    thread.start()
    until("it serves", lambda: server.started)
    try:
        yield server, port
    finally:
        server.should_exit = True
        thread.join(10)


def call(port: int, *pieces: bytes) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    for piece in pieces:
        made.sendall(piece)
    return made


def answer(line: socket.socket) -> bytes:
    """The whole of a short one, in however many pieces it comes."""
    found = b""
    while not found.endswith((b"\r\n\r\nok", b"close\r\n\r\n")) and (piece := line.recv(4096)):
        found += piece
    return found


def open_now(server: uvicorn.Server) -> int:
    return len(server.server_state.connections)


@pytest.mark.parametrize(
    "pieces",
    [(), (b"G",), (b"GET / HTTP/1.1\r\nHost: x\r\n",), (POST, b"1234"), (GET, b"GET / HT")],
    ids=["nothing", "a letter", "half a head", "half a body", "a second one"],
)
def test_a_request_that_is_never_whole_ends(monkeypatch: pytest.MonkeyPatch, pieces: tuple[bytes, ...]) -> None:
    monkeypatch.setattr(doors, "REQUEST_S", 0.3)
    with served() as (server, port), call(port, *pieces) as line:
        while line.recv(4096):
            pass  # the answer to the first, where there was one
        until("it is forgotten", lambda: open_now(server) == 0)


def test_a_drip_of_letters_does_not_keep_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "REQUEST_S", 0.5)
    ended = threading.Event()

    def drip(line: socket.socket) -> None:
        try:
            while not ended.wait(0.05):
                line.sendall(b"X-A: b\r\n")
        except OSError:
            ended.set()

    with served() as (_, port), call(port, b"GET / HTTP/1.1\r\n") as line:
        thread = threading.Thread(target=drip, args=(line,))
        thread.start()
        assert ended.wait(30), "it was ended though it went on"
        thread.join()


def test_who_does_not_read_the_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "STALL_S", 0.5)
    with served() as (server, port), call(port, GET.replace(b" / ", b" /much ")):
        until("it was taken in", lambda: open_now(server) == 1)
        until("it is let go", lambda: open_now(server) == 0)


def test_a_whole_request_is_served_and_the_line_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "REQUEST_S", 5.0)
    with served() as (_, port), call(port, POST, b"1234", b"567890") as line:
        assert b"200 OK" in answer(line)
        line.sendall(GET)
        assert b"200 OK" in answer(line)


def test_one_address_takes_its_share_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "ADDRESS_MAX", 5)
    monkeypatch.setattr(doors, "is_somebody", lambda _: True)
    with served() as (server, port):
        lines = [call(port) for _ in range(5)]
        until("all are taken in", lambda: open_now(server) == 5)
        with call(port, GET) as more:
            assert answer(more).startswith(b"HTTP/1.1 503 ")
        lines.pop().close()
        until("one has gone", lambda: open_now(server) == 4)
        with call(port, GET) as more:
            assert b"200 OK" in answer(more)
        for line in lines:
            line.close()


def test_a_proxy_on_this_machine_is_nobody() -> None:
    assert not any(is_somebody(address) for address in ("127.0.0.1", "::1", "", "proxy"))
    assert all(is_somebody(address) for address in ("10.1.2.3", "2001:db8::1"))


def test_all_together_leave_descriptors_for_the_broker_and_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(600, 600)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[0])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.__setitem__(0, wanted))
    assert doors.connections_max() == 600 - doors.OWN_DESCRIPTORS
    limits[0] = (1024, 524_288)
    assert doors.connections_max() == doors.CONNECTIONS_MAX
    assert limits == [(8192, 524_288)], "as many as are needed are asked for"
    monkeypatch.setattr(doors, "connections_max", lambda: 3)
    with served() as (server, port):
        lines = [call(port) for _ in range(3)]
        until("all are taken in", lambda: open_now(server) == 3)
        for _ in range(20):
            with call(port, GET) as more:
                assert answer(more).startswith(b"HTTP/1.1 503 ")
        for line in lines:
            line.close()
