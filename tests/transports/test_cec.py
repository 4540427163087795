"""The HDMI port's control wire against a stand-in for the kernel, whose structures are written down again as in C.

No machine that runs these tests has an adapter: what the Pi's own does is not seen here.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections import deque

import pytest

from agent.config.devices import DisplayConfig
from agent.core.facts import NoReading
from agent.probes.controlled import display_orders, display_probe
from agent.probes.orders import DeviceEffector
from agent.transports import cec
from agent.transports.cec import CecStream
from agent.transports.errors import LinkFault

PATH = "/dev/cec7"


class Message(ctypes.Structure):
    """struct cec_msg of linux/cec.h."""

    _fields_ = (
        ("tx_ts", ctypes.c_uint64), ("rx_ts", ctypes.c_uint64), ("len", ctypes.c_uint32), ("timeout", ctypes.c_uint32),
        ("sequence", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("msg", ctypes.c_uint8 * 16),
        ("reply", ctypes.c_uint8), ("rx_status", ctypes.c_uint8), ("tx_status", ctypes.c_uint8),
        ("tx_arb_lost_cnt", ctypes.c_uint8), ("tx_nack_cnt", ctypes.c_uint8), ("tx_low_drive_cnt", ctypes.c_uint8),
        ("tx_error_cnt", ctypes.c_uint8),
    )  # fmt: skip


class Addresses(ctypes.Structure):
    """struct cec_log_addrs of linux/cec.h."""

    _fields_ = (
        ("log_addr", ctypes.c_uint8 * 4), ("log_addr_mask", ctypes.c_uint16), ("cec_version", ctypes.c_uint8),
        ("num_log_addrs", ctypes.c_uint8), ("vendor_id", ctypes.c_uint32), ("flags", ctypes.c_uint32),
        ("osd_name", ctypes.c_char * 15), ("primary_device_type", ctypes.c_uint8 * 4),
        ("log_addr_type", ctypes.c_uint8 * 4), ("all_device_types", ctypes.c_uint8 * 4),
        ("features", (ctypes.c_uint8 * 12) * 4),
    )  # fmt: skip


def number(direction: int, which: int, size: int) -> int:
    """_IOC of asm-generic/ioctl.h; direction 1 writes, 2 reads."""
    return direction << 30 | size << 16 | ord("a") << 8 | which


class Adapter:
    """One /dev/cecN with a television behind it."""

    def __init__(self) -> None:
        self.plugged = True
        self.power = 0
        self.source = 0x10
        self.acknowledges = True
        self.claimed: Addresses | None = None
        self.mode = 0
        self.said: list[bytes] = []
        self.opened = 0
        self._inbox: deque[Message] = deque()
        self._file = -1
        self._sequence = 0

    def open(self, path: str, _flags: int) -> int:
        assert path == PATH
        self.opened += 1
        self._inbox.clear()
        self._file = os.eventfd(0, os.EFD_SEMAPHORE | os.EFD_NONBLOCK)
        return self._file

    def ioctl(self, file: int, request: int, data: bytes) -> bytes:
        assert file == self._file
        if request == number(2, 1, 2):
            return (0x3000 if self.plugged else 0xFFFF).to_bytes(2, "little")
        if request == number(1, 9, 4):
            self.mode = int.from_bytes(data, "little")
            return data
        if request == number(2, 3, ctypes.sizeof(Addresses)):
            return bytes(self.claimed or Addresses())
        if request == number(3, 4, ctypes.sizeof(Addresses)):
            self.claimed = Addresses.from_buffer_copy(data)
            assert self.claimed.log_addr_type[0] == 3
            self.claimed.log_addr[0] = 8  # address 4 was taken by a player
            return bytes(self.claimed)
        if request == number(3, 5, ctypes.sizeof(Message)):
            return self._transmit(Message.from_buffer_copy(data))
        assert request == number(3, 6, ctypes.sizeof(Message)), hex(request)
        if not self._inbox:
            raise BlockingIOError(errno.EAGAIN, "nothing arrived")
        os.eventfd_read(self._file)
        return bytes(self._inbox.popleft())

    def _transmit(self, message: Message) -> bytes:
        self._sequence += 1
        message.sequence = self._sequence
        message.tx_status = 0x01 if self.acknowledges else 0x04 | 0x20
        self._arrives(message)
        said = bytes(message.msg[: message.len])
        self.said.append(said)
        if self.acknowledges:
            self._television(said)
        return bytes(message)

    def _television(self, said: bytes) -> None:
        match said[1:]:
            case b"\x8f":
                self.hears(bytes((0x08, 0x90, self.power)))
            case b"\x46":
                self.hears(b"\x08\x47TV mo phong")
            case b"\x85" if self.power == 0:
                self.hears(bytes((0x4F, 0x82, self.source, 0)))
            case b"\x04":
                self.power = 0
            case _ if said[1] == 0x82:
                self.source = said[2]

    def hears(self, data: bytes) -> None:
        """A message comes in."""
        self._arrives(Message(len=len(data), rx_status=1, msg=(ctypes.c_uint8 * 16)(*data)))

    def _arrives(self, message: Message) -> None:
        self._inbox.append(message)
        os.eventfd_write(self._file, 1)


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch) -> Adapter:
    made = Adapter()
    monkeypatch.setattr("agent.transports.cec.os.open", made.open)
    monkeypatch.setattr("agent.transports.cec.fcntl.ioctl", made.ioctl)
    return made


def test_the_structures_are_those_of_the_kernel() -> None:
    assert cec.MESSAGE.size == ctypes.sizeof(Message) == 56
    assert cec.ADDRESSES.size == ctypes.sizeof(Addresses) == 92


def test_it_takes_an_address_and_speaks_from_it(adapter: Adapter) -> None:
    line = CecStream.open(PATH)
    assert adapter.claimed is not None
    assert (adapter.claimed.primary_device_type[0], adapter.claimed.all_device_types[0]) == (4, 0x10)
    assert adapter.mode == 0x11
    line.send(b"40:8F\n4", 1.0)
    line.send(b"F:85\n", 1.0)
    assert adapter.said == [b"\x80\x8f", b"\x8f\x85"]
    heard = [line.recv(0.1) for _ in range(4)]
    assert [part for part in heard if part] == [b"08:90:00\n", b"4F:82:10:00\n"]
    assert line.recv(0.0) == b""
    line.close()
    line.close()
    with pytest.raises(LinkFault):
        line.recv(0.0)


def test_the_television_is_watched_switched_on_and_set_to_its_input(adapter: Adapter) -> None:
    config = DisplayConfig("cec", f"cec://{PATH}", input="hdmi1")
    probe = display_probe(config)
    effector = DeviceEffector(probe.link, display_orders(config))
    on = {
        "display.api": True,
        "display.power": "on",
        "display.input": "hdmi1",
        "display.input_right": True,
        "display.model": "TV mo phong",
    }
    assert probe.observe() == on
    adapter.source = 0x21
    assert probe.observe()["display.input_right"] is False
    assert effector.perform("display_input").ok
    assert probe.observe() == on
    adapter.power = 1
    readings = probe.observe()
    assert (readings["display.power"], readings["display.input_right"]) == ("off", NoReading("absent"))
    assert effector.perform("display_on").ok
    assert probe.observe() == on
    assert adapter.opened == 1, "the adapter is kept"
    probe.close()


def test_a_television_that_acknowledges_nothing(adapter: Adapter) -> None:
    adapter.acknowledges = False
    probe = display_probe(DisplayConfig("cec", f"cec://{PATH}"))
    readings = probe.observe()
    assert readings["display.api"] is False
    assert readings["display.power"] == NoReading("timeout")
    adapter.acknowledges = True
    assert probe.observe()["display.api"] is True
    probe.close()


def test_an_empty_port_and_a_missing_adapter_are_our_link(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = display_probe(DisplayConfig("cec", f"cec://{PATH}"))
    adapter.plugged = False
    assert set(probe.observe().values()) == {NoReading("link")}
    monkeypatch.undo()
    probe = display_probe(DisplayConfig("cec", "cec:///dev/no-such-adapter"))
    assert set(probe.observe().values()) == {NoReading("link")}
    probe.close()
