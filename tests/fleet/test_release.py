"""A switch of versions ends on one version or the other, whatever happens in the middle of it."""

from __future__ import annotations

import ast
import dataclasses
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import fleet
from agent.fleet import release
from agent.fleet.disk import ReleaseError
from agent.fleet.release import Host
from agent.fleet.trial import CheckIn, Trial, Verdict, advance, decide, to_remove
from agent.runtime import checkin
from wire.checkin import RELEASES, trial_token

TRIAL = Trial("1.0", "2.0", "its word", "boot-a", 100.0)


def at(spent_s: float = 0.0, **changes: object) -> Trial:
    return dataclasses.replace(TRIAL, spent_s=spent_s, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trial", "current", "seen", "verdict"),
    [
        (at(30), "2.0", CheckIn(), Verdict.WAIT),
        (at(30), "2.0", CheckIn("2.0", "its word"), Verdict.KEEP),
        (at(700), "2.0", CheckIn("2.0", "its word"), Verdict.KEEP),
        (at(599.9), "2.0", CheckIn(), Verdict.WAIT),
        (at(600), "2.0", CheckIn(), Verdict.BACK),
        (at(600), "2.0", CheckIn("1.0", "its word"), Verdict.BACK),
        (at(600), "2.0", CheckIn("2.0", "another"), Verdict.BACK),
        (at(600), "2.0", CheckIn("2.0", ""), Verdict.BACK),
        (at(10, boots=3), "2.0", CheckIn(), Verdict.BACK),
        (at(10, boots=3), "2.0", CheckIn("2.0", "its word"), Verdict.KEEP),
        (at(9000, came_from=""), "2.0", CheckIn(), Verdict.WAIT),
        (at(9000), "1.0", CheckIn(), Verdict.CLEAR),
    ],
    ids=["young", "kept", "late but well", "nearly", "silent", "of the old version", "of an earlier switch",
         "from before the switch", "the board keeps falling", "it fell but lives", "the first one", "never switched"],
)  # fmt: skip
def test_what_becomes_of_a_trial(trial: Trial, current: str, seen: CheckIn, verdict: Verdict) -> None:
    assert decide(trial, current, seen)[0] is verdict


def test_a_trial_without_a_token_is_answered_by_nobody() -> None:
    assert decide(at(600, token=""), "2.0", CheckIn("2.0", ""))[0] is Verdict.BACK


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1000)), max_size=40))
def test_running_time_only_grows_and_only_while_there_is_power(looks: list[tuple[bool, float]]) -> None:
    trial, boot, clock_s = TRIAL, 0, 100.0
    for rebooted, step_s in looks:
        boot, clock_s = (boot + 1, step_s) if rebooted else (boot, clock_s + step_s)
        later = advance(trial, "boot-a" if boot == 0 else f"boot-{boot}", clock_s)
        assert later.spent_s == pytest.approx(trial.spent_s + step_s)
        assert later.boots == boot
        trial = later


def test_what_is_in_use_or_may_be_gone_back_to_is_never_removed() -> None:
    assert to_remove(["1", "2", "3", "4", "5"], "5", "4") == ["1", "2"]
    assert to_remove(["1", "2", "3", "4", "5"], "1", "2") == ["3", "4"]
    assert to_remove(["1", "2"], "2", "") == []


class Power(Exception):  # noqa: N818  what happens is no error of the program
    """The plug is pulled."""


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make(tmp_path)


def make(root: Path, ran: list[Sequence[str]] | None = None, **profile: object) -> Host:
    """1.0 in use, 2.0 installed, and some that are old."""
    for version in ("0.7", "0.8", "0.9", "1.0", "2.0"):
        place = root / "releases" / version
        place.mkdir(parents=True)
        (place / ".complete").write_text("{}", "utf-8")
        os.utime(place / ".complete", (float(version), float(version)))
    (root / "current").symlink_to(Path("releases/1.0"))
    body = {"service": "x.service", "checkin": str(root / "checkin.json")} | profile
    (root / "profile.json").write_text(json.dumps(body), "utf-8")
    return Host(root, (ran if ran is not None else []).append)


