"""`diemcau-release`: the versions installed on a host, the one in use, and the way back. For rooms and the hub alike.

It stands alone: one file of the standard library, copied to /opt/diemcau/bin and run by the system's own Python, so
that a release that cannot even be imported is undone all the same. Every step leaves the host on one version or the
other when the power goes in the middle of it: a release counts only once its mark is on the disk, `current` is a link
that is renamed, and the trial is written before the link is moved.

    /opt/diemcau/releases/0.2.0/     a virtual environment, and `.complete` when all of it is there
    /opt/diemcau/current             -> releases/0.2.0
    /opt/diemcau/trial.json          while a switch has not proved itself; `watch` looks at it twice a minute
    /opt/diemcau/last.json           what came of the last switch; the agent tells the hub
    /opt/diemcau/profile.json        which service runs from here, and where it checks in
"""

from __future__ import annotations

import argparse
import dataclasses
import enum
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path("/opt/diemcau")
TRIAL_S = 600.0
"""A switched release must have checked in within this much running time (pi facts, fleet roll-out)."""
BOOTS_MAX = 3
"""So many new starts of the board without a check-in: the release may be what brings it down."""
KEPT = 3
COMMAND_S = 300.0
VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,40}\Z")


class ReleaseError(Exception):
    """One sentence: what could not be done, and the mend."""


class Verdict(enum.Enum):
    """What is to become of a trial."""

    WAIT = "wait"
    KEEP = "keep"
    BACK = "back"
    CLEAR = "clear"
    """The switch that this trial is about never happened, or is undone already."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """A switch that has not proved itself. Times in seconds; the boot's clock goes on while the board sleeps."""

    came_from: str
    """The version to go back to; empty on a first installation."""
    to: str
    boot: str
    seen_s: float
    """When `watch` last looked, by the clock of that boot."""
    spent_s: float = 0.0
    boots: int = 0
    since_s: float = 0.0
    """When it was switched, by the clock of the boot in `boot`; 0 in every later boot."""


@dataclasses.dataclass(frozen=True)
class CheckIn:
    """What the service has left behind once it was up, and its hub had taken something from it."""

    version: str = ""
    boot: str = ""
    mono_s: float = 0.0


def advance(trial: Trial, boot: str, now_s: float) -> Trial:
    """The trial as it stands now. Time without power does not count, and neither does a clock that goes backwards."""
    if boot == trial.boot:
        spent_s = trial.spent_s + max(0.0, now_s - trial.seen_s)
        return dataclasses.replace(trial, seen_s=now_s, spent_s=spent_s)
    return dataclasses.replace(
        trial, boot=boot, seen_s=now_s, spent_s=trial.spent_s + max(0.0, now_s), boots=trial.boots + 1, since_s=0.0
    )


def decide(trial: Trial, current: str, seen: CheckIn, trial_s: float = TRIAL_S) -> tuple[Verdict, str]:
    """What becomes of an advanced trial, and why, as words for people."""
    if current != trial.to:
        return Verdict.CLEAR, f"{trial.to} is not in use"
    if seen.version == trial.to and seen.boot == trial.boot and seen.mono_s >= trial.since_s:
        return Verdict.KEEP, f"{trial.to} has checked in after {trial.spent_s:.0f} s"
    if not trial.came_from:
        return Verdict.WAIT, "there is no version to go back to"
    if trial.boots >= BOOTS_MAX:
        return Verdict.BACK, f"{trial.to}: {trial.boots} starts of the board without a check-in"
    if trial.spent_s >= trial_s:
        return Verdict.BACK, f"{trial.to}: no check-in within {trial_s:.0f} s"
    return Verdict.WAIT, f"{trial.to} has not checked in yet, {trial.spent_s:.0f} of {trial_s:.0f} s"


def to_remove(versions: Sequence[str], current: str, came_from: str, kept: int = KEPT) -> list[str]:
    """Which of the releases, oldest first, may go: never the one in use nor the one to go back to."""
    held = {current, came_from}
    spare = [version for version in versions if version not in held]
    return spare[: max(0, len(versions) - max(kept, len(held & set(versions))))]


