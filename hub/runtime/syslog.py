"""Rows of the log of who did what as lines of this machine's syslog, and the way into its socket.

The socket is one for Unix datagrams: /dev/log, which systemd-journald or rsyslog serves, or one that rsyslog opens for
us alone. To carry the lines to another machine, to keep them while that is away and to speak TLS is rsyslog's business.
"""

from __future__ import annotations

import errno
import fcntl
import json
import socket
import struct
import termios
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROGRAM = "diemcau-audit"
"""What syslog calls the program of these lines."""
_PRIORITY = 13 * 8 + 5
"""Facility "log audit", severity notice (RFC 5424)."""
LINE_MAX_BYTES = 8000
"""A longer row goes without its detail: rsyslog takes 8,192 octets unless it is told otherwise."""
BATCH = 100
"""Rows that are read, sent and noted at a time."""
PACE_S = 0.5
"""Between two full batches: systemd-journald drops lines of a service beyond 10,000 in 30 s."""
ANSWER_S = 10.0
"""For a place in the reader's queue, and until it has read everything."""
_LOOK_S = 0.02


def line_of(row: Iterable[object]) -> bytes:
    """One row as one line: priority, program, and the row as JSON. Its hash can be computed anew from that."""
    number, at_s, by, what, detail, prev, own = row
    told = {"id": number, "at_s": at_s, "time": moment(at_s), "by": by, "what": what, "prev": prev, "hash": own}
    line = _line(told | {"detail": _parsed(str(detail))})
    if len(line) > LINE_MAX_BYTES:
        line = _line(told | {"detail_bytes": len(str(detail).encode())})
    return line


def _line(told: dict[str, Any]) -> bytes:
    # JSON leaves DEL as it is, and rsyslog would write it in a way of its own.
    text = json.dumps(told, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"<{_PRIORITY}>{PROGRAM}: {text}".encode("utf-8", "replace")


def _parsed(detail: str) -> object:
    try:
        return json.loads(detail)
    except ValueError:  # put in by another hand: the rows after it do not wait for it
        return detail


def moment(at_s: object) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(float(str(at_s)), UTC).isoformat(timespec="milliseconds")


class LocalSyslog:
    """One open way into a syslog socket of this machine. Its functions raise OSError, and then it is of no more use."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._door = _door(path)
        self._socket = _connected(path)

    def send(self, lines: Sequence[bytes]) -> None:
        """Returns when the reader has read them all; what is still in its queue when it ends is gone."""
        for line in lines:
            self._socket.send(line)
        end_s = time.monotonic() + ANSWER_S
        while struct.unpack("i", fcntl.ioctl(self._socket, termios.TIOCOUTQ, b"\0\0\0\0"))[0]:
            if time.monotonic() > end_s:
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads the socket", self._path)
            time.sleep(_LOOK_S)
        # A queue is empty too when its reader has died.
        if _door(self._path) != self._door:
            raise ConnectionResetError(errno.ECONNRESET, "the socket's reader is another one", self._path)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def _door(path: str) -> tuple[int, int, int]:
    """What tells one reader's socket from the next one's at the same path. Raises OSError when nobody is behind it."""
    _connected(path).close()
    found = Path(path).stat()
    return found.st_dev, found.st_ino, found.st_ctime_ns


def _connected(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(ANSWER_S)
    try:
        made.connect(path)
    except OSError:
        made.close()
        raise
    return made
