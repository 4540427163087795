"""Which start of a host a trial runs in: one mark for all of its units, and the time since it was made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.fleet.main import main
from agent.fleet.start import this_start
from agent.fleet.trial import Trial, advance


def test_all_that_ask_in_one_start_are_told_the_same(tmp_path: Path) -> None:
    place = tmp_path / "run" / "start.json"
    start, first_s = this_start(25_000.0, place)
    assert first_s == 0.0, "what the machine below has been running for is nothing of ours"
    assert this_start(25_030.0, place) == (start, 30.0)
    assert this_start(24_000.0, place) == (start, 0.0), "a clock that went backwards"
    place.unlink()
    other, again_s = this_start(25_100.0, place)
    assert (other != start, again_s) == (True, 0.0)


def test_a_container_on_a_machine_that_has_run_for_long_spends_no_trial_at_once(tmp_path: Path) -> None:
    """A good release was undone 1.4 s after its switch: another unit saw another boot, and 25,000 s of it."""
    place = tmp_path / "start.json"
    boot, now_s = this_start(25_000.0, place)
    trial = Trial("1.0", "2.0", "word", boot, now_s)
    boot, now_s = this_start(25_001.4, place)
    later = advance(trial, boot, now_s)
    assert later.spent_s == pytest.approx(1.4)
    assert later.boots == 0


@pytest.mark.parametrize("damaged", ["", "[]", "{}", '{"start": "a"}', '{"start": "a", "since_s": "b"}'])
def test_a_damaged_mark_is_made_anew(tmp_path: Path, damaged: str) -> None:
    place = tmp_path / "start.json"
    place.write_text(damaged, "utf-8")
    start, now_s = this_start(5.0, place)
    assert (len(start), now_s) == (16, 0.0)
    assert this_start(6.0, place) == (start, 1.0)


def test_where_nothing_can_be_written_the_way_back_asks_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "in the way").touch()
    first, now_s = this_start(7.0, tmp_path / "in the way" / "start.json")
    assert (len(first), now_s) == (36, 7.0)
    assert this_start(8.0, tmp_path / "in the way" / "start.json") == (first, 8.0)


def test_the_command_looks_at_a_trial_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("agent.fleet.main.this_start", lambda _: ("another start", 7.0))
    (tmp_path / "releases/2.0").mkdir(parents=True)
    (tmp_path / "current").symlink_to(Path("releases/2.0"))
    trial = {"came_from": "1.0", "to": "2.0", "token": "word", "boot": "a start", "seen_s": 3.0, "spent_s": 20.0}
    (tmp_path / "trial.json").write_text(json.dumps(trial), "utf-8")
    assert main(["--root", str(tmp_path), "watch"]) == 0
    assert "2.0 has not checked in yet, 27 of 600 s" in capsys.readouterr().out