class Host:
    """The folder of releases on this host, and the commands that act on its service."""

    def __init__(self, root: Path = ROOT, run: Callable[[Sequence[str]], None] | None = None) -> None:
        self.root = root
        self._run = run or _run
        self.profile = _read(root / "profile.json")

    def current(self) -> str:
        """The version in use; empty when there is none."""
        try:
            return (self.root / "current").readlink().name
        except OSError:
            return ""

    def versions(self) -> list[str]:
        """Complete releases, oldest installation first."""
        marks = [mark for mark in (self.root / "releases").glob("*/.complete") if VERSION.match(mark.parent.name)]
        return [mark.parent.name for mark in sorted(marks, key=lambda mark: mark.stat().st_mtime_ns)]

    def install(self, bundle: Path) -> str:
        """Make a release from an unpacked bundle: its wheels, every one by its hash, and nothing from any network."""
        manifest = _read(bundle / "manifest.json")
        version = str(manifest.get("version", ""))
        if not VERSION.match(version):
            raise ReleaseError(f"{bundle}: no bundle, its manifest.json names no version")
        place = self.root / "releases" / version
        if (place / ".complete").exists():
            return version
        shutil.rmtree(place, ignore_errors=True)  # what a power cut has left half done
        place.parent.mkdir(parents=True, exist_ok=True)
        # lgpio has no wheel for Python 3.13: there Debian's own package serves.
        system = ["--system-site-packages"] if sys.version_info >= (3, 13) else []
        self._run([sys.executable, "-m", "venv", *system, str(place)])
        pip = [str(place / "bin/python"), "-m", "pip", "--isolated", "--disable-pip-version-check", "install"]
        self._run([
            *pip, "--no-index", "--find-links", str(bundle / "wheels"), "--require-hashes", "--only-binary", ":all:",
            "--no-deps", "-r", str(bundle / "requirements.txt"),
        ])  # fmt: skip
        os.sync()  # thousands of small files: the mark below must never be older than what it stands for
        _write(place / ".complete", {"version": version})
        return version

    def switch(self, version: str, boot: str, now_s: float) -> None:
        """Use this release from now on, on trial. Raises ReleaseError before anything has changed."""
        before = self.current()
        if version not in self.versions():
            raise ReleaseError(f"{version} is not installed whole here; there are: {', '.join(self.versions()) or '-'}")
        if version == before:
            return
        place = self.root / "releases" / version
        for command in self.profile.get("checks", []):
            self._run([str(place / command[0]), *command[1:]])
        if database := self.profile.get("backup", ""):
            _backup(Path(database), before or "none")
        trial = Trial(before, version, boot, now_s, since_s=now_s)
        _write(self.root / "trial.json", dataclasses.asdict(trial))
        self._point(version)
        self._restart()

    def watch(self, boot: str, now_s: float) -> tuple[Verdict, str] | None:
        """Look at the trial once; None when there is none. Goes back by itself when it must."""
        raw = _read(self.root / "trial.json")
        try:
            trial = advance(Trial(**raw), boot, now_s)
        except TypeError:  # no trial, or none that can be read
            (self.root / "trial.json").unlink(missing_ok=True)
            return None
        trial_s = min(TRIAL_S, float(self.profile.get("trial_s", TRIAL_S)))
        verdict, why = decide(trial, self.current(), self._checked_in(), trial_s)
        if verdict is Verdict.WAIT:
            _write(self.root / "trial.json", dataclasses.asdict(trial))
            return verdict, why
        if verdict is Verdict.BACK:
            if trial.came_from not in self.versions():
                return Verdict.WAIT, f"{why}; but {trial.came_from} is gone"
            self._note("went_back", trial.to, trial.came_from, why)
            self._point(trial.came_from)
            self._restart()
        elif verdict is Verdict.KEEP:
            self._note("kept", trial.came_from, trial.to, why)
        (self.root / "trial.json").unlink(missing_ok=True)
        return verdict, why

    def back(self) -> str:
        """Go back to the release before this one, because somebody says so. Returns it."""
        raw = _read(self.root / "trial.json")
        older = [version for version in self.versions() if version != self.current()]
        target = str(raw.get("came_from") or (older[-1] if older else ""))
        if not target:
            raise ReleaseError("there is no other release on this host")
        self._note("went_back", self.current(), target, "ordered")
        # Not on trial: what somebody has ordered is not undone by a line that happens to be down.
        self._point(target)
        (self.root / "trial.json").unlink(missing_ok=True)
        self._restart()
        return target

    def prune(self) -> list[str]:
        """Remove what is not needed any more, and what was never finished. Returns the versions that went."""
        gone = to_remove(self.versions(), self.current(), str(_read(self.root / "trial.json").get("came_from", "")))
        halves = [p.name for p in (self.root / "releases").glob("*") if not (p / ".complete").exists()]
        for version in (*gone, *halves):
            # Its mark goes first: half of a release must never look whole.
            (self.root / "releases" / version / ".complete").unlink(missing_ok=True)
            shutil.rmtree(self.root / "releases" / version, ignore_errors=True)
        return gone

    def status(self) -> dict[str, Any]:
        """What a person or the role asks for."""
        last, trial = _read(self.root / "last.json"), _read(self.root / "trial.json")
        return {"current": self.current(), "versions": self.versions(), "trial": trial, "last": last}

    def _point(self, version: str) -> None:
        fresh = self.root / "current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("releases") / version)
        fresh.replace(self.root / "current")
        _sync_folder(self.root)

    def _restart(self) -> None:
        if service := self.profile.get("service", ""):
            # Not awaited: a release that never says it is ready must not hold up the one who is to undo it.
            self._run(["systemctl", "restart", "--no-block", str(service)])

    def _note(self, what: str, before: str, now: str, why: str) -> None:
        _write(self.root / "last.json", {"what": what, "from": before, "to": now, "why": why, "at_s": time.time()})

    def _checked_in(self) -> CheckIn:
        raw = _read(Path(self.profile.get("checkin", "/nonexistent")))
        try:
            return CheckIn(str(raw["version"]), str(raw["boot"]), float(raw["mono_s"]))
        except (KeyError, TypeError, ValueError):
            return CheckIn()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, body: dict[str, Any]) -> None:
    """All of it or nothing, and on the disk when this returns."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as out:
        json.dump(body, out)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _backup(database: Path, version: str) -> None:
    """A whole copy beside the database before another program may change its form. The newest three are kept."""
    if not database.is_file():
        return
    folder = database.parent / "backup"
    folder.mkdir(exist_ok=True, mode=0o700)
    target = folder / f"{database.stem}-{time.time_ns()}-{version}.db"
    source, copy = sqlite3.connect(database), sqlite3.connect(target)
    with source, copy:
        source.backup(copy)
    source.close()
    copy.close()
    for old in sorted(folder.glob(f"{database.stem}-*.db"))[:-KEPT]:
        old.unlink()


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ReleaseError(f"{command[0]}: {error}") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise ReleaseError(f"{' '.join(command[:4])} failed: {' | '.join(words[-4:]) or done.returncode}")


def release_parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="diemcau-release", description="the versions on this host, and the way back")
    made.add_argument("--root", type=Path, default=ROOT)
    commands = made.add_subparsers(dest="command", required=True)
    for name, text in (
        ("install", "make a release from an unpacked bundle"), ("switch", "use a release, on trial"),
    ):  # fmt: skip
        commands.add_parser(name, help=text).add_argument("what")
    for name, text in (
        ("watch", "look at the trial once; goes back by itself"), ("back", "go back to the release before"),
        ("prune", "remove old releases"), ("status", "print what is there, as JSON"),
    ):  # fmt: skip
        commands.add_parser(name, help=text)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point. 0: done; 1: refused or failed, with one sentence."""
    given = release_parser().parse_args(argv)
    host = Host(given.root)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip().replace("-", "")
    now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    try:
        match given.command:
            case "install":
                said: object = host.install(Path(given.what))
            case "switch":
                host.switch(given.what, boot, now_s)
                said = given.what
            case "watch":
                looked = host.watch(boot, now_s)
                said = f"{looked[0].value}: {looked[1]}" if looked else "no trial"
            case "back":
                said = host.back()
            case "prune":
                said = " ".join(host.prune())
            case _:
                said = json.dumps(host.status())
    except (ReleaseError, OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
