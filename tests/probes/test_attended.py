"""Somebody at the equipment: their word holds for this boot, for so long, and never by accident."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import main
from agent.core.facts import NoReading
from agent.probes import attended
from agent.probes.attended import FILE, AttendedProbe
from agent.transports.clock import boot_id


def seen(folder: Path, boot: str = "b1") -> object:
    return AttendedProbe(folder, boot).observe()["room.attended"]


def test_a_hold_and_its_end(tmp_path: Path) -> None:
    assert seen(tmp_path) is False
    attended.hold(tmp_path, "b1", 30)
    assert seen(tmp_path) is True
    assert seen(tmp_path, "b2") is False, "the board has started anew"
    attended.release(tmp_path)
    assert seen(tmp_path) is False


def test_a_hold_ends_by_itself(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"boot": "b1", "until_s": 1.0}))
    assert seen(tmp_path) is False


@pytest.mark.parametrize("text", ["", "{", "[]", '{"boot": "b1"}', '{"boot": "b1", "until_s": "x"}', "\xff"])
def test_rubbish_is_not_known(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_bytes(text.encode("latin-1"))
    assert seen(tmp_path) == NoReading("garbled")


@pytest.mark.parametrize("minutes", [0, -1, 121, float("nan")])
def test_no_hold_is_for_ever(tmp_path: Path, minutes: float) -> None:
    with pytest.raises(ValueError, match="120"):
        attended.hold(tmp_path, "b1", minutes)


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "room.toml"
    config.write_text(f'[room]\nid = "r-1"\nstate_dir = "{tmp_path}"\n')
    assert main.main(["hold", "--config", str(config), "--minutes", "5"]) == 0
    assert seen(tmp_path, boot_id()) is True
    assert main.main(["release", "--config", str(config)]) == 0
    assert seen(tmp_path, boot_id()) is False
    assert main.main(["hold", "--config", str(config), "--minutes", "999"]) == 2
    assert "120" in capsys.readouterr().err