def say(host: Host, version: str) -> None:
    """The service's word, as it speaks in the trial that is on."""
    token = trial_token(host.root)
    (host.root / "checkin.json").write_text(json.dumps({"version": version, "token": token}), "utf-8")


def test_a_good_release_stays(host: Host) -> None:
    host.switch("2.0", "a", 100)
    assert host.watch("a", 130) == (Verdict.WAIT, "2.0 has not checked in yet, 30 of 600 s")
    say(host, "2.0")
    assert host.watch("a", 170)[0] is Verdict.KEEP  # type: ignore[index]
    assert host.current() == "2.0"
    assert host.watch("a", 9000) is None
    assert host.status()["last"]["what"] == "kept"


def test_a_silent_release_is_undone_and_the_hub_is_told(host: Host) -> None:
    say(host, "1.0")
    host.switch("2.0", "a", 100)
    assert host.watch("a", 400)[0] is Verdict.WAIT  # type: ignore[index]
    assert host.watch("a", 701)[0] is Verdict.BACK  # type: ignore[index]
    assert host.current() == "1.0"
    assert checkin.came_back("1.0", host.root)["went_back_from"] == "2.0"
    assert checkin.came_back("2.0", host.root) == {}, "it is the word of the one that was gone back to"
    assert host.watch("a", 800) is None


def test_a_board_that_falls_again_and_again_gets_its_old_version(host: Host) -> None:
    host.switch("2.0", "a", 100)
    for boot in ("b", "c"):
        assert host.watch(boot, 40)[0] is Verdict.WAIT  # type: ignore[index]
    assert host.watch("d", 40)[0] is Verdict.BACK  # type: ignore[index]


def test_the_service_is_restarted_by_each_change_and_by_nothing_else(tmp_path: Path) -> None:
    ran: list[Sequence[str]] = []
    host = make(tmp_path, ran, checks=[["bin/diemcau-agent", "check-config", "/etc/diemcau/room.toml"]])
    restart = ["systemctl", "restart", "--no-block", "x.service"]
    host.switch("2.0", "a", 100)
    assert ran == [
        [str(tmp_path / "releases/2.0/bin/diemcau-agent"), "check-config", "/etc/diemcau/room.toml"],
        restart,
    ]
    host.switch("2.0", "a", 110)
    host.watch("a", 120)
    assert ran[2:] == []
    host.watch("a", 800)
    assert ran[2:] == [restart]


def test_a_release_that_refuses_the_rooms_settings_is_not_switched_to(tmp_path: Path) -> None:
    def refuse(command: Sequence[str]) -> None:
        raise ReleaseError(f"{command[0]} failed")

    make(tmp_path, checks=[["bin/x"]])
    host = Host(tmp_path, refuse)
    with pytest.raises(ReleaseError, match="bin/x failed"):
        host.switch("2.0", "a", 100)
    assert host.current() == "1.0"
    assert host.watch("a", 800) is None


def test_half_a_release_is_none(host: Host) -> None:
    (host.root / "releases/3.0").mkdir()
    with pytest.raises(ReleaseError, match="not installed whole"):
        host.switch("3.0", "a", 100)
    host.prune()
    assert not (host.root / "releases/3.0").exists()


def test_an_ordered_way_back_is_not_undone_by_a_dead_line(host: Host) -> None:
    host.switch("2.0", "a", 100)
    assert host.back() == "1.0"
    assert host.watch("a", 9000) is None
    assert host.current() == "1.0"


def acts(host: Host) -> dict[str, Callable[[], object]]:
    return {
        "switch": lambda: host.switch("2.0", "a", 100),
        "watch": lambda: host.watch("a", 900),
        "back": host.back,
        "prune": host.prune,
    }


