"""Reads sysfs and procfs below a given root, so that tests use a folder of files."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

from agent.transports.errors import LinkFault

FILE_BYTES_MAX = 64 * 1024


def read_text(path: Path) -> str:
    """The stripped text of a file. Raises LinkFault: `link` when it is gone, `denied`, `garbled` for an input error.

    A driver answers EIO or EINVAL when the chip did not answer it: the wire between board and chip is bad.
    """
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX).decode("utf-8", "replace").strip()
    except PermissionError as error:
        raise LinkFault("denied", str(error)) from error
    except OSError as error:
        chip_silent = error.errno in (errno.EIO, errno.EINVAL, errno.EAGAIN, errno.ETIMEDOUT, errno.EREMOTEIO)
        raise LinkFault("timeout" if chip_silent else "link", str(error)) from error


def read_number(path: Path) -> float:
    """The number in a file. Raises LinkFault, `garbled` when it holds none."""
    text = read_text(path)
    try:
        return float(text)
    except ValueError as error:
        raise LinkFault("garbled", f"{path} holds {text[:40]!r}") from error


def named_folders(parent: Path, name: str) -> Iterator[Path]:
    """The folders below `parent` whose `name` file says `name`: indices change from boot to boot, names do not."""
    try:
        folders = sorted(parent.iterdir())
    except OSError:
        return
    for folder in folders:
        try:
            if read_text(folder / "name") == name:
                yield folder
        except LinkFault:
            continue
