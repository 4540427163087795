"""A version says that it works only when it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.runtime import checkin
from agent.runtime.checkin import ALONE_S, TURNING_S, CheckIn
from wire.checkin import FILE, trial_token


@pytest.mark.parametrize(
    ("turned_s", "heard", "sound", "due"),
    [
        (TURNING_S, True, True, True),
        (TURNING_S - 1, True, True, False),
        (9000.0, False, True, False),
        (9000.0, True, False, False),
        (TURNING_S, None, True, False),
        (ALONE_S, None, True, True),
    ],
    ids=["well", "too young", "not heard", "no journal or crashing", "alone, too young", "alone"],
)
def test_when_a_version_checks_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turned_s: float, heard: bool | None, sound: bool, due: bool
) -> None:
    monkeypatch.setattr(checkin, "trial_token", lambda: "word")
    CheckIn(tmp_path, "2.0", 1000.0).mind(1000.0 + turned_s, heard=heard, sound=sound)
    assert (tmp_path / FILE).exists() == due
    if due:
        said = json.loads((tmp_path / FILE).read_text("utf-8"))
        assert said == {"version": "2.0", "token": "word"}


def test_it_is_written_once(tmp_path: Path) -> None:
    word = CheckIn(tmp_path, "2.0", 0.0)
    word.mind(100, heard=True, sound=True)
    (tmp_path / FILE).unlink()
    word.mind(200, heard=True, sound=True)
    assert not (tmp_path / FILE).exists()


def test_a_card_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    CheckIn(tmp_path / "gone", "2.0", 0.0).mind(100, heard=True, sound=True)


def test_the_token_is_that_of_the_switch_on_trial(tmp_path: Path) -> None:
    assert trial_token(tmp_path) == ""
    for damaged in ("", "[]", "{}"):
        (tmp_path / "trial.json").write_text(damaged, "utf-8")
        assert trial_token(tmp_path) == ""
    (tmp_path / "trial.json").write_text('{"token": "word"}', "utf-8")
    assert trial_token(tmp_path) == "word"
