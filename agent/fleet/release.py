"""The releases on a host: installed, used on trial, undone. For rooms and the hub alike.

It stands alone: `agent/fleet` needs the standard library and nothing else. Packed into one file it is
/opt/diemcau/bin/diemcau-release, run by the system's own Python, so that a release that cannot even be imported is
undone all the same. Every step leaves the host on one version or the other when the power goes in the middle of it: a
release counts only once its mark is on the disk, `current` is a link that is renamed, and the trial is written first.

    /opt/diemcau/releases/0.2.0/     a virtual environment, and `.complete` when all of it is there
    /opt/diemcau/current             -> releases/0.2.0
    /opt/diemcau/trial.json          while a switch has not proved itself; `watch` looks at it twice a minute
    /opt/diemcau/last.json           what came of the last switch; the agent tells the hub
    /opt/diemcau/profile.json        which service runs from here, and where it checks in
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.fleet.bundle import VERSION, unpack, verify
from agent.fleet.disk import ReleaseError, read, run_program, sync_folder, write
from agent.fleet.trial import KEPT, TRIAL_S, CheckIn, Trial, Verdict, advance, decide, to_remove

ROOT = Path("/opt/diemcau")


class Host:
    """The folder of releases on this host, and the commands that act on its service."""

    def __init__(self, root: Path = ROOT, run: Callable[[Sequence[str]], None] | None = None) -> None:
        self.root = root
        self._run = run or run_program
        self.profile = read(root / "profile.json")

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
        """Make a release from a bundle: its wheels, every one by its hash, and nothing from any network.

        Where the host knows a key, the bundle must be signed with it. Raises ReleaseError; nothing has changed then.
        """
        incoming = self.root / "incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        if bundle.is_file():
            unpack(bundle, incoming)
        try:
            return self._install(incoming if bundle.is_file() else bundle)
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def _install(self, bundle: Path) -> str:
        version = verify(bundle, str(self.profile.get("key", "")), str(self.profile.get("kind", "agent")))
        place = self.root / "releases" / version
        if (place / ".complete").exists():
            return version
        shutil.rmtree(place, ignore_errors=True)  # what a power cut has left half done
        place.parent.mkdir(parents=True, exist_ok=True)
        # lgpio has no wheel for Python 3.13: there the package of Raspberry Pi OS serves.
        system = ["--system-site-packages"] if sys.version_info >= (3, 13) else []
        self._run([sys.executable, "-m", "venv", *system, str(place)])
        pip = [str(place / "bin/python"), "-m", "pip", "--isolated", "--disable-pip-version-check", "install"]
        self._run([
            *pip, "--no-index", "--find-links", str(bundle / "wheels"), "--require-hashes", "--only-binary", ":all:",
            "--no-deps", "-r", str(bundle / "requirements.txt"),
        ])  # fmt: skip
        if (listed := bundle / "wheels/sbom.cdx.json").is_file():
            shutil.copyfile(listed, place / "sbom.cdx.json")  # what this release is made of, for whoever asks the host
        os.sync()  # thousands of small files: the mark below must never be older than what it stands for
        marks = [place.parent / other / ".complete" for other in self.versions()]
        newest_ns = max((mark.stat().st_mtime_ns for mark in marks), default=0)
        write(place / ".complete", {"version": version})
        # Which release is the older one is read from here, whatever clock the others were installed by.
        now_ns = max(time.time_ns(), newest_ns + 1)
        os.utime(place / ".complete", ns=(now_ns, now_ns))
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
            backup(Path(database), before or "none")
        trial = Trial(before, version, secrets.token_hex(8), boot, now_s)
        write(self.root / "trial.json", dataclasses.asdict(trial))
        self._point(version)
        self._restart()

    def watch(self, boot: str, now_s: float) -> tuple[Verdict, str] | None:
        """Look at the trial once; None when there is none. Goes back by itself when it must."""
        raw = read(self.root / "trial.json")
        try:
            trial = advance(Trial(**raw), boot, now_s)
        except TypeError:  # no trial, or none that can be read
            (self.root / "trial.json").unlink(missing_ok=True)
            return None
        trial_s = min(TRIAL_S, float(self.profile.get("trial_s", TRIAL_S)))
        verdict, why = decide(trial, self.current(), self._checked_in(), trial_s)
        if verdict is Verdict.WAIT:
            write(self.root / "trial.json", dataclasses.asdict(trial))
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
        raw = read(self.root / "trial.json")
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
        gone = to_remove(self.versions(), self.current(), str(read(self.root / "trial.json").get("came_from", "")))
        halves = [p.name for p in (self.root / "releases").glob("*") if not (p / ".complete").exists()]
        for version in (*gone, *halves):
            # Its mark goes first: half of a release must never look whole.
            (self.root / "releases" / version / ".complete").unlink(missing_ok=True)
            shutil.rmtree(self.root / "releases" / version, ignore_errors=True)
        return gone

    def status(self) -> dict[str, Any]:
        """What a person or the role asks for."""
        last, trial = read(self.root / "last.json"), read(self.root / "trial.json")
        return {"current": self.current(), "versions": self.versions(), "trial": trial, "last": last}

    def _point(self, version: str) -> None:
        fresh = self.root / "current.new"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path("releases") / version)
        fresh.replace(self.root / "current")
        sync_folder(self.root)

    def _restart(self) -> None:
        if service := self.profile.get("service", ""):
            # Not awaited: a release that never says it is ready must not hold up the one who is to undo it.
            self._run(["systemctl", "restart", "--no-block", str(service)])

    def _note(self, what: str, before: str, now: str, why: str) -> None:
        write(self.root / "last.json", {"what": what, "from": before, "to": now, "why": why, "at_s": time.time()})

    def _checked_in(self) -> CheckIn:
        raw = read(Path(self.profile.get("checkin", "/nonexistent")))
        try:
            return CheckIn(str(raw["version"]), str(raw["token"]))
        except (KeyError, TypeError):
            return CheckIn()


def backup(database: Path, version: str) -> None:
    """A whole copy beside the database before another program may change its form. The newest three are kept."""
    if not database.is_file():
        return
    folder = database.parent / "backup"
    folder.mkdir(exist_ok=True, mode=0o700)
    # By their names the oldest go: one that was made while the clock was ahead must not stand above those that follow.
    found = (re.match(rf"{re.escape(database.stem)}-(\d+)-", old.name) for old in folder.glob("*.db"))
    number = max([time.time_ns(), *(int(one[1]) + 1 for one in found if one)])
    target = folder / f"{database.stem}-{number:019d}-{version}.db"
    source, copy = sqlite3.connect(database), sqlite3.connect(target)
    with source, copy:
        source.backup(copy)
    source.close()
    copy.close()
    for old in sorted(folder.glob(f"{database.stem}-*.db"))[:-KEPT]:
        old.unlink()
