"""A program that writes samples to its output, read into memory and ended: no file, nothing left behind."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Sequence

from agent.transports.errors import LinkFault

SLICE_S = 0.05
"""How soon a reason to stop is noticed."""
END_S = 2.0


class StoppedError(Exception):
    """The reading was stopped on purpose; its text is why."""


def record_into(buffer: bytearray, command: Sequence[str], timeout_s: float, stopped: Callable[[], str]) -> None:
    """Fill `buffer` with the first bytes the program writes, and kill it, whatever happens.

    Raises StoppedError as soon as `stopped` gives a reason: what was read by then is overwritten. Raises LinkFault:
    `link` when the program does not exist or ends without a byte (no such device, or somebody else has it),
    `timeout`, `garbled` when it ends too early.
    """
    import subprocess

    if reason := stopped():
        raise StoppedError(reason)
    deadline_s = time.monotonic() + timeout_s
    try:
        child = subprocess.Popen(  # noqa: S603 - the words come from the configuration, never from a device
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"},
        )
    except (OSError, ValueError) as error:
        raise LinkFault("link", f"{command[0]}: {error}") from error
    try:
        assert child.stdout is not None
        _fill(memoryview(buffer), child.stdout.fileno(), deadline_s, stopped)
    except BaseException:
        buffer[:] = bytes(len(buffer))
        raise
    finally:
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(END_S)
        if child.stdout is not None:
            child.stdout.close()


def _fill(view: memoryview, pipe: int, deadline_s: float, stopped: Callable[[], str]) -> None:
    filled = 0
    while filled < len(view):
        if reason := stopped():
            raise StoppedError(reason)
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise LinkFault("timeout", "too few samples")
        if not select.select([pipe], [], [], min(SLICE_S, left_s))[0]:
            continue
        count = os.readv(pipe, [view[filled:]])
        if not count:
            raise LinkFault("garbled" if filled else "link", "the recorder has ended")
        filled += count
