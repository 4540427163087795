"""Somebody works at the equipment and has said so with `diemcau-agent hold`: nothing is restarted under their hands.

The hold is a small file beside the journal, bound to this boot and to a moment of its monotonic clock: it ends by
itself, whatever happens to the wall clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from agent.core.facts import NoReading, Reading

FILE = "attended.json"
HOLD_MAX_MIN = 120.0


class AttendedProbe:
    """Looks whether a hold is in force."""

    name = "attended"
    keys: tuple[str, ...] = ("room.attended",)
    period_s = 5.0
    deadline_s = 5.0

    def __init__(self, folder: Path, boot: str) -> None:
        self._file = folder / FILE
        self._boot = boot

    def observe(self) -> Mapping[str, Reading]:
        """Look once."""
        try:
            hold = json.loads(self._file.read_text("utf-8"))
            return {"room.attended": hold["boot"] == self._boot and _now_s() < float(hold["until_s"])}
        except FileNotFoundError:
            return {"room.attended": False}
        except (OSError, ValueError, TypeError, KeyError):
            return {"room.attended": NoReading("garbled")}

    def close(self) -> None:
        """Nothing is kept open."""


def hold(folder: Path, boot: str, minutes: float) -> None:
    """Begin a hold of so many minutes, above 0 and at most HOLD_MAX_MIN. Raises OSError, ValueError."""
    if not 0 < minutes <= HOLD_MAX_MIN:
        raise ValueError(f"minutes: từ 1 đến {HOLD_MAX_MIN:.0f} / must be above 0 and at most {HOLD_MAX_MIN:.0f}")
    fresh = (folder / FILE).with_suffix(".new")
    fresh.write_text(json.dumps({"boot": boot, "until_s": _now_s() + minutes * 60}), "utf-8")
    fresh.replace(folder / FILE)


def release(folder: Path) -> None:
    """End the hold. Raises OSError."""
    (folder / FILE).unlink(missing_ok=True)


def _now_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
