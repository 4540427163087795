"""The HDMI cable's control wire (CEC) as a line: the kernel's own /dev/cecN, without a program or library between.

Source: `linux/cec.h` and the kernel's "CEC API". What goes over the line is text, as every CEC monitor writes it: one
message a line, its bytes in hexadecimal with colons, `40:8F`. The first byte is who speaks and to whom; ours is put
in here, since the adapter chooses our address. A message that nobody acknowledges ends the line: nobody is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import time

from agent.transports.errors import LinkFault, fault_of

ADDRESSES_GET, ADDRESSES_SET = 0x805C6103, 0xC05C6104
PHYSICAL_GET = 0x80026101
TRANSMIT, RECEIVE, MODE_SET = 0xC0386105, 0xC0386106, 0x40046109

MESSAGE = struct.Struct("=QQIIII16s7Bx")
"""struct cec_msg: stamps of sending and receiving, length, time-out, sequence, flags, bytes, then seven states."""
LENGTH, SEQUENCE, BYTES, SENT = 2, 4, 6, 9
"""Places in it that are read here."""
ADDRESSES = struct.Struct("=4sHBBII15s4s4s4s48sx")
"""struct cec_log_addrs: addresses, mask, version, how many, vendor, flags, name, kinds of device …"""
OUR_ADDRESS, HOW_MANY = 0, 3

NO_ADDRESS = 0xFFFF
"""Physical address of an HDMI port without a display."""
NOBODY = 0xFF
INITIATOR_AND_FOLLOWER = 0x11
"""We ask, and we also hear what is told to all."""
VERSION_1_4, TYPE_PLAYBACK, KIND_PLAYBACK, ALL_PLAYBACK = 5, 3, 4, 0x10
NAME = b"Diem Cau"
SENT_OK, ACKNOWLEDGED = 0x01, 0x04
MESSAGE_BYTES_MAX = 16
CLAIM_S = 2.0
"""An address is claimed by asking whether it is free: half a second on most adapters [M]."""


class CecStream:
    """An open adapter; make one with `open`."""

    def __init__(self, number: int) -> None:
        self._file = number
        self._closed = False
        self._rest = b""
        self._address = 0

    @classmethod
    def open(cls, path: str) -> CecStream:
        """Open an adapter and get an address on it. Raises LinkFault: `link` also when no display is plugged in."""
        try:
            stream = cls(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            raise fault_of(error) from error
        try:
            stream._join()
        except BaseException:
            stream.close()
            raise
        return stream

    def _join(self) -> None:
        if struct.unpack("=H", self._ask(PHYSICAL_GET, bytes(2)))[0] == NO_ADDRESS:
            raise LinkFault("link", "no display on the HDMI port")
        self._ask(MODE_SET, struct.pack("=I", INITIATOR_AND_FOLLOWER))
        if ADDRESSES.unpack(self._ask(ADDRESSES_GET, bytes(ADDRESSES.size)))[HOW_MANY] == 0:
            first = bytes(3)
            kinds = (bytes((KIND_PLAYBACK,)) + first, bytes((TYPE_PLAYBACK,)) + first, bytes((ALL_PLAYBACK,)) + first)
            wanted = ADDRESSES.pack(bytes(4), 0, VERSION_1_4, 1, 0, 0, NAME, *kinds, bytes(48))
            self._ask(ADDRESSES_SET, wanted)
        end_s = time.monotonic() + CLAIM_S
        while (ours := ADDRESSES.unpack(self._ask(ADDRESSES_GET, bytes(ADDRESSES.size)))[OUR_ADDRESS][0]) == NOBODY:
            if time.monotonic() > end_s:
                raise LinkFault("link", "the HDMI port got no CEC address")
            time.sleep(0.05)
        self._address = ours

    def _ask(self, request: int, data: bytes) -> bytes:
        try:
            return bytes(fcntl.ioctl(self._file, request, data))
        except OSError as error:
            # Whatever an adapter refuses is our own side: the display has not been asked yet.
            raise LinkFault("denied" if isinstance(error, PermissionError) else "link", str(error)) from error

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send whole messages, a line each. They are under way when this returns; their fate shows in `recv`."""
        self._rest += data
        *lines, self._rest = self._rest.split(b"\n")
        for line in lines:
            message = bytes.fromhex(line.decode("ascii").replace(":", ""))
            message = bytes((self._address << 4 | message[0] & 0x0F,)) + message[1:]
            self._transmit(MESSAGE.pack(0, 0, len(message), 0, 0, 0, message, *bytes(7)), timeout_s)

    def _transmit(self, message: bytes, timeout_s: float) -> None:
        end_s = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.ioctl(self._file, TRANSMIT, message)
            except BlockingIOError as error:  # another message is still going out
                if time.monotonic() > end_s:
                    raise LinkFault("timeout", "the HDMI port takes nothing") from error
                time.sleep(0.02)
            except OSError as error:
                raise LinkFault("link", str(error)) from error
            else:
                return

    def recv(self, timeout_s: float) -> bytes:
        """The next message as a line; empty when nothing came."""
        try:
            poller = select.poll()
            poller.register(self._file, select.POLLIN)
            if not poller.poll(max(0.0, timeout_s) * 1000) or self._closed:
                self._check_open()
                return b""
            answer = MESSAGE.unpack(fcntl.ioctl(self._file, RECEIVE, bytes(MESSAGE.size)))
        except BlockingIOError:
            return b""
        except (OSError, ValueError) as error:
            raise LinkFault("link", str(error)) from error
        if answer[SEQUENCE]:  # the fate of something that we have sent
            if not answer[SENT] & SENT_OK:
                raise LinkFault("timeout", "nobody acknowledges on the HDMI cable")
            return b""
        message: bytes = answer[BYTES][: min(answer[LENGTH], MESSAGE_BYTES_MAX)]
        return message.hex(":").upper().encode() + b"\n"

    def _check_open(self) -> None:
        if self._closed:
            raise LinkFault("link", "closed by us")

    def close(self) -> None:
        """Let go; a waiting `recv` ends within its own time, since a device file wakes nobody."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError):
                os.close(self._file)
