"""The agent's word that this version works: read by `diemcau-release`, which goes back to the last version without it.

Works means: the loop has turned for a while, the journal takes intents, and the broker has taken what was sent. A room
that does not report has to turn for longer. The word names version and boot: one of another time proves nothing.
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
TURNING_S = 60.0
"""Long enough for each probe to have looked twice, so that a version that dies of a reading is not taken for good."""
ALONE_S = 180.0
"""The same for a room that reports to nobody."""


class CheckIn:
    """Written once a start, when it is due."""

    def __init__(self, folder: Path, version: str, boot: str, started_s: float) -> None:
        self._path = folder / FILE
        self._body = {"version": version, "boot": boot}
        self._started_s = started_s
        self.done = False

    def mind(self, now_s: float, *, heard: bool | None, sound: bool) -> None:
        """Called once a second. `heard`: the broker has taken something; None: the room reports to nobody.

        `sound`: the journal can be written, and the agent has not crashed again and again.
        """
        turned_s = now_s - self._started_s
        if self.done or not sound or turned_s < TURNING_S or heard is False or (heard is None and turned_s < ALONE_S):
            return
        self.done = True  # tried once: a card that cannot be written is somebody else's alarm
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("w", encoding="utf-8") as out:
                json.dump(self._body | {"mono_s": now_s}, out)
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(self._path)
        except OSError as error:
            log.error("this version could not check in, and may be undone: %s", error)


def came_back(version: str, root: Path = RELEASES) -> dict[str, str]:
    """What the hub is told at start when the last switch was undone, and this is the version it was undone to."""
    try:
        last = json.loads((root / "last.json").read_text("utf-8"))
        if last["what"] == "went_back" and last["to"] == version:
            return {"went_back_from": str(last["from"])[:40], "went_back_why": str(last["why"])[:200]}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}
