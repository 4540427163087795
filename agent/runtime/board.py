"""Which board this is, by the serial number that its maker has burnt into it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

PLACES = (Path("/proc/device-tree/serial-number"), Path("/sys/firmware/devicetree/base/serial-number"))
"""Where Linux shows what a Pi's firmware says of it [pi facts]. A PC has neither."""
BYTES_MAX = 64


def serial_number(places: Iterable[Path] = PLACES) -> str:
    """The board's serial number; empty where it has none, or one that tells it from no other."""
    for place in places:
        try:
            with place.open("rb") as file:
                found = file.read(BYTES_MAX).rstrip(b"\0\n ").decode("ascii")
        except (OSError, UnicodeDecodeError):
            continue
        if len(found) >= 8 and found.isalnum() and found.strip("0"):
            return found.lower()
    return ""
