"""When the agent says that this version works (`wire.checkin`), and what it tells of a switch that was undone.

Works means: the loop has turned for a while, the journal takes intents, and the broker has taken what was sent. A room
that does not report has to turn for longer.
"""

from __future__ import annotations

import json
from pathlib import Path

from wire.checkin import RELEASES, check_in, trial_token

TURNING_S = 60.0
"""Long enough for each probe to have looked twice, so that a version that dies of a reading is not taken for good."""
ALONE_S = 180.0
"""The same for a room that reports to nobody."""


class CheckIn:
    """Written once a start, when it is due."""

    def __init__(self, folder: Path, version: str, started_s: float) -> None:
        self._folder, self._version, self._started_s = folder, version, started_s
        self._token = trial_token()
        self.done = False

    def mind(self, now_s: float, *, heard: bool | None, sound: bool) -> None:
        """Called once a second. `heard`: the broker has taken something; None: the room reports to nobody.

        `sound`: the journal can be written, and the agent has not crashed again and again.
        """
        turned_s = now_s - self._started_s
        if self.done or not sound or turned_s < TURNING_S or heard is False or (heard is None and turned_s < ALONE_S):
            return
        self.done = True  # tried once
        check_in(self._folder, self._version, self._token)


def came_back(version: str, root: Path = RELEASES) -> dict[str, str]:
    """What the hub is told at start when the last switch was undone, and this is the version it was undone to."""
    try:
        last = json.loads((root / "last.json").read_text("utf-8"))
        if last["what"] == "went_back" and last["to"] == version:
            return {"went_back_from": str(last["from"])[:40], "went_back_why": str(last["why"])[:200]}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}
