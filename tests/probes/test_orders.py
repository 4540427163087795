"""Orders that nobody wants any more."""

from __future__ import annotations

from pathlib import Path

from agent.ports import LATE, Outcome
from agent.probes.board import BoardEffector


def test_a_board_whose_order_comes_too_late_is_not_started_anew(tmp_path: Path) -> None:
    made = tmp_path / "restarted"
    effector = BoardEffector(("touch", str(made)))
    assert effector.perform("board_reboot", lambda: False) == Outcome(False, LATE, {"sent": False})
    assert not made.exists()
    assert effector.perform("board_reboot", lambda: True).ok
    assert made.exists()
