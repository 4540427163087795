"""Telnet option negotiation, refused: some control ports on TCP 23 open with it. Source: RFC 854, RFC 855.

Only for TCP: on a serial line 0xFF is noise.
"""

from __future__ import annotations

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240


class TelnetFilter:
    """Takes the commands out of the stream; `output` holds our refusals. Keeps at most a few bytes of state."""

    def __init__(self) -> None:
        self._verb = 0
        self._state = "text"
        self._out = bytearray()

    def feed(self, data: bytes) -> bytes:
        """The text in `data`."""
        if self._state == "text" and IAC not in data:
            return data
        text = bytearray()
        for byte in data:
            self._byte(byte, text)
        return bytes(text)

    def _byte(self, byte: int, text: bytearray) -> None:
        if self._state == "text":
            if byte == IAC:
                self._state = "command"
            else:
                text.append(byte)
        elif self._state == "command":
            self._command(byte, text)
        elif self._state == "option":
            if self._verb in (DO, WILL) and len(self._out) < 300:
                self._out += bytes((IAC, WONT if self._verb == DO else DONT, byte))
            self._state = "text"
        elif self._state == "sub":
            self._state = "sub end" if byte == IAC else "sub"
        else:
            self._state = "text" if byte == SE else "sub"

    def _command(self, byte: int, text: bytearray) -> None:
        self._state = "text"
        if byte == IAC:
            text.append(IAC)
        elif byte in (DO, DONT, WILL, WONT):
            self._verb, self._state = byte, "option"
        elif byte == SB:
            self._state = "sub"

    def output(self) -> bytes:
        """Our refusals, handed out once."""
        data = bytes(self._out)
        self._out.clear()
        return data
