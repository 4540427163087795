"""A serial line through pyserial: 8N1, no flow control, finite time-outs both ways, held exclusively.

pyserial's own defaults block for ever on write, its `flush` has no bound, and a pulled adapter shows as "readiness to
read but returned no data" (pi facts, "Library faults to survive"). Pseudo-terminals work the same way.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

from agent.transports.errors import LinkFault, fault_of

if TYPE_CHECKING:
    import serial

CHUNK_BYTES = 4096


class SerialStream:
    """An open line; make one with `open`."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._closed = False

    @classmethod
    def open(cls, path: str, baud: int) -> SerialStream:
        """Open a device file. Raises LinkFault: `link` when it is not there or taken, `denied` without the rights."""
        import serial

        try:
            port = serial.Serial(path, baud, timeout=0, write_timeout=1, exclusive=True)
        except ValueError as error:
            raise LinkFault("link", str(error)) from error
        except OSError as error:
            # SerialException is an OSError, but keeps the number only sometimes.
            raise _fault(error) from error
        return cls(port)

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of it within `timeout_s`."""
        import serial

        try:
            self._port.write_timeout = max(0.05, timeout_s)
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise LinkFault("timeout", "the line takes nothing") from error
        except (OSError, TypeError, ValueError) as error:
            raise _fault(error) from error

    def recv(self, timeout_s: float) -> bytes:
        """Whatever arrived; empty when nothing did."""
        try:
            self._port.timeout = max(0.0, timeout_s)
            data = self._port.read(1)
            if data:
                self._port.timeout = 0
                data += self._port.read(CHUNK_BYTES - 1)
        except (OSError, TypeError, ValueError) as error:
            raise _fault(error) from error
        if not data and (self._closed or not os.path.exists(self._port.port or "")):  # noqa: PTH110
            raise LinkFault("link", "the device file is gone")
        return bytes(data)

    def close(self) -> None:
        """Let go, and wake whoever waits."""
        self._closed = True
        with contextlib.suppress(OSError, TypeError, ValueError, AttributeError):
            self._port.cancel_read()
        with contextlib.suppress(OSError, TypeError, ValueError):
            self._port.close()


def _fault(error: Exception) -> LinkFault:
    """Every trouble of a serial port is our own side's; only missing rights are told apart."""
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        return fault_of(error)
    return LinkFault("link", str(error))
