"""The service manager's watchdog, fed by the writer: a hub that commits nothing any more is started again.

Also the hub's word that its version works, read by `diemcau-release` (agent/fleet): written once a start, when the
writer has turned for a minute and the broker lets it in. A hub that hears no room is good for nothing, whosever fault.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from wire.checkin import check_in, trial_token
from wire.sd_notify import notify

TURNING_S = 60.0


class Watchdog:
    """A timer of the writer, called once a second within a transaction."""

    def __init__(self, folder: Path, version: str, hears: Callable[[], bool]) -> None:
        """`hears`: whether the session with the broker stands."""
        self._folder = folder
        self._token = trial_token()
        self._version = version
        self._hears = hears
        self._started_s = time.monotonic()
        self._checked_in = False

    def __call__(self, _db: sqlite3.Connection, _now_s: float) -> None:
        """Feed the watchdog, and check in when it is time."""
        notify("WATCHDOG=1")
        if not self._checked_in and time.monotonic() - self._started_s >= TURNING_S and self._hears():
            self._checked_in = True
            check_in(self._folder, self._version, self._token)
