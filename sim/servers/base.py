"""What a family of servers is: bytes in, bytes out, over the physics of one room."""

from __future__ import annotations

from typing import Protocol


class Conversation(Protocol):
    """One client's talk with a device; on a serial line there is only one, for ever."""

    closing: bool
    """The device hangs up after what it has just said."""

    def opened(self) -> bytes:
        """What the device says first."""
        ...

    def receive(self, data: bytes) -> bytes:
        """What it says to these bytes, cut anywhere. Never raises, whatever they are."""
        ...

    def tick(self) -> bytes:
        """What it says by itself, asked a few times a second."""
        ...


LINE_MAX = 64 * 1024
"""A client's line longer than this is thrown away."""


class Lines:
    """Cuts bytes into lines at CR, LF or both."""

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        """The last byte was a CR, which has ended its line: an LF that follows belongs to it."""

    def feed(self, data: bytes) -> list[str]:
        """Complete lines without their ends. An empty line is kept: it means something at a prompt."""
        if not data:
            return []
        belongs, self._after_cr = self._after_cr, data.endswith(b"\r")
        if belongs:
            data = data.removeprefix(b"\n")
        text = (self._rest + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = text.split(b"\n")
        if len(self._rest) > LINE_MAX:
            self._rest = b""
        return [line.decode("utf-8", "replace") for line in lines]
