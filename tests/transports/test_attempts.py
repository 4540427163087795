from __future__ import annotations

import socket
import time

from agent.transports.attempts import ConnectAttempt, DatagramAttempt, run
from agent.transports.datagram import udp_socket


def connect(port: int) -> ConnectAttempt:
    return ConnectAttempt(socket.socket(), ("127.0.0.1", port))


def test_all_at_once_within_one_deadline() -> None:
    """Five that stay silent take no longer than one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        attempts = {
            str(i): DatagramAttempt(udp_socket("127.0.0.1", port), b"?", lambda _: True, iter(())) for i in range(5)
        }
        began_s = time.monotonic()
        answers = run(attempts, 0.4)
    assert 0.4 <= time.monotonic() - began_s < 1.5
    assert {answer.fault.kind for answer in answers.values() if answer.fault} == {"timeout"}
    assert all(attempt.sock.fileno() == -1 for attempt in attempts.values())


def test_connect_refused_and_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_server(("127.0.0.1", 0)) as gone:
            closed_port = gone.getsockname()[1]
        answers = run({"open": connect(server.getsockname()[1]), "closed": connect(closed_port)}, 5)
    assert answers["open"].ok
    assert answers["closed"].fault is not None
    assert answers["closed"].fault.kind == "refused"


def test_a_datagram_is_sent_again_until_answered() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        attempt = DatagramAttempt(
            udp_socket("127.0.0.1", server.getsockname()[1]), b"?", lambda data: data == b"!", iter((0.05, 0.05, 0.05))
        )
        assert run({"it": attempt}, 0.5)["it"].fault is not None
        received = [server.recvfrom(10)[0] for _ in range(4)]
    assert received == [b"?"] * 4


def test_a_closed_udp_port_refuses() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    attempt = DatagramAttempt(udp_socket("127.0.0.1", port), b"?", lambda _: True, iter(()))
    fault = run({"it": attempt}, 5)["it"].fault
    assert fault is not None
    assert fault.kind == "refused"
