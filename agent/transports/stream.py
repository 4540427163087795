"""What a line of bytes can do, whether it is a TCP connection or a serial port."""

from __future__ import annotations

from typing import Protocol


class Stream(Protocol):
    """An open line. One thread sends and receives; `close` may come from another."""

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of it. Raises LinkFault; never blocks longer than `timeout_s`."""
        ...

    def recv(self, timeout_s: float) -> bytes:
        """What arrived, at most 4 kB; empty when nothing came in `timeout_s`. Raises LinkFault when the line ended."""
        ...

    def close(self) -> None:
        """Let go. Idempotent; wakes a blocked `recv`, which then raises LinkFault."""
        ...
