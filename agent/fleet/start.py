"""Which start of the host this is, and for how long it has been running, as far as `diemcau-release` has seen.

The kernel's id of a boot and the clock of a boot are the board's. In a container both may be the machine's below, and
each unit may be shown another id: a trial would then be counted new starts, and hours, that there were none of. What
lies under /run is gone with the start that it lies in, on a board and in a container alike.
"""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from agent.fleet.disk import read, write

PLACE = Path("/run/diemcau-release/start.json")
KERNEL = Path("/proc/sys/kernel/random/boot_id")


def this_start(mono_s: float, place: Path = PLACE) -> tuple[str, float]:
    """A word for this start of the host, and the seconds since it was first asked for; to be called under the lock.

    `mono_s`: a clock that goes on while the board sleeps, in seconds. Where the place cannot be written it is the
    kernel after all: the way back must not hang on a folder.
    """
    found = read(place)
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return str(found["start"]), max(0.0, mono_s - float(found["since_s"]))
    start = secrets.token_hex(8)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        write(place, {"start": start, "since_s": mono_s})
    except OSError:
        return KERNEL.read_text("ascii").strip(), mono_s
    return start, 0.0
