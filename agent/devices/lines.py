"""Lines out of a stream of bytes, bounded."""

from __future__ import annotations

LINE_BYTES_MAX = 16 * 1024
"""Longer lines are garbled. The longest documented one is a Huawei or Cisco JSON line of a few kB."""

PROMPT_BYTES_MAX = 256


class LineBuffer:
    """Cuts a byte stream into lines, bounded.

    A line that outgrows `bytes_max` is thrown away up to its end and counted in `overruns`, so that a device which
    sends rubbish without a line end can neither fill the memory nor stop us from finding the next good line.
    """

    def __init__(self, bytes_max: int = LINE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._rest = bytearray()
        self._skipping = False
        self.overruns = 0

    def feed(self, data: bytes) -> list[str]:
        """The complete lines, without their ends. LF ends a line, a CR before it belongs to the end."""
        self._rest += data
        lines = []
        while (cut := self._rest.find(b"\n")) >= 0:
            raw, self._rest = self._rest[:cut], self._rest[cut + 1 :]
            if self._skipping or len(raw) > self._bytes_max:
                self.overruns += not self._skipping
                self._skipping = False
            else:
                lines.append(raw.rstrip(b"\r").decode("utf-8", "replace"))
        if len(self._rest) > self._bytes_max:
            self.overruns += not self._skipping
            self._skipping = True
            self._rest.clear()
        return lines

    @property
    def tail(self) -> str:
        """The unfinished line, since prompts have no line end; empty when it is too long for a prompt."""
        if self._skipping or len(self._rest) > PROMPT_BYTES_MAX:
            return ""
        return self._rest.decode("utf-8", "replace").lstrip("\r")

    def clear(self) -> None:
        """Forget the unfinished line, e.g. after answering a prompt."""
        self._rest.clear()
        self._skipping = False

    def __len__(self) -> int:
        return len(self._rest)
