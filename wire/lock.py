"""One program to a folder: two that work on the same database have budgets of their own each, and neither knows it.

The folder itself is locked, so that nothing has to be written. The kernel lets go with the process, however it ends.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from pathlib import Path

log = logging.getLogger(__name__)

TAKEN = 3
"""Exit code of a program that found its folder in use."""
WAIT_S = 0.5
"""A holder that is just ending is waited for."""
_SIGKILL = 1 << 8
"""In the masks of /proc/PID/status."""


class TakenError(Exception):
    """Another program holds the folder. One sentence, in Vietnamese and English."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi} / {en}")
        self.vi = vi
        self.en = en


class Held:
    """A lock, for as long as this lives. `close` lets go."""

    def __init__(self, descriptor: int = -1) -> None:
        self._descriptor = descriptor

    @property
    def sure(self) -> bool:
        """Whether it is held. A card may take no lock."""
        return self._descriptor >= 0

    def close(self) -> None:
        """Let go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def hold(folder: Path, *, make: bool = True, wait_s: float = WAIT_S) -> Held:
    """Hold the folder, and make it where there is none. Raises TakenError where a living program holds it.

    A lock that fails for any other reason stops nobody: on a full or read-only card a room is cared for all the same.
    """
    descriptor = -1
    until_s = time.monotonic() + wait_s
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return Held(descriptor)
            except BlockingIOError:
                if time.monotonic() >= until_s:
                    break
                time.sleep(0.05)
        holder = _holder(os.fstat(descriptor))
        if holder and _is_dying(holder):
            log.warning("%s is held by process %d, which is killed and does not end: going on without", folder, holder)
            return Held()
    except OSError as error:
        log.warning("%s cannot be locked (%s): going on without", folder, error)
        if descriptor >= 0:
            os.close(descriptor)
        return Held()
    os.close(descriptor)
    who, whom = (f" (tiến trình {holder})", f" (process {holder})") if holder else ("", "")
    raise TakenError(
        f"{folder}: một chương trình khác{who} đang dùng thư mục này, hãy tắt nó trước",
        f"another program{whom} works on this folder: end it first",
    )


def _holder(folder: os.stat_result) -> int:
    """The process that holds this folder, as the kernel lists it; 0 when that cannot be told."""
    place = f"{os.major(folder.st_dev):02x}:{os.minor(folder.st_dev):02x}:{folder.st_ino}"
    try:
        for line in Path("/proc/locks").read_text("ascii").splitlines():
            words = line.split()
            if len(words) >= 6 and words[1] == "FLOCK" and words[5] == place:
                return int(words[4])
    except (OSError, ValueError):
        pass
    return 0


def _is_dying(process: int) -> bool:
    """Whether a process has been killed and the kernel does not let it go: a dead card holds it. It does nothing."""
    try:
        lines = Path(f"/proc/{process}/status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    try:
        pending = int(fields.get("SigPnd", "0"), 16) | int(fields.get("ShdPnd", "0"), 16)
    except ValueError:
        pending = 0
    return bool(pending & _SIGKILL) or fields.get("State", "")[:1] in ("Z", "X")