@pytest.mark.parametrize("act", ["switch", "watch", "back", "prune"])
def test_power_may_go_at_any_step(act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call that moves something on the disk is the last one once; afterwards the board starts and looks."""
    count = 0
    for last in range(1, 40):
        root = tmp_path / str(last)
        host = make(root)
        if act != "switch":
            host.switch("2.0", "a", 100)
        left = last

        def pull(real: Callable[..., object]) -> Callable[..., object]:
            def step(*given: object, **named: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Power
                return real(*given, **named)

            return step

        ended = True
        with monkeypatch.context() as patch:
            for owner, name in (
                (os, "fsync"),
                (Path, "replace"),
                (Path, "unlink"),
                (Path, "symlink_to"),
                (shutil, "rmtree"),
            ):
                patch.setattr(owner, name, pull(getattr(owner, name)))
            try:
                acts(host)[act]()
            except Power:
                ended = False
        again = Host(root, lambda _command: None)
        assert again.current() in again.versions(), "the board came back on no version"
        for look_s in range(30, 1000, 30):
            again.watch("b", look_s)
            assert again.current() in again.versions()
        assert again.watch("b", 2000) is None, "a trial never ended"
        assert again.current() == "1.0", "2.0 never checked in"
        count += 1
        if ended:
            break
    assert count > 3, "the plug was never pulled in the middle"


def test_the_hubs_database_is_copied_before_another_program_changes_its_form(tmp_path: Path) -> None:
    data = tmp_path / "hub.db"
    db = sqlite3.connect(data)
    db.execute("CREATE TABLE kept (x)")
    db.execute("INSERT INTO kept VALUES (7)")
    db.commit()
    host = make(tmp_path / "root", backup=str(data))
    host.switch("2.0", "a", 100)
    (copy,) = (tmp_path / "backup").glob("hub-*-1.0.db")
    assert sqlite3.connect(copy).execute("SELECT x FROM kept").fetchone() == (7,)
    db.close()


@pytest.mark.parametrize("path", sorted(Path(next(iter(fleet.__path__))).glob("*.py")), ids=lambda path: path.name)
def test_it_stands_alone(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
    assert all(name.startswith("agent.fleet") for name in foreign)


def test_the_agent_looks_where_it_lies() -> None:
    assert RELEASES == release.ROOT


def test_a_bundle_without_a_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"version": "../../etc"}', "utf-8")
    with pytest.raises(ReleaseError, match="names no version"):
        Host(tmp_path).install(tmp_path)


@pytest.mark.parametrize("step_s", [315_360_000.0, -315_360_000.0, 3600.0, -3600.0, -1.79e9])
def test_which_release_is_the_older_one_does_not_depend_on_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float
) -> None:
    """One installed while the clock was ten years ahead would be gone back to for ten years, and never removed."""
    monkeypatch.setattr(release, "verify", lambda bundle, _key, _kind: bundle.name)
    host = Host(tmp_path, lambda _command: None)
    for version, wrong_s in (("1.0", 0.0), ("1.1", step_s), ("1.2", 0.0), ("1.3", 0.0)):
        monkeypatch.setattr("agent.fleet.release.time.time_ns", lambda at_s=1.79e9 + wrong_s: int(at_s * 1e9))
        place = tmp_path / "releases" / version
        place.mkdir(parents=True)
        bundle = tmp_path / "bundles" / version
        bundle.mkdir(parents=True)
        monkeypatch.setattr(host, "_run", lambda _command, place=place: place.mkdir(parents=True, exist_ok=True))
        host.install(bundle)
    assert host.versions() == ["1.0", "1.1", "1.2", "1.3"]


@pytest.mark.parametrize("step_s", [315_360_000.0, -315_360_000.0, 3600.0, -3600.0, -1.79e9])
def test_a_copy_that_was_just_made_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_s: float) -> None:
    """Three from while the clock was ahead stand above it by their names."""
    data = tmp_path / "hub.db"
    db = sqlite3.connect(data)
    db.execute("CREATE TABLE kept (x)")
    db.commit()
    for number, wrong_s in enumerate((step_s, step_s, step_s, 0.0, 0.0)):
        monkeypatch.setattr("agent.fleet.release.time.time_ns", lambda at_s=1.79e9 + wrong_s: int(at_s * 1e9))
        release.backup(data, f"0.{number}")
    db.close()
    left = sorted(one.stem.rpartition("-")[2] for one in (tmp_path / "backup").glob("*.db"))
    assert left == ["0.2", "0.3", "0.4"]
