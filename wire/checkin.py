"""A program's word that its version works; `diemcau-release` (agent/fleet) goes back to the last one without it.

A switch leaves a token in `trial.json`; the word names it, and so answers that switch and no earlier one. Neither a
clock nor the kernel's id of a boot is asked: a container may show each of its units another.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "checkin.json"
RELEASES = Path("/opt/diemcau")
"""`ROOT` of `agent.fleet.release`, which would cost memory to import here."""


def trial_token(root: Path = RELEASES) -> str:
    """The token of the switch that is on trial; empty when none is."""
    try:
        return str(json.loads((root / "trial.json").read_text("utf-8"))["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def check_in(folder: Path, version: str, token: str) -> None:
    """Say that this version works. Never raises: a card that cannot be written is somebody else's alarm."""
    path = folder / FILE
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("w", encoding="utf-8") as out:
            json.dump({"version": version, "token": token}, out)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(path)
    except OSError as error:
        log.error("this version could not check in, and may be undone: %s", error)
