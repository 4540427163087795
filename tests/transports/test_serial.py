from __future__ import annotations

import os
import pty
import threading
import tty
from pathlib import Path

import pytest

from agent.transports.errors import LinkFault
from agent.transports.serial import SerialStream
from tests.transports.places import pty_pair


@pytest.fixture
def port() -> tuple[int, str]:
    master, slave = pty.openpty()
    tty.setraw(slave)
    return master, os.ttyname(slave)


def test_bytes_go_both_ways(port: tuple[int, str]) -> None:
    stream = SerialStream.open(port[1], 115200)
    stream.send(b"xStatus\n", 1)
    assert os.read(port[0], 100) == b"xStatus\n"
    os.write(port[0], b"OK\r\n")
    got = b""
    while len(got) < 4:
        got += stream.recv(5)
    assert got == b"OK\r\n"
    assert stream.recv(0.05) == b""
    stream.close()


def test_a_missing_adapter_is_our_link() -> None:
    with pytest.raises(LinkFault) as fault:
        SerialStream.open("/dev/serial/by-path/nowhere", 9600)
    assert fault.value.kind == "link"


def test_a_line_is_held_exclusively(port: tuple[int, str]) -> None:
    stream = SerialStream.open(port[1], 9600)
    with pytest.raises(LinkFault) as fault:
        SerialStream.open(port[1], 9600)
    assert fault.value.kind == "link"
    stream.close()


def use(stream: SerialStream) -> None:
    for _ in range(100):
        stream.send(b"?", 0.2)
        stream.recv(0.1)


def test_a_pulled_adapter_is_our_link(tmp_path: Path) -> None:
    with pty_pair(tmp_path) as (near, _):
        stream = SerialStream.open(near, 9600)
    with pytest.raises(LinkFault) as fault:
        use(stream)
    assert fault.value.kind == "link"
    stream.close()


def test_a_line_that_takes_nothing(port: tuple[int, str]) -> None:
    stream = SerialStream.open(port[1], 9600)
    with pytest.raises(LinkFault) as fault:
        stream.send(bytes(1_000_000), 0.3)
    assert fault.value.kind == "timeout"
    stream.close()


def test_close_wakes_a_reader(port: tuple[int, str]) -> None:
    stream = SerialStream.open(port[1], 9600)
    faults: list[LinkFault] = []
    reading = threading.Event()

    def read() -> None:
        try:
            while True:
                reading.set()
                stream.recv(30)
        except LinkFault as fault:
            faults.append(fault)

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(10)
    stream.close()
    stream.close()
    reader.join(10)
    assert not reader.is_alive()
    assert [fault.kind for fault in faults] == ["link"]
