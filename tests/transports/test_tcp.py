from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from agent.transports.errors import LinkFault
from agent.transports.tcp import TcpStream


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        yield server


def joined(listener: socket.socket) -> tuple[TcpStream, socket.socket]:
    stream = TcpStream.connect("127.0.0.1", listener.getsockname()[1], 5)
    peer, _ = listener.accept()
    return stream, peer


def test_bytes_go_both_ways(listener: socket.socket) -> None:
    stream, peer = joined(listener)
    with peer:
        stream.send(b"ask", 1)
        assert peer.recv(10) == b"ask"
        peer.sendall(b"answer")
        assert stream.recv(5) == b"answer"
    stream.close()


def test_nothing_arrived_is_no_fault(listener: socket.socket) -> None:
    stream, peer = joined(listener)
    with peer:
        assert stream.recv(0.05) == b""
    stream.close()


def test_the_peer_closes(listener: socket.socket) -> None:
    stream, peer = joined(listener)
    peer.close()
    with pytest.raises(LinkFault) as fault:
        stream.recv(5)
    assert fault.value.kind == "refused"
    stream.close()


def test_a_closed_port_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(LinkFault) as fault:
        TcpStream.connect("127.0.0.1", port, 5)
    assert fault.value.kind == "refused"


def test_a_peer_that_takes_nothing(listener: socket.socket) -> None:
    """Sending ends at its deadline, however much the peer leaves unread."""
    stream, peer = joined(listener)
    with peer:
        began_s = time.monotonic()
        with pytest.raises(LinkFault) as fault:
            stream.send(bytes(50_000_000), 0.3)
        assert fault.value.kind == "timeout"
        assert time.monotonic() - began_s < 5
    stream.close()


def test_close_wakes_a_reader(listener: socket.socket) -> None:
    stream, peer = joined(listener)
    faults: list[LinkFault] = []

    def read() -> None:
        try:
            while True:
                stream.recv(30)
        except LinkFault as fault:
            faults.append(fault)

    reader = threading.Thread(target=read)
    reader.start()
    stream.close()
    stream.close()
    reader.join(10)
    assert not reader.is_alive()
    assert [fault.kind for fault in faults] == ["link"]
    peer.close()
